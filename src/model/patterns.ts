/** What the readers of single values accept, as JSON Schema. Each is as wide as its reader, never narrower. */
import type { JsonSchema } from "./json-schema.ts";

const BYTE = String.raw`(25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const QUAD = String.raw`${BYTE}(\.${BYTE}){3}`;
const HEX = "[0-9A-Fa-f]{1,4}";

/** RFC 4291 §2.2: eight groups, or fewer around one "::"; the last two may be an IPv4 address. */
const GROUPS = [
  `(${HEX}:){7}${HEX}`,
  `(${HEX}:){6}${QUAD}`,
  `:(:${HEX}){1,7}`,
  ...[1, 2, 3, 4, 5, 6].map((left) => `(${HEX}:){${left}}(:${HEX}){1,${7 - left}}`),
  `(${HEX}:){1,7}:`,
  `::(${HEX}:){0,5}${QUAD}`,
  ...[1, 2, 3, 4, 5].map((left) => `(${HEX}:){${left}}:(${HEX}:){0,${5 - left}}${QUAD}`),
  "::",
].join("|");

function matching(pattern: string, ...examples: readonly string[]): JsonSchema {
  return { type: "string", pattern: `^(${pattern})$`, ...(examples.length === 0 ? {} : { examples }) };
}

function except(json: JsonSchema, pattern: string): JsonSchema {
  return { ...json, not: { pattern } };
}

export const IPV4 = matching(QUAD, "192.168.50.10");
export const IPV6 = matching(GROUPS, "fd00:50::10");

export const IP = matching(`${QUAD}|${GROUPS}`, "203.0.113.1", "2001:db8::1");

/** An address with the length of its prefix, at least 8 or 16. */
export const OWN_ADDRESS = except(
  matching(
    String.raw`${QUAD}/0?(0?[89]|[12]\d|3[0-2])|(${GROUPS})/(0?1[6-9]|0?[2-9]\d|1[01]\d|12[0-8])`,
    "203.0.113.2/24",
    "2001:db8::2/64",
  ),
  String.raw`^(0|127|22[4-9]|2[34]\d|25[0-5])\.|^[Ff][Ee][89ABab][0-9A-Fa-f]:|^[Ff][Ff][0-9A-Fa-f]{2}:`,
);

/** Not in this network, loopback, link-local, multicast, reserved. */
export const SUBNET = except(
  matching(String.raw`${QUAD}/0{0,2}([89]|[12]\d|30)`, "192.168.50.0/24"),
  String.raw`^(0|127|22[4-9]|2[34]\d|25[0-5])\.|^169\.254\.`,
);

/** Not in ::/96, among the IPv4-mapped, link-local, site-local or multicast. */
export const SUBNET6 = except(
  matching(String.raw`(${GROUPS})/0?(4[89]|[5-9]\d|1[01]\d|12[0-6])`, "fd00:50::/64"),
  String.raw`^::([Ff]{4}:)?([^:/]*:)?[^:/]*/|^[Ff][Ee][89A-Fa-f][0-9A-Fa-f]:|^[Ff][Ff][0-9A-Fa-f]{2}:`,
);

/** An address that is not the machine's own loopback and means the same on every link. */
export const NAME_SERVER = except(
  matching(`${QUAD}|${GROUPS}`, "192.0.2.53", "2001:db8::53"),
  String.raw`^127\.|^::1$|^[Ff][Ee][89ABab][0-9A-Fa-f]:`,
);

const PORT = String.raw`0{0,4}([1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])`;
export const GUEST_PORT = matching(`${PORT}/(tcp|udp)`, "8080/tcp");

/** Unicast: the first byte is even. */
export const MAC = except(matching("[0-9A-Fa-f][02468ACEace]([:-][0-9A-Fa-f]{2}){5}", "52:54:00:12:34:56"), "^[0:-]*$");

/** 32M to 4096G. */
export const MEMORY = matching(
  String.raw`0{0,8}(3[2-9]|[4-9]\d|[1-9]\d{2,6})(M|MiB)|0{0,8}([1-9]\d{0,2}|[1-3]\d{3}|40[0-8]\d|409[0-6])(G|GiB)`,
  "256M",
  "2G",
);

const INTERFACE = String.raw`[A-Za-z0-9._][A-Za-z0-9._-]{0,14}`;
export const DEVICE_NAME = except(matching(INTERFACE, "eth0"), String.raw`^(lo|all|default|\.\.?)$`);
export const NAME = matching("[A-Za-z0-9][A-Za-z0-9._-]{0,62}");
/** JavaScript has meanings of its own for some names. */
export const NAME_KEY = except(NAME, "^(constructor|prototype)$");
export const FILE_NAME = matching("[a-z0-9][a-z0-9-]{0,62}", "office");
/** Text without line breaks and zero bytes. */
export const LINE: JsonSchema = { type: "string", minLength: 1, pattern: String.raw`^[^\u0000\n]*$` };

const LABEL = "[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?";
export const DOMAIN: JsonSchema = except(
  { ...matching(String.raw`${LABEL}(\.${LABEL})*\.?`, "lan.example"), maxLength: 253 },
  String.raw`^\d+(\.\d+){3}$`,
);

/** An address, with a port or over TLS. */
export const UPSTREAM = except(
  matching(
    String.raw`(${QUAD}|${GROUPS})(#${PORT})?|tls://(${QUAD}|${GROUPS})(#${PORT})?(/[A-Za-z0-9.-]+)?`,
    "9.9.9.9",
    "192.0.2.53#5353",
    "tls://9.9.9.9/dns.quad9.net",
  ),
  String.raw`^(tls://)?([Ff][Ee][89ABab][0-9A-Fa-f]:|0\.0\.0\.0($|#))`,
);
/** A network's name, a subnet or an address. */
export const ALLOWED = matching(
  String.raw`[A-Za-z0-9][A-Za-z0-9._-]{0,62}|${QUAD}/0?(0?\d|[12]\d|3[0-2])|(${GROUPS})(/(0?\d{1,2}|1[01]\d|12[0-8]))?`,
  "lan",
  "198.51.100.0/24",
);
/** Of at least a second. */
export const LIFETIME = matching(String.raw`0{0,9}[1-9]\d{0,9}[smhd]`, "5m", "1d");
export const CACHE_SIZE = matching(String.raw`0{0,8}[1-9]\d{0,8}[KMG](iB)?`, "16M");
export const RECORD_LINE = matching(
  String.raw`\s*\S+(\s+\d{1,9})?(\s+[Ii][Nn])?\s+[A-Za-z][A-Za-z0-9]*\s+\S.*`,
  "www CNAME web",
  "@ MX 10 mail",
);

