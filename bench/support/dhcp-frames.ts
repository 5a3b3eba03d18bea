/** Frames of DHCPv4 clients as templates: what differs from client to client is written into them in place. */
import { IPV4_ANY, IPV4_BROADCAST, type Ipv4Address, MAC_BROADCAST, type MacAddress } from "../../src/base/address.ts";
import { finishChecksum } from "../../src/wire/checksum.ts";
import type { Dhcp4MessageType } from "../../src/wire/dhcp4/codecs.ts";
import { encodeDhcp4, HARDWARE_ETHERNET } from "../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry } from "../../src/wire/dhcp4/option-table.ts";
import { encodeEthernet, ETHERTYPE_IPV4 } from "../../src/wire/ethernet.ts";
import { encodeIpv4, IP_PROTOCOL_UDP } from "../../src/wire/ipv4.ts";
import { encodeUdp } from "../../src/wire/udp.ts";

export interface Path {
  readonly serverAddress: Ipv4Address;
  readonly serverMac: MacAddress;
  /** The relay that all requests come through; undefined for clients on the server's own link. */
  readonly relay: { readonly address: Ipv4Address; readonly mac: MacAddress } | undefined;
}

const UDP_CHECKSUM = 40;
const MESSAGE = 42;
const TRANSACTION = MESSAGE + 4;
const CLIENT_ADDRESS = MESSAGE + 12;
const YOUR_ADDRESS = MESSAGE + 16;
const HARDWARE = MESSAGE + 28;
const OPTIONS = MESSAGE + 240;
/** Mask, routers, name servers, domain, broadcast, both times: so many that what follows is at an even place. */
const WISHES = [1, 3, 6, 15, 28, 58, 59];
const SERVER_IDENTIFIER = OPTIONS + 3 + 2 + WISHES.length + 2;
const REQUESTED = SERVER_IDENTIFIER + 4 + 2;

/** The requests of one client at a time; each is valid until it is written again. */
export class Requests {
  readonly discover: Uint8Array;
  readonly request: Uint8Array;
  readonly renewal: Uint8Array;
  readonly #isOnLink: boolean;
  /** Of the templates, which have zeros where something is written later. */
  readonly #sums: { readonly discover: number; readonly request: number; readonly renewal: number };

  constructor(path: Path) {
    this.#isOnLink = path.relay === undefined;
    this.discover = template("DISCOVER", path, false);
    this.request = template("REQUEST", path, true);
    this.renewal = template("REQUEST", path, false);
    const sum = (frame: Uint8Array): number => ~readU16(frame, UDP_CHECKSUM) & 0xffff;
    this.#sums = { discover: sum(this.discover), request: sum(this.request), renewal: sum(this.renewal) };
  }

  writeDiscover(client: number, transaction: number): Uint8Array {
    return this.#write(this.discover, client, transaction, this.#sums.discover);
  }

  /** Take what an OFFER names. */
  writeRequest(client: number, transaction: number, address: number, server: number): Uint8Array {
    const sum = this.#sums.request + writeU32(this.request, REQUESTED, address);
    return this.#write(this.request, client, transaction, sum + writeU32(this.request, SERVER_IDENTIFIER, server));
  }

  /** As in REBINDING: the address in `ciaddr`, and no server is named. */
  writeRenewal(client: number, transaction: number, address: number): Uint8Array {
    const sum = this.#sums.renewal + writeU32(this.renewal, CLIENT_ADDRESS, address);
    return this.#write(this.renewal, client, transaction, sum);
  }

  #write(frame: Uint8Array, client: number, transaction: number, sum: number): Uint8Array {
    if (this.#isOnLink) writeU32(frame, 8, client);
    const whole = sum + writeU32(frame, TRANSACTION, transaction) + writeU32(frame, HARDWARE + 2, client);
    writeU16(frame, UDP_CHECKSUM, finishChecksum(whole) || 0xffff);
    return frame;
  }
}

