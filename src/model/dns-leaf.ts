/** Readers of single values of a network's DNS section. */
import { familyOf, isLinkLocal6, networkOf, parseIp, parsePrefix, type Prefix } from "../base/address.ts";
import type { DnsUpstream } from "../protocol/dns/config.ts";
import { described } from "./json-schema.ts";
import { checkName, leaf, parsed, Refused, text } from "./leaf.ts";
import { ALLOWED, CACHE_SIZE, LIFETIME, RECORD_LINE, UPSTREAM } from "./patterns.ts";

const DNS_PORT = 53;
const DNS_TLS_PORT = 853;
const WRITE_UPSTREAM =
  "write the address of a server, such as 9.9.9.9, 9.9.9.9#5353 with its port, or tls://9.9.9.9/dns.quad9.net over TLS";

/** "ADDRESS", "ADDRESS#PORT", "tls://ADDRESS", "tls://ADDRESS#PORT/NAME"; a certificate without a name has to have the address. */
export function readUpstream(value: string): DnsUpstream | Refused {
  const [, tls, host = "", portText, name] = /^(tls:\/\/)?([^#/]*)(?:#(\d+))?(?:\/([^#/]+))?$/.exec(value) ?? [];
  const address = parsed(() => parseIp(host), "is not the address of a server", WRITE_UPSTREAM);
  if (address instanceof Refused) return address;
  if (isLinkLocal6(address)) return new Refused("is a link-local address, which every link has", WRITE_UPSTREAM);
  if (parsePrefix(familyOf(address) === 4 ? "0.0.0.0/32" : "::/128").address === address)
    return new Refused("is no server's address", WRITE_UPSTREAM);
  const port = portText === undefined ? (tls === undefined ? DNS_PORT : DNS_TLS_PORT) : Number(portText);
  if (port < 1 || port > 65_535) return new Refused("has a port outside 1 to 65535", WRITE_UPSTREAM);
  if (tls === undefined)
    return name === undefined
      ? { address, port }
      : new Refused("has a name and no TLS", `write tls://${address}/${name}, or ${address} without TLS`);
  if (name !== undefined && !/^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(name))
    return new Refused("has a name that no certificate can have", WRITE_UPSTREAM);
  return { address, port, tlsName: name?.toLowerCase() ?? address };
}

export const upstream = text<DnsUpstream>(UPSTREAM, WRITE_UPSTREAM, readUpstream);

const WRITE_ALLOWED = "write a network of the file, a subnet such as 198.51.100.0/24, or an address";

/** Who gets answers: the name of a network, or addresses. */
export const allowed = text<string | Prefix>(ALLOWED, WRITE_ALLOWED, (value) => {
  const looksLikeAddress = value.includes(":") || value.includes("/") || /^\d+(\.\d+){3}$/.test(value);
  if (!looksLikeAddress) return checkName(value);
  return parsed(
    () => {
      if (value.includes("/")) return networkOf(parsePrefix(value));
      const address = parseIp(value);
      return { address, length: familyOf(address) === 4 ? 32 : 128 };
    },
    "is neither a network's name nor a subnet nor an address",
    WRITE_ALLOWED,
  );
});

const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
const LONGEST_LIFE_SECONDS = 7 * 86_400;
const WRITE_LIFE = "write a time with its unit, such as 90s, 30m, 12h or 7d, at most 7d";

function readLifetime(value: unknown): number | Refused {
  if (typeof value === "number") return new Refused("has no unit", WRITE_LIFE);
  const [, number = "0", unit = ""] = (typeof value === "string" && /^(\d{1,10})([smhd])$/.exec(value)) || [];
  const seconds = Number(number) * (SECONDS_OF_UNIT[unit] ?? 0);
  if (seconds < 1) return new Refused("is not a time", WRITE_LIFE);
  return seconds > LONGEST_LIFE_SECONDS ? new Refused("is longer than 7d", WRITE_LIFE) : seconds;
}

/** How long something is remembered, in seconds, at least 1. */
export const lifetime = described(leaf<number>(readLifetime), LIFETIME);

/** The same; "never" is 0. */
export const lifetimeOrNever = described(
  leaf<number>((value) => (value === "never" ? 0 : readLifetime(value))),
  { anyOf: [LIFETIME, { const: "never" }] },
);

const WRITE_SIZE = "write the size with its unit, such as 512K, 16M or 1G, from 64K to 4096M";
const BYTES_OF_UNIT: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** "16M", in bytes. */
export const cacheSize = described(
  leaf<number>((value) => {
    if (typeof value === "number") return new Refused("has no unit", WRITE_SIZE);
    const [, number = "0", unit = ""] = (typeof value === "string" && /^(\d{1,9})([KMG])(?:iB)?$/.exec(value)) || [];
    const bytes = Number(number) * (BYTES_OF_UNIT[unit] ?? 0);
    if (bytes === 0) return new Refused("is not a size", WRITE_SIZE);
    return bytes < 64 * 1024 || bytes > 4 * 1024 ** 3 ? new Refused("is outside 64K to 4096M", WRITE_SIZE) : bytes;
  }),
  CACHE_SIZE,
);

/** A record before its domain is known. */
export interface RecordLine {
  /** As written: "www", "@", "printer.example.org." */
  readonly name: string;
  readonly ttlSeconds?: number;
  /** "CNAME" */
  readonly type: string;
  readonly data: string;
}

const WRITE_RECORD = 'write NAME TYPE DATA as in a zone file, such as "www CNAME web" or "@ 300 MX 10 mail"';

/** One line of a zone file. */
export const recordLine = text<RecordLine>(RECORD_LINE, WRITE_RECORD, (value) => {
  const match = /^\s*(\S+)(?:\s+(\d{1,9}))?(?:\s+IN)?\s+([A-Za-z][A-Za-z0-9]*)\s+(\S.*?)\s*$/i.exec(value);
  if (match === null) return new Refused("is not a record", WRITE_RECORD);
  const [, name = "", ttl, type = "", data = ""] = match;
  if (/^IN$/i.test(type)) return new Refused("has no type", WRITE_RECORD);
  return { name, ...(ttl === undefined ? {} : { ttlSeconds: Number(ttl) }), type: type.toUpperCase(), data };
});
