import { expect, test } from "vitest";
import { tableName } from "../../src/state/table-name.ts";

test("tables of different names stay different, and nft takes them", () => {
  const names = ["a-b", "a_b", "a.b", "a b", "a:b", "ä"].map((name) => tableName("guard", name));
  expect(new Set(names).size).toBe(names.length);
  for (const name of names) expect(name).toMatch(/^netloom_guard_[A-Za-z0-9/._-]+$/);
});
