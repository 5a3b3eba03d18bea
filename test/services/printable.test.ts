import { expect, test } from "vitest";
import { printable } from "../../src/services/vm/printable.ts";

test.each([
  ["lines end without a return", "one\r\ntwo\r\n", "one\ntwo\n"],
  ["colours go", "\u001b[1;31mred\u001b[0m\tplain", "red\tplain"],
  ["a question to the terminal goes", "/ # \u001b[6n", "/ # "],
  ["a window title is not set", "\u001b]0;title\u0007x", "]0;titlex"],
  ["one-byte sequences of C1 go", "\u009b6nx", "6nx"],
  ["letters of any script stay", "grüße 你好", "grüße 你好"],
  ["nothing", "", ""],
])("%s", (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});
