/** The messages of a DHCPv6 client (RFC 8415 §18.2). */
import { type Ipv6Address, type Ipv6Prefix, type MacAddress, parseIpv6 } from "../../../base/address.ts";
import { encodeAddress, encodeAssociation, encodePrefix, NO_TIMES } from "../../../wire/dhcp6/association.ts";
import { type Dhcp6MessageType, type Dhcp6Option, encodeDhcp6 } from "../../../wire/dhcp6/message.ts";
import { DHCP6_OPTION } from "../../../wire/dhcp6/options.ts";
import { encodeClientName, encodeElapsedTime, encodeOptionRequest } from "../../../wire/dhcp6/settings.ts";

const UNSPECIFIED = parseIpv6("::");

export type ClientMessageType = Exclude<Dhcp6MessageType, "ADVERTISE" | "REPLY" | "RECONFIGURE">;

/** What is asked for; nothing of both: settings only. */
export interface Wishes6 {
  /** IA_NA */
  readonly address: boolean;
  /** IA_PD; with a length, a prefix of that many bits is wished for. */
  readonly prefix?: { readonly length?: number };
}

/** Who the client is; the same in all its messages. */
export interface ClientIdentity6 {
  readonly mac: MacAddress;
  /** Of the interface: source of all that is sent. */
  readonly linkAddress: Ipv6Address;
  /** 3 to 130 bytes. */
  readonly duid: Uint8Array;
  /** IAID of the address and of the prefix. */
  readonly identifier: number;
  readonly wishes: Wishes6;
  readonly hostName?: string;
  /** A server may give a lease at once, without an advertisement. Default no: others' leases are wasted. */
  readonly rapidCommit?: boolean;
  /** Further options to ask for, by code. */
  readonly wantedOptions?: readonly number[];
}

export interface ClientMessage {
  readonly type: ClientMessageType;
  readonly transactionId: number;
  readonly elapsedSeconds: number;
  readonly serverDuid?: Uint8Array;
  /** What is held or wished for; of a kind that is not asked for it is left out. */
  readonly addresses: readonly Ipv6Prefix[];
  readonly prefixes: readonly Ipv6Prefix[];
}

/** Messages that ask for something new: associations without a lease are in them too. */
const ASKS: ReadonlySet<ClientMessageType> = new Set(["SOLICIT", "REQUEST", "RENEW", "REBIND"]);
const TAKES_SETTINGS: ReadonlySet<ClientMessageType> = new Set([...ASKS, "INFORMATION-REQUEST"]);

/** @throws NetloomError bad-domain-name for a host name that is none */
export function encodeClientMessage(message: ClientMessage, identity: ClientIdentity6): Uint8Array {
  const { type, transactionId, elapsedSeconds, serverDuid } = message;
  const { duid, rapidCommit, hostName } = identity;
  const options: Dhcp6Option[] = [
    { code: DHCP6_OPTION.clientIdentifier, data: duid },
    ...(serverDuid === undefined ? [] : [{ code: DHCP6_OPTION.serverIdentifier, data: serverDuid }]),
    encodeElapsedTime(elapsedSeconds),
    ...associations(message, identity),
    ...(type === "SOLICIT" && rapidCommit === true ? [{ code: DHCP6_OPTION.rapidCommit, data: new Uint8Array() }] : []),
    ...(TAKES_SETTINGS.has(type) ? [encodeOptionRequest(wantedCodes(type, identity))] : []),
    ...(ASKS.has(type) && hostName !== undefined ? [encodeClientName(hostName)] : []),
  ];
  return encodeDhcp6({ type, transactionId, options });
}

function associations({ type, addresses, prefixes }: ClientMessage, identity: ClientIdentity6): readonly Dhcp6Option[] {
  const { identifier, wishes } = identity;
  if (type === "INFORMATION-REQUEST") return [];
  const asks = ASKS.has(type);
  const options: Dhcp6Option[] = [];
  if (wishes.address && (asks || addresses.length > 0)) {
    const inside = addresses.map(({ address }) => encodeAddress(address, 0, 0));
    options.push(encodeAssociation({ kind: "address", identifier }, NO_TIMES, inside));
  }
  // RFC 8415 §18.2.3: a link is confirmed by its addresses.
  if (wishes.prefix !== undefined && type !== "CONFIRM" && (asks || prefixes.length > 0)) {
    const { length } = wishes.prefix;
    const hint = length === undefined || !asks ? [] : [{ address: UNSPECIFIED, length }];
    const inside = (prefixes.length > 0 ? prefixes : hint).map((prefix) => encodePrefix(prefix, 0, 0));
    options.push(encodeAssociation({ kind: "prefix", identifier }, NO_TIMES, inside));
  }
  return options;
}

/** SOL_MAX_RT and INF_MAX_RT have to be asked for (RFC 8415 §18.2.1, §18.2.6). */
function wantedCodes(type: ClientMessageType, { wantedOptions = [], hostName }: ClientIdentity6): readonly number[] {
  const settings = [
    DHCP6_OPTION.nameServers,
    DHCP6_OPTION.searchList,
    DHCP6_OPTION.ntpServer,
    DHCP6_OPTION.sntpServers,
  ];
  const own =
    type === "INFORMATION-REQUEST"
      ? [DHCP6_OPTION.informationRefreshTime, DHCP6_OPTION.informationMaximum]
      : [DHCP6_OPTION.solicitMaximum, ...(hostName === undefined ? [] : [DHCP6_OPTION.clientName])];
  return [...new Set([...settings, ...own, ...wantedOptions])];
}
