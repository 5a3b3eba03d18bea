/** The command line of benches and fuzzers: what is given by name or place, what is wrong, and what help tells. */
import { describe, expect, test } from "vitest";
import { decimal, formatUsage, list, oneOf, parseWords, text, whole } from "../../bench/support/command-line.ts";

const TABLE = {
  ROUNDS: { what: "of each", fallback: "5", read: whole(1), place: "one" },
  COUNTS: { what: "one run for each", fallback: "0,100", read: list(whole(0)), place: "rest" },
  peers: { what: "who is measured", fallback: "ours,theirs", read: list(oneOf(["ours", "theirs"])) },
  seconds: { what: "of each measurement", fallback: "1.5", read: decimal(0.1, 10) },
  folder: { what: "where", fallback: "/tmp", read: text },
  "on-link": { what: "without a relay", isSwitch: true },
} as const;

const parse = (...words: readonly string[]): unknown => parseWords(TABLE, words);
const DEFAULTS = {
  ROUNDS: 5,
  COUNTS: [0, 100],
  peers: ["ours", "theirs"],
  seconds: 1.5,
  folder: "/tmp",
  "on-link": false,
};

describe("what is given", () => {
  test.each([
    { words: [], changed: {} },
    { words: ["7"], changed: { ROUNDS: 7 } },
    { words: ["7", "1", "2,3"], changed: { ROUNDS: 7, COUNTS: [1, 2, 3] } },
    { words: ["--peers", "theirs", "7", "--on-link"], changed: { ROUNDS: 7, peers: ["theirs"], "on-link": true } },
    { words: ["--seconds=10", "--folder", ""], changed: { seconds: 10, folder: "" } },
  ])("$words", ({ words, changed }) => {
    expect(parse(...words)).toEqual({ ...DEFAULTS, ...changed });
  });

  test("help comes before what is wrong with the rest", () => {
    expect(parse("none", "--help")).toBe(undefined);
  });
});

test.each([
  { words: ["--bogus"], message: /^Unknown option '--bogus'/ },
  { words: ["--peers"], message: /argument missing/ },
  { words: ["--peers", "ours,others"], message: /^--peers ours,others: one of ours, theirs$/ },
  { words: ["0"], message: /^ROUNDS 0: a whole number from 1$/ },
  { words: ["1.5"], message: /^ROUNDS 1.5: a whole number from 1$/ },
  { words: [""], message: /^ROUNDS : a whole number from 1$/ },
  { words: ["1", "2", "three"], message: /^COUNTS 2,three: a whole number from 0$/ },
  { words: ["--seconds", "11"], message: /^--seconds 11: a number from 0.1 to 10$/ },
  { words: ["--seconds", "Infinity"], message: /^--seconds Infinity: a number from 0.1 to 10$/ },
])("wrong: $words", ({ words, message }) => {
  expect(() => parse(...words)).toThrow(message);
});

test("a word more than there are places for is told", () => {
  expect(() => parseWords({ ROUNDS: TABLE.ROUNDS }, ["1", "2"])).toThrow("2: that is too much");
  expect(() => parseWords({ folder: TABLE.folder }, ["2"])).toThrow("Unexpected argument '2'");
});

test("help tells the command, each option with its default, and what must be there", () => {
  const usage = { command: "node bench/example.ts", what: "Ours beside theirs.", needs: "theirs." };
  expect(formatUsage(usage, TABLE)).toBe(`Ours beside theirs.

usage: node bench/example.ts [ROUNDS] [COUNTS...] [OPTIONS]

  ROUNDS
      of each (default 5)
  COUNTS...
      one run for each (default 0,100)
  --peers ours,theirs
      who is measured
  --seconds 1.5
      of each measurement
  --folder /tmp
      where
  --on-link
      without a relay
  --help
      this text

It needs theirs.
`);
});
