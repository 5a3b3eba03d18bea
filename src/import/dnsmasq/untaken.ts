/** Lines of a dnsmasq configuration that no network file has: why, and what to do. */

type Advice = readonly [reason: string, remedy: string];

const DNS: Advice = [
  "it is of the DNS server, and only DHCP is imported",
  "write dns: true for a server of netloom's, or keep dnsmasq for DNS (port 53) alone",
];
const TFTP: Advice = ["it says how files are served", "add boot: { root: FOLDER } to the network"];
const PXE_MENU: Advice = [
  "the menu is not taken over",
  "add boot: { root: FOLDER } to the network: iPXE is shown a menu of what is there",
];
const IPV6: Advice = ["it is of IPv6", "give the network a subnet6"];
const PROCESS: Advice = ["it says how dnsmasq runs", "nothing is to be done"];
const DIAGNOSTICS: Advice = ["it says what dnsmasq writes down", "nothing is to be done"];
const ALLOCATION: Advice = ["it tunes how dnsmasq gives addresses", "nothing is to be done"];
const TAGS: Advice = ["clients are not told apart by this", "write a class with vendor, user, architecture or mac"];

/** By the key, or by its beginning where that ends with a dash. */
const UNTAKEN: readonly (readonly [start: string, advice: Advice])[] = [
  ["dhcp-leasefile", ["the leases are imported by a command", "netloom dhcp leases import FILE --interface IF"]],
  ["servers-file", DNS],
  ["read-ethers", ["/etc/ethers is not read", "write its hosts under hosts:"]],
  ["dhcp-script", ["no program is started for a lease", "netloom dhcp leases --watch --json tells what changes"]],
  ["dhcp-luascript", ["no program is started for a lease", "netloom dhcp leases --watch --json tells what changes"]],
  ["dhcp-relay", ["netloom relays no DHCP", "run dhcrelay for it"]],
  ["dhcp-proxy", ["relays that answer themselves are not known", "nothing is to be done"]],
  ["dhcp-lease-max", ["the number of leases is that of the ranges' addresses", "give smaller ranges"]],
  ["dhcp-option-pxe", PXE_MENU],
  ["dhcp-circuitid", TAGS],
  ["dhcp-remoteid", TAGS],
  ["dhcp-subscrid", TAGS],
  ["dhcp-name-match", TAGS],
  ["tag-if", TAGS],
  ["dhcp-duid", IPV6],
  ["dhcp-fqdn", DNS],
  ["dhcp-generate-names", DNS],
  ["dhcp-ignore-names", DNS],
  ["dhcp-client-update", DNS],
  ["dhcp-sequential-ip", ALLOCATION],
  ["dhcp-no-override", ALLOCATION],
  ["dhcp-broadcast", ["clients are answered as they ask for it", "nothing is to be done"]],
  ["dhcp-alternate-port", ["only port 67 is served", "nothing is to be done"]],
  ["dhcp-pxe-vendor", PXE_MENU],
  ["dhcp-reply-delay", ALLOCATION],
  [
    "dhcp-ignore-clid",
    ["a client is known by its identifier where it has one", "write hosts with their MAC addresses"],
  ],
  ["dhcp-ttl", DNS],
  ["no-ping", ALLOCATION],
  ["bootp-dynamic", ALLOCATION],
  ["leasefile-ro", PROCESS],
  ["script-", PROCESS],
  ["pxe-", PXE_MENU],
  ["enable-tftp", TFTP],
  ["tftp-", TFTP],
  ["enable-ra", IPV6],
  ["ra-param", IPV6],
  ["log-", DIAGNOSTICS],
  ["quiet-", DIAGNOSTICS],
  ["user", PROCESS],
  ["group", PROCESS],
  ["pid-file", PROCESS],
  ["keep-in-foreground", PROCESS],
  ["no-daemon", PROCESS],
  ["enable-dbus", PROCESS],
  ["enable-ubus", PROCESS],
];

const DNS_KEYS = new Set(
  (
    "address alias add-cpe-id add-mac add-subnet addn-hosts all-servers auth-peer auth-sec-servers auth-server auth-soa " +
    "auth-ttl auth-zone bogus-nxdomain bogus-priv cache-rr cache-size caa-record clear-on-reload cname connmark-allowlist " +
    "connmark-allowlist-enable conntrack dns-forward-max dns-loop-detect dnssec dnssec-check-unsigned dnssec-no-timecheck " +
    "dnssec-timestamp domain-needed domain-suffix dynamic-host edns-packet-max expand-hosts fast-dns-retry filter-a " +
    "filter-aaaa filter-rr filterwin2k host-record hostsdir ignore-address interface-name ipset local local-service " +
    "local-ttl localise-queries localmx max-cache-ttl max-port max-tcp-connections max-ttl min-cache-ttl min-port mx-host " +
    "mx-target naptr-record neg-ttl nftset no-0x20-encode no-hosts no-ident no-negcache no-poll no-resolv no-round-robin " +
    "port port-limit proxy-dnssec ptr-record query-port resolv-file rebind-domain-ok rebind-localhost-ok rev-server " +
    "selfmx server srv-host stop-dns-rebind strict-order strip-mac strip-subnet synth-domain trust-anchor txt-record " +
    "umbrella use-stale-cache dumpfile dumpmask"
  ).split(" "),
);

export function adviceOn(key: string): Advice {
  if (DNS_KEYS.has(key)) return DNS;
  const found = UNTAKEN.find(([start]) => key === start || (start.endsWith("-") && key.startsWith(start)));
  return found?.[1] ?? ["this is no setting that netloom knows", "see whether it is spelled right"];
}

/** What netloom does anyway. */
export const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "bind-interfaces",
  "bind-dynamic",
  "no-dhcp-interface",
  "except-interface",
]);
