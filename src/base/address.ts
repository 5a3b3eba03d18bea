/**
 * Addresses as canonical text. A branded string is comparable, serialisable and readable; the bytes are
 * made where a packet or a netlink attribute needs them. IPv6 text follows RFC 5952.
 */
import { NetloomError } from "./errors.ts";

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Dotted quad, no leading zeros: "192.0.2.1". */
export type Ipv4Address = Branded<"Ipv4Address">;
/** RFC 5952 text: "2001:db8::1". */
export type Ipv6Address = Branded<"Ipv6Address">;
export type IpAddress = Ipv4Address | Ipv6Address;
/** Lower-case, colon separated: "52:54:00:00:00:10". */
export type MacAddress = Branded<"MacAddress">;

/** An address with the length of its prefix; host bits may be set (an interface's address) or not (a subnet). */
export interface Prefix<A extends IpAddress = IpAddress> {
  readonly address: A;
  /** 0 to 32 (IPv4) or 0 to 128 (IPv6). */
  readonly length: number;
}
export type Ipv4Prefix = Prefix<Ipv4Address>;
export type Ipv6Prefix = Prefix<Ipv6Address>;

/** The address family, spelled as `ip -4` and `ip -6` spell it. */
export type Family = 4 | 6;

export const IPV4_ANY = "0.0.0.0" as Ipv4Address;
export const IPV4_BROADCAST = "255.255.255.255" as Ipv4Address;
export const MAC_BROADCAST = "ff:ff:ff:ff:ff:ff" as MacAddress;

function bad(what: string, text: string, right: string): NetloomError {
  return new NetloomError("bad-address", `${what} ${JSON.stringify(text)}: not ${right}`);
}

/** Parse a dotted quad. Leading zeros are refused: some programs read them as octal. @throws NetloomError bad-address */
export function parseIpv4(text: string): Ipv4Address {
  const bytes = ipv4Bytes(text);
  if (bytes === undefined) throw bad("IPv4 address", text, "four numbers from 0 to 255 such as 192.0.2.1");
  return text as Ipv4Address;
}

function ipv4Bytes(text: string): number[] | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (match === null) return undefined;
  const bytes = match.slice(1).map(Number);
  if (bytes.some((byte, i) => byte > 255 || String(byte) !== match[i + 1])) return undefined;
  return bytes;
}

/** Parse IPv6 text (RFC 4291 §2.2, embedded IPv4 allowed, no zone) to its canonical form. @throws NetloomError bad-address */
export function parseIpv6(text: string): Ipv6Address {
  const groups = ipv6Groups(text);
  if (groups === undefined) throw bad("IPv6 address", text, "an address such as 2001:db8::1");
  return formatIpv6Groups(groups);
}

/** The eight groups; undefined for text that is no address. */
function ipv6Groups(text: string): number[] | undefined {
  const groups: number[] = [];
  let gap = -1;
  let position = 0;
  if (text.startsWith("::")) {
    gap = 0;
    position = 2;
  }
  while (position < text.length) {
    if (groups.length === 8) return undefined;
    const end = endOfGroup(text, position);
    if (text[end] === ".") {
      const quad = ipv4Bytes(text.slice(position));
      if (quad === undefined || groups.length > 6) return undefined;
      groups.push((quad[0]! << 8) | quad[1]!, (quad[2]! << 8) | quad[3]!);
      break;
    }
    if (end === position || end > position + 4) return undefined;
    groups.push(Number.parseInt(text.slice(position, end), 16));
    if (end === text.length) break;
    if (text[end] !== ":" || end + 1 === text.length) return undefined;
    position = end + 1;
    if (text[position] !== ":") continue;
    if (gap >= 0) return undefined;
    gap = groups.length;
    position++;
  }
  if (gap < 0) return groups.length === 8 ? groups : undefined;
  if (groups.length > 7) return undefined;
  groups.splice(gap, 0, ...new Array<number>(8 - groups.length).fill(0));
  return groups;
}

function endOfGroup(text: string, start: number): number {
  let end = start;
  while (end < text.length && isHexadecimal(text.charCodeAt(end))) end++;
  return end;
}

