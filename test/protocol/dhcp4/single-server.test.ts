import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Ipv4Address,
  IPV4_ANY,
  IPV4_BROADCAST,
  type Ipv4Prefix,
  MAC_BROADCAST,
  parseIpv4,
  parseMac,
  parsePrefix,
} from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import {
  DECLINE_HOLD_SECONDS,
  SingleDhcp4Server,
  type SingleServerConfig,
  type SingleServerOutput,
} from "../../../src/protocol/dhcp4/single-server.ts";
import { decodeArp, encodeArp } from "../../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet } from "../../../src/wire/ethernet.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { type ClientMessage, clientFrame, readReply, type ServerReply } from "../../support/dhcp4-client.ts";

const address = parseIpv4("192.0.2.17");
const other = parseIpv4("192.0.2.99");
const server = parseIpv4("169.254.75.10");
const clientMac = parseMac("52:54:00:00:00:17");
const serverMac = parseMac("02:00:00:00:00:fe");

const config: SingleServerConfig = {
  clientMac,
  serverAddress: server,
  serverMac,
  lease: {
    address,
    prefixLength: 24,
    router: parseIpv4("192.0.2.1"),
    routes: [{ destination: parsePrefix("198.51.100.0/24") as Ipv4Prefix, gateway: parseIpv4("192.0.2.9") }],
    nameServers: [parseIpv4("192.0.2.53")],
    searchDomains: ["default.svc.cluster.local", "cluster.local"],
    domainName: "default.svc.cluster.local",
    hostName: "vm1",
    mtuBytes: 1450,
    leaseSeconds: 86_313_600,
    options: [{ code: 42, hex: "c0000235" }],
  },
};

const requested = (value: Ipv4Address) => optionEntry(DHCP4_OPTION.requestedAddress, value);
const chosen = (value: Ipv4Address) => optionEntry(DHCP4_OPTION.serverIdentifier, value);
const wishes = (...codes: number[]) => optionEntry(DHCP4_OPTION.parameterRequestList, codes);

function say(client: Partial<ClientMessage>, machine = new SingleDhcp4Server(config), now = 0): SingleServerOutput {
  return machine.handle({ frame: clientFrame({ mac: clientMac, ...client }), checksumNotReady: false }, now);
}

function replyOf(output: SingleServerOutput): ServerReply {
  expect(output.frames).toHaveLength(1);
  return readReply(output.frames[0]!);
}

function typeOf(output: SingleServerOutput): string {
  return output.frames.length === 0
    ? "silence"
    : readOption(replyOf(output).message.options, DHCP4_OPTION.messageType)!;
}

function reasonOf(output: SingleServerOutput): string | undefined {
  return output.events.find((event) => event.event === "ignored")?.reason;
}

const renewing = { fields: { clientAddress: address }, source: address, destination: server } as const;
const rebinding = { fields: { clientAddress: address }, source: address } as const;

