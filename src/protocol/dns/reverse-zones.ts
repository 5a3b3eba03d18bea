/** The zones in which the names of a subnet's addresses stand (RFC 1035 §3.5, RFC 3596 §2.5). */
import { familyOf, ipToBytes, type Prefix } from "../../base/address.ts";

/**
 * As few as hold all addresses of the subnet and none besides: one where its length ends at a label, up to 128 for an
 * IPv4 subnet and 8 for an IPv6 one where it does not. Small letters, no final dot.
 */
export function reverseZonesOf({ address, length }: Prefix): readonly string[] {
  const isIpv4 = familyOf(address) === 4;
  const [bits, radix, suffix] = isIpv4 ? ([8, 10, "in-addr.arpa"] as const) : ([4, 16, "ip6.arpa"] as const);
  const bytes = ipToBytes(address);
  const values = isIpv4 ? [...bytes] : [...bytes].flatMap((byte) => [byte >>> 4, byte & 15]);
  const whole = Math.floor(length / bits);
  const rest = length % bits;
  const parents = values.slice(0, whole);
  const lists = rest === 0 ? [parents] : siblings(values[whole]!, 2 ** (bits - rest)).map((last) => [...parents, last]);
  return lists.map((labels) => [...labels.toReversed().map((value) => value.toString(radix)), suffix].join("."));
}

/** All that begin as `value` does. */
function siblings(value: number, count: number): number[] {
  const first = value - (value % count);
  return Array.from({ length: count }, (_, index) => first + index);
}
