/** What every server's answer has in common, whoever the server is: its header and how long it may be. */
import { type Ipv4Address, IPV4_ANY } from "../../base/address.ts";
import type { Dhcp4Message } from "../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../wire/dhcp4/options.ts";

/** Bytes of IP datagram that every client and link must take (RFC 2131 §2). */
const MINIMUM_DATAGRAM_BYTES = 576;
const IP_AND_UDP_BYTES = 28;
const ETHERNET_MTU_BYTES = 1500;

/** The fields in which answers differ; an address that is absent is 0.0.0.0, a text "". */
interface ReplyFields {
  /** Default the request's. */
  readonly broadcast?: boolean;
  readonly clientAddress: Ipv4Address;
  readonly yourAddress?: Ipv4Address | undefined;
  readonly nextServerAddress?: Ipv4Address | undefined;
  readonly serverName?: string | undefined;
  readonly bootFile?: string | undefined;
  readonly options: Dhcp4Options;
}

/** The answer to a request: by the other fields its client and relay know it (RFC 2131 table 3). */
export function replyTo(request: Dhcp4Message, fields: ReplyFields): Dhcp4Message {
  return {
    operation: "reply",
    hardwareType: request.hardwareType,
    hardwareAddress: request.hardwareAddress,
    hops: 0,
    transactionId: request.transactionId,
    elapsedSeconds: 0,
    broadcast: fields.broadcast ?? request.broadcast,
    clientAddress: fields.clientAddress,
    yourAddress: fields.yourAddress ?? IPV4_ANY,
    nextServerAddress: fields.nextServerAddress ?? IPV4_ANY,
    relayAddress: request.relayAddress,
    serverName: fields.serverName ?? "",
    bootFile: fields.bootFile ?? "",
    options: fields.options,
  };
}

/** What the client takes (option 57 counts the IP datagram), but never more than one frame of the link. */
export function maximumReplyBytes({ options }: Dhcp4Message, linkMtuBytes = ETHERNET_MTU_BYTES): number {
  const accepted = readOption(options, DHCP4_OPTION.maximumMessageSize) ?? MINIMUM_DATAGRAM_BYTES;
  return Math.max(MINIMUM_DATAGRAM_BYTES, Math.min(accepted, linkMtuBytes)) - IP_AND_UDP_BYTES;
}
