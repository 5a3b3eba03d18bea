/** What a DHCPv4 client says, by table 5 of RFC 2131: which message has which fields and options. */
import { type Ipv4Address, IPV4_ANY, type MacAddress, macToBytes } from "../../../base/address.ts";
import { concatBytes } from "../../../base/bytes.ts";
import { type Dhcp4Message, encodeDhcp4, HARDWARE_ETHERNET } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";

const MINIMUM_DATAGRAM_BYTES = 576;
const ETHERNET_MTU_BYTES = 1500;

/** In the order of the client's preference: 121 stands before 3, which it replaces (RFC 3442). */
const WANTED_OPTIONS = [
  DHCP4_OPTION.subnetMask,
  DHCP4_OPTION.classlessRoutes,
  DHCP4_OPTION.routers,
  DHCP4_OPTION.nameServers,
  DHCP4_OPTION.domainName,
  DHCP4_OPTION.domainSearch,
  DHCP4_OPTION.hostName,
  DHCP4_OPTION.interfaceMtu,
  DHCP4_OPTION.broadcastAddress,
  DHCP4_OPTION.ntpServers,
  DHCP4_OPTION.leaseTime,
  DHCP4_OPTION.renewalTime,
  DHCP4_OPTION.rebindingTime,
].map(({ code }) => code);

/** Who the client is; the same in all its messages. */
export interface ClientIdentity {
  readonly mac: MacAddress;
  /** Option 61, 2 bytes at least; absent: the hardware type and address. One of RFC 4361 is 255, the IAID and the DUID. */
  readonly clientIdentifier?: Uint8Array;
  /** Option 12. */
  readonly hostName?: string;
  /** Option 80: a server may give a lease at once, without an offer (RFC 4039). Default no: others' leases are wasted. */
  readonly rapidCommit?: boolean;
  /** Option 108: this host can do without IPv4 where the network does (RFC 8925). Default no. */
  readonly ipv6OnlyOk?: boolean;
  /** Further options to ask for, by code. */
  readonly wantedOptions?: readonly number[];
  /** Of the link, 576 at least; default 1500. No message that takes more can be received. */
  readonly linkMtuBytes?: number;
}

export interface ClientRequest {
  readonly type: "DISCOVER" | "REQUEST" | "DECLINE" | "RELEASE";
  readonly transactionId: number;
  readonly elapsedSeconds: number;
  /** `ciaddr`: what the client has and can be reached by. */
  readonly clientAddress?: Ipv4Address;
  /** Option 50. */
  readonly requestedAddress?: Ipv4Address;
  /** Option 54. */
  readonly server?: Ipv4Address;
}

/** Option 61 as the client sends it. */
export function identifierBytes({ clientIdentifier, mac }: ClientIdentity): Uint8Array {
  return clientIdentifier ?? concatBytes([Uint8Array.of(HARDWARE_ETHERNET), macToBytes(mac)]);
}

/** @throws NetloomError bad-option when host name or identifier cannot be put into an option */
export function encodeRequest(request: ClientRequest, identity: ClientIdentity): Uint8Array {
  const { type, requestedAddress, server } = request;
  const options = new Map([
    optionEntry(DHCP4_OPTION.messageType, type),
    optionEntry(DHCP4_OPTION.clientIdentifier, identifierBytes(identity)),
    ...(requestedAddress === undefined ? [] : [optionEntry(DHCP4_OPTION.requestedAddress, requestedAddress)]),
    ...(server === undefined ? [] : [optionEntry(DHCP4_OPTION.serverIdentifier, server)]),
    ...(type === "DISCOVER" && identity.rapidCommit === true ? [optionEntry(DHCP4_OPTION.rapidCommit, true)] : []),
    ...(type === "DISCOVER" || type === "REQUEST" ? wishesOf(identity) : []),
  ]);
  const message: Dhcp4Message = {
    operation: "request",
    hardwareType: HARDWARE_ETHERNET,
    hardwareAddress: macToBytes(identity.mac),
    hops: 0,
    transactionId: request.transactionId,
    elapsedSeconds: Math.min(0xffff, Math.floor(request.elapsedSeconds)),
    // Frames are taken off the link below the kernel's IP stack, so a reply may be unicast to an address that nobody has yet.
    broadcast: false,
    clientAddress: request.clientAddress ?? IPV4_ANY,
    yourAddress: IPV4_ANY,
    nextServerAddress: IPV4_ANY,
    relayAddress: IPV4_ANY,
    serverName: "",
    bootFile: "",
    options,
  };
  return encodeDhcp4(message).bytes;
}

/** What DECLINE and RELEASE must not carry (RFC 2131 table 5). */
function wishesOf(identity: ClientIdentity): (readonly [number, Uint8Array])[] {
  const { hostName, wantedOptions = [], linkMtuBytes = ETHERNET_MTU_BYTES } = identity;
  const further = [...wantedOptions, ...(identity.ipv6OnlyOk === true ? [DHCP4_OPTION.ipv6OnlyPreferred.code] : [])];
  const datagramBytes = Math.max(MINIMUM_DATAGRAM_BYTES, Math.min(linkMtuBytes, ETHERNET_MTU_BYTES));
  return [
    optionEntry(DHCP4_OPTION.parameterRequestList, [...new Set([...WANTED_OPTIONS, ...further])]),
    optionEntry(DHCP4_OPTION.maximumMessageSize, datagramBytes),
    ...(hostName === undefined ? [] : [optionEntry(DHCP4_OPTION.hostName, hostName)]),
  ];
}
