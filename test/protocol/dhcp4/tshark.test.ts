import { describe, expect, test } from "vitest";
import { type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { SingleDhcp4Server, type SingleServerConfig } from "../../../src/protocol/dhcp4/single-server.ts";
import { encodeArp } from "../../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry } from "../../../src/wire/dhcp4/option-table.ts";
import { encodeEthernet } from "../../../src/wire/ethernet.ts";
import { type ClientMessage, clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const server = parseIpv4("169.254.75.10");
const config: SingleServerConfig = {
  clientMac: mac,
  serverAddress: server,
  serverMac: parseMac("02:00:00:00:00:fe"),
  lease: {
    address,
    prefixLength: 32,
    router: parseIpv4("169.254.1.1"),
    routes: [{ destination: parsePrefix("198.51.100.0/25") as Ipv4Prefix, gateway: parseIpv4("169.254.1.1") }],
    broadcast: parseIpv4("192.0.2.255"),
    nameServers: [parseIpv4("192.0.2.53"), parseIpv4("192.0.2.54")],
    searchDomains: ["default.svc.cluster.local", "svc.cluster.local", "cluster.local"],
    domainName: "default.svc.cluster.local",
    hostName: "vm1",
    mtuBytes: 1450,
    leaseSeconds: 86_313_600,
    options: [
      { code: 42, hex: "c0000235" },
      { code: 66, hex: "626f6f742e6578616d706c652e6f7267" },
      { code: 67, hex: "7078656c696e75782e30" },
    ],
  },
};

const ALL = [1, 3, 6, 12, 15, 26, 28, 42, 51, 54, 58, 59, 66, 67, 119, 121, 249];
const wishes = optionEntry(DHCP4_OPTION.parameterRequestList, ALL);
const large = optionEntry(DHCP4_OPTION.maximumMessageSize, 1500);
const identifier: [number, Uint8Array] = [61, Uint8Array.of(1, 0x52, 0x54, 0, 0, 0, 0x17)];

function answers(lease: Partial<SingleServerConfig["lease"]>, ...messages: Partial<ClientMessage>[]): Uint8Array[] {
  const machine = new SingleDhcp4Server({ ...config, lease: { ...config.lease, ...lease } });
  return messages.flatMap((message) => {
    const output = machine.handle({ frame: clientFrame({ mac, ...message }), checksumNotReady: false }, 0);
    expect(output.frames).toHaveLength(1);
    return output.frames;
  });
}

const renewal = { type: "REQUEST", fields: { clientAddress: address }, source: address, destination: server } as const;
const longSearch = Array.from({ length: 12 }, (_, i) => `${"n".repeat(30)}${i}.example.org`);

const sent: Uint8Array[] = [
  ...answers(
    {},
    { type: "DISCOVER", options: [wishes, large, identifier] },
    { type: "DISCOVER", fields: { broadcast: true } },
    { type: "REQUEST", options: [optionEntry(DHCP4_OPTION.requestedAddress, address), wishes] },
    { ...renewal, options: [wishes] },
    { type: "REQUEST", options: [optionEntry(DHCP4_OPTION.requestedAddress, parseIpv4("192.0.2.99")), identifier] },
    { type: "INFORM", source: address, fields: { clientAddress: address }, options: [wishes] },
  ),
  // 576 bytes: part of the options goes into `file` and `sname`.
  ...answers({ searchDomains: longSearch.slice(0, 6) }, { type: "DISCOVER", options: [wishes, identifier] }),
  ...answers({ searchDomains: longSearch }, { type: "DISCOVER", options: [wishes, large] }),
];

describe("what the server sends, as tshark sees it", () => {
  test("nothing is malformed, no warning, every checksum right", () => {
    const arp = encodeArp({
      operation: 1,
      senderMac: mac,
      senderAddress: address,
      targetMac: parseMac("00:00:00:00:00:00"),
      targetAddress: server,
    });
    const frame = encodeEthernet({
      destination: parseMac("ff:ff:ff:ff:ff:ff"),
      source: mac,
      etherType: 0x0806,
      payload: arp,
    });
    const answered = new SingleDhcp4Server(config).handle({ frame, checksumNotReady: false }, 0).frames;
    expect(answered).toHaveLength(1);
    expect(tsharkFindings([...sent, frame, ...answered])).toEqual([]);
  });

  test("the oracle does object to a broken frame", () => {
    const broken = sent[0]!.slice();
    broken[broken.length - 20]! ^= 1;
    expect(tsharkFindings([broken])).toHaveLength(1);
  });

  test("tshark reads the values that were meant", () => {
    const [offer] = tsharkFields(sent.slice(0, 1), [
      "dhcp.option.dhcp",
      "dhcp.ip.your",
      "dhcp.option.subnet_mask",
      "dhcp.option.router",
      "dhcp.option.domain_name_server",
      "dhcp.option.hostname",
      "dhcp.option.domain_name",
      "dhcp.option.interface_mtu",
      "dhcp.option.dhcp_server_id",
      "dhcp.option.ip_address_lease_time",
      "dhcp.option.ntp_server",
      "dhcp.option.tftp_server_name",
      "dhcp.option.bootfile_name",
    ]);
    expect(offer).toEqual({
      "dhcp.option.dhcp": "2",
      "dhcp.ip.your": "192.0.2.17",
      "dhcp.option.subnet_mask": "255.255.255.255",
      "dhcp.option.router": "169.254.1.1",
      "dhcp.option.domain_name_server": "192.0.2.53,192.0.2.54",
      "dhcp.option.hostname": "vm1",
      "dhcp.option.domain_name": "default.svc.cluster.local",
      "dhcp.option.interface_mtu": "1450",
      "dhcp.option.dhcp_server_id": "169.254.75.10",
      "dhcp.option.ip_address_lease_time": "86313600",
      "dhcp.option.ntp_server": "192.0.2.53",
      "dhcp.option.tftp_server_name": "boot.example.org",
      "dhcp.option.bootfile_name": "pxelinux.0",
    });
    const [search] = tsharkFields(sent.slice(0, 1), ["dhcp.option.dhcp_dns_domain_search_list_fqdn"]);
    expect(search!["dhcp.option.dhcp_dns_domain_search_list_fqdn"]).toBe(
      "default.svc.cluster.local,svc.cluster.local,cluster.local",
    );
  });
});

describe("what tshark does not notice", () => {
  const codesOf = (area: Uint8Array): number[] => {
    const codes: number[] = [];
    let offset = 0;
    while (area[offset] !== 255) {
      codes.push(area[offset]!);
      offset += 2 + area[offset + 1]!;
    }
    expect(area.subarray(offset + 1).every((byte) => byte === 0)).toBe(true);
    return codes;
  };

  test("every message has one type and one server identifier, nothing twice, and only padding after END", () => {
    for (const frame of sent) {
      const bytes = readReply(frame).datagram.payload;
      const codes = codesOf(bytes.subarray(240));
      const overload = codes.includes(52) ? bytes[240 + offsetOf(bytes.subarray(240), 52) + 2]! : 0;
      if (overload & 1) codes.push(...codesOf(bytes.subarray(108, 236)));
      if (overload & 2) codes.push(...codesOf(bytes.subarray(44, 108)));
      expect(codes.slice(0, 2)).toEqual([53, 54]);
      // An option of more than 255 bytes is the only one that may stand twice (RFC 3396).
      const twice = codes.filter((code, i) => codes.indexOf(code) !== i);
      expect(twice.filter((code) => code !== 119)).toEqual([]);
    }
  });

  test("the message in 576 bytes used overload, and the long search list two parts", () => {
    expect(codesOf(readReply(sent.at(-2)!).datagram.payload.subarray(240))).toContain(52);
    expect(codesOf(readReply(sent.at(-1)!).datagram.payload.subarray(240)).filter((code) => code === 119)).toHaveLength(
      2,
    );
  });
});

function offsetOf(area: Uint8Array, code: number): number {
  let offset = 0;
  while (area[offset] !== code) offset += 2 + area[offset + 1]!;
  return offset;
}
