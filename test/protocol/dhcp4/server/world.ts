/** A server of 192.0.2.0/24 and what clients say to it. */
import {
  type Ipv4Address,
  type Ipv4Prefix,
  macFromBytes,
  parseIpv4,
  parseMac,
  parsePrefix,
} from "../../../../src/base/address.ts";
import type { Dhcp4Host, Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import { Dhcp4Server, type Dhcp4ServerOutput } from "../../../../src/protocol/dhcp4/server/server.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { type ClientMessage, clientFrame, readReply, type ServerReply } from "../../../support/dhcp4-client.ts";

export const SERVER = parseIpv4("192.0.2.1");
export const SERVER_MAC = parseMac("02:00:00:00:00:fe");
export const CLIENT_MAC = parseMac("52:54:00:00:00:17");

export const range = (first: string, last: string) => ({ first: parseIpv4(first), last: parseIpv4(last) });

export const CONFIG: Dhcp4ServerConfig = {
  serverAddress: SERVER,
  serverMac: SERVER_MAC,
  subnet: parsePrefix("192.0.2.0/24") as Ipv4Prefix,
  ranges: [range("192.0.2.10", "192.0.2.19")],
  leaseSeconds: { default: 3600, minimum: 600, maximum: 7200 },
  options: new Map([
    optionEntry(DHCP4_OPTION.routers, [parseIpv4("192.0.2.12")]),
    optionEntry(DHCP4_OPTION.nameServers, [parseIpv4("192.0.2.53")]),
  ]),
  authoritative: true,
  rapidCommit: false,
};

/** Of the clients of {@link RICH}. */
export const macOf = (client: number) => macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, client));
const host = (address: string, identity: Dhcp4Host["identity"]): Dhcp4Host => ({
  address: parseIpv4(address),
  identity,
});
/** What a relay calls the port of a host. */
export const PORT = Uint8Array.of(1, 2, 3, 4);

/** The same addresses as in CONFIG, and some more, with most of what a configuration can say about them. */
export const RICH: Dhcp4ServerConfig = {
  ...CONFIG,
  ranges: [range("192.0.2.10", "192.0.2.13"), range("192.0.2.17", "192.0.2.18")],
  furtherSubnets: [
    { subnet: parsePrefix("198.51.100.0/24") as Ipv4Prefix, ranges: [range("198.51.100.10", "198.51.100.11")] },
  ],
  classes: [{ name: "boot", vendorClass: "boot", range: range("192.0.2.14", "192.0.2.15") }],
  hosts: [
    host("192.0.2.11", { mac: macOf(0) }),
    host("192.0.2.16", { mac: macOf(1) }),
    host("192.0.2.13", { clientIdentifier: Uint8Array.of(0, 2) }),
    host("192.0.2.19", { circuitId: PORT }),
  ],
  limits: { offers: 3, declined: 4, declinedPerClient: 2 },
  probe: { atOnce: 2 },
};
export const requested = (address: string) => optionEntry(DHCP4_OPTION.requestedAddress, address as Ipv4Address);
export const chosen = (address: string) => optionEntry(DHCP4_OPTION.serverIdentifier, address as Ipv4Address);
export const renewing = (address: string) =>
  ({ fields: { clientAddress: parseIpv4(address) }, source: parseIpv4(address), destination: SERVER }) as const;
export const rebinding = (address: string) =>
  ({ fields: { clientAddress: parseIpv4(address) }, source: parseIpv4(address) }) as const;

export function start(changes: Partial<Dhcp4ServerConfig> = {}, now = 0): Dhcp4Server {
  return new Dhcp4Server({ ...CONFIG, ...changes }, now);
}

export function say(server: Dhcp4Server, client: Partial<ClientMessage>, now = 0): Dhcp4ServerOutput {
  return server.handle({ frame: clientFrame({ mac: CLIENT_MAC, ...client }), checksumNotReady: false }, now);
}

export function replyOf(output: Dhcp4ServerOutput): ServerReply {
  if (output.frames.length !== 1) throw new Error(`${output.frames.length} frames: ${JSON.stringify(output.events)}`);
  return readReply(output.frames[0]!);
}

/** "OFFER 192.0.2.10", "NAK", "ACK 192.0.2.10", "ACK" to INFORM, or why there is silence. */
export function told(output: Dhcp4ServerOutput): string {
  if (output.frames.length === 0) {
    const last = output.events.at(-1);
    return last?.event === "ignored" ? last.reason : (last?.event ?? "nothing");
  }
  const { message } = replyOf(output);
  const type = readOption(message.options, DHCP4_OPTION.messageType) ?? "?";
  return message.yourAddress === "0.0.0.0" ? type : `${type} ${message.yourAddress}`;
}

/** DISCOVER and REQUEST. @returns the address */
export function obtain(server: Dhcp4Server, client: Partial<ClientMessage>, now = 0): string {
  const offer = replyOf(say(server, { ...client, type: "DISCOVER" }, now)).message;
  const options = [...(client.options ?? []), requested(offer.yourAddress), chosen(SERVER)];
  const answer = told(say(server, { ...client, type: "REQUEST", options }, now));
  if (answer !== `ACK ${offer.yourAddress}`) throw new Error(`offered ${offer.yourAddress}, then ${answer}`);
  return offer.yourAddress;
}