describe("dialogue (RFC 2131)", () => {
  const table: [string, Partial<ClientMessage>, string][] = [
    ["§4.3.1 DISCOVER", { type: "DISCOVER" }, "OFFER"],
    ["§4.3.1 DISCOVER wanting another address", { type: "DISCOVER", options: [requested(other)] }, "OFFER"],
    ["§4.3.2 SELECTING this server", { type: "REQUEST", options: [requested(address), chosen(server)] }, "ACK"],
    ["§4.3.2 SELECTING another server", { type: "REQUEST", options: [requested(address), chosen(other)] }, "silence"],
    [
      "§4.3.2 SELECTING an address not offered",
      { type: "REQUEST", options: [requested(other), chosen(server)] },
      "NAK",
    ],
    ["§4.3.2 INIT-REBOOT with its address", { type: "REQUEST", options: [requested(address)] }, "ACK"],
    ["§4.3.2 INIT-REBOOT with another address", { type: "REQUEST", options: [requested(other)] }, "NAK"],
    ["§4.3.2 RENEWING", { type: "REQUEST", ...renewing }, "ACK"],
    [
      "§4.3.2 RENEWING another address",
      { type: "REQUEST", fields: { clientAddress: other }, source: other, destination: server },
      "NAK",
    ],
    ["§4.3.2 REBINDING", { type: "REQUEST", ...rebinding }, "ACK"],
    ["§4.3.2 REBINDING another address", { type: "REQUEST", fields: { clientAddress: other }, source: other }, "NAK"],
    ["§4.3.2 REQUEST of nothing", { type: "REQUEST" }, "silence"],
    ["§4.3.5 INFORM", { type: "INFORM", fields: { clientAddress: other }, source: other }, "ACK"],
    ["§4.3.5 INFORM without any address", { type: "INFORM" }, "silence"],
    ["§4.3.4 RELEASE", { type: "RELEASE", ...renewing, options: [chosen(server)] }, "silence"],
    ["§4.3.3 DECLINE", { type: "DECLINE", options: [requested(address), chosen(server)] }, "silence"],
    ["§3.1 a server's OFFER", { type: "OFFER" }, "silence"],
    ["§3.1 a server's ACK", { type: "ACK" }, "silence"],
    ["§3.1 a server's NAK", { type: "NAK" }, "silence"],
    ["RFC 951 BOOTP without message type", {}, "silence"],
    ["a reply instead of a request", { type: "DISCOVER", fields: { operation: "reply" } }, "silence"],
    ["from a relay", { type: "DISCOVER", fields: { relayAddress: other } }, "silence"],
    ["unicast to another server", { type: "REQUEST", ...renewing, destination: other }, "silence"],
    ["to the subnet's broadcast address", { type: "DISCOVER", destination: parseIpv4("192.0.2.255") }, "OFFER"],
    ["to another port", { type: "DISCOVER", destinationPort: 68 }, "silence"],
    ["from another port", { type: "DISCOVER", sourcePort: 1068 }, "OFFER"],
    [
      "to the gateway's MAC address",
      { type: "REQUEST", ...renewing, frameDestination: parseMac("02:00:00:00:00:01") },
      "ACK",
    ],
  ];
  test.each(table)("%s", (_, message, expected) => {
    expect(typeOf(say(message))).toBe(expected);
  });

  test("every request is answered alike whatever came before: the server keeps no state but a declined address", () => {
    const machine = new SingleDhcp4Server(config);
    for (const [, message, expected] of table.filter(([, { type }]) => type !== "DECLINE")) {
      expect(typeOf(say(message, machine))).toBe(expected);
    }
  });
});

describe("who is answered", () => {
  const stranger = parseMac("52:54:00:00:00:99");
  test.each<[string, Partial<ClientMessage>]>([
    ["a second MAC address", { mac: stranger }],
    ["a stranger's frame that names the client", { frameSource: stranger }],
    ["the client's frame that names a stranger", { mac: stranger, frameSource: clientMac }],
    ["another hardware type", { fields: { hardwareType: 6 } }],
    [
      "a hardware address that only begins like the client's",
      { fields: { hardwareAddress: fromHex("52540000001700") } },
    ],
  ])("silence: %s", (_, client) => {
    const output = say({ type: "DISCOVER", ...client });
    expect(output.frames).toEqual([]);
    expect(reasonOf(output)).toMatch(/another/);
  });

  test("a frame with a wrong UDP checksum, unless the kernel left the checksum to the device", () => {
    const frame = clientFrame({ mac: clientMac, type: "DISCOVER" });
    frame.set([0x12, 0x34], 14 + 20 + 6);
    const machine = new SingleDhcp4Server(config);
    expect(machine.handle({ frame, checksumNotReady: false }, 0).frames).toEqual([]);
    expect(typeOf(machine.handle({ frame, checksumNotReady: true }, 0))).toBe("OFFER");
  });
});

