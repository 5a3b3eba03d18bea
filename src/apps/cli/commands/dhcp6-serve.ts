/** dhcp6 serve: DHCPv6 and router advertisements for the hosts of an interface, in the foreground and without a file. */
import { SMALLEST_IPV6_MTU_BYTES } from "../../../wire/ipv6.ts";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  formatPrefix,
  type Ipv6Address,
  type Ipv6Prefix,
  type MacAddress,
  networkOf,
  parseIpv6,
  parseMac,
  parsePrefix,
  isLinkLocal6,
} from "../../../base/address.ts";
import { fromHex } from "../../../base/bytes.ts";
import { NetloomError } from "../../../base/errors.ts";
import { eui64Address } from "../../../compile/binding/guest-ip6.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { readInterface, type ServedInterface } from "../../../kernel/read-interface.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { checkConfig, type Dhcp6ServerConfig, type Host6 } from "../../../protocol/dhcp6/server/config.ts";
import { partOfLifetime } from "../../../protocol/guest-lease6.ts";
import { routerConfigOf } from "../../../protocol/ndp/advertised-link.ts";
import type { RouterConfig } from "../../../protocol/ndp/router.ts";
import { Ip6Service } from "../../../services/ip6-network.ts";
import { createStateFolder, isInMemory, stateFolderPath } from "../../../store/state-folder.ts";
import { linkLayerDuid } from "../../../wire/dhcp6/options.ts";
import { encodeDomainName } from "../../../wire/domain-name.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { leaseFileOf, leaseFolderOf } from "../lease-files.ts";
import { complain, print, printJson, STDERR_LOGGER } from "../output.ts";
import { attempt, readLeaseTime } from "./serve-options.ts";

const COMMAND = { name: "dhcp6 serve" } as const;
const DEFAULT_LEASE = "12h";
const USUAL_MTU_BYTES = 1500;
/** RFC 8200 §5, §3. */
const LARGEST_MTU_BYTES = 65_535;
/** Hosts make their own addresses from prefixes of this length (RFC 4862 §5.5.3, RFC 2464 §4). */
const AUTONOMOUS_LENGTH = 64;
/** IN6_ADDR_GEN_MODE_EUI64 (linux/if_link.h): RFC 4291 appendix A. */
const ADDRESS_FROM_MAC = "0";

type Place = "duid" | "serverMac" | "linkAddress" | "mtuBytes" | "addresses" | "prefixes";
type Settings = Omit<Dhcp6ServerConfig, Place>;

export const dhcp6ServeCommand: Command = {
  ...COMMAND,
  operands: [],
  summary: "Give the hosts of an interface IPv6 addresses, prefixes and settings, until SIGTERM or Ctrl-C.",
  details:
    "Router advertisements tell hosts the interface's prefixes and whether to ask DHCPv6; with --stateless they make " +
    "their own addresses. A lease is on disk before its client is told. Relayed requests from links of the same " +
    "prefixes are answered to the relay. A delegated prefix is told to the client only: its route is yours to set. At " +
    "the end hosts are told that the router goes, unless the program is killed.",
  options: {
    interface: { value: "IF", necessary: true, help: "whose hosts are served; it must have an IPv6 address" },
    range: { value: "A-B", help: "first and last address to give out, of one of the interface's prefixes" },
    stateless: { help: "hosts make their own addresses and are told the rest" },
    delegate: { value: "P/L-N", help: "prefixes of N bits to give to routers, out of P/L" },
    host: {
      value: "ID=LEASE",
      repeatable: true,
      help: "an address, or a prefix, kept for the client with this MAC address or DUID",
    },
    router: { help: "advertise this machine as the hosts' default router" },
    "no-advertise": { help: "no router advertisements: another router sends them" },
    dns: { value: "D,…", help: "name servers that hosts are told (default none)" },
    search: { value: "NAME,…", help: "domains in which hosts look up names (default none)" },
    ntp: { value: "N,…", help: "time servers that clients are told (default none)" },
    lease: { value: "TIME", help: "for how long an address is given: 20s, 12h, 7d, infinite (default 12h)" },
    "rapid-commit": { help: "give clients that wish it their address in two messages instead of four" },
  },
  example: "netloom dhcp6 serve --interface lan0 --range 2001:db8::1000-2001:db8::1fff --dns 2001:db8::53 --router",
  async run(invocation) {
    const interfaceName = invocation.necessary("interface");
    const fault = interfaceNameFault(interfaceName);
    if (fault !== undefined) throw usageError(`dhcp6 serve: --interface ${interfaceName}: it ${fault}`);
    const settings = readSettings(invocation);
    const stateFolder = stateFolderPath(invocation.option("state"));
    requirePrivilege("own namespace");
    const served = await readInterface(interfaceName);
    const config: Dhcp6ServerConfig = { ...settings, ...placeOf(interfaceName, served) };
    attempt(COMMAND, () => checkConfig(config));
    using interrupt = untilInterrupted();
    createStateFolder(leaseFolderOf(stateFolder, "dhcp6"));
    const leaseFile = leaseFileOf(stateFolder, "dhcp6", interfaceName);
    const router = advertisementOf(config, served, invocation.flag("router"));
    const service = new Ip6Service({
      interfaceName,
      interfaceIndex: served.index,
      ...(invocation.flag("no-advertise") ? {} : { router }),
      dhcp: config,
      leaseFile,
      logger: STDERR_LOGGER,
    });
    try {
      tell(invocation.flag("json"), interfaceName, config, { leaseFile, leases: service.stats().restored });
      if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    } finally {
      await service.close(true);
    }
    return 0;
  },
};