function template(type: Dhcp4MessageType, { relay, serverAddress, serverMac }: Path, takesOffer: boolean): Uint8Array {
  const message = encodeDhcp4({
    operation: "request",
    hardwareType: HARDWARE_ETHERNET,
    hardwareAddress: Uint8Array.of(...HARDWARE_START, 0, 0, 0, 0),
    hops: relay === undefined ? 0 : 1,
    transactionId: 0,
    elapsedSeconds: 0,
    broadcast: false,
    clientAddress: IPV4_ANY,
    yourAddress: IPV4_ANY,
    nextServerAddress: IPV4_ANY,
    relayAddress: relay?.address ?? IPV4_ANY,
    serverName: "",
    bootFile: "",
    options: new Map([
      optionEntry(DHCP4_OPTION.messageType, type),
      optionEntry(DHCP4_OPTION.parameterRequestList, WISHES),
      ...(takesOffer ? [optionEntry(DHCP4_OPTION.serverIdentifier, IPV4_ANY)] : []),
      ...(takesOffer ? [optionEntry(DHCP4_OPTION.requestedAddress, IPV4_ANY)] : []),
    ]),
  }).bytes;
  const [source, destination] = relay === undefined ? [IPV4_ANY, IPV4_BROADCAST] : [relay.address, serverAddress];
  const datagram = { sourcePort: relay === undefined ? 68 : 67, destinationPort: 67, payload: message };
  const payload = encodeUdp(datagram, { source, destination });
  return encodeEthernet({
    destination: relay === undefined ? MAC_BROADCAST : serverMac,
    source: relay?.mac ?? ("02:00:00:00:00:00" as MacAddress),
    etherType: ETHERTYPE_IPV4,
    payload: encodeIpv4({
      source,
      destination,
      protocol: IP_PROTOCOL_UDP,
      timeToLive: 64,
      dontFragment: true,
      payload,
    }),
  });
}

/** The first bytes of a client's MAC address; its number follows. */
const HARDWARE_START = [2, 0];

export const REPLY = { OFFER: 2, ACK: 5, NAK: 6 } as const;

/** What a client has to know of an answer. */
export const reply = {
  transaction: (buffer: Uint8Array, frame: number): number => readU32(buffer, frame + TRANSACTION),
  address: (buffer: Uint8Array, frame: number): number => readU32(buffer, frame + YOUR_ADDRESS),
  type: (buffer: Uint8Array, frame: number, bytes: number): number | undefined => {
    const value = optionAt(buffer, frame, bytes, DHCP4_OPTION.messageType.code);
    return value === undefined ? undefined : buffer[value];
  },
  server: (buffer: Uint8Array, frame: number, bytes: number): number => {
    const value = optionAt(buffer, frame, bytes, DHCP4_OPTION.serverIdentifier.code);
    return value === undefined ? 0 : readU32(buffer, value);
  },
};

/** Where the option's value begins. */
function optionAt(buffer: Uint8Array, frame: number, bytes: number, code: number): number | undefined {
  const end = frame + bytes;
  for (let offset = frame + OPTIONS; offset + 1 < end; ) {
    const found = buffer[offset]!;
    if (found === code) return offset + 2;
    offset += found === 0 ? 1 : 2 + buffer[offset + 1]!;
  }
  return undefined;
}

function readU16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! << 8) | bytes[offset + 1]!;
}

function readU32(bytes: Uint8Array, offset: number): number {
  return readU16(bytes, offset) * 0x10000 + readU16(bytes, offset + 2);
}

function writeU16(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 8;
  bytes[offset + 1] = value;
}

/** @returns what it adds to a checksum at an even place */
function writeU32(bytes: Uint8Array, offset: number, value: number): number {
  writeU16(bytes, offset, value >>> 16);
  writeU16(bytes, offset + 2, value & 0xffff);
  return (value >>> 16) + (value & 0xffff);
}
