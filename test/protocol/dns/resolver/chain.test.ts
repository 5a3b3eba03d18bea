import { describe, expect, test } from "vitest";
import { followChain } from "../../../../src/protocol/dns/resolver/chain.ts";
import { record, reply, texts } from "../../../support/dns-world.ts";

const everywhere = (): boolean => true;
const question = (name: string, type = 1) => ({ name, type, class: 1 });
const follow = (lines: readonly string[], name: string, type = 1) =>
  followChain(lines.map(record), question(name, type), everywhere);

function lines(chain: ReturnType<typeof followChain>): string[] {
  const message = { id: 0, opcode: 0, responseCode: 0, authorities: [], additionals: [], question: question("") };
  const flags = { authoritative: false, truncated: false, recursionDesired: false, recursionAvailable: false };
  return texts(
    reply({
      ...message,
      ...flags,
      response: true,
      authenticData: false,
      checkingDisabled: false,
      answers: chain.records,
    }),
  );
}

describe("DNAME", () => {
  test.each([
    ["www.old.example", "old.example 60 DNAME new.example.", "www.new.example"],
    ["a.b.old.example", "old.example 60 DNAME new.example.", "a.b.new.example"],
    ["www.old.example", "old.example 60 DNAME .", "www"],
    ["a\\046b.old.example", "old.example 60 DNAME new.example.", "a\\046b.new.example"],
  ])("%s by %s becomes %s", (name, dname, target) => {
    const chain = follow([dname], name);
    expect(chain).toMatchObject({ last: target, aliases: 1, isBroken: false, isComplete: false });
    expect(chain.records).toHaveLength(2);
  });

  test("moves nothing but what is below its name", () => {
    expect(follow(["old.example 60 DNAME new.example."], "old.example")).toMatchObject({
      last: "old.example",
      aliases: 0,
    });
    expect(follow(["old.example 60 DNAME new.example."], "bold.example").aliases).toBe(0);
  });

  test("of the root moves names for ever", () => {
    const chain = follow([". 60 DNAME test."], "or\\171");
    expect(chain.isBroken).toBe(true);
    expect(lines(chain)[1]).toBe("or\\171 60 CNAME or\\171.test");
  });

  test("to a name that is too long leads nowhere", () => {
    const long = Array.from({ length: 4 }, () => "x".repeat(50)).join(".");
    expect(follow([`old.example 60 DNAME ${long}.`], `${"y".repeat(60)}.old.example`).isBroken).toBe(true);
  });
});

test("the records of a chain come in its order, whatever the order in the message", () => {
  const chain = follow(
    [
      "c.example 60 A 192.0.2.1",
      "b.example 60 CNAME c.example.",
      "x.example 60 A 192.0.2.66",
      "A.example 60 CNAME b.example.",
    ],
    "a.example",
  );
  expect(lines(chain)).toEqual([
    "A.example 60 CNAME b.example",
    "b.example 60 CNAME c.example",
    "c.example 60 A 192.0.2.1",
  ]);
});

test("who asks for CNAME gets it, without what it leads to", () => {
  const both = ["a.example 60 CNAME b.example.", "b.example 60 A 192.0.2.1"];
  expect(lines(follow(both, "a.example", 5))).toEqual(["a.example 60 CNAME b.example"]);
});

test("a chain of more than twelve aliases leads nowhere", () => {
  const chain = Array.from({ length: 14 }, (_, i) => `n${i}.example 60 CNAME n${i + 1}.example.`);
  expect(follow(chain, "n0.example").isBroken).toBe(true);
  expect(follow(chain.slice(0, 12), "n0.example")).toMatchObject({ isBroken: false, last: "n12.example" });
});
