/** Readers of an uplink's values: where its address comes from, its addresses, its gateways. */
import {
  isLinkLocal6,
  broadcastOf,
  contains,
  familyOf,
  formatPrefix,
  type IpAddress,
  type Ipv4Prefix,
  networkOf,
  parseIp,
  parsePrefix,
  type Prefix,
} from "../base/address.ts";
import { described } from "./json-schema.ts";
import { leaf, parsed, Refused, text } from "./leaf.ts";
import { IP, OWN_ADDRESS } from "./patterns.ts";
import { canBeHost, firstHost } from "./subnets.ts";
import { suggestion } from "./suggest.ts";

const SOURCES = ["keep", "dhcp"] as const;
const SOURCES6 = ["keep", "ra", "dhcp"] as const;

/** Where the address comes from, in one word. */
export const addressSource = described(
  leaf<(typeof SOURCES)[number]>((value) => {
    const known = SOURCES.find((candidate) => candidate === value);
    if (known !== undefined) return known;
    const use = "write keep, dhcp, or the device's addresses, such as [203.0.113.2/24]";
    if (typeof value !== "string") return new Refused(value === null ? "has no value" : "is not text", use);
    const hint = suggestion(value, SOURCES);
    return new Refused("is not known", hint.startsWith("did") ? hint : use);
  }),
  { enum: SOURCES },
);

/** Where the IPv6 address comes from. */
export const addressSource6 = described(
  leaf<(typeof SOURCES6)[number]>((value) => {
    const known = SOURCES6.find((candidate) => candidate === value);
    if (known !== undefined) return known;
    const use = "write keep, ra or dhcp; addresses of your own go into address:";
    if (typeof value !== "string") return new Refused(value === null ? "has no value" : "is not text", use);
    const hint = suggestion(value, SOURCES6);
    return new Refused("is not known", hint.startsWith("did") ? hint : use);
  }),
  { enum: SOURCES6 },
);

const WRITE_OWN = "write the device's address with its length, such as 203.0.113.2/24 or 2001:db8::2/64";
const NOT_FOR_DEVICES: readonly (readonly [string, string])[] = [
  ["0.0.0.0/8", "this host itself"],
  ["127.0.0.0/8", "loopback"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "nothing (reserved)"],
  ["::/96", "this host itself"],
  ["::ffff:0:0/96", "IPv4 addresses"],
  ["ff00::/8", "multicast"],
];

/** An address of a device with its prefix length, host bits kept. */
export const ownAddress = text<Prefix>(OWN_ADDRESS, WRITE_OWN, (value) => {
  if (!value.includes("/")) return new Refused("has no prefix length", WRITE_OWN);
  const prefix = parsed(() => parsePrefix(value), "is not an address with a length", WRITE_OWN);
  if (prefix instanceof Refused) return prefix;
  const { address, length } = prefix;
  const [least, most] = isIpv4(prefix) ? [8, 32] : [16, 128];
  if (isLinkLocal6(address)) return new Refused("is link-local, as every link has one by itself", WRITE_OWN);
  if (length < least) return new Refused("is of too large a subnet", `use a length from ${least} to ${most}`);
  // With two addresses or one both are hosts' (RFC 3021, RFC 6164).
  if (length > most - 2 || canBeHost(networkOf(prefix), address)) return reserved(address, WRITE_OWN) ?? prefix;
  const host: Prefix = { address: firstHost(networkOf(prefix)), length };
  return new Refused(`is ${roleOf(prefix)}, no host's`, `write a host's address, such as ${formatPrefix(host)}`);
});

function reserved(address: IpAddress, remedy: string): Refused | undefined {
  const hit = NOT_FOR_DEVICES.find(([range]) => contains(parsePrefix(range), address));
  return hit === undefined ? undefined : new Refused(`lies in ${hit[0]}, which is for ${hit[1]}`, remedy);
}

function isIpv4(prefix: Prefix): prefix is Ipv4Prefix {
  return familyOf(prefix.address) === 4;
}

function roleOf(prefix: Prefix): string {
  if (!isIpv4(prefix)) return "the address of all routers";
  return broadcastOf(prefix) === prefix.address ? "the broadcast address" : "the subnet's own address";
}

const WRITE_GATEWAY = "write the gateway's address, such as 203.0.113.1 or 2001:db8::1";

/** A router's address on the uplink's link. */
export const gatewayAddress = text<IpAddress>(IP, WRITE_GATEWAY, (value) => {
  if (value.includes("/")) return new Refused("has a prefix length", WRITE_GATEWAY);
  const address = parsed(() => parseIp(value), "is not an IP address", WRITE_GATEWAY);
  return address instanceof Refused ? address : (reserved(address, WRITE_GATEWAY) ?? address);
});
