/** Forwarders, and the root servers where they do not answer. */
import { describe, expect, test } from "vitest";
import { RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import {
  type Answerer,
  authorityOf,
  DnsWorld,
  reply,
  resolverOf,
  texts,
  upstream,
} from "../../../support/dns-world.ts";

const ROOT = "192.0.2.1";
const ORG = "192.0.2.2";
const FORWARDER = "198.51.100.1";

function forwardFirst(forwarder: Answerer): DnsWorld {
  return new DnsWorld(
    { mode: "forward-first", upstreams: [upstream(FORWARDER)], rootServers: [upstream(ROOT)] },
    {
      [ROOT]: authorityOf("", ["org 86400 NS ns.nic.org.", `ns.nic.org 86400 A ${ORG}`]),
      [ORG]: authorityOf("org", ["www.example.org 300 A 192.0.2.80", "alias.example.org 300 CNAME www.example.org."]),
      [FORWARDER]: forwarder,
    },
  );
}

test("the forwarder answers: nobody else is asked", () => {
  const world = forwardFirst(resolverOf(["www.example.org 60 A 192.0.2.99"]));
  expect(world.lookup("www.example.org")).toEqual(["www.example.org 60 A 192.0.2.99"]);
  expect(world.log).toHaveLength(1);
});

test.each<[string, Answerer, number]>([
  ["is silent", () => [], 3],
  ["cannot be reached", () => [{ failed: "refused" }], 0.1],
  ["fails", (query) => [{ message: reply(query, { responseCode: 2 }) }], 0.1],
])("the forwarder %s: the root is asked", (_, answerer, seconds) => {
  const world = forwardFirst(answerer);
  const told = world.ask("www.example.org");
  expect(texts(told.message)).toEqual(["www.example.org 300 A 192.0.2.80"]);
  expect(told.at - 1000).toBeLessThan(seconds);
});

test.each([
  ["finds the signatures wrong", 6, "DNSSEC Bogus"],
  ["blocks the name", 15, "Blocked"],
])("the forwarder %s: its verdict stands", (_, code, verdict) => {
  const error = { code: 15, data: Uint8Array.of(0, code) };
  const world = forwardFirst((query) => [
    { message: reply(query, { responseCode: 2, extension: { ...query.extension!, options: [error] } }) },
  ]);
  const { message, error: told } = world.ask("www.example.org");
  expect([message.responseCode, told]).toEqual([RESPONSE_CODE.SERVFAIL, verdict]);
  expect(world.log).toEqual([`${FORWARDER} udp www.example.org A`]);
});

describe("the forwarder fails without a word why", () => {
  const { SERVFAIL, NOERROR } = RESPONSE_CODE;
  const answer = resolverOf(["www.example.org 60 A 192.0.2.99"]);

  test("and answers when it need not check: signatures were wrong, nobody else is believed", () => {
    const world = forwardFirst((query, sent) =>
      query.checkingDisabled ? answer(query, sent) : [{ message: reply(query, { responseCode: SERVFAIL }) }],
    );
    const { message, error } = world.ask("www.example.org");
    expect([message.responseCode, error]).toEqual([SERVFAIL, "DNSSEC Bogus"]);
    expect(new Set(world.log)).toEqual(new Set([`${FORWARDER} udp www.example.org A`]));
  });

  test("and with a bare header, and answers when it need not check", () => {
    const bare = (id: number): Uint8Array => Uint8Array.of(id >> 8, id, 0x80, SERVFAIL, 0, 0, 0, 0, 0, 0, 0, 0);
    const world = forwardFirst((query, sent) =>
      query.checkingDisabled ? answer(query, sent) : [{ message: bare(query.id) }],
    );
    const { message, error } = world.ask("www.example.org");
    expect([message.responseCode, error]).toEqual([SERVFAIL, "DNSSEC Bogus"]);
  });

  test("and answers whatever it is asked afterwards: it had no time", () => {
    let asked = 0;
    const world = forwardFirst((query, sent) =>
      asked++ === 0 ? [{ message: reply(query, { responseCode: SERVFAIL }) }] : answer(query, sent),
    );
    const { message } = world.ask("www.example.org");
    expect(message.responseCode).toBe(NOERROR);
    expect(texts(message)).toEqual(["www.example.org 60 A 192.0.2.99"]);
    expect(new Set(world.log)).toEqual(new Set([`${FORWARDER} udp www.example.org A`]));
  });

  test("and the client checks by itself: the root is asked", () => {
    const world = forwardFirst((query) => [{ message: reply(query, { responseCode: SERVFAIL }) }]);
    const { message } = world.ask("www.example.org", "A", { checkingDisabled: true });
    expect(texts(message)).toEqual(["www.example.org 300 A 192.0.2.80"]);
    expect(world.log.filter((line) => line.startsWith(FORWARDER))).toHaveLength(1);
  });
});

test("after a long time without any network names are there again within seconds", () => {
  const world = forwardFirst(() => []);
  const reachable = [...world.servers.keys()];
  for (const address of reachable) world.servers.set(address, () => []);
  for (let i = 0; i < 60; i++) {
    world.ask("www.example.org");
    world.ask(`n${i}.example.org`);
    world.pass(10);
  }
  // The forwarder is back, the root stays out of reach.
  world.servers.set(FORWARDER, resolverOf(["www.example.org 60 A 192.0.2.99"]));
  const back = world.now;
  while (world.lookup("www.example.org").length === 0) world.pass(1);
  expect(world.now - back).toBeLessThan(40);
});

test("a dead forwarder is not waited for, but asked again until it is back", () => {
  const world = forwardFirst(() => []);
  world.ask("www.example.org");
  const before = world.now;
  world.ask("alias.example.org");
  expect(world.now - before).toBeLessThan(0.1);
  world.servers.set(FORWARDER, resolverOf(["back.example.org 60 A 192.0.2.99"]));
  for (let i = 0; i < 3; i++) {
    world.pass(10);
    world.ask(`n${i}.example.org`);
  }
  world.pass(10);
  expect(world.lookup("back.example.org")).toEqual(["back.example.org 60 A 192.0.2.99"]);
});
