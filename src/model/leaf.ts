/** Readers of single values: each turns what the file says into a typed value or says what is wrong and what is right. */
import * as v from "valibot";
import {
  contains,
  familyOf,
  type IpAddress,
  type Ipv4Address,
  type Ipv4Prefix,
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  networkOf,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
  formatPrefix,
  overlaps,
} from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { described, type JsonSchema } from "./json-schema.ts";
import type { GuestPort } from "./model.ts";
import { interfaceNameFault, nameFault } from "./names.ts";
import {
  DEVICE_NAME,
  DOMAIN,
  FILE_NAME,
  GUEST_PORT,
  IPV4,
  IPV6,
  LINE,
  MAC,
  MEMORY,
  NAME,
  NAME_KEY,
  NAME_SERVER,
  SUBNET,
  SUBNET6,
} from "./patterns.ts";
import { suggestion } from "./suggest.ts";

/** A value that is not accepted. */
export class Refused {
  readonly reason: string;
  readonly remedy: string;

  constructor(reason: string, remedy: string) {
    this.reason = reason;
    this.remedy = remedy;
  }
}

/** A schema of one value. In valibot's issue `message` is the reason and `expected` the remedy. */
export function leaf<T>(read: (value: unknown) => T | Refused) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const result = read(dataset.value);
      if (!(result instanceof Refused)) return result;
      addIssue({ message: result.reason, expected: result.remedy });
      return NEVER;
    }),
  );
}

/** A text leaf; another type of value is refused with the remedy. @param json what `read` accepts */
export function text<T>(json: JsonSchema, remedy: string, read: (value: string) => T | Refused) {
  return described(
    leaf<T>((value) => {
      if (value === null) return new Refused("has no value", remedy);
      if (typeof value !== "string") return new Refused("is not text", remedy);
      return read(value);
    }),
    json,
  );
}

/** The parser's result, or its refusal in the file's words. */
export function parsed<T>(parse: () => T, reason: string, remedy: string): T | Refused {
  try {
    return parse();
  } catch (thrown) {
    if (thrown instanceof NetloomError && thrown.code === "bad-address") return new Refused(reason, remedy);
    throw thrown;
  }
}

const WRITE_ADDRESS = "write an IPv4 address such as 192.0.2.10";

export const ipv4 = text<Ipv4Address>(IPV4, WRITE_ADDRESS, (value) => {
  if (value.includes(":"))
    return new Refused("is an IPv6 address", `${WRITE_ADDRESS}; IPv6 has keys of its own that end in 6`);
  return parsed(() => parseIpv4(value), "is not an IPv4 address", WRITE_ADDRESS);
});

const WRITE_ADDRESS6 = "write an IPv6 address such as fd00:50::10";

export const ipv6 = text<Ipv6Address>(IPV6, WRITE_ADDRESS6, (value) =>
  parsed(() => parseIpv6(value), "is not an IPv6 address", WRITE_ADDRESS6),
);

const WRITE_SUBNET = "write a subnet such as 192.0.2.0/24, with a length from 8 to 30";
const NOT_FOR_HOSTS: readonly (readonly [string, string])[] = [
  ["0.0.0.0/8", "this host itself"],
  ["127.0.0.0/8", "loopback"],
  ["169.254.0.0/16", "link-local addresses, which bindings use"],
  ["224.0.0.0/4", "multicast"],
  ["240.0.0.0/4", "nothing (reserved)"],
];

export const subnet = text<Ipv4Prefix>(SUBNET, WRITE_SUBNET, (value) => {
  if (value.includes(":")) return new Refused("is an IPv6 subnet", `${WRITE_SUBNET}; IPv6 goes to subnet6`);
  if (!value.includes("/")) return new Refused("has no prefix length", WRITE_SUBNET);
  const prefix = parsed(() => parsePrefix(value) as Ipv4Prefix, "is not a subnet", WRITE_SUBNET);
  if (prefix instanceof Refused) return prefix;
  if (prefix.length > 30) return new Refused("has no room for a gateway and a machine", WRITE_SUBNET);
  if (prefix.length < 8) return new Refused("is too large", WRITE_SUBNET);
  const network = networkOf(prefix);
  if (network.address !== prefix.address) {
    return new Refused("has host bits set", `write ${formatPrefix(network)}`);
  }
  return reserved(prefix, NOT_FOR_HOSTS, "192.168.50.0/24") ?? prefix;
});