function placeOf(
  interfaceName: string,
  { mac, mtuBytes, ipv6Addresses }: ServedInterface,
): Pick<Dhcp6ServerConfig, Place> {
  const linkAddress = ipv6Addresses.find(({ address }) => isLinkLocal6(address))?.address ?? coming(interfaceName, mac);
  const others = ipv6Addresses.filter(({ address }) => !isLinkLocal6(address));
  const unfit = (reason: string, hint: string): NetloomError =>
    new NetloomError("unfit-interface", `dhcp6 serve: ${interfaceName}: ${reason}`, { hint });
  if (linkAddress === undefined)
    throw unfit("it has no link-local address", `It must be up and have IPv6: ip link set ${interfaceName} up`);
  if (others.length === 0)
    throw unfit("it has no address of a prefix to serve", `ip address add 2001:db8::1/64 dev ${interfaceName}`);
  return {
    duid: linkLayerDuid(mac),
    serverMac: mac,
    linkAddress,
    mtuBytes: Math.min(Math.max(mtuBytes, SMALLEST_IPV6_MTU_BYTES), LARGEST_MTU_BYTES),
    addresses: others.map(({ address }) => address),
    prefixes: [...new Map(others.map((prefix) => [formatPrefix(networkOf(prefix)), networkOf(prefix)])).values()],
  };
}

/** What the kernel will take as link-local address once a bridge without ports, say, has a carrier. */
function coming(interfaceName: string, mac: MacAddress): Ipv6Address | undefined {
  const made = readFileSync(`/proc/sys/net/ipv6/conf/${interfaceName}/addr_gen_mode`, "utf8").trim();
  if (made !== ADDRESS_FROM_MAC) return undefined;
  return eui64Address("fe80::" as Ipv6Address, mac);
}

function readSettings(invocation: Invocation): Settings {
  const validSeconds = readLeaseTime(COMMAND, invocation.option("lease") ?? DEFAULT_LEASE);
  const [range, delegate] = [invocation.option("range"), invocation.option("delegate")];
  if (range !== undefined && invocation.flag("stateless"))
    throw usageError("dhcp6 serve: --range and --stateless exclude each other");
  if (range === undefined && delegate === undefined && !invocation.flag("stateless"))
    throw usageError("dhcp6 serve: --range, --delegate or --stateless is missing");
  return {
    ...(range === undefined ? {} : { range: readRange(range) }),
    ...(delegate === undefined ? {} : { delegate: readDelegation(delegate) }),
    hosts: invocation.optionList("host").map(readHost),
    nameServers: readAddresses(invocation.option("dns")),
    searchDomains: readNames(invocation.option("search")),
    ntpServers: readAddresses(invocation.option("ntp")),
    validSeconds,
    preferredSeconds: Math.max(1, partOfLifetime(validSeconds, 0.75)),
    authoritative: true,
    rapidCommit: invocation.flag("rapid-commit"),
  };
}