describe("where a reply goes (RFC 2131 §4.1)", () => {
  const offers = { type: "DISCOVER" } as const;
  const refused = { type: "REQUEST", options: [requested(other)] } as const;
  const flagged = { broadcast: true };
  test.each<[string, Partial<ClientMessage>, string, string]>([
    ["flag clear: unicast to an address that the client does not have yet", offers, clientMac, address],
    ["flag set: broadcast on both layers", { ...offers, fields: flagged }, MAC_BROADCAST, IPV4_BROADCAST],
    ["renewal: to ciaddr", { type: "REQUEST", ...renewing }, clientMac, address],
    [
      "renewal with the flag: still to ciaddr",
      { type: "REQUEST", ...renewing, fields: { clientAddress: address, ...flagged } },
      clientMac,
      address,
    ],
    ["NAK: broadcast although the flag is clear", refused, MAC_BROADCAST, IPV4_BROADCAST],
    [
      "NAK in RENEWING: broadcast although the client has an address",
      { type: "REQUEST", fields: { clientAddress: other }, source: other, destination: server },
      MAC_BROADCAST,
      IPV4_BROADCAST,
    ],
    [
      "INFORM: to the address that the client has",
      { type: "INFORM", fields: { clientAddress: other, ...flagged }, source: other },
      clientMac,
      other,
    ],
    ["INFORM without ciaddr: to the packet's source", { type: "INFORM", source: other }, clientMac, other],
  ])("%s", (_, message, mac, ip) => {
    const { ethernet, packet, datagram } = replyOf(say(message));
    expect([ethernet.source, ethernet.destination]).toEqual([serverMac, mac]);
    expect([packet.source, packet.destination]).toEqual([server, ip]);
    expect([datagram.sourcePort, datagram.destinationPort]).toEqual([67, 68]);
  });
});

describe("fields of a reply (RFC 2131 table 3)", () => {
  test("OFFER: transaction, hardware address and flags are the client's", () => {
    const { message } = replyOf(
      say({ type: "DISCOVER", fields: { transactionId: 0xfedcba98, broadcast: true, elapsedSeconds: 9 } }),
    );
    expect(message).toMatchObject({
      operation: "reply",
      transactionId: 0xfedcba98,
      broadcast: true,
      elapsedSeconds: 0,
      yourAddress: address,
      clientAddress: IPV4_ANY,
      nextServerAddress: IPV4_ANY,
    });
    expect(message.hardwareAddress).toEqual(fromHex("525400000017"));
    expect(readOption(message.options, DHCP4_OPTION.serverIdentifier)).toBe(server);
    expect(readOption(message.options, DHCP4_OPTION.leaseTime)).toBe(86_313_600);
  });

  test("ACK of a renewal repeats ciaddr", () => {
    expect(replyOf(say({ type: "REQUEST", ...renewing })).message).toMatchObject({
      clientAddress: address,
      yourAddress: address,
    });
  });

  test("NAK: no address and nothing but type, server and reason", () => {
    const { message } = replyOf(say({ type: "REQUEST", options: [requested(other), wishes(1, 3, 51)] }));
    expect(message).toMatchObject({ clientAddress: IPV4_ANY, yourAddress: IPV4_ANY });
    expect([...message.options.keys()]).toEqual([53, 54, 56]);
    expect(readOption(message.options, DHCP4_OPTION.message)).toContain(other);
  });

  test("INFORM is answered without address, lease time and renewal times (§4.3.5)", () => {
    const { message } = replyOf(
      say({ type: "INFORM", fields: { clientAddress: other }, source: other, options: [wishes(1, 51, 58, 59, 6)] }),
    );
    expect(message).toMatchObject({ clientAddress: other, yourAddress: IPV4_ANY });
    expect([...message.options.keys()]).toEqual([53, 54, 1, 6]);
  });

  test("the client identifier comes back unaltered, in every answer (RFC 6842)", () => {
    const identifier: [number, Uint8Array] = [61, fromHex("ff00000001000100010a0b0c")];
    for (const message of [
      { type: "DISCOVER", options: [identifier, wishes(1)] },
      { type: "REQUEST", options: [identifier, requested(other)] },
      { type: "INFORM", source: other, options: [identifier] },
    ] as const) {
      expect(replyOf(say(message)).message.options.get(61)).toEqual(identifier[1]);
    }
  });

  test("at least 300 bytes of message (RFC 1542 §2.1)", () => {
    expect(replyOf(say({ type: "DISCOVER", options: [wishes(1)] })).datagram.payload.length).toBe(300);
  });
});

