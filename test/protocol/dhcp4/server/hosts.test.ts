import { describe, expect, test } from "vitest";
import { type Ipv4Address, parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { fromHex, utf8Encode } from "../../../../src/base/bytes.ts";
import type { Dhcp4Host, Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { type ClientMessage, clientFrame } from "../../../support/dhcp4-client.ts";
import { chosen, CLIENT_MAC, obtain, range, renewing, replyOf, requested, say, SERVER, start, told } from "./world.ts";

const other = parseMac("52:54:00:00:00:18");
const third = parseMac("52:54:00:00:00:19");
const at = (address: string, identity: Dhcp4Host["identity"] = { mac: CLIENT_MAC }): Dhcp4Host => ({
  identity,
  address: parseIpv4(address),
});
const identifier: readonly [number, Uint8Array] = [61, fromHex("ff00000001000100011c39cf88080027fe8f95")];
const port = (name: string): Partial<ClientMessage> => {
  const id = utf8Encode(name);
  return {
    fields: { relayAddress: "192.0.2.200" as Ipv4Address },
    destination: SERVER,
    options: [[82, Uint8Array.of(1, id.length, ...id)]],
  };
};
const ONE = { ranges: [range("192.0.2.10", "192.0.2.10")] };

describe("a host with an address of its own", () => {
  test.each<[string, Dhcp4Host, Partial<ClientMessage>]>([
    ["by its hardware address, within the range", at("192.0.2.15"), {}],
    ["outside the range", at("192.0.2.99"), {}],
    ["also when it tells an identifier", at("192.0.2.99"), { options: [identifier] }],
    ["by its identifier", at("192.0.2.99", { clientIdentifier: identifier[1] }), { options: [identifier], mac: other }],
    ["by the relay's port that it is at", at("192.0.2.99", { circuitId: utf8Encode("ge-0/1") }), port("ge-0/1")],
  ])("gets it %s", (_, host, client) => {
    const server = start({ hosts: [host] });
    expect(obtain(server, client)).toBe(host.address);
    const renewal = { type: "REQUEST", ...renewing(host.address!), mac: client.mac ?? CLIENT_MAC } as const;
    const options = client.options ?? [];
    expect(told(say(server, { ...renewal, options }, 1000))).toBe(`ACK ${host.address}`);
  });

  test("gets it when another one has asked for it, whom nobody gave it", () => {
    const server = start({ ...ONE, hosts: [at("192.0.2.10")] });
    expect(told(say(server, { mac: other, type: "DISCOVER", options: [requested("192.0.2.10")] }))).toBe("exhausted");
    expect(told(say(server, { mac: other, type: "REQUEST", options: [requested("192.0.2.10")] }))).toBe("NAK");
    expect(obtain(server, {})).toBe("192.0.2.10");
  });

  test("has one address under all its identifiers: boot loader and system", () => {
    const server = start({ hosts: [at("192.0.2.99")] });
    expect(obtain(server, { options: [[61, fromHex("00112233")]] })).toBe("192.0.2.99");
    expect(obtain(server, { options: [identifier] })).toBe("192.0.2.99");
    expect([...server.leases()]).toHaveLength(1);
  });

  test("is moved from the address that it had before: NAK, then its own; the old one is free at once", () => {
    for (const options of [[], [identifier]]) {
      const before = start();
      expect(obtain(before, { options })).toBe("192.0.2.10");
      const server = start({ ...ONE, hosts: [at("192.0.2.99")] }, 100);
      for (const lease of before.leases()) server.restore(lease);
      expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.10"), options }, 100))).toBe("NAK");
      const wish = [...options, requested("192.0.2.99"), chosen(SERVER)];
      expect(told(say(server, { type: "DISCOVER", options }, 100))).toBe("OFFER 192.0.2.99");
      const { leases } = say(server, { type: "REQUEST", options: wish }, 100);
      expect(leases).toMatchObject([
        { address: "192.0.2.99", state: "leased" },
        { address: "192.0.2.10", state: "released" },
      ]);
      expect(obtain(server, { mac: other }, 101)).toBe("192.0.2.10");
    }
  });

  test("keeps the address that it had when that becomes its own", () => {
    const before = start();
    obtain(before, { options: [identifier] });
    const server = start({ hosts: [at("192.0.2.10")] }, 100);
    for (const lease of before.leases()) server.restore(lease);
    const renewal = { type: "REQUEST", ...renewing("192.0.2.10"), options: [identifier] } as const;
    expect(told(say(server, renewal, 100))).toBe("ACK 192.0.2.10");
  });

  test("waits for it, with another one, until the client that has it has gone", () => {
    const before = start();
    expect(obtain(before, { mac: other })).toBe("192.0.2.10");
    const server = start({ hosts: [at("192.0.2.10")] }, 100);
    for (const lease of before.leases()) server.restore(lease);
    expect(obtain(server, {}, 100)).toBe("192.0.2.11");
    expect(told(say(server, { mac: other, type: "REQUEST", ...renewing("192.0.2.10") }, 200))).toBe("NAK");
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.11") }, 200))).toBe("ACK 192.0.2.11");
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.11") }, 3601))).toBe("NAK");
    expect(told(say(server, { type: "DISCOVER" }, 3601))).toBe("OFFER 192.0.2.10");
  });

  test("two clients at one port of a relay never have its address at one time", () => {
    const server = start({ hosts: [at("192.0.2.99", { circuitId: utf8Encode("ge-0/1") })] });
    expect(obtain(server, port("ge-0/1"))).toBe("192.0.2.99");
    expect(obtain(server, { ...port("ge-0/1"), mac: other })).toBe("192.0.2.10");
    expect(obtain(server, { ...port("ge-0/2"), mac: third })).toBe("192.0.2.11");
  });

  test("is told its name, and its lease has that name whatever it calls itself", () => {
    const server = start({ hosts: [{ ...at("192.0.2.99"), name: "web" }] });
    const options = [requested("192.0.2.99"), optionEntry(DHCP4_OPTION.hostName, "evil")];
    const output = say(server, { type: "REQUEST", options });
    expect(output.leases).toMatchObject([{ hostName: "web" }]);
    expect(readOption(replyOf(output).message.options, DHCP4_OPTION.hostName)).toBe("web");
  });
});

describe("who is not answered", () => {
  test.each<[string, Partial<Dhcp4ServerConfig>, string]>([
    ["a hardware address", { ignore: ["52:54:00:00:00:17"] }, "a client to be ignored"],
    ["how it begins", { ignore: ["00:50:56", "52:54"] }, "a client to be ignored"],
    ["another beginning", { ignore: ["52:54:01", "54"] }, "OFFER 192.0.2.10"],
    ["nobody but hosts", { knownOnly: true }, "a client that is no known host"],
    ["nobody but hosts", { knownOnly: true, hosts: [{ identity: { mac: CLIENT_MAC } }] }, "OFFER 192.0.2.10"],
  ])("%s: %j", (_, changes, answer) => {
    expect(told(say(start(changes), { type: "DISCOVER" }))).toBe(answer);
  });
});

describe("BOOTP clients (RFC 1534 §2)", () => {
  test("a host by its hardware address gets its own for good, and no option of DHCP", () => {
    const server = start({
      hosts: [{ ...at("192.0.2.99"), name: "terminal", bootFile: "vmlinux", nextServer: parseIpv4("192.0.2.2") }],
      serverName: "boot",
      options: new Map([
        optionEntry(DHCP4_OPTION.routers, [parseIpv4("192.0.2.12")]),
        [224, new Uint8Array(50)],
        optionEntry(DHCP4_OPTION.vendorClass, "x"),
      ]),
    });
    const output = say(server, {});
    const { message, datagram, packet } = replyOf(output);
    expect(message).toMatchObject({
      yourAddress: "192.0.2.99",
      nextServerAddress: "192.0.2.2",
      serverName: "boot",
      bootFile: "vmlinux",
    });
    expect([...message.options.keys()]).toEqual([1, 28, 3, 12]);
    expect(datagram.payload).toHaveLength(300);
    expect(packet.destination).toBe("192.0.2.99");
    expect(output.events).toMatchObject([{ event: "received" }, { event: "sent", message: "BOOTP" }]);
    expect([...server.leases()]).toEqual([]);
  });

  test("also without a magic cookie (RFC 951 §3)", () => {
    const frame = clientFrame({ mac: CLIENT_MAC }).fill(0, 42 + 236, 42 + 240);
    const output = start({ hosts: [at("192.0.2.99")] }).handle({ frame, checksumNotReady: true }, 0);
    expect(replyOf(output).message.yourAddress).toBe("192.0.2.99");
  });

  test.each<[string, Dhcp4Host[]]>([
    ["nobody else", []],
    ["a host without an address", [{ identity: { mac: CLIENT_MAC } }]],
  ])("%s gets one", (_, hosts) => {
    expect(say(start({ hosts }), {}).frames).toEqual([]);
  });
});

test.each<[Partial<Dhcp4ServerConfig>, string]>([
  [{ hosts: [at("198.51.100.7")] }, "a host: 198.51.100.7 is not of that subnet"],
  [{ hosts: [at("192.0.2.1")] }, "a host: 192.0.2.1 cannot be a host's"],
  [{ hosts: [at("192.0.2.255")] }, "a host: 192.0.2.255 cannot be a host's"],
  [{ hosts: [at("192.0.2.99"), at("192.0.2.98")] }, "a host is there twice"],
  [{ hosts: [at("192.0.2.99"), at("192.0.2.99", { mac: other })] }, "192.0.2.99 is both that of a host and of a host"],
  [{ hosts: [{ identity: { mac: CLIENT_MAC }, name: "a_b" }] }, '"a_b" is no name of a host'],
  [{ hosts: [{ identity: { clientIdentifier: fromHex("01") } }] }, "an identifier of 1 bytes is not 2 to 255"],
  [{ ignore: ["00:50:5"] }, '"00:50:5" is no beginning of a MAC address'],
  [{ bootFile: "x".repeat(128) }, "the network: the boot file has more than 127 bytes"],
  [{ ranges: [range("192.0.2.10", "192.0.2.20"), range("192.0.2.20", "192.0.2.30")] }, "overlap"],
  [{ options: new Map([[53, fromHex("05")]]) }, "option 53 cannot be set"],
])("a configuration that cannot be is refused: %j", (changes, reason) => {
  expect(() => start(changes)).toThrow(reason);
});
