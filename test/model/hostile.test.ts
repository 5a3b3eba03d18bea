import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Mistake, NetworkFileError } from "../../src/model/mistakes.ts";
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
    const isTold = (mistake: Mistake): boolean =>
      mistake.line > 0 && mistake.column > 0 && mistake.reason !== "" && mistake.remedy !== "";
    expect(mistakes.every(isTold)).toBe(true);
  }
}

test("any text is read or refused", () => {
  fc.assert(fc.property(fc.string({ unit: "binary-ascii", maxLength: 200 }), readOrRefuse), { numRuns: 200 });
}, 30_000);

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
}, 30_000);

test("any value in any place is read or refused", () => {
  const value = fc.constantFrom<unknown>(
    null,
    true,
    1,
    -0.5,
    "",
    "lan",
    "192.0.2.0/24",
    [],
    {},
    [1],
    ["lan"],
    [{}],
    [null],
    { lan: 1 },
    { servers: [1] },
  );
  const keysOf = (words: string) => fc.constantFrom(...words.split(" "));
  const thing = fc.dictionary(keysOf("kind nics subnet in device dns networks uplink image mtu __proto__"), value, {
    maxKeys: 5,
  });
  const section = fc.dictionary(keysOf("lan pod1 wan edge constructor"), fc.oneof(value, thing), { maxKeys: 3 });
  const file = fc.dictionary(keysOf("version name uplinks networks routers machines rules"), fc.oneof(value, section), {
    maxKeys: 6,
  });
  fc.assert(
    fc.property(file, (content) => readOrRefuse(JSON.stringify({ version: 1, ...content }))),
    { numRuns: 200 },
  );
}, 30_000);
