import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { NetworkFileError } from "../../src/model/mistakes.ts";
import { mistakesOf, read } from "./read.ts";

const EXAMPLE = readFileSync(new URL("../../examples/vm-in-a-pod.yaml", import.meta.url), "utf8");

test("aliases that multiply without bound are refused", () => {
  const bomb = [
    "version: 1",
    `a0: &a0 [${"x, ".repeat(10)}]`,
    ...Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]`),
  ];
  expect(mistakesOf(bomb.join("\n"))).toMatchObject([{ reason: expect.stringMatching(/more than 100000 values/) }]);
});

test("an alias that holds itself is refused", () => {
  expect(mistakesOf("version: 1\nmachines: &all { a: *all }\n")).toMatchObject([
    { line: 2, reason: expect.stringMatching(/holds itself/) },
  ]);
});

test.each([100, 20_000])("%i nested lists are refused", (depth) => {
  expect(mistakesOf(`version: 1\nmachines: ${"[".repeat(depth)}${"]".repeat(depth)}\n`)[0]?.reason).toMatch(
    /nested too deeply/,
  );
});

test("a file of more than 4 MiB is refused", () => {
  expect(mistakesOf(`version: 1\n#${" ".repeat(4 * 1024 * 1024)}`)).toMatchObject([
    { reason: "the file is larger than 4 MiB" },
  ]);
});

/** Either a model comes of it, or mistakes with a place. */
function readOrRefuse(text: string): void {
  try {
    read(text);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(NetworkFileError);
    const { mistakes } = thrown as NetworkFileError;
    expect(mistakes.length).toBeGreaterThan(0);
    for (const mistake of mistakes) {
      expect(mistake.line).toBeGreaterThan(0);
      expect(mistake.column).toBeGreaterThan(0);
      expect(mistake.reason).not.toBe("");
      expect(mistake.remedy).not.toBe("");
    }
  }
}

test("any text is read or refused", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), readOrRefuse), { numRuns: 200 });
});

test("the example with a piece replaced by another is read or refused", () => {
  const piece = fc.oneof(
    fc.constantFrom("", " ", "\n", "\t", ":", "{", "}", "[", "]", "*a", "&a ", "null", "-1", "1e99", "~", '"'),
    fc.string({ maxLength: 5 }),
  );
  const place = fc.nat({ max: EXAMPLE.length });
  fc.assert(
    fc.property(place, fc.nat({ max: 12 }), piece, (start, length, inserted) => {
      readOrRefuse(EXAMPLE.slice(0, start) + inserted + EXAMPLE.slice(start + length));
    }),
    { numRuns: 100 },
  );
});

test("any value in any place is read or refused", () => {
  const value = fc.jsonValue({ maxDepth: 2 });
  const keys = fc.constantFrom("version", "name", "uplinks", "networks", "routers", "machines");
  const inner = fc.dictionary(
    fc.constantFrom("lan", "pod1", "__proto__", "kind", "nics", "subnet", "in"),
    fc.oneof(value, fc.dictionary(fc.constantFrom("kind", "nics", "subnet", "in", "device", "dns", "networks"), value)),
  );
  fc.assert(
    fc.property(fc.dictionary(keys, fc.oneof(value, inner)), (file) =>
      readOrRefuse(JSON.stringify({ version: 1, ...file })),
    ),
    { numRuns: 100 },
  );
});
