import { describe, expect, test } from "vitest";
import { fromHex, toHex, utf8Encode } from "../../../../src/base/bytes.ts";
import type { Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import type { Dhcp4ServerOutput } from "../../../../src/protocol/dhcp4/server/server.ts";
import { DHCP4_OPTION, optionEntry } from "../../../../src/wire/dhcp4/option-table.ts";
import { chosen, CLIENT_MAC, CONFIG, renewing, replyOf, requested, say, SERVER, start } from "./world.ts";

const domain = new Map([...CONFIG.options, optionEntry(DHCP4_OPTION.domainName, "example.org")]);
const text = (value: string) => toHex(utf8Encode(value));
const wire = (...labels: string[]) =>
  labels.map((label) => label.length.toString(16).padStart(2, "0") + text(label)).join("");
const option81 = (flags: string, name: string) => [[81, fromHex(`${flags}0000${name}`)] as const];
const vm1 = wire("vm1");

describe("option 81 in the answer (RFC 4702 §4)", () => {
  const updating: Partial<Dhcp4ServerConfig> = { updatesNames: true, options: domain };
  const keeping: Partial<Dhcp4ServerConfig> = { options: domain };
  const full = `${wire("vm1", "example", "org")}00`;
  test.each<[string, Partial<Dhcp4ServerConfig>, string, string]>([
    ["S: the server updates", updating, `05${vm1}`, `05${full}`],
    ["no S: it does all the same, and says so with O", updating, `04${vm1}`, `07${full}`],
    ["N: nobody does", updating, `0c${vm1}`, `0c${full}`],
    ["S, but this server updates nothing", keeping, `05${vm1}`, `0e${full}`],
    ["no S, and this server updates nothing", keeping, `04${vm1}`, `0c${full}`],
    [
      "a name with its domain stays",
      updating,
      `05${wire("vm1", "example", "com")}00`,
      `05${wire("vm1", "example", "com")}00`,
    ],
    ["a name in ASCII is answered so", updating, `01${text("vm1")}`, `01${text("vm1.example.org")}`],
    ["no domain: the name alone, without a root", { updatesNames: true }, `05${vm1}`, `05${vm1}`],
    ["no name, none given", updating, "05", "05"],
    ["no letter that a name cannot have", updating, `05${wire("My_PC!")}`, `05${wire("my-pc", "example", "org")}00`],
  ])("%s", (_, changes, sent, answer) => {
    const options = option81(sent.slice(0, 2), sent.slice(2));
    const reply = replyOf(say(start(changes), { type: "DISCOVER", options })).message.options;
    expect(toHex(reply.get(81)!)).toBe(`${answer.slice(0, 2)}ffff${answer.slice(2)}`);
  });

  test("a host is told the name that the configuration has for it", () => {
    const server = start({ ...updating, hosts: [{ identity: { mac: CLIENT_MAC }, name: "web" }] });
    const options = option81("05", `${wire("vm1", "example", "com")}00`);
    const reply = replyOf(say(server, { type: "DISCOVER", options })).message.options;
    expect(toHex(reply.get(81)!)).toBe(`05ffff${wire("web", "example", "org")}00`);
  });

  test.each([
    ["none was sent", []],
    ["it is cut off", [[81, fromHex("0500")] as const]],
    ["its name is cut off", option81("04", "09766d31")],
  ])("there is none when %s", (_, options) => {
    expect(replyOf(say(start(updating), { type: "DISCOVER", options })).message.options.has(81)).toBe(false);
  });

  test("there is none in the answer to INFORM", () => {
    const inform = { type: "INFORM", ...renewing("192.0.2.77"), options: option81("05", vm1) } as const;
    expect(replyOf(say(start(updating), inform)).message.options.has(81)).toBe(false);
  });
});

describe("the name of a lease is one that a DNS can hold", () => {
  const named = (name: string) => [optionEntry(DHCP4_OPTION.hostName, name)];
  test.each<[string, readonly (readonly [number, Uint8Array])[], string]>([
    ["as told", named("vm1"), "vm1"],
    ["in lower case, the first label", named("VM1.Example.ORG"), "vm1"],
    ["without what a name cannot have", named("Peter's iPhone!"), "peter-s-iphone"],
    ["nothing left", named("--_--"), ""],
    ["63 letters at most", named("x".repeat(80)), "x".repeat(63)],
    ["option 81 before option 12 (§3.1)", [...named("other"), ...option81("04", vm1)], "vm1"],
    ["option 81 without a name", [...named("other"), ...option81("04", "")], "other"],
  ])("%s", (_, options, hostName) => {
    const output = say(start(), { type: "REQUEST", options: [requested("192.0.2.10"), ...options] });
    expect(output.leases).toMatchObject([{ hostName }]);
  });
});

test("every change of a lease tells name, address and end: what a DNS needs, the last word on an address counting", () => {
  const server = start();
  const changes = (output: Dhcp4ServerOutput) =>
    output.leases.map(({ address, state, hostName, endSeconds }) => ({ address, state, hostName, endSeconds }));
  const request = (address: string, name: string, now: number) =>
    changes(
      say(server, { type: "REQUEST", options: [requested(address), optionEntry(DHCP4_OPTION.hostName, name)] }, now),
    );
  const lease = { address: "192.0.2.10", state: "leased" };
  expect(request("192.0.2.10", "vm1", 0)).toEqual([{ ...lease, hostName: "vm1", endSeconds: 3600 }]);
  const renewal = { type: "REQUEST", ...renewing("192.0.2.10") } as const;
  expect(changes(say(server, renewal, 100))).toEqual([{ ...lease, hostName: "vm1", endSeconds: 3700 }]);
  expect(request("192.0.2.10", "vm2", 200)).toEqual([{ ...lease, hostName: "vm2", endSeconds: 3800 }]);
  const release = { type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] } as const;
  expect(changes(say(server, release, 300))).toEqual([
    { ...lease, state: "released", hostName: "vm2", endSeconds: 300 },
  ]);
  expect(request("192.0.2.10", "vm2", 400)).toMatchObject([{ state: "leased", hostName: "vm2" }]);
  const decline = { type: "DECLINE", options: [requested("192.0.2.10"), chosen(SERVER)] } as const;
  expect(changes(say(server, decline, 500))).toMatchObject([{ ...lease, state: "declined", hostName: "" }]);
});
