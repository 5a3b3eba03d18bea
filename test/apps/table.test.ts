import { expect, test } from "vitest";
import { formatTable } from "../../src/apps/cli/output.ts";

test("columns are as wide as their widest cell, however many rows there are", () => {
  const rows = Array.from({ length: 200_000 }, (_, i) => [String(i), "x"]);
  const lines = formatTable([["ADDRESS", "MAC"], ...rows]).split("\n");
  expect(lines).toHaveLength(200_001);
  expect([lines[0], lines[1]]).toEqual(["ADDRESS  MAC", "0        x"]);
});