function readRange(text: string): NonNullable<Settings["range"]> {
  const [, first, last] = /^([\da-f:.]+)-([\da-f:.]+)$/i.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw usageError(`dhcp6 serve: --range ${text}: not two addresses`, "--range 2001:db8::1000-2001:db8::1fff");
  return attempt(COMMAND, () => ({ first: parseIpv6(first), last: parseIpv6(last) }));
}

function readDelegation(text: string): NonNullable<Settings["delegate"]> {
  const [, from, length] = /^([\da-f:.]+\/\d+)-(\d{1,3})$/i.exec(text) ?? [];
  if (from === undefined || length === undefined)
    throw usageError(`dhcp6 serve: --delegate ${text}: not a prefix and a length`, "--delegate 2001:db8:100::/40-56");
  return { from: readPrefix(from), length: Number(length) };
}

function readPrefix(text: string): Ipv6Prefix {
  return attempt(COMMAND, () => {
    const { address, length } = parsePrefix(text);
    return { address: parseIpv6(address), length };
  });
}

/** A DUID has always more bytes than a MAC address, or fewer. */
function readHost(text: string): Host6 {
  const [, id, lease] = /^([\da-f:]+)=([\da-f:.]+(?:\/\d+)?)$/i.exec(text) ?? [];
  if (id === undefined || lease === undefined)
    throw usageError(
      `dhcp6 serve: --host ${text}: not ID=ADDRESS or ID=PREFIX`,
      "--host 52:54:00:00:00:10=2001:db8::10",
    );
  const bytes = attempt(COMMAND, () => fromHex(id));
  return {
    ...(bytes.length === 6 ? { mac: attempt(COMMAND, () => parseMac(id)) } : { duid: bytes }),
    ...(lease.includes("/") ? { prefix: readPrefix(lease) } : { address: attempt(COMMAND, () => parseIpv6(lease)) }),
  };
}

function readAddresses(text: string | undefined): readonly Ipv6Address[] {
  return attempt(COMMAND, () => text?.split(",").map(parseIpv6) ?? []);
}

function readNames(text: string | undefined): readonly string[] {
  const names = text?.split(",") ?? [];
  attempt(COMMAND, () => names.map(encodeDomainName));
  return names;
}

function advertisementOf(config: Dhcp6ServerConfig, served: ServedInterface, isRouter: boolean): RouterConfig {
  const { prefixes, range, delegate, hosts } = config;
  return routerConfigOf(config, {
    // Also where only some have an address of ours: the others make their own all the same.
    managed: range !== undefined || delegate !== undefined || hosts.length > 0,
    isRouter,
    prefixes: prefixes.map((prefix) => ({
      prefix,
      autonomous: range === undefined && prefix.length === AUTONOMOUS_LENGTH,
    })),
    routes: [],
    ...(served.mtuBytes === USUAL_MTU_BYTES ? {} : { mtuBytes: served.mtuBytes }),
  });
}

function tell(
  json: boolean,
  interfaceName: string,
  { prefixes, range, delegate, hosts }: Dhcp6ServerConfig,
  { leaseFile, leases }: { leaseFile: string; leases: number },
): void {
  if ((range !== undefined || delegate !== undefined || hosts.length > 0) && isInMemory(leaseFile))
    complain("note: the leases are kept in memory and go with a reboot; give a folder on a disk with --state DIR");
  const link = prefixes.map(formatPrefix);
  const delegated = delegate === undefined ? undefined : `${formatPrefix(delegate.from)}-${delegate.length}`;
  if (json) {
    printJson({ interface: interfaceName, prefixes: link, range, delegate: delegated, leaseFile, leases });
    return;
  }
  const given = [range === undefined ? undefined : `${range.first}-${range.last}`, delegated].filter(
    (text) => text !== undefined,
  );
  print(
    `Serving ${given.length === 0 ? "settings" : given.join(" and ")} on ${interfaceName} (${link.join(", ")}); ` +
      `${leases} ${leases === 1 ? "lease" : "leases"} known from ${leaseFile}.`,
  );
}
