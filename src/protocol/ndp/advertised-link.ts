/** What a router advertises on a link whose hosts ask a DHCPv6 server: both say the same, and nothing ends unrenewed. */
import type { Ipv6Prefix } from "../../base/address.ts";
import type { Dhcp6ServerConfig } from "../dhcp6/server/config.ts";
import type { RouterConfig } from "./router.ts";

const ROUTER_LIFETIME_SECONDS = 1800;
const HOP_LIMIT = 64;

interface AdvertisedLink {
  /** Whether addresses are to be had by DHCPv6. */
  readonly managed: boolean;
  /** Whether this is the hosts' default router. */
  readonly isRouter: boolean;
  readonly prefixes: readonly {
    readonly prefix: Ipv6Prefix;
    readonly autonomous: boolean;
    /** Default: as the server gives addresses. */
    readonly seconds?: { readonly preferred: number; readonly valid: number };
  }[];
  /** Further destinations through the router. */
  readonly routes: readonly Ipv6Prefix[];
  /** Absent: it is not told. */
  readonly mtuBytes?: number;
}

export function routerConfigOf(
  { linkAddress, serverMac, nameServers, searchDomains, validSeconds, preferredSeconds }: Dhcp6ServerConfig,
  { managed, isRouter, prefixes, routes, mtuBytes }: AdvertisedLink,
): RouterConfig {
  // Told anew well before it ends, also where an advertisement is lost.
  const maximum = Math.min(600, Math.max(4, validSeconds / 3));
  return {
    address: linkAddress,
    mac: serverMac,
    intervalSeconds: { minimum: Math.max(3, maximum / 3), maximum },
    told: {
      hopLimit: HOP_LIMIT,
      managed,
      other: true,
      lifetimeSeconds: isRouter ? ROUTER_LIFETIME_SECONDS : 0,
      ...(mtuBytes === undefined ? {} : { mtuBytes }),
      prefixes: prefixes.map(({ prefix, autonomous, seconds }) => ({
        prefix,
        onLink: true,
        autonomous,
        validSeconds: seconds?.valid ?? validSeconds,
        preferredSeconds: seconds?.preferred ?? preferredSeconds,
      })),
      routes: routes.map((destination) => ({ destination, lifetimeSeconds: ROUTER_LIFETIME_SECONDS })),
      nameServers,
      searchDomains,
      dnsLifetimeSeconds: ROUTER_LIFETIME_SECONDS,
    },
  };
}