function reserved(
  prefix: Ipv4Prefix | Ipv6Prefix,
  ranges: readonly (readonly [string, string])[],
  better: string,
): Refused | undefined {
  const hit = ranges.find(([range]) => overlaps(parsePrefix(range), prefix));
  return hit === undefined
    ? undefined
    : new Refused(`lies in ${hit[0]}, which is for ${hit[1]}`, `use a private range such as ${better}`);
}

const WRITE_SUBNET6 = "write an IPv6 subnet such as fd00:50::/64, with a length from 48 to 126";
const NOT_FOR_HOSTS6: readonly (readonly [string, string])[] = [
  ["::/96", "this host itself"],
  ["::ffff:0:0/96", "IPv4 addresses"],
  ["fe80::/10", "link-local addresses, which every link has"],
  ["fec0::/10", "nothing any more (site-local)"],
  ["ff00::/8", "multicast"],
];

export const subnet6 = text<Ipv6Prefix>(SUBNET6, WRITE_SUBNET6, (value) => {
  if (!value.includes(":")) return new Refused("is not an IPv6 subnet", WRITE_SUBNET6);
  if (!value.includes("/")) return new Refused("has no prefix length", WRITE_SUBNET6);
  const prefix = parsed(() => parsePrefix(value) as Ipv6Prefix, "is not an IPv6 subnet", WRITE_SUBNET6);
  if (prefix instanceof Refused) return prefix;
  if (prefix.length > 126) return new Refused("has no room for a gateway and a machine", WRITE_SUBNET6);
  if (prefix.length < 48) return new Refused("is too large", WRITE_SUBNET6);
  const network = networkOf(prefix);
  if (network.address !== prefix.address) return new Refused("has host bits set", `write ${formatPrefix(network)}`);
  return reserved(prefix, NOT_FOR_HOSTS6, "fd00:50::/64") ?? prefix;
});

const WRITE_SERVER = "write the address of a name server that machines can reach, such as 192.0.2.53 or 2001:db8::53";

export const nameServer = text<IpAddress>(NAME_SERVER, WRITE_SERVER, (value) => {
  const address = parsed(() => parseIp(value), "is not an IP address", WRITE_SERVER);
  if (address instanceof Refused) return address;
  if (contains(parsePrefix("127.0.0.0/8"), address) || address === "::1")
    return new Refused("is this host's own loopback, which machines cannot reach", WRITE_SERVER);
  if (familyOf(address) === 6 && contains(parsePrefix("fe80::/10"), address))
    return new Refused("is a link-local address, which is somebody else on every link", WRITE_SERVER);
  return address;
});

const WRITE_PORT = "write a port with its protocol, such as 8080/tcp or 53/udp";

/** A port that leads to a guest. */
export const guestPort = text<GuestPort>(GUEST_PORT, WRITE_PORT, (value) => {
  const match = /^(\d{1,5})\/(tcp|udp)$/.exec(value);
  const port = Number(match?.[1]);
  if (match === null || port < 1 || port > 65535) return new Refused("is not a port", WRITE_PORT);
  return { port, protocol: match[2] === "tcp" ? "tcp" : "udp" };
});

const WRITE_MAC = 'write a unicast MAC address in quotes, such as "52:54:00:12:34:56"';

export const mac = text<MacAddress>(MAC, WRITE_MAC, (value) => {
  const address = parsed(() => parseMac(value), "is not a MAC address", WRITE_MAC);
  if (address instanceof Refused) return address;
  if ((Number.parseInt(address.slice(0, 2), 16) & 1) === 1)
    return new Refused("is a multicast address", `${WRITE_MAC}: the first byte is even`);
  return address === "00:00:00:00:00:00" ? new Refused("is all zeros", WRITE_MAC) : address;
});

/** A whole number with a unit in its name. */
export function integer(least: number, most: number, unit: string) {
  return described(
    leaf<number>((value) => {
      const remedy = `write a whole number from ${least} to ${most}${unit}`;
      if (typeof value !== "number" || !Number.isInteger(value)) return new Refused("is not a whole number", remedy);
      return value < least || value > most ? new Refused(`is outside ${least} to ${most}`, remedy) : value;
    }),
    { type: "integer", minimum: least, maximum: most },
  );
}

/** One of some words; `later` are words of the future with no meaning yet. */
export function word<const W extends string>(words: readonly W[], later: readonly string[] = []) {
  return described(
    leaf<W>((value) => {
      const known = words.find((candidate) => candidate === value);
      if (known !== undefined) return known;
      const use = words.length === 1 ? `write ${words[0]}` : `use one of: ${words.join(", ")}`;
      if (value === null) return new Refused("has no value", use);
      if (typeof value !== "string" || later.includes(value)) {
        return new Refused(typeof value === "string" || later.length > 0 ? "is not supported yet" : "is not text", use);
      }
      const hint = suggestion(value, words);
      return new Refused("is not known", hint.startsWith("did") ? hint : use);
    }),
    { type: "string", enum: words },
  );
}

