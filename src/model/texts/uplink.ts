/** The keys of uplinks. */
import type { KeyText } from "../json-schema.ts";

export const UPLINK_TEXTS = {
  device: { title: "Device", description: "name of a device of this host" },
  address: {
    title: "Address",
    description:
      "keep: the device's addresses are left as they are. dhcp: a DHCPv4 server gives address, routes, MTU and name servers. Else the addresses that the device gets, of both families, with their lengths: 203.0.113.2/24, or a list of such.",
    default: "keep",
  },
  "ipv6-only-ok": {
    title: "Without IPv4",
    description:
      "with dhcp: true: where the network does without IPv4 (option 108, RFC 8925) no address is asked for as long as its server says",
    default: false,
  },
  address6: {
    title: "IPv6 address",
    description:
      "keep: what the device has of IPv6 is left as it is. ra: addresses and routes by router advertisements, also while this host forwards. dhcp: the same, and a DHCPv6 server gives an address and name servers.",
    default: "keep",
  },
  prefix6: {
    title: "Delegated prefix",
    description:
      "bits of the IPv6 prefix that a DHCPv6 server is asked for, 16 to 64, such as 56; it may give another length. What no network uses of it is refused as unreachable.",
    otherwise: "none is asked for",
  },
  gateway: {
    title: "Gateway",
    description:
      "with addresses of one's own: the router that leads to the outside, or a list with one of each family. It lies in the subnet of one of the addresses; an IPv6 one may be link-local, and with a /32 or /128 alone it may be any.",
    otherwise: "none: no default route is set",
  },
  dns: {
    title: "Name servers",
    description:
      "what machines behind the uplink are told: a list of name servers, or servers and search as in a network",
    otherwise: "those of the DHCP lease, else the host's own",
  },
} as const satisfies Readonly<Record<string, KeyText>>;
