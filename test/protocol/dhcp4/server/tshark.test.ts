import { expect, test } from "vitest";
import { type Ipv4Address, parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { fromHex } from "../../../../src/base/bytes.ts";
import type { Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import { DHCP4_OPTION, optionEntry } from "../../../../src/wire/dhcp4/option-table.ts";
import type { ClientMessage } from "../../../support/dhcp4-client.ts";
import { tsharkFields, tsharkFindings } from "../../../support/tshark.ts";
import { chosen, CLIENT_MAC, CONFIG, renewing, requested, say, SERVER, start } from "./world.ts";

const config: Partial<Dhcp4ServerConfig> = {
  hosts: [
    {
      identity: { mac: CLIENT_MAC },
      name: "web",
      address: parseIpv4("192.0.2.99"),
      nextServer: parseIpv4("192.0.2.2"),
      serverName: "boot",
      bootFile: "ipxe.efi",
    },
  ],
  options: new Map([...CONFIG.options, optionEntry(DHCP4_OPTION.domainName, "example.org")]),
  updatesNames: true,
};
const named: readonly [number, Uint8Array] = [81, fromHex("05000003766d31")];
const told = [optionEntry(DHCP4_OPTION.parameterRequestList, [1, 3, 6, 12, 15]), named];
const relay = { frameSource: parseMac("52:54:00:00:00:99"), destination: SERVER } as const;

function frames(changes: Partial<Dhcp4ServerConfig>, messages: readonly Partial<ClientMessage>[]): Uint8Array[] {
  const server = start({ ...config, ...changes });
  return messages.flatMap((message) => say(server, message).frames);
}

const sent = [
  ...frames({}, [
    { type: "DISCOVER", options: told },
    { type: "REQUEST", options: [...told, requested("192.0.2.99"), chosen(SERVER)] },
    {},
    { type: "REQUEST", ...renewing("192.0.2.10") },
    { type: "INFORM", ...renewing("192.0.2.77") },
    {
      type: "DISCOVER",
      ...relay,
      fields: { relayAddress: "192.0.2.200" as Ipv4Address },
      options: [[82, fromHex("0101aa")]],
    },
  ]),
  ...frames({ probe: {} }, [{ type: "DISCOVER" }]),
  ...frames({ probe: {} }, [{ type: "DISCOVER", ...relay, fields: { relayAddress: "192.0.2.200" as Ipv4Address } }]),
];

test("tshark finds nothing wrong with what the server of a subnet sends", () => {
  expect(sent).toHaveLength(8);
  // The last one is an echo request, of which tshark says that nobody answered it.
  expect(tsharkFindings(sent.slice(0, -1))).toEqual([]);
});

test("and it reads what was meant", () => {
  const [offer, , bootp, , , , arp, echo] = tsharkFields(sent, [
    "dhcp.option.dhcp",
    "dhcp.ip.your",
    "dhcp.ip.server",
    "dhcp.server",
    "dhcp.file",
    "dhcp.fqdn.s",
    "dhcp.fqdn.name",
    "arp.dst.proto_ipv4",
    "icmp.type",
    "icmp.checksum.status",
  ]);
  expect(offer).toMatchObject({
    "dhcp.option.dhcp": "2",
    "dhcp.ip.your": "192.0.2.99",
    "dhcp.ip.server": "192.0.2.2",
    "dhcp.server": "boot",
    "dhcp.file": "ipxe.efi",
    "dhcp.fqdn.s": "1",
    "dhcp.fqdn.name": "web.example.org",
  });
  expect(bootp).toMatchObject({ "dhcp.option.dhcp": "", "dhcp.ip.your": "192.0.2.99" });
  expect(arp).toMatchObject({ "arp.dst.proto_ipv4": "192.0.2.99" });
  expect(echo).toMatchObject({ "icmp.type": "8", "icmp.checksum.status": "1" });
});
