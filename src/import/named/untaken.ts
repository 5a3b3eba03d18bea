/** Statements of named.conf that no network file has: why, and what to do. */

type Advice = readonly [reason: string, remedy: string];

const NOTHING = "nothing is to be done";
const DIAGNOSTICS: Advice = ["it says where named writes, or how it is steered", NOTHING];
const SIGNING: Advice = ["zones are not signed here", "leave the signed zone with named, and ask it: domains:"];
const VALIDATION: Advice = [
  "signatures are not checked here; what the forwarders found out is passed on",
  "forward to a server that checks them",
];
const TRANSFER: Advice = ["zones are not handed to other servers", "let them ask this one, or keep named for them"];
const UPDATE: Advice = ["zones are not changed by updates; clients of DHCP have their names by themselves", NOTHING];
const TUNING: Advice = ["it tunes how named works inside", NOTHING];
const LIMITS: Advice = ["clients are not slowed down", "allow: only those who shall be answered"];
const KEYS: Advice = ["nobody proves who he is with a key", "write the addresses of who may ask at allow:"];
const SOURCE: Advice = ["questions leave from the address that the route has, and a port of their own each", NOTHING];

const table = (advice: Advice, ...keys: string[]): [string, Advice][] => keys.map((key) => [key, advice]);

export const UNTAKEN: ReadonlyMap<string, Advice> = new Map([
  ...table(
    DIAGNOSTICS,
    "logging",
    "controls",
    "statistics-channels",
    "statistics-file",
    "dump-file",
    "memstatistics-file",
  ),
  ...table(DIAGNOSTICS, "pid-file", "session-keyfile", "querylog", "zone-statistics", "managed-keys-directory", "lmdb"),
  ...table(DIAGNOSTICS, "key-directory", "bindkeys-file", "recursing-file", "secroots-file", "lock-file", "dnstap"),
  ...table(SIGNING, "dnssec-policy", "auto-dnssec", "inline-signing", "dnssec-dnskey-kskonly", "update-check-ksk"),
  ...table(
    VALIDATION,
    "dnssec-validation",
    "dnssec-enable",
    "trusted-keys",
    "managed-keys",
    "trust-anchors",
    "validate-except",
  ),
  ...table(
    TRANSFER,
    "allow-transfer",
    "notify",
    "also-notify",
    "allow-notify",
    "notify-source",
    "transfer-format",
    "transfers-in",
  ),
  ...table(TRANSFER, "transfers-out", "provide-ixfr", "request-ixfr", "masterfile-format", "max-journal-size"),
  ...table(UPDATE, "allow-update", "allow-update-forwarding", "update-policy", "journal"),
  ...table(
    TUNING,
    "max-recursion-depth",
    "max-recursion-queries",
    "recursive-clients",
    "tcp-clients",
    "clients-per-query",
  ),
  ...table(
    TUNING,
    "edns-udp-size",
    "max-udp-size",
    "tcp-idle-timeout",
    "prefetch",
    "resolver-query-timeout",
    "interface-interval",
  ),
  ...table(TUNING, "minimal-responses", "minimal-any", "qname-minimization", "empty-zones-enable", "check-names"),
  ...table(
    TUNING,
    "auth-nxdomain",
    "cleaning-interval",
    "lame-ttl",
    "root-delegation-only",
    "automatic-interface-scan",
  ),
  ...table(LIMITS, "rate-limit", "fetches-per-server", "fetches-per-zone"),
  ...table(KEYS, "key", "server", "http"),
  ...table(SOURCE, "query-source", "query-source-v6", "transfer-source", "avoid-v4-udp-ports", "use-v4-udp-ports"),
  ...table(
    ["names are not rewritten by a policy zone", "write the names that shall be answered otherwise under records:"],
    "response-policy",
  ),
  ...table(["addresses are not made for IPv6-only clients", "keep named for them, and ask it: forward:"], "dns64"),
  ...table(["it does not tell its version", NOTHING], "version", "hostname", "server-id"),
  ...table(["replies have the order of the file", NOTHING], "sortlist", "rrset-order"),
]);

/** Dropping it loses nothing: it is so by itself, or names what the importer has read. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "directory",
  "dnssec-validation no",
  "notify no",
  "auth-nxdomain no",
  "allow-transfer { none }",
  "allow-update { none }",
  "check-names",
  "zone-statistics",
]);