const OPTION_TEXT = { type: "string", minLength: 1, maxLength: 255 };
const OPTION_HEX = {
  type: "object",
  required: ["hex"],
  properties: { hex: { type: "string", pattern: String.raw`^([\s:]*[0-9A-Fa-f][\s:]*[0-9A-Fa-f]){1,255}[\s:]*$` } },
  additionalProperties: false,
};
export const DHCP_OPTIONS: JsonSchema = {
  type: "object",
  properties: {
    42: { title: "Time servers", type: "array", minItems: 1, maxItems: 63, items: IPV4 },
    66: { title: "TFTP server", ...OPTION_TEXT },
    67: { title: "Boot file", ...OPTION_TEXT },
  },
  patternProperties: {
    [String.raw`^(22[4-9]|2[34]\d|25[0-4])$`]: { title: "Private", anyOf: [OPTION_TEXT, OPTION_HEX] },
  },
  additionalProperties: false,
};

/** First and last address. */
export const RANGE = matching(`${QUAD} *- *${QUAD}`, "192.168.50.100-192.168.50.199");
export const RANGE6 = matching(`(${GROUPS}) *- *(${GROUPS})`, "fd00:50::1000-fd00:50::1fff");
export const PREFIX6 = matching(String.raw`(${GROUPS})/\d{1,3}`, "fd00:60::/48");
/** Bytes with colons between, unlike a MAC address not six. */
export const DUID = matching(String.raw`[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){2,129}`, "00:03:00:01:52:54:00:00:00:10");
/** Of at least a second. */
export const DURATION = matching(String.raw`0{0,9}[1-9]\d{0,9}[smhd]|infinite`, "12h", "infinite");
export const MAC_PREFIX = matching("[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){0,5}", "00:50:56");
/** Text, or bytes with colons between. */
export function identifierJson(leastBytes: number, mostBytes: number): JsonSchema {
  return { type: "string", minLength: leastBytes, maxLength: 3 * mostBytes - 1 };
}

export const HOST_NAME = matching("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", "web");

const OPTION_WORD = { type: ["string", "number", "boolean"] };
/** Options by name or number; whether a value is of its option's form is left to `netloom plan`. */
export function namedOptionsJson(names: readonly string[]): JsonSchema {
  return {
    type: "object",
    propertyNames: { anyOf: [{ enum: names }, { pattern: String.raw`^\d{1,3}$` }] },
    additionalProperties: {
      anyOf: [
        OPTION_WORD,
        { type: "array", minItems: 1, items: OPTION_WORD },
        { type: "object", required: ["hex"], properties: { hex: { type: "string" } }, additionalProperties: false },
      ],
    },
  };
}

/** A path below a folder, of ASCII and without "." and "..". */
export const BOOT_PATH: JsonSchema = {
  type: "string",
  pattern: String.raw`^(?!.*(^|/)\.{0,2}(/|$))[ -\[\]-~]{1,127}$`,
  examples: ["pxelinux.0"],
};

export const SHARE = matching(String.raw`[A-Za-z0-9][A-Za-z0-9._-]{0,62}`, "winpe");
