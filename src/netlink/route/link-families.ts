/** IFLA_AF_SPEC: what the address families keep for each link. Of it, how IPv6 makes the link-local address. */
import { attribute, attributeTable, nested } from "../attribute.ts";
import { type Codec, s32, u8 } from "../codec.ts";
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

export const FAMILIES_TABLE = attributeTable({
  families: attribute(
    "IFLA_AF_SPEC",
    26,
    nested(attributeTable({ inet6: attribute("AF_INET6", AF_INET6, nested(INET6)) })),
  ),
});

export interface LinkFamilies {
  /**
   * IN6_ADDR_GEN_MODE_*: 0 from the MAC, 1 none, 2 stable privacy, 3 random; absent: no IPv6 on the link.
   * Only for a link that exists: on creation the kernel answers EAFNOSUPPORT (`ip link set NAME addrgenmode none`).
   */
  readonly ipv6AddressGeneration?: number;
}