describe("options", () => {
  const optionsFor = (...codes: number[]) =>
    replyOf(say({ type: "DISCOVER", options: [wishes(...codes)] })).message.options;

  test("those that were asked for, in that order, after type, server, lease time and mask", () => {
    expect([...optionsFor(121, 6, 12, 3).keys()]).toEqual([53, 54, 51, 1, 121, 6, 12, 3]);
    expect([...optionsFor(119).keys()]).toEqual([53, 54, 51, 1, 119]);
  });

  test("asking twice, or for what there is not, changes nothing", () => {
    expect([...optionsFor(6, 6, 0, 255, 200, 52, 1, 53).keys()]).toEqual([53, 54, 51, 1, 6]);
  });

  test("property: exactly what was asked for and is there, each once, in the order of asking", () => {
    const available = [3, 6, 12, 15, 26, 42, 58, 59, 119, 121, 249];
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 300 }), (codes) => {
        const expected = [...new Set(codes)].filter((code) => available.includes(code));
        expect([...optionsFor(...codes).keys()]).toEqual([53, 54, 51, 1, ...expected]);
      }),
    );
  });

  test("all when nothing was asked for", () => {
    const { options } = replyOf(say({ type: "DISCOVER" })).message;
    expect([...options.keys()]).toEqual([53, 54, 51, 1, 3, 6, 12, 15, 26, 58, 59, 119, 121, 42]);
  });

  test("their values", () => {
    const options = optionsFor(1, 3, 6, 12, 15, 26, 42, 58, 59, 119, 121, 249);
    expect(readOption(options, DHCP4_OPTION.subnetMask)).toBe("255.255.255.0");
    expect(readOption(options, DHCP4_OPTION.routers)).toEqual(["192.0.2.1"]);
    expect(readOption(options, DHCP4_OPTION.nameServers)).toEqual(["192.0.2.53"]);
    expect(readOption(options, DHCP4_OPTION.hostName)).toBe("vm1");
    expect(readOption(options, DHCP4_OPTION.domainName)).toBe("default.svc.cluster.local");
    expect(readOption(options, DHCP4_OPTION.interfaceMtu)).toBe(1450);
    expect(readOption(options, DHCP4_OPTION.ntpServers)).toEqual(["192.0.2.53"]);
    expect(readOption(options, DHCP4_OPTION.renewalTime)).toBe(43_156_800);
    expect(readOption(options, DHCP4_OPTION.rebindingTime)).toBe(75_524_400);
    expect(readOption(options, DHCP4_OPTION.domainSearch)).toEqual(["default.svc.cluster.local", "cluster.local"]);
    expect(toHex(options.get(121)!)).toBe("18c63364c000020900c0000201");
    expect(options.get(249)).toEqual(options.get(121));
  });

  test("a value of more than 255 bytes is split and joins again (RFC 3396)", () => {
    const searchDomains = Array.from({ length: 12 }, (_, i) => `${"n".repeat(30)}${i}.example.org`);
    const machine = new SingleDhcp4Server({ ...config, lease: { ...config.lease, searchDomains } });
    const large = optionEntry(DHCP4_OPTION.maximumMessageSize, 1400);
    const reply = replyOf(say({ type: "DISCOVER", options: [wishes(119), large] }, machine));
    expect(reply.message.options.get(119)!.length).toBeGreaterThan(255);
    expect(readOption(reply.message.options, DHCP4_OPTION.domainSearch)).toEqual(searchDomains);
  });
});

describe("maximum message size (option 57)", () => {
  const options = [
    { code: 224, hex: "aa".repeat(250) },
    { code: 225, hex: "bb".repeat(600) },
    { code: 226, hex: "cc".repeat(100) },
  ];
  const machine = new SingleDhcp4Server({ ...config, lease: { ...config.lease, options } });
  const datagramFor = (size?: number) => {
    const limit = size === undefined ? [] : [optionEntry(DHCP4_OPTION.maximumMessageSize, size)];
    const output = say({ type: "DISCOVER", options: [wishes(224, 225, 226), ...limit] }, machine);
    const event = output.events.find((entry) => entry.event === "sent");
    return { bytes: readReply(output.frames[0]!).ethernet.payload.length, omitted: event?.omittedOptions };
  };

  test("576 bytes when the client says nothing, or an impossible 100 (RFC 2132 §9.10)", () => {
    for (const size of [undefined, 100]) {
      const { bytes, omitted } = datagramFor(size);
      expect(bytes).toBeLessThanOrEqual(576);
      expect(omitted).toEqual([225]);
    }
  });

  test("more when the client takes more", () => {
    const { bytes, omitted } = datagramFor(1500);
    expect(bytes).toBeGreaterThan(1000);
    expect(omitted).toEqual([]);
  });

  test("never more than one frame of the link", () => {
    const small = new SingleDhcp4Server({ ...config, lease: { ...config.lease, options, mtuBytes: 600 } });
    const large = optionEntry(DHCP4_OPTION.maximumMessageSize, 9000);
    const output = say({ type: "DISCOVER", options: [wishes(224, 225, 226), large] }, small);
    expect(readReply(output.frames[0]!).ethernet.payload.length).toBeLessThanOrEqual(600);
  });
});

