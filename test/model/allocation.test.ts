import fc from "fast-check";
import { expect, test } from "vitest";
import type { Model } from "../../src/model/model.ts";
import { mistakesOf, read } from "./read.ts";

/** A file with these pods on one network; a number is the last byte of a declared address. */
function fileOf(pods: Readonly<Record<string, number | undefined>>, subnet = "192.0.2.0/24"): string {
  const machines = Object.entries(pods).map(([name, host]) => {
    const address = host === undefined ? "" : `, address: 192.0.2.${host}`;
    return `  ${name}: { kind: namespace, nics: [{ network: lan${address} }] }\n`;
  });
  return `version: 1\nnetworks: { lan: { subnet: ${subnet} } }\nmachines:\n${machines.join("")}`;
}

function addressesOf(model: Model): Record<string, string> {
  return Object.fromEntries(
    model.machines.flatMap((machine) =>
      machine.kind === "namespace" ? machine.nics.map((nic) => [machine.name, nic.address]) : [],
    ),
  );
}

function previousOf(addresses: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(addresses).map(([name, address]) => [`${name}/0`, address]));
}

test("declared addresses first, then the lowest free ones", () => {
  expect(addressesOf(read(fileOf({ a: undefined, b: 2, c: undefined, d: 4 })))).toEqual({
    a: "192.0.2.3",
    b: "192.0.2.2",
    c: "192.0.2.5",
    d: "192.0.2.4",
  });
});

test("an earlier address is kept, also when a pod before it goes or comes", () => {
  const before = addressesOf(read(fileOf({ a: undefined, b: undefined, c: undefined })));
  const after = addressesOf(read(fileOf({ aa: undefined, b: undefined, c: undefined }), previousOf(before)));
  expect(after).toEqual({ aa: "192.0.2.2", b: "192.0.2.3", c: "192.0.2.4" });
});

test.each([
  ["outside the subnet now", "198.51.100.7"],
  ["the gateway's", "192.0.2.1"],
  ["the network's", "192.0.2.0"],
  ["the broadcast address", "192.0.2.255"],
  ["no IPv4 address", "2001:db8::1"],
  ["declared by another machine", "192.0.2.9"],
])("an earlier address that is %s is not kept", (_, address) => {
  expect(addressesOf(read(fileOf({ a: undefined, b: 9 }), new Map([["a/0", address]])))).toEqual({
    a: "192.0.2.2",
    b: "192.0.2.9",
  });
});

test("an earlier address is marked as kept", () => {
  const model = read(fileOf({ a: undefined }), new Map([["a/0", "192.0.2.77"]]));
  expect(model.origins["machines.a.nics[0].address"]).toMatchObject({ value: "192.0.2.77", how: "kept" });
});

test("the last address of a subnet is used, one machine more is told that it is full", () => {
  const small = "192.0.2.0/29";
  const pods = { a: undefined, b: undefined, c: undefined, d: undefined, e: undefined };
  expect(addressesOf(read(fileOf(pods, small))).e).toBe("192.0.2.6");
  expect(mistakesOf(fileOf({ ...pods, f: undefined }, small))).toMatchObject([
    { path: "machines.f.nics[0]", line: 9, reason: "no address is left in 192.0.2.0/29, the subnet of lan" },
  ]);
});

test("whatever comes and goes, nobody who stays is moved and no address is given twice", () => {
  const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e", "f", "g"), { minLength: 1 });
  fc.assert(
    fc.property(fc.array(names, { minLength: 1, maxLength: 6 }), (rounds) => {
      let previous: Record<string, string> = {};
      for (const round of rounds) {
        const now = addressesOf(
          read(fileOf(Object.fromEntries(round.map((name) => [name, undefined]))), previousOf(previous)),
        );
        for (const name of round) if (previous[name] !== undefined) expect(now[name]).toBe(previous[name]);
        expect(new Set(Object.values(now)).size).toBe(round.length);
        previous = now;
      }
    }),
    { numRuns: 50 },
  );
}, 30_000);

test("IPv6 addresses are allocated and kept like those of IPv4", () => {
  const text = (names: readonly string[]): string =>
    `version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, subnet6: "2001:db8::/64" } }\nmachines:\n${names
      .map(
        (name) =>
          `  ${name}: { kind: namespace, nics: [{ network: lan${name === "c" ? ', address6: "2001:db8::3"' : ""} }] }\n`,
      )
      .join("")}`;
  const of = (model: Model): Record<string, string | undefined> =>
    Object.fromEntries(
      model.machines.map((machine) => [machine.name, machine.kind === "namespace" ? machine.nics[0]?.address6 : ""]),
    );
  expect(of(read(text(["a", "b", "c"])))).toEqual({ a: "2001:db8::2", b: "2001:db8::4", c: "2001:db8::3" });
  const previous = new Map([["b/0/6", "2001:db8::4"]]);
  expect(of(read(text(["aa", "b"]), previous))).toEqual({ aa: "2001:db8::2", b: "2001:db8::4" });
});

test("a small IPv6 subnet is used to its last address", () => {
  const text = (pods: readonly string[]): string =>
    `version: 1\nnetworks: { lan: { subnet: 192.0.2.0/24, subnet6: "2001:db8::8/126" } }\nmachines:\n${pods
      .map((name) => `  ${name}: { kind: namespace, nics: [{ network: lan }] }\n`)
      .join("")}`;
  expect(read(text(["a", "b"])).machines[1]).toMatchObject({ nics: [{ address6: "2001:db8::b" }] });
  expect(mistakesOf(text(["a", "b", "c"]))).toMatchObject([
    { path: "machines.c.nics[0]", reason: "no address is left in 2001:db8::8/126, the subnet of lan" },
  ]);
});

test("what a DHCP server gives to whoever asks, or to a class of clients, is nobody's who does not name it", () => {
  const phones = "{ name: phones, vendor: phone, range: 192.0.2.2-192.0.2.9 }";
  const dhcp = `dhcp: { range: 192.0.2.10-192.0.2.19, classes: [${phones}] }`;
  const file = fileOf({ a: undefined, b: 5 }).replace("/24 }", `/24, ${dhcp} }`);
  expect(addressesOf(read(file))).toEqual({ a: "192.0.2.20", b: "192.0.2.5" });
});
