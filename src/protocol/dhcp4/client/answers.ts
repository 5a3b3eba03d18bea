/** What a frame means to a DHCPv4 client: an answer to what it asked, or somebody who has its address. */
import { type Ipv4Address, IPV4_ANY, type MacAddress, macToBytes } from "../../../base/address.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { decodeArp } from "../../../wire/arp.ts";
import { type Dhcp4Message, HARDWARE_ETHERNET } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import type { EthernetFrame } from "../../../wire/ethernet.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { type ClientIdentity, identifierBytes } from "./messages.ts";

/** Why a message is not an answer to this client; undefined: it is one. */
export function notForUs(message: Dhcp4Message, transactionId: number, identity: ClientIdentity): string | undefined {
  if (message.operation !== "reply") return "a message of another client";
  if (message.transactionId !== transactionId) return "another transaction";
  if (message.hardwareType !== HARDWARE_ETHERNET || !equalBytes(message.hardwareAddress, macToBytes(identity.mac)))
    return "another client's hardware address";
  const identifier = message.options.get(DHCP4_OPTION.clientIdentifier.code);
  // RFC 6842 §3: one that comes back must be ours.
  if (identifier !== undefined && !equalBytes(identifier, identifierBytes(identity)))
    return "another client's identifier";
  return undefined;
}

/** RFC 5227 §2.1.1: who else uses the address, or probes for it at the same time; malformed: nobody. */
export function rivalFor(address: Ipv4Address, mac: MacAddress, frame: EthernetFrame): MacAddress | Malformed {
  const packet = decodeArp(frame.payload);
  if (packet instanceof Malformed) return packet;
  const probing = packet.senderAddress === IPV4_ANY && packet.targetAddress === address;
  if (packet.senderAddress !== address && !probing) return new Malformed("ARP for another address");
  return packet.senderMac === mac ? new Malformed("our own ARP") : packet.senderMac;
}
