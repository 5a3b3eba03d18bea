import { expect, test } from "vitest";
import { refuseBeyondLimit } from "../../src/services/keeper/file-limit.ts";

test("a thousand networks find room where a service usually runs, and not in a shell's thousand files", () => {
  refuseBeyondLimit("tenants", 1000, { limit: 524_288, open: 40 });
  refuseBeyondLimit("tenants", 1000, { limit: 10_000, open: 40 });
  expect(() => refuseBeyondLimit("tenants", 1000, { limit: 1024, open: 40 })).toThrow(
    /start 1000 services of tenants: they need about 8000 open files, and this process may have 1024, of which it has 40/,
  );
});

test("what is there already counts, and nothing more needs no room", () => {
  expect(() => refuseBeyondLimit("more", 20, { limit: 1024, open: 900 })).toThrow(/open files/);
  refuseBeyondLimit("none", 0, { limit: 1024, open: 1020 });
});
