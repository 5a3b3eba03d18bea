/** How the words behind a command are read: what every command has in common. */
import { expect, test } from "vitest";
import { type Command, helpOf, parseInvocation } from "../../src/apps/cli/command.ts";

const command: Command = {
  name: "x serve",
  operands: ["ROOT"],
  summary: "Serve.",
  options: {
    listen: { value: "ADDRESS,…", necessary: true, help: "where" },
    lease: { value: "TIME", help: "how long" },
    host: { value: "ID=LEASE", repeatable: true, help: "who" },
    probe: { help: "ask before" },
  },
  run: () => Promise.resolve(0),
};

test("a list that is given in parts is one, what may be repeated stays apart", () => {
  const words = ["r", "--listen", "a,b", "--host", "1=2", "--listen", "c", "--host", "3=4", "--probe", "--probe"];
  const invocation = parseInvocation(command, words);
  expect(invocation.necessary("listen")).toBe("a,b,c");
  expect(invocation.option("lease")).toBeUndefined();
  expect(invocation.optionList("host")).toEqual(["1=2", "3=4"]);
  expect(invocation.flag("probe")).toBe(true);
});

test.each([
  ["a value twice", ["r", "--listen", "a", "--lease", "1", "--lease", "2"], "x serve: --lease is given twice"],
  ["no value of a necessary option", ["r"], "x serve: --listen is missing"],
  ["an empty value", ["r", "--listen", ""], "x serve: --listen is empty"],
  ["an operand too few", ["--listen", "a"], "x serve: ROOT is missing"],
  ["an operand too many", ["r", "s", "--listen", "a"], 'x serve: "s" is one word too many'],
])("%s is wrong use", (_, words, message) => {
  expect(() => parseInvocation(command, words)).toThrow(expect.objectContaining({ code: "usage", message }));
});

test("the help is there without what is necessary, and tells that from the rest", () => {
  expect(parseInvocation(command, ["--help"]).flag("help")).toBe(true);
  expect(helpOf(command)).toContain(
    "x serve ROOT --listen ADDRESS,… [--lease TIME] [--host ID=LEASE]… [--probe] [--state DIR]",
  );
});