describe("RELEASE and DECLINE", () => {
  test("RELEASE is reported", () => {
    const output = say({ type: "RELEASE", ...renewing, options: [chosen(server)] });
    expect(output.events).toContainEqual({ event: "released", address });
  });

  test.each<[string, Partial<ClientMessage>]>([
    ["RELEASE to another server", { type: "RELEASE", ...renewing, options: [chosen(other)] }],
    ["RELEASE of another address", { type: "RELEASE", fields: { clientAddress: other }, options: [chosen(server)] }],
    ["DECLINE to another server", { type: "DECLINE", options: [requested(address), chosen(other)] }],
    ["DECLINE of another address", { type: "DECLINE", options: [requested(other), chosen(server)] }],
  ])("%s changes nothing", (_, message) => {
    const machine = new SingleDhcp4Server(config);
    expect(reasonOf(say(message, machine))).toMatch(/another/);
    expect(typeOf(say({ type: "DISCOVER" }, machine))).toBe("OFFER");
  });

  test("a declined address is reported, held back for a moment, then offered again", () => {
    const machine = new SingleDhcp4Server(config);
    const output = say({ type: "DECLINE", options: [requested(address), chosen(server)] }, machine, 100);
    expect(output.events).toContainEqual({ event: "declined", address, holdSeconds: DECLINE_HOLD_SECONDS });
    expect(typeOf(say({ type: "DISCOVER" }, machine, 100 + DECLINE_HOLD_SECONDS - 1))).toBe("silence");
    expect(typeOf(say({ type: "DISCOVER" }, machine, 100 + DECLINE_HOLD_SECONDS))).toBe("OFFER");
  });
});

describe("ARP", () => {
  const ask = (target: Ipv4Address, sender: Ipv4Address, senderMac = clientMac, operation = 1): SingleServerOutput => {
    const payload = encodeArp({
      operation,
      senderMac,
      senderAddress: sender,
      targetMac: parseMac("00:00:00:00:00:00"),
      targetAddress: target,
    });
    const frame = encodeEthernet({ destination: MAC_BROADCAST, source: senderMac, etherType: 0x0806, payload });
    return new SingleDhcp4Server(config).handle({ frame, checksumNotReady: false }, 0);
  };

  test.each([
    ["with the client's own address", address],
    ["as a probe (RFC 5227)", IPV4_ANY],
  ])("the server address is answered, asked %s", (_, sender) => {
    const output = ask(server, sender);
    const ethernet = decodeEthernet(output.frames[0]!);
    if (ethernet instanceof Malformed) throw new Error(ethernet.reason);
    expect([ethernet.source, ethernet.destination, ethernet.etherType]).toEqual([serverMac, clientMac, 0x0806]);
    expect(decodeArp(ethernet.payload)).toEqual({
      operation: 2,
      senderMac: serverMac,
      senderAddress: server,
      targetMac: clientMac,
      targetAddress: sender,
    });
  });

  test.each([
    ["the gateway's address", ask(parseIpv4("192.0.2.1"), address)],
    ["the client's own address", ask(address, address)],
    ["a stranger", ask(server, address, parseMac("52:54:00:00:00:99"))],
    ["a reply", ask(server, address, clientMac, 2)],
  ])("silence: %s", (_, output) => {
    expect(output.frames).toEqual([]);
  });
});
