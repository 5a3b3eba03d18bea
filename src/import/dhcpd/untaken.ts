/** Statements of dhcpd.conf that no network file has: why, and what to do. */

type Advice = readonly [reason: string, remedy: string];

const NAMES_IN_DNS: Advice = [
  "names of hosts do not go into a DNS server by updates",
  "keep the DNS server's own records for these hosts",
];
const FAILOVER: Advice = ["there is no failover between two servers", "serve each range from one host"];
const DIAGNOSTICS: Advice = ["it says where dhcpd writes or what it calls its files", "nothing is to be done"];
const IPV6: Advice = ["it is of IPv6", "give the network a subnet6"];
const ALWAYS: Advice = ["it tunes how dhcpd looks for its clients", "nothing is to be done"];
const EXPRESSION: Advice = ["it works something out when a client asks", "write what shall be told as it is"];

export const UNTAKEN: ReadonlyMap<string, Advice> = new Map([
  ["include", ["other files are not followed", "import that file by itself, and put the two results together"]],
  ["key", NAMES_IN_DNS],
  ["zone", NAMES_IN_DNS],
  ["ddns-update-style", NAMES_IN_DNS],
  ["ddns-updates", NAMES_IN_DNS],
  ["ddns-domainname", NAMES_IN_DNS],
  ["ddns-rev-domainname", NAMES_IN_DNS],
  ["ddns-hostname", NAMES_IN_DNS],
  ["ddns-ttl", NAMES_IN_DNS],
  ["update-static-leases", NAMES_IN_DNS],
  ["update-optimization", NAMES_IN_DNS],
  ["update-conflict-detection", NAMES_IN_DNS],
  ["do-forward-updates", NAMES_IN_DNS],
  ["failover", FAILOVER],
  ["log-facility", DIAGNOSTICS],
  ["lease-file-name", ["the leases are imported by a command", "netloom dhcp leases import FILE --interface IF"]],
  ["pid-file-name", DIAGNOSTICS],
  ["omapi-port", ["there is no OMAPI", "netloom dhcp leases --json shows who has which address"]],
  ["omapi-key", ["there is no OMAPI", "nothing is to be done"]],
  ["ping-check", ALWAYS],
  ["ping-timeout", ALWAYS],
  ["one-lease-per-client", ALWAYS],
  ["min-secs", ALWAYS],
  ["stash-agent-options", ALWAYS],
  ["infinite-is-reserved", ALWAYS],
  ["always-broadcast", ["clients are answered as they ask for it", "nothing is to be done"]],
  ["always-reply-rfc1048", ALWAYS],
  ["adaptive-lease-time-threshold", ["lease times do not depend on how full the range is", "give a shorter lease"]],
  ["get-lease-hostnames", EXPRESSION],
  ["use-lease-addr-for-default-route", ["no client is told its own address as router", "give it a router"]],
  ["dynamic-bootp-lease-cutoff", ALWAYS],
  ["dynamic-bootp-lease-length", ALWAYS],
  ["boot-unknown-clients", ["it is an older form", "write known-only: true for a network of known hosts alone"]],
  ["local-address", ["netloom serves networks, not addresses", "nothing is to be done"]],
  ["subnet6", IPV6],
  ["range6", IPV6],
  ["prefix6", IPV6],
  ["fixed-address6", IPV6],
  ["dhcpv6-lease-file-name", IPV6],
  ["server-duid", IPV6],
  ["preferred-lifetime", IPV6],
  ["site-option-space", ["options of a site's space are not sent", "give the options by number"]],
  ["on", EXPRESSION],
  ["set", EXPRESSION],
  ["unset", EXPRESSION],
  ["eval", EXPRESSION],
  ["execute", EXPRESSION],
  ["log", EXPRESSION],
  ["switch", EXPRESSION],
  ["spawn", ["members of a class are not told apart further", "make a class for each kind of client"]],
  ["lease", ["the number of a class's leases is not limited", "give the class a range of that size"]],
]);

/** What other DHCP servers need to be told and this one does by itself: dropping it loses nothing. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "ddns-update-style none",
  "ddns-updates off",
  "ddns-updates false",
  "update-static-leases off",
  "allow booting",
  "allow bootp",
  "allow unknown-clients",
  "allow duplicates",
  "allow declines",
  "deny client-updates",
  "ignore client-updates",
  "ping-check true",
  "ping-check on",
]);