export const yesOrNo = described(
  leaf<boolean>((value) =>
    typeof value === "boolean" ? value : new Refused("is neither true nor false", "write true or false"),
  ),
  { type: "boolean" },
);

const WRITE_MEMORY = "write the size with its unit, such as 256M or 2G";

/** "256M" or "2G", in mebibytes. */
export const memory = described(
  leaf<number>((value) => {
    if (typeof value === "number") return new Refused("has no unit", WRITE_MEMORY);
    const match = typeof value === "string" ? /^(\d{1,9})(M|MiB|G|GiB)$/.exec(value) : null;
    if (match === null) return new Refused("is not a size", WRITE_MEMORY);
    const mebibytes = Number(match[1]) * (match[2]!.startsWith("G") ? 1024 : 1);
    if (mebibytes < 32 || mebibytes > 4 * 1024 * 1024) return new Refused("is outside 32M to 4096G", WRITE_MEMORY);
    return mebibytes;
  }),
  MEMORY,
);

const WRITE_DEVICE = "write the name of a network device, such as eth0";

export const deviceName = text<string>(DEVICE_NAME, WRITE_DEVICE, (value) => {
  const fault = interfaceNameFault(value);
  return fault === undefined
    ? value
    : new Refused(`cannot be a device's name: it ${fault}`, "use at most 15 letters, digits and . _ -");
});

/** A name that something of the file can have. */
export function checkName(value: string): string | Refused {
  const fault = nameFault(value);
  return fault === undefined
    ? value
    : new Refused(
        `the name ${JSON.stringify(value)} ${fault}`,
        "use letters, digits and . _ - and begin with a letter or digit",
      );
}

/** A reference to something by its name. */
export const reference = text<string>(NAME, "write a name", checkName);

function key(check: (value: string) => string | Refused, json: JsonSchema) {
  return described(
    v.pipe(
      v.string(),
      v.rawTransform<string, string>(({ dataset, addIssue, NEVER }) => {
        const result = check(dataset.value);
        if (!(result instanceof Refused)) return result;
        addIssue({ message: result.reason, expected: result.remedy });
        return NEVER;
      }),
    ),
    json,
  );
}

/** A name that stands as a key of the file. */
export const nameKey = key(checkName, NAME_KEY);

export const fileName = text<string>(FILE_NAME, "write a name such as office", (value) =>
  /^[a-z0-9][a-z0-9-]{0,62}$/.test(value)
    ? value
    : new Refused("is not a good name", "use 1 to 63 of a-z, 0-9 and -, no dash in front"),
);

const WRITE_PATH = "write a path; a relative one starts at the network file's folder";

export const path = text<string>(LINE, WRITE_PATH, (value) => {
  if (value === "") return new Refused("is empty", WRITE_PATH);
  return /[\0\n]/.test(value) ? new Refused("holds a line break or a zero byte", WRITE_PATH) : value;
});

const WRITE_LINE = "write 1 to 255 characters in one line";

export const line = text<string>({ ...LINE, maxLength: 255 }, WRITE_LINE, (value) =>
  value.length >= 1 && value.length <= 255 && !/[\0\n]/.test(value)
    ? value
    : new Refused("is not one line of 1 to 255 characters", WRITE_LINE),
);

export const commandLine = text<string>(
  { ...LINE, minLength: 0, maxLength: 2047 },
  "write the kernel's command line in quotes",
  (value) => {
    if (/[\0\n]/.test(value)) return new Refused("holds a line break or a zero byte", "write it in one line");
    return value.length > 2047 ? new Refused("is longer than 2047 characters", "shorten it") : value;
  },
);

const WRITE_DOMAIN = "write a domain such as lan.example";

function checkDomain(value: string): string | Refused {
  const labels = value.replace(/\.$/, "").split(".");
  const good =
    value.length <= 253 && labels.every((label) => /^[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/.test(label));
  if (/^\d+(\.\d+){3}$/.test(value)) return new Refused("is an address and not a domain", WRITE_DOMAIN);
  return good ? labels.join(".").toLowerCase() : new Refused("is not a domain", WRITE_DOMAIN);
}

/** Small letters, no final dot. */
export const domain = text<string>(DOMAIN, WRITE_DOMAIN, checkDomain);

/** A domain that stands as a key of the file. */
export const domainKey = key(checkDomain, DOMAIN);
