import fc from "fast-check";
import { expect, test } from "vitest";
import { macFromBytes, parseIpv6 } from "../../../../src/base/address.ts";
import type { Lease6 } from "../../../../src/protocol/dhcp6/server/lease.ts";
import { bind, ia, prefix, RAPID, replyOf, say, start, told } from "./world.ts";

const CLIENTS = 12;
const MESSAGES = ["SOLICIT", "REQUEST", "RENEW", "REBIND", "RELEASE", "DECLINE"] as const;
const HOSTS = [{ mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, 3)), address: parseIpv6("2001:db8:1::12") }];
const SETTINGS = { rapidCommit: true, hosts: HOSTS, delegate: { from: prefix("2001:db8:100::/53"), length: 56 } };

const association = fc.record({
  kind: fc.constantFrom("address", "temporary", "prefix"),
  identifier: fc.nat(1),
  /** Absent: the one that the client was last told. */
  wanted: fc.option(fc.nat(9), { nil: undefined }),
});

const step = fc.record({
  message: fc.constantFrom(...MESSAGES),
  client: fc.nat(CLIENTS - 1),
  associations: fc.array(association, { minLength: 1, maxLength: 3 }),
  seconds: fc.constantFrom(0, 0, 1, 30, 570, 599, 700, 3999, 5000),
  /** After this step the server is killed, and what it wrote is there; or its file was rewritten just before that. */
  end: fc.constantFrom("none", "none", "killed", "rewritten"),
});

function leaseAt(kind: string, number: number): string {
  return kind === "prefix" ? `2001:db8:100:${(number << 8).toString(16)}::/56` : `2001:db8:1::1${number}`;
}

const nameOf = ({ address, length }: Lease6): string => (length === 128 ? address : `${address}/${length}`);

test("whatever clients say and whenever the server is killed: nothing has two clients at one time", () => {
  const property = fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
    let now = 1000;
    let server = start(SETTINGS, now);
    const written: Lease6[] = [];
    const held = new Map<string, { client: string; until: number }>();
    const lastTold = new Map<string, string>();
    for (const { message, client, associations, seconds, end } of steps) {
      now += seconds;
      const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, client));
      const spoken = new Map<number, string>();
      const options = associations.flatMap(({ kind, identifier, wanted }, i) => {
        // Each association of a message has an identifier of its own, so that the answers can be told apart.
        const own = identifier + 2 * i;
        const key = `${client} ${kind} ${own}`;
        spoken.set(own, key);
        const named = wanted === undefined ? lastTold.get(key) : leaseAt(kind, wanted);
        return [ia(kind, own, ...(named === undefined ? [] : [named]))];
      });
      const rapid = message === "SOLICIT" && seconds % 2 === 0 ? [RAPID] : [];
      const output = say(server, message, [...options, ...rapid], { mac, now });
      written.push(...output.leases);
      for (const lease of output.leases) if (lease.state !== "leased") held.delete(nameOf(lease));
      for (const line of output.frames.length === 0 ? [] : told(replyOf(output))) {
        const [, identifier, lease, valid] = /^(\d+): (\S+) \d+\/(\d+)$/.exec(line) ?? [];
        if (lease === undefined || valid === "0") continue;
        const key = spoken.get(Number(identifier))!;
        const holder = held.get(lease);
        const isTaken = holder !== undefined && holder.until > now && holder.client !== key;
        expect(isTaken, `${lease} told to ${key} while ${holder?.client} has it`).toBe(false);
        const kept = lease === "2001:db8:1::12";
        expect(kept && client !== 3, `${lease} told to ${key}`).toBe(false);
        lastTold.set(key, lease);
        if (replyOf(output).type !== "REPLY") continue;
        expect(output.leases.map(nameOf)).toContain(lease);
        held.set(lease, { client: key, until: now + Number(valid) });
      }
      if (end === "rewritten") written.splice(0, written.length, ...server.leases());
      if (end !== "none") {
        server = start(SETTINGS, now);
        for (const lease of written) server.restore(lease);
      }
    }
  });
  fc.assert(property, { numRuns: 200 });
});

test("a range of 4096 addresses is given out, ends and is given to others, each address once", () => {
  const range = { first: parseIpv6("2001:db8:1::1000"), last: parseIpv6("2001:db8:1::1fff") };
  const server = start({ range, rapidCommit: true });
  for (const [round, now] of [
    [0, 0],
    [1, 4000],
  ] as const) {
    const given = new Set<string>();
    for (let i = 0; i < 4096; i++) {
      const mac = macFromBytes(Uint8Array.of(2, 0, 0, round, i >> 8, i & 255));
      given.add(say(server, "SOLICIT", [ia("address", 1), RAPID], { mac, now }).leases[0]!.address);
    }
    expect(given.size).toBe(4096);
    expect(say(server, "SOLICIT", [ia("address", 1), RAPID], { now }).leases).toEqual([]);
  }
  expect([...server.leases()]).toHaveLength(4096);
});

test("of a range that is far larger than memory so many leases are kept as was said, then ended ones are given anew", () => {
  const range = { first: parseIpv6("2001:db8:1::1000"), last: parseIpv6("2001:db8:1:0:ffff:ffff:ffff:fffe") };
  const server = start({ range, limit: 50 });
  const macOf = (number: number) => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, number));
  const first = Array.from({ length: 50 }, (_, i) => bind(server, macOf(i), 10));
  expect(told(replyOf(say(server, "REQUEST", [ia("address", 1)], { mac: macOf(60), now: 20 })))).toEqual([
    "1: status 2",
  ]);
  const second = Array.from({ length: 50 }, (_, i) => bind(server, macOf(100 + i), 5000));
  expect(new Set(second)).toEqual(new Set(first));
  expect([...server.leases()]).toHaveLength(50);
});
