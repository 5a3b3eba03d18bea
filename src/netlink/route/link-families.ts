/** IFLA_AF_SPEC: what the address families keep for each link. Of it, how IPv6 makes the link-local address. */
import { attribute, attributeTable, decodeAttributes, encodeAttributes, nested } from "../attribute.ts";
import { type Codec, type Source, s32, u8 } from "../codec.ts";
import { AF_INET6 } from "./constants.ts";

/** Place in the array of IFLA_INET6_CONF (linux/ipv6.h DEVCONF_ADDR_GEN_MODE). */
const DEVCONF_ADDR_GEN_MODE = 47;

/** Dumps without statistics leave IFLA_INET6_ADDR_GEN_MODE out too, but the array of sysctls has the value. */
const modeInConfiguration: Codec<number> = {
  encode: () => undefined,
  decode: (source, start, end) => s32.decode(source, start + 4 * DEVCONF_ADDR_GEN_MODE, end),
};

const INET6 = attributeTable({
  configuredMode: attribute("IFLA_INET6_CONF", 2, modeInConfiguration),
  mode: attribute("IFLA_INET6_ADDR_GEN_MODE", 8, u8),
});
const FAMILIES = attributeTable({ inet6: attribute("AF_INET6", AF_INET6, nested(INET6)) });

export interface LinkFamilies {
  /**
   * IN6_ADDR_GEN_MODE_*: 0 from the MAC, 1 none, 2 stable privacy, 3 random; absent: no IPv6 on the link.
   * Only for a link that exists: on creation the kernel answers EAFNOSUPPORT (`ip link set NAME addrgenmode none`).
   */
  readonly ipv6AddressGeneration?: number;
}

function decodeMode(source: Source, start: number, end: number): number | undefined {
  const { inet6 } = decodeAttributes(FAMILIES, source, start, end);
  return inet6?.mode ?? inet6?.configuredMode;
}

const linkFamilies: Codec<LinkFamilies> = {
  encode(writer, { ipv6AddressGeneration: mode }) {
    if (mode !== undefined) encodeAttributes(writer, FAMILIES, { inet6: { mode } });
  },
  decode(source, start, end) {
    const mode = decodeMode(source, start, end);
    return mode === undefined ? {} : { ipv6AddressGeneration: mode };
  },
  decodeInto(values, source, start, end) {
    const mode = decodeMode(source, start, end);
    if (mode !== undefined) values.ipv6AddressGeneration = mode;
  },
};

export const IFLA_AF_SPEC = attribute("IFLA_AF_SPEC", 26, linkFamilies);
