/** What does not exist has nothing below it, when that is proved. */
import { describe, expect, test } from "vitest";
import type { DnsServerConfig } from "../../../../src/protocol/dns/config.ts";
import type { DnsMessage } from "../../../../src/wire/dns/message.ts";
import { encodeDnsMessage } from "../../../../src/wire/dns/codec.ts";
import { RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import { type Answerer, DnsWorld, record, records, reply, texts, upstream } from "../../../support/dns-world.ts";

const [SERVER, OTHER] = ["198.51.100.1", "198.51.100.2"];
const SOA = record("example.org 60 SOA ns.example.org. admin.example.org. 1 2 3 4 60");
const DENIAL = { recursionAvailable: true, authorities: [SOA], responseCode: RESPONSE_CODE.NXDOMAIN };

/** A validating server that denies all names, in these words. */
function worldOf(parts: Partial<DnsMessage> = {}, config: Partial<DnsServerConfig> = {}): DnsWorld {
  const denies: Answerer = (query) => [{ message: reply(query, { ...DENIAL, authenticData: true, ...parts }) }];
  return new DnsWorld({ upstreams: [upstream(SERVER)], ...config }, { [SERVER]: denies, [OTHER]: denies });
}

describe("below a name that does not exist", () => {
  test("nothing exists, and nobody is asked", () => {
    const world = worldOf();
    world.ask("gone.example.org");
    world.pass(10);
    const { message } = world.ask("a.b.GONE.example.org", "AAAA");
    expect(message).toMatchObject({ responseCode: RESPONSE_CODE.NXDOMAIN, authenticData: true, answers: [] });
    expect(message.question.name).toBe("a.b.gone.example.org");
    expect(message.authorities[0]).toMatchObject({ name: "example.org", ttlSeconds: 50 });
    expect(world.log).toHaveLength(1);
    world.pass(50);
    world.ask("a.b.gone.example.org", "AAAA");
    expect(world.log).toHaveLength(2);
  });

  test("signatures of the proof come along where they are wished for", () => {
    const proof = record("example.org 60 NSEC www.example.org. A SOA");
    const world = worldOf({ authorities: [SOA, proof] });
    const flags = { dnssecOk: true };
    world.ask("gone.example.org", "A", flags);
    expect(world.ask("a.gone.example.org", "MX", flags).message.authorities.map(({ type }) => type)).toEqual([6, 47]);
    expect(world.log).toHaveLength(1);
    // Who does not ask for them was not answered yet.
    world.ask("b.gone.example.org");
    expect(world.log).toHaveLength(2);
  });
});

describe("names below are asked for", () => {
  const asked = (world: DnsWorld, first = "gone.example.org"): number => {
    world.ask(first);
    world.ask("a.gone.example.org");
    return world.log.length;
  };

  test.each<[string, Partial<DnsMessage>]>([
    ["nobody has checked the denial", { authenticData: false }],
    ["it has no SOA", { authorities: [] }],
    ["it is of the name that an alias leads to", { answers: records(["gone.example.org 60 CNAME far.example.org."]) }],
    ["there is such a name", { responseCode: RESPONSE_CODE.NOERROR }],
  ])("when %s", (_, parts) => {
    expect(asked(worldOf(parts))).toBe(2);
  });

  test("when they belong to a domain that others are asked about", () => {
    const domains = [{ domain: "a.gone.example.org", upstreams: [upstream(OTHER)] }];
    const world = worldOf({}, { domains });
    expect(asked(world)).toBe(2);
    expect(world.log.at(-1)).toContain(OTHER);
  });

  test("when a name between them exists", () => {
    const world = worldOf();
    world.ask("gone.example.org");
    const question = { name: "b.gone.example.org", type: 1, class: 1 };
    const answers = records(["b.gone.example.org 60 A 192.0.2.1"]);
    const { extension: _, ...rest } = reply({ ...world.sent[0]!.message, question }, { answers });
    world.cache.store(question, { dnssecOk: false, checkingDisabled: false }, encodeDnsMessage(rest), world.now);
    expect(texts(world.ask("a.b.gone.example.org").message)).toEqual([]);
    expect(world.log).toHaveLength(2);
  });
});
