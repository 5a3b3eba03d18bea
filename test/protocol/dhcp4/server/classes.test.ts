import { describe, expect, test } from "vitest";
import { type Ipv4Address, type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../../../src/base/address.ts";
import { utf8Encode } from "../../../../src/base/bytes.ts";
import type { Dhcp4Class, Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import type { ClientMessage } from "../../../support/dhcp4-client.ts";
import {
  CLIENT_MAC,
  obtain,
  range,
  rebinding,
  renewing,
  replyOf,
  requested,
  say,
  SERVER,
  start,
  told,
} from "./world.ts";

const mac = (last: number) => parseMac(`52:54:00:00:01:${last.toString(16).padStart(2, "0")}`);
const pxe: readonly [number, Uint8Array] = [60, utf8Encode("PXEClient:Arch:00007:UNDI:003001")];
const ipxe: readonly [number, Uint8Array] = [77, utf8Encode("iPXE")];
const lists: readonly [number, Uint8Array] = [77, Uint8Array.of(1, 65, 4, ...utf8Encode("iPXE"))];
const uefi = optionEntry(DHCP4_OPTION.clientArchitecture, [7]);
const web = (address: string) => new Map([optionEntry(DHCP4_OPTION.webServers, [parseIpv4(address)])]);

describe("a client is of a class when all that is named matches", () => {
  test.each<[Partial<Dhcp4Class>, (readonly [number, Uint8Array])[], boolean]>([
    [{ vendorClass: "PXEClient" }, [pxe], true],
    [{ vendorClass: "PXEClient" }, [[60, utf8Encode("PXE")]], false],
    [{ vendorClass: "PXEClient" }, [], false],
    [{ userClass: "iPXE" }, [ipxe], true],
    [{ userClass: "iPXE" }, [lists], true],
    [{ userClass: "iPX" }, [lists], false],
    [{ userClass: "iPXE" }, [[77, Uint8Array.of(9, 1)]], false],
    [{ architectures: [9, 7] }, [uefi], true],
    [{ architectures: [0] }, [uefi], false],
    [{ macPrefix: "52:54:00" }, [], true],
    [{ macPrefix: "52:54:01" }, [], false],
    [{ vendorClass: "PXEClient", userClass: "iPXE" }, [pxe], false],
    [{ vendorClass: "PXEClient", userClass: "iPXE", architectures: [7], macPrefix: "52" }, [pxe, ipxe, uefi], true],
  ])("%j, %j", (conditions, options, isMember) => {
    const server = start({ classes: [{ name: "test", ...conditions, bootFile: "loader" }] });
    const { message } = replyOf(say(server, { type: "DISCOVER", options }));
    expect(message.bootFile).toBe(isMember ? "loader" : "");
  });
});

describe("what is said of a host counts before its classes, these before the range, this before the network", () => {
  const levels: Dhcp4ServerConfig["ranges"] = [
    { ...range("192.0.2.10", "192.0.2.14"), options: web("192.0.2.3"), leaseSeconds: { default: 1300 } },
    range("192.0.2.15", "192.0.2.19"),
  ];
  const config: Partial<Dhcp4ServerConfig> = {
    ranges: levels,
    options: web("192.0.2.4"),
    nextServer: parseIpv4("192.0.2.4"),
    serverName: "network",
    bootFile: "network",
    classes: [
      { name: "first", vendorClass: "a", bootFile: "first" },
      {
        name: "second",
        vendorClass: "a",
        bootFile: "second",
        options: web("192.0.2.2"),
        leaseSeconds: { default: 1200 },
      },
    ],
    hosts: [
      {
        identity: { mac: mac(1) },
        options: web("192.0.2.1"),
        leaseSeconds: { minimum: 100, default: 60, maximum: 200 },
        bootFile: "host",
      },
    ],
  };
  test.each<[string, Partial<ClientMessage>, string, number, string]>([
    ["network", { options: [requested("192.0.2.15")] }, "192.0.2.4", 3600, "network"],
    ["range", {}, "192.0.2.3", 1300, "network"],
    ["classes", { options: [[60, utf8Encode("abc")]] }, "192.0.2.2", 1200, "first"],
    ["host", { mac: mac(1), options: [[60, utf8Encode("abc")]] }, "192.0.2.1", 100, "host"],
  ])("%s", (_, client, server, seconds, bootFile) => {
    const clamped = { ...config, hosts: [{ ...config.hosts![0]!, leaseSeconds: { minimum: 100, maximum: 100 } }] };
    const { message } = replyOf(say(start(clamped), { type: "DISCOVER", ...client }));
    expect(readOption(message.options, DHCP4_OPTION.webServers)).toEqual([server]);
    expect(readOption(message.options, DHCP4_OPTION.leaseTime)).toBe(seconds);
    expect(message).toMatchObject({ bootFile, serverName: "network", nextServerAddress: "192.0.2.4" });
  });

  test("durations that do not rise are refused", () => {
    expect(() => start(config)).toThrow("the durations 100, 60 and 200 s do not rise");
  });
});

describe("ranges", () => {
  const member = [pxe];
  const config: Partial<Dhcp4ServerConfig> = {
    ranges: [range("192.0.2.10", "192.0.2.11"), range("192.0.2.20", "192.0.2.20")],
    classes: [{ name: "pxe", vendorClass: "PXEClient", range: range("192.0.2.30", "192.0.2.30") }],
  };
  test("are used one after the other; a class's own only by its clients, and these have no other", () => {
    const server = start(config);
    const got = [1, 2, 3].map((last) => obtain(server, { mac: mac(last) }));
    expect(got).toEqual(["192.0.2.10", "192.0.2.11", "192.0.2.20"]);
    expect(told(say(server, { mac: mac(4), type: "DISCOVER", options: [requested("192.0.2.30")] }))).toBe("exhausted");
    expect(told(say(server, { mac: mac(4), type: "REQUEST", options: [requested("192.0.2.30")] }))).toBe("NAK");
    expect(obtain(server, { mac: mac(5), options: member })).toBe("192.0.2.30");
    expect(told(say(server, { mac: mac(6), type: "DISCOVER", options: member }))).toBe("exhausted");
  });

  test("a client that changes its class changes its address: NAK, and the old one is free with the ACK", () => {
    const server = start(config);
    expect(obtain(server, { options: member })).toBe("192.0.2.30");
    expect(told(say(server, { type: "REQUEST", ...renewing("192.0.2.30") }))).toBe("NAK");
    expect(obtain(server, {})).toBe("192.0.2.10");
    expect(obtain(server, { mac: mac(1), options: member })).toBe("192.0.2.30");
  });
});

describe("several subnets on one link", () => {
  const config: Partial<Dhcp4ServerConfig> = {
    ranges: [range("192.0.2.10", "192.0.2.11")],
    furtherSubnets: [
      {
        subnet: parsePrefix("198.51.100.0/25") as Ipv4Prefix,
        ranges: [range("198.51.100.10", "198.51.100.12")],
        options: new Map([optionEntry(DHCP4_OPTION.routers, [parseIpv4("198.51.100.11")])]),
      },
    ],
  };
  test("the next one serves when the first is full, with its own mask and routers and the network's other options", () => {
    const server = start(config);
    const got = [1, 2, 3, 4].map((last) => obtain(server, { mac: mac(last) }));
    expect(got).toEqual(["192.0.2.10", "192.0.2.11", "198.51.100.10", "198.51.100.12"]);
    const output = say(server, { mac: mac(3), type: "REQUEST", ...renewing(got[2]!) }, 10);
    expect(told(output)).toBe("ACK 198.51.100.10");
    const { options } = replyOf(output).message;
    expect(readOption(options, DHCP4_OPTION.subnetMask)).toBe("255.255.255.128");
    expect(readOption(options, DHCP4_OPTION.broadcastAddress)).toBe("198.51.100.127");
    expect(readOption(options, DHCP4_OPTION.routers)).toEqual(["198.51.100.11"]);
    expect(readOption(options, DHCP4_OPTION.nameServers)).toEqual(["192.0.2.53"]);
  });

  test("a client keeps to the subnet of its address", () => {
    const server = start(config);
    const wish = { mac: mac(1), options: [requested("198.51.100.12")] };
    expect(told(say(server, { ...wish, type: "REQUEST" }))).toBe("ACK 198.51.100.12");
    expect(told(say(server, { mac: mac(1), type: "DISCOVER" }, 9000))).toBe("OFFER 198.51.100.12");
    expect(told(say(server, { mac: mac(1), type: "REQUEST", ...rebinding("198.51.100.12") }, 9000))).toBe(
      "ACK 198.51.100.12",
    );
  });

  test("a relay's own subnet comes first (RFC 2131 §4.3.1), any other link is not served", () => {
    const server = start(config);
    const relayed = (relay: string) => ({ fields: { relayAddress: relay as Ipv4Address }, destination: SERVER });
    expect(told(say(server, { type: "DISCOVER", ...relayed("198.51.100.1") }))).toBe("OFFER 198.51.100.10");
    expect(told(say(server, { type: "DISCOVER", mac: mac(1), ...relayed("192.0.2.200") }))).toBe("OFFER 192.0.2.10");
    expect(told(say(server, { type: "DISCOVER", ...relayed("198.51.100.200") }))).toBe(
      "relayed from a subnet that is not served",
    );
  });

  test("INFORM is told what counts in its subnet", () => {
    const inform = { mac: CLIENT_MAC, type: "INFORM", ...renewing("198.51.100.99") } as const;
    const { options } = replyOf(say(start(config), inform)).message;
    expect(readOption(options, DHCP4_OPTION.routers)).toEqual(["198.51.100.11"]);
  });

  test("they must not overlap", () => {
    const subnet = parsePrefix("192.0.2.128/25") as Ipv4Prefix;
    expect(() => start({ furtherSubnets: [{ subnet, ranges: [] }] })).toThrow(
      "the subnets 192.0.2.0/24 and 192.0.2.128/25 overlap",
    );
  });
});

describe("a subnet behind a relay", () => {
  const relayed = parsePrefix("198.51.100.0/24") as Ipv4Prefix;
  const config: Partial<Dhcp4ServerConfig> = {
    ranges: [range("192.0.2.10", "192.0.2.10")],
    furtherSubnets: [
      { subnet: parsePrefix("203.0.113.0/24") as Ipv4Prefix, ranges: [range("203.0.113.10", "203.0.113.10")] },
      { subnet: relayed, relayed: true, ranges: [range("198.51.100.10", "198.51.100.11")] },
    ],
    hosts: [{ identity: { mac: mac(9) }, address: parseIpv4("198.51.100.9") }],
    classes: [{ name: "boot", vendorClass: "boot", range: range("198.51.100.20", "198.51.100.20") }],
  };
  const through = (relay = "198.51.100.1") => ({
    fields: { relayAddress: relay as Ipv4Address },
    source: parseIpv4(relay),
    destination: SERVER,
  });

  test("has its clients and no others; they get nothing of the server's own link", () => {
    const server = start(config);
    expect(obtain(server, { mac: mac(1) })).toBe("192.0.2.10");
    expect(obtain(server, { mac: mac(2) })).toBe("203.0.113.10");
    expect(told(say(server, { mac: mac(3), type: "DISCOVER" }))).toBe("exhausted");
    expect(obtain(server, { mac: mac(3), ...through() })).toBe("198.51.100.10");
    expect(obtain(server, { mac: mac(4), ...through() })).toBe("198.51.100.11");
    expect(told(say(server, { mac: mac(5), type: "DISCOVER", ...through() }))).toBe("exhausted");
  });

  test("a client renews without its relay, and is refused when it comes back on another link", () => {
    const server = start({ ...config, authoritative: false });
    expect(obtain(server, { mac: mac(3), ...through() })).toBe("198.51.100.10");
    expect(told(say(server, { mac: mac(3), type: "REQUEST", ...renewing("198.51.100.10") }))).toBe("ACK 198.51.100.10");
    expect(told(say(server, { mac: mac(3), type: "REQUEST", options: [requested("198.51.100.10")] }))).toBe("NAK");
    expect(obtain(server, { mac: mac(3) })).toBe("192.0.2.10");
    const back = { mac: mac(3), type: "REQUEST", ...through(), options: [requested("192.0.2.10")] } as const;
    expect(told(say(server, back))).toBe("NAK");
  });

  test("a host has its address there, and any other elsewhere; a class's range counts there alone", () => {
    const server = start(config);
    expect(obtain(server, { mac: mac(9), ...through() })).toBe("198.51.100.9");
    expect(obtain(server, { mac: mac(9) })).toBe("192.0.2.10");
    const boot = { mac: mac(7), options: [[60, utf8Encode("boot")] as const] };
    expect(obtain(server, { ...boot, ...through() })).toBe("198.51.100.20");
    expect(obtain(start(config), boot)).toBe("192.0.2.10");
  });

  test("nobody gets the server's own address of a further subnet", () => {
    const own = {
      subnet: relayed,
      ranges: [range("198.51.100.1", "198.51.100.2")],
      ownAddress: parseIpv4("198.51.100.1"),
    };
    const server = start({ ranges: [], furtherSubnets: [own] });
    expect(obtain(server, {})).toBe("198.51.100.2");
  });
});
