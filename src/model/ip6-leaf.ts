/** Readers of single values of a network's IPv6 section. */
import { formatPrefix, type Ipv6Address, type Ipv6Prefix, ipToBigint, networkOf, parseIpv6 } from "../base/address.ts";
import { fromHex, toHex } from "../base/bytes.ts";
import { NetloomError } from "../base/errors.ts";
import { Refused, text } from "./leaf.ts";
import { DUID, PREFIX6, RANGE6 } from "./patterns.ts";

const WRITE_RANGE = "write the first and the last address, such as fd00:50::1000-fd00:50::1fff";

/** "fd00:50::1000-fd00:50::1fff" */
export const range6 = text<{ readonly first: Ipv6Address; readonly last: Ipv6Address }>(
  RANGE6,
  WRITE_RANGE,
  (value) => {
    const [, from, to] = /^([\da-f:.]+) *- *([\da-f:.]+)$/i.exec(value) ?? [];
    if (from === undefined || to === undefined) return new Refused("is not two addresses", WRITE_RANGE);
    const [first, last] = [address(from), address(to)];
    if (first === undefined || last === undefined) return new Refused("is not two IPv6 addresses", WRITE_RANGE);
    return ipToBigint(first) <= ipToBigint(last)
      ? { first, last }
      : new Refused("begins behind its end", `write ${last}-${first}`);
  },
);

const WRITE_PREFIX = "write an IPv6 prefix such as fd00:60::/48";

export const prefix6 = text<Ipv6Prefix>(PREFIX6, WRITE_PREFIX, (value) => {
  const [, head = "", bits = ""] = /^([^/]*)\/(\d{1,3})$/.exec(value) ?? [];
  const [found, length] = [address(head), Number(bits)];
  if (found === undefined || length > 128) return new Refused("is not an IPv6 prefix", WRITE_PREFIX);
  const prefix = networkOf({ address: found, length });
  return prefix.address === found ? prefix : new Refused("has host bits set", `write ${formatPrefix(prefix)}`);
});

const WRITE_DUID = 'write its bytes in hexadecimal with colons, such as "00:03:00:01:52:54:00:00:00:10"';
/** RFC 8415 §11.1, with the two bytes of the type. */
const LONGEST_DUID_BYTES = 130;

/** What a DHCPv6 client calls itself, in hexadecimal. */
export const duid = text<string>(DUID, WRITE_DUID, (value) => {
  if (!/^[\da-f]{2}(:[\da-f]{2})+$/i.test(value)) return new Refused("is not a DUID", WRITE_DUID);
  const bytes = fromHex(value);
  return bytes.length >= 3 && bytes.length <= LONGEST_DUID_BYTES
    ? toHex(bytes)
    : new Refused(`has ${bytes.length} bytes`, `${WRITE_DUID}, 3 to ${LONGEST_DUID_BYTES} of them`);
});

function address(value: string): Ipv6Address | undefined {
  try {
    return parseIpv6(value);
  } catch (thrown) {
    if (thrown instanceof NetloomError) return undefined;
    throw thrown;
  }
}
