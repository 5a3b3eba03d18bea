import { describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { LeaseNames, type NameClaim } from "../../../src/protocol/dns/lease-names.ts";
import { FOREVER_SECONDS } from "../../../src/protocol/leases/time.ts";

const PC = "52:54:00:00:00:01";
const OTHER = "52:54:00:00:00:02";

function claim(hostName: string, address: string, further: Partial<NameClaim> = {}): NameClaim {
  return { hostName, address: parseIp(address), owners: [PC], startSeconds: 100, endSeconds: 200, ...further };
}

/** "pc.lan.example 192.0.2.10", "pc.lan.example gone" */
function words(changes: readonly { name: string; addresses: readonly string[] }[]): string[] {
  return changes.map(({ name, addresses }) => [name, ...(addresses.length === 0 ? ["gone"] : addresses)].join(" "));
}

describe("names of clients", () => {
  test("come with the lease and go with it", () => {
    const names = new LeaseNames("lan.example");
    expect(words(names.hold(claim("PC", "192.0.2.10"), 100))).toEqual(["pc.lan.example 192.0.2.10"]);
    expect(words(names.release(parseIp("192.0.2.10")))).toEqual(["pc.lan.example gone"]);
    expect(names.release(parseIp("192.0.2.10"))).toEqual([]);
  });

  test("end when their time is up, which a renewal puts off", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("pc", "192.0.2.10"), 100);
    expect(names.nextDeadline()).toBe(200);
    expect(names.hold(claim("pc", "192.0.2.10", { endSeconds: 300 }), 150)).toEqual([]);
    expect(names.handleDeadline(200)).toEqual([]);
    expect(names.nextDeadline()).toBe(300);
    expect(words(names.handleDeadline(300))).toEqual(["pc.lan.example gone"]);
    expect(names.nextDeadline()).toBeUndefined();
  });

  test("of leases that never end stay", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("pc", "192.0.2.10", { endSeconds: FOREVER_SECONDS }), 100);
    expect(names.nextDeadline()).toBeUndefined();
    expect(names.handleDeadline(1e9)).toEqual([]);
  });

  test("of leases that have ended already do not come back", () => {
    expect(new LeaseNames("lan.example").hold(claim("pc", "192.0.2.10"), 200)).toEqual([]);
  });

  test("change with what the client calls itself", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("pc", "192.0.2.10"), 100);
    expect(words(names.hold(claim("laptop", "192.0.2.10"), 100))).toEqual([
      "pc.lan.example gone",
      "laptop.lan.example 192.0.2.10",
    ]);
    expect(words(names.hold(claim("", "192.0.2.10"), 100))).toEqual(["laptop.lan.example gone"]);
  });

  test.each([
    ["John's iPhone", "john-s-iphone.lan.example 192.0.2.10"],
    ["pc.evil.example", "pc.lan.example 192.0.2.10"],
    ["a_b", "a-b.lan.example 192.0.2.10"],
  ])("%j becomes a label", (hostName, word) => {
    expect(words(new LeaseNames("lan.example").hold(claim(hostName, "192.0.2.10"), 100))).toEqual([word]);
  });

  test.each(["wpad", "ISATAP", "localhost", "...", "-"])("%j is nobody's", (hostName) => {
    expect(new LeaseNames("lan.example").hold(claim(hostName, "192.0.2.10"), 100)).toEqual([]);
  });

  test("belong to the first who has them, then to the one that has waited longest", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("pc", "192.0.2.10"), 100);
    expect(names.hold(claim("pc", "192.0.2.12", { owners: ["third"], startSeconds: 120 }), 120)).toEqual([]);
    expect(names.hold(claim("pc", "192.0.2.11", { owners: [OTHER], startSeconds: 110 }), 121)).toEqual([]);
    expect(words(names.release(parseIp("192.0.2.10")))).toEqual(["pc.lan.example 192.0.2.11"]);
  });

  test("stay where they are when all renew, also of clients that came in the same second", () => {
    const names = new LeaseNames("lan.example");
    const [first, second] = [claim("pc", "192.0.2.10"), claim("pc", "192.0.2.11", { owners: [OTHER] })];
    expect(words(names.hold(first, 100))).toEqual(["pc.lan.example 192.0.2.10"]);
    for (const each of [second, first, second]) expect(names.hold({ ...each, endSeconds: 300 }, 150)).toEqual([]);
    expect(words(names.handleDeadline(299))).toEqual([]);
    expect(words(names.release(first.address))).toEqual(["pc.lan.example 192.0.2.11"]);
  });

  test("are shared by all leases of one client", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("pc", "192.0.2.10", { owners: [PC, "id 01"] }), 100);
    expect(words(names.hold(claim("pc", "2001:db8::10", { owners: ["duid 7", PC], startSeconds: 101 }), 101))).toEqual([
      "pc.lan.example 192.0.2.10 2001:db8::10",
    ]);
    expect(words(names.release(parseIp("192.0.2.10")))).toEqual(["pc.lan.example 2001:db8::10"]);
  });
});

test("of a thousand clients with one name only a few wait for it, the others ask again", () => {
  const names = new LeaseNames("lan.example");
  const one = (i: number): NameClaim =>
    claim("pc", `10.0.${i >> 8}.${i & 255}`, { owners: [`client ${i}`], startSeconds: i });
  for (let i = 0; i < 1000; i++) names.hold(one(i), 100);
  expect(names.holders().length).toBe(64);
  for (const address of names.holders()) names.release(address);
  expect(words(names.hold(one(999), 100))).toEqual(["pc.lan.example 10.0.3.231"]);
});

describe("names of the file", () => {
  const web = { name: "web.lan.example", addresses: [parseIp("192.0.2.2")], owners: [PC] };

  test("are no client's, unless it is that very host", () => {
    const names = new LeaseNames("lan.example");
    expect(words(names.know([web]))).toEqual(["web.lan.example 192.0.2.2"]);
    expect(names.hold(claim("web", "192.0.2.11", { owners: [OTHER] }), 100)).toEqual([]);
    expect(words(names.hold(claim("web", "2001:db8::2"), 100))).toEqual(["web.lan.example 192.0.2.2 2001:db8::2"]);
  });

  test("of a host without an address are kept for its leases", () => {
    const names = new LeaseNames("lan.example");
    expect(names.know([{ ...web, addresses: [] }])).toEqual([]);
    expect(names.hold(claim("web", "192.0.2.11", { owners: [OTHER] }), 100)).toEqual([]);
    expect(words(names.hold(claim("web", "192.0.2.12"), 100))).toEqual(["web.lan.example 192.0.2.12"]);
  });

  test("take a name from a client and give it back", () => {
    const names = new LeaseNames("lan.example");
    names.hold(claim("web", "192.0.2.11", { owners: [OTHER] }), 100);
    expect(words(names.know([web]))).toEqual(["web.lan.example 192.0.2.2"]);
    expect(words(names.know([]))).toEqual(["web.lan.example 192.0.2.11"]);
    expect(names.holders()).toEqual(["192.0.2.11"]);
  });

  test("are the first one's where two have the same", () => {
    const second = { ...web, addresses: [parseIp("192.0.2.3")] };
    expect(words(new LeaseNames("lan.example").know([web, second]))).toEqual(["web.lan.example 192.0.2.2"]);
  });
});