function isHexadecimal(code: number): boolean {
  // 0 to 9; A to F and a to f.
  return (code >= 48 && code <= 57) || ((code | 32) >= 97 && (code | 32) <= 102);
}

function formatIpv6Groups(groups: readonly number[]): Ipv6Address {
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let run = 0;
    while (i + run < 8 && groups[i + run] === 0) run++;
    if (run > length) [start, length] = [i, run];
  }
  const hex = groups.map((group) => group.toString(16));
  if (start < 0) return hex.join(":") as Ipv6Address;
  return `${hex.slice(0, start).join(":")}::${hex.slice(start + length).join(":")}` as Ipv6Address;
}

/** Parse an address of either family. @throws NetloomError bad-address */
export function parseIp(text: string): IpAddress {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

export function familyOf(address: IpAddress): Family {
  return address.includes(":") ? 6 : 4;
}

/** 4 or 16 bytes in network order. */
export function ipToBytes(address: IpAddress): Uint8Array {
  if (familyOf(address) === 4) {
    const value = ipv4ToNumber(address as Ipv4Address);
    return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
  }
  const bytes = new Uint8Array(16);
  ipv6Groups(address)!.forEach((group, i) => {
    bytes[2 * i] = group >>> 8;
    bytes[2 * i + 1] = group;
  });
  return bytes;
}

/** The address in 4 or 16 bytes. @throws NetloomError bad-address for another length */
export function ipFromBytes(bytes: Uint8Array): IpAddress {
  if (bytes.length === 4)
    return ipv4FromNumber(((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0);
  if (bytes.length !== 16) throw new NetloomError("bad-address", `address of ${bytes.length} bytes: not 4 or 16`);
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((bytes[i]! << 8) | bytes[i + 1]!);
  return formatIpv6Groups(groups);
}

/** The address as a number: its bits in network order. */
export function ipToBigint(address: IpAddress): bigint {
  return ipToBytes(address).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

/** The address of a family with these bits. @throws RangeError for a number that has no place in it */
export function ipFromBigint(value: bigint, family: Family): IpAddress {
  const bits = family === 4 ? 32 : 128;
  if (value < 0n || value >> BigInt(bits) !== 0n) throw new RangeError(`${value} is no IPv${family} address`);
  const length = bits / 8;
  return ipFromBytes(Uint8Array.from({ length }, (_, i) => Number((value >> BigInt(bits - 8 - 8 * i)) & 0xffn)));
}

/** Unsigned 32-bit number in host order. */
export function ipv4ToNumber(address: Ipv4Address): number {
  let value = 0;
  let octet = 0;
  for (let i = 0; i < address.length; i++) {
    const code = address.charCodeAt(i);
    if (code === 46) {
      value = value * 256 + octet;
      octet = 0;
    } else octet = octet * 10 + code - 48;
  }
  return value * 256 + octet;
}

/** Text that was made lately: a server meets few addresses, or each of them several times in a short while. */
const RECENT = 1024;
const recentIpv4 = new Array<Ipv4Address>(RECENT).fill(IPV4_ANY);
const recentIpv4Numbers = new Uint32Array(RECENT);

/** From an unsigned 32-bit number in host order. */
export function ipv4FromNumber(value: number): Ipv4Address {
  const place = value & (RECENT - 1);
  if (recentIpv4Numbers[place] === value) return recentIpv4[place]!;
  const text = `${(value >>> 24) & 255}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}` as Ipv4Address;
  recentIpv4[place] = text;
  recentIpv4Numbers[place] = value;
  return text;
}

/** Parse "52:54:00:12:34:56" (also with "-" or upper case). @throws NetloomError bad-address */
export function parseMac(text: string): MacAddress {
  if (!/^[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}$/.test(text)) {
    throw bad("MAC address", text, "six hexadecimal bytes such as 52:54:00:12:34:56");
  }
  return text.toLowerCase().replaceAll("-", ":") as MacAddress;
}

/** 6 bytes, written at `offset` of `bytes` where these are given. */
export function macToBytes(mac: MacAddress, bytes: Uint8Array = new Uint8Array(6), offset = 0): Uint8Array {
  for (let i = 0; i < 6; i++)
    bytes[offset + i] = hexDigit(mac.charCodeAt(3 * i)) * 16 + hexDigit(mac.charCodeAt(3 * i + 1));
  return bytes;
}

/** Of a lower-case digit's code. */
function hexDigit(code: number): number {
  return code < 97 ? code - 48 : code - 87;
}

const recentMacs = new Array<MacAddress>(RECENT).fill("00:00:00:00:00:00" as MacAddress);
/** Of each the upper two bytes and the lower four. */
const recentMacNumbers = new Uint32Array(2 * RECENT);
const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** @throws NetloomError bad-address unless 6 bytes are given */
export function macFromBytes(bytes: Uint8Array): MacAddress {
  if (bytes.length !== 6) throw new NetloomError("bad-address", `MAC address of ${bytes.length} bytes: not 6`);
  const upper = (bytes[0]! << 8) | bytes[1]!;
  const lower = ((bytes[2]! << 24) | (bytes[3]! << 16) | (bytes[4]! << 8) | bytes[5]!) >>> 0;
  const place = lower & (RECENT - 1);
  if (recentMacNumbers[2 * place] === upper && recentMacNumbers[2 * place + 1] === lower) return recentMacs[place]!;
  const pair = (i: number): string => HEX_BYTES[bytes[i]!]!;
  const text = `${pair(0)}:${pair(1)}:${pair(2)}:${pair(3)}:${pair(4)}:${pair(5)}` as MacAddress;
  recentMacs[place] = text;
  recentMacNumbers[2 * place] = upper;
  recentMacNumbers[2 * place + 1] = lower;
  return text;
}

/** Parse "192.0.2.1/24" or "2001:db8::1/64"; a bare address is a host prefix (/32, /128). @throws NetloomError bad-address */
export function parsePrefix(text: string): Prefix {
  const slash = text.indexOf("/");
  if (slash < 0) {
    const address = parseIp(text);
    return { address, length: familyOf(address) === 4 ? 32 : 128 };
  }
  const address = parseIp(text.slice(0, slash));
  const lengthText = text.slice(slash + 1);
  const limit = familyOf(address) === 4 ? 32 : 128;
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > limit) {
    throw bad("prefix", text, `an address and a length from 0 to ${limit} such as 192.0.2.0/24`);
  }
  return { address, length: Number(lengthText) };
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

/** The prefix with its host bits cleared. */
export function networkOf<A extends IpAddress>(prefix: Prefix<A>): Prefix<A> {
  const bytes = ipToBytes(prefix.address);
  for (let i = 0; i < bytes.length; i++) {
    const kept = Math.min(8, Math.max(0, prefix.length - 8 * i));
    bytes[i] = bytes[i]! & (0xff00 >>> kept) & 0xff;
  }
  return { address: ipFromBytes(bytes) as A, length: prefix.length };
}

/** Whether the address is of the prefix's family and inside it. */
export function contains(prefix: Prefix, address: IpAddress): boolean {
  if (familyOf(prefix.address) !== familyOf(address)) return false;
  if (familyOf(address) === 4) {
    const difference = ipv4ToNumber(prefix.address as Ipv4Address) ^ ipv4ToNumber(address as Ipv4Address);
    return prefix.length === 0 || difference >>> (32 - prefix.length) === 0;
  }
  return networkOf({ address, length: prefix.length }).address === networkOf(prefix).address;
}

/** Whether two prefixes of one family share an address. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return a.length <= b.length ? contains(a, b.address) : contains(b, a.address);
}

/** The netmask of an IPv4 prefix length, 0 to 32. */
export function netmaskOf(length: number): Ipv4Address {
  return ipv4FromNumber(length === 0 ? 0 : (0xffffffff << (32 - length)) >>> 0);
}

/** The directed broadcast address of an IPv4 prefix. */
export function broadcastOf(prefix: Ipv4Prefix): Ipv4Address {
  return ipv4FromNumber((ipv4ToNumber(prefix.address) | (~ipv4ToNumber(netmaskOf(prefix.length)) >>> 0)) >>> 0);
}

/** fe80::/10, the addresses of one link (RFC 4291 §2.5.6). */
export function isLinkLocal6(address: IpAddress): boolean {
  return /^fe[89ab][0-9a-f]:/.test(address);
}
