import { expect, test } from "vitest";
import { fnv1a64 } from "../../src/model/hash.ts";

test.each([
  ["", 0xcbf29ce484222325n],
  ["a", 0xaf63dc4c8601ec8cn],
  ["foobar", 0x85944171f73967e8n],
])("FNV-1a of %j is the published value", (text, hash) => {
  expect(fnv1a64(text)).toBe(hash);
});
