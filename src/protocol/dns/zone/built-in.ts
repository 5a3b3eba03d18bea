/**
 * Zones that every server answers by itself, as nobody outside can know of them: localhost and invalid (RFC 6761 §6.3,
 * §6.4), onion (RFC 7686), home.arpa (RFC 8375), service.arpa (RFC 9665), resolver.arpa (RFC 9462 §6.4: who asks there for
 * encryption would be told of an upstream, and go past us), and the names of private and special addresses (RFC 6303,
 * RFC 7793).
 */
import { type IpAddress, parseIp, parsePrefix } from "../../../base/address.ts";
import { addressData, nameData } from "../../../wire/dns/data.ts";
import type { DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_CLASS, DNS_TYPE } from "../../../wire/dns/types.ts";
import type { DnsZoneConfig } from "../config.ts";
import { isWithin } from "../resolver/names.ts";
import { reverseZonesOf } from "../reverse-zones.ts";

const TTL_SECONDS = 10_800;
const LOOPBACK: readonly IpAddress[] = [parseIp("127.0.0.1"), parseIp("::1")];

const EMPTY: readonly string[] = [
  "invalid",
  "onion",
  "home.arpa",
  "resolver.arpa",
  "service.arpa",
  ...[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "255.255.255.255/32",
    "::/128",
    "fd00::/8",
    "fe80::/10",
    "2001:db8::/32",
  ].flatMap((prefix) => reverseZonesOf(parsePrefix(prefix))),
];

function record(name: string, type: number, data: Uint8Array): DnsRecord {
  return { name, type, class: DNS_CLASS.IN, ttlSeconds: TTL_SECONDS, data };
}

/** Addresses of localhost and of the names below it. */
function localhost(): DnsZoneConfig {
  const addresses = (name: string): DnsRecord[] =>
    LOOPBACK.map((address) => record(name, address.includes(":") ? DNS_TYPE.AAAA : DNS_TYPE.A, addressData(address)));
  return { name: "localhost", records: [...addresses("localhost"), ...addresses("*.localhost")] };
}

const REVERSE: readonly DnsZoneConfig[] = ["127.0.0.0/8", "::1/128"].map((prefix, index) => ({
  name: reverseZonesOf(parsePrefix(prefix))[0]!,
  records: [
    record(
      reverseZonesOf({ address: LOOPBACK[index]!, length: index === 0 ? 32 : 128 })[0]!,
      DNS_TYPE.PTR,
      nameData("localhost"),
    ),
  ],
}));

const ALL: readonly DnsZoneConfig[] = [localhost(), ...REVERSE, ...EMPTY.map((name) => ({ name, records: [] }))];

/** @param domains for which somebody is asked: zones in and below them are theirs */
export function builtInZones(domains: readonly string[]): readonly DnsZoneConfig[] {
  return ALL.filter(({ name }) => !domains.some((domain) => isWithin(name, domain.toLowerCase())));
}
