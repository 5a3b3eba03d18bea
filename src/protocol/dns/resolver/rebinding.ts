/**
 * Protection against rebinding: a page from outside whose name suddenly has an address of the inside could make a
 * browser talk to what is there. Such answers are emptied.
 */
import { contains, type IpAddress, ipFromBytes, parsePrefix, type Prefix } from "../../../base/address.ts";
import type { DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";
import { canonicalName, isWithin } from "./names.ts";

const INSIDE: readonly Prefix[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "255.255.255.255/32",
  "::/127",
  "fc00::/7",
  "fe80::/10",
  "fec0::/10",
].map(parsePrefix);

/** Of the IPv4 ones. */
const FIRST_BYTES: ReadonlySet<number> = new Set([0, 10, 100, 127, 169, 172, 192, 255]);

/** The last four bytes are an IPv4 address: mapped, compatible, through NAT64 (RFC 6052). */
const AROUND_IPV4: readonly Prefix[] = ["::ffff:0:0/96", "::/96", "64:ff9b::/96"].map(parsePrefix);

/** SvcParamKeys of addresses (RFC 9460 §7.3), and the length of one address. */
const HINT_BYTES: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [6, 16],
]);

const LEAST_SECONDS = 5;

/** Whether a name may have addresses of the inside. */
export function isRebindingAllowed(name: string, allowed: readonly string[] | undefined): boolean {
  return allowed === undefined || allowed.some((domain) => isWithin(name, canonicalName(domain)));
}

export function leadsInside(records: readonly DnsRecord[]): boolean {
  return records.some((record) => addressesOf(record).some(isInside));
}

/** How long an emptied answer holds: as long as the answer would, but who tells a TTL of 0 does not have us ask each time. */
export function emptiedSeconds(records: readonly DnsRecord[]): number {
  return Math.max(LEAST_SECONDS, Math.min(...records.map(({ ttlSeconds }) => ttlSeconds)));
}

function isInside(bytes: Uint8Array): boolean {
  // Most addresses are seen to be none at a glance.
  if (bytes.length === 4 && !FIRST_BYTES.has(bytes[0]!)) return false;
  const address: IpAddress = ipFromBytes(bytes);
  if (INSIDE.some((prefix) => contains(prefix, address))) return true;
  return bytes.length === 16 && AROUND_IPV4.some((prefix) => contains(prefix, address)) && isInside(bytes.slice(12));
}

function addressesOf({ type, data }: DnsRecord): Uint8Array[] {
  if (type === DNS_TYPE.A) return data.length === 4 ? [data] : [];
  if (type === DNS_TYPE.AAAA) return data.length === 16 ? [data] : [];
  return type === DNS_TYPE.SVCB || type === DNS_TYPE.HTTPS ? hintsOf(data) : [];
}

/** Addresses in the parameters of a service (RFC 9460 §2.2): priority, a name, then key, length, value. */
function hintsOf(data: Uint8Array): Uint8Array[] {
  const hints: Uint8Array[] = [];
  let position = 2;
  while ((data[position] ?? 0) !== 0) position += 1 + data[position]!;
  position++;
  while (position + 4 <= data.length) {
    const size = HINT_BYTES.get((data[position]! << 8) | data[position + 1]!);
    const end = position + 4 + ((data[position + 2]! << 8) | data[position + 3]!);
    if (size !== undefined)
      for (let at = position + 4; at + size <= Math.min(end, data.length); at += size)
        hints.push(data.slice(at, at + size));
    position = end;
  }
  return hints;
}
