/** What a proxyDHCP server beside a DHCP server of ours makes of another one of us that gives addresses. */
import { describe, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { PEER_CLASS, peerVendorClass } from "../../../src/protocol/pxe/peer.ts";
import { type ProxyConfig, ProxyDhcp } from "../../../src/protocol/pxe/proxy.ts";
import { DHCP4_OPTION, optionEntry } from "../../../src/wire/dhcp4/option-table.ts";
import { BOOT_MAC } from "../../support/boot-client.ts";
import { type ClientMessage, clientFrame } from "../../support/dhcp4-client.ts";
import { CONFIG } from "./world.ts";

const OWN = parseIpv4("192.0.2.100");
const LOWER = parseIpv4("192.0.2.99");
const HIGHER = parseIpv4("192.0.2.101");

function heard(vendorClass: string, message: Partial<ClientMessage> = {}, changes: Partial<ProxyConfig> = {}) {
  const options = [optionEntry(DHCP4_OPTION.vendorClass, vendorClass)];
  const frame = clientFrame({ mac: BOOT_MAC, type: "DISCOVER", options, ...message });
  return new ProxyDhcp({ ...CONFIG, address: OWN, besideOwnServer: true, ...changes }).handle(frame, false);
}

test("one with a lower address is a server to give way to", () => {
  expect(heard(peerVendorClass(LOWER))).toEqual({ frames: [], event: { event: "other-server", server: LOWER } });
});

describe("nobody is given way to", () => {
  const table: readonly [string, ...Parameters<typeof heard>][] = [
    ["with a higher address", peerVendorClass(HIGHER)],
    ["with the same address", peerVendorClass(OWN)],
    ["that says no address", PEER_CLASS.vendorClass!],
    ["whose address is none", `${PEER_CLASS.vendorClass} 192.0.2.999`],
    ["behind a relay", peerVendorClass(LOWER), { fields: { relayAddress: parseIpv4("198.51.100.1") } }],
    ["by who gives no addresses", peerVendorClass(LOWER), {}, { besideOwnServer: false }],
  ];
  test.each(table)("%s", (_, ...told) => {
    expect(heard(...told)).toEqual({ frames: [], event: { event: "ignored", reason: "not a boot client" } });
  });
});
