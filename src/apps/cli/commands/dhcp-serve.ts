/** dhcp serve: a DHCPv4 server for the subnet of an interface, in the foreground and without a file. */
import { once } from "node:events";
import {
  contains,
  formatPrefix,
  type Ipv4Address,
  type Ipv4Prefix,
  networkOf,
  parseIpv4,
} from "../../../base/address.ts";
import { NetloomError } from "../../../base/errors.ts";
import { IdleMemory, keepYoungGenerationSmall } from "../../../daemon/memory.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { readInterface } from "../../../kernel/read-interface.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { checkConfig } from "../../../protocol/dhcp4/server/check.ts";
import type { AddressRange, Dhcp4Limits, Dhcp4ServerConfig } from "../../../protocol/dhcp4/server/config.ts";
import { Dhcp4Service } from "../../../services/dhcp4-server.ts";
import { createStateFolder, isInMemory, stateFolderPath } from "../../../store/state-folder.ts";
import { DHCP4_OPTION, optionEntry } from "../../../wire/dhcp4/option-table.ts";
import { parseOption } from "../../../wire/dhcp4/option-text.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { leaseFileOf, leaseFolderOf } from "../lease-files.ts";
import { complain, print, printJson, STDERR_LOGGER } from "../output.ts";
import { attempt, readLeaseTime } from "./serve-options.ts";

const COMMAND = { name: "dhcp serve" } as const;
const DEFAULT_LEASE = "12h";
/** A client may ask for less, but not so little that it comes all the time. */
const SHORTEST_LEASE_SECONDS = 120;

/** Taking up so many leaves enough behind to be worth a pause. */
const MANY_LEASES = 10_000;

interface Settings extends Pick<Dhcp4ServerConfig, "leaseSeconds" | "options" | "rapidCommit"> {
  readonly range: AddressRange;
}

export const dhcpServeCommand: Command = {
  ...COMMAND,
  operands: [],
  summary: "Give the hosts of an interface's subnet their addresses, until SIGTERM or Ctrl-C.",
  details:
    "The subnet is that of the interface's own address. Relayed requests from within the subnet are answered to the " +
    "relay. A lease is on disk before its client is told, so that no end of this program loses one or gives an address " +
    "twice. It takes itself for the only server of the link: clients that ask for an address of elsewhere are refused.",
  options: {
    interface: { value: "IF", necessary: true, help: "whose hosts are served; it must have an IPv4 address" },
    range: { value: "A-B", necessary: true, help: "first and last address to give out, of the interface's subnet" },
    router: { value: "R", help: "the clients' default gateway (default none)" },
    dns: { value: "D,…", help: "name servers that clients are told (default none)" },
    lease: { value: "TIME", help: "for how long at most an address is given: 20s, 12h, 7d, infinite (default 12h)" },
    option: {
      value: "NAME=VALUE",
      repeatable: true,
      help: "a further option by the name of dhcpd or dnsmasq or by number, as ntp-servers=192.0.2.1 or 224=0a0b0c",
    },
    "rapid-commit": { help: "give clients that wish it their address in two messages instead of four" },
    "limit-per-port": {
      value: "N",
      help: "leases of the clients at one port of a bridge, or circuit of a relay (default 8 for each free address)",
    },
    "limit-new": { value: "N", help: "new leases in a second (default as many as addresses, at least 1000)" },
    "limit-new-per-port": { value: "N", help: "those at one port or circuit (default half as many)" },
    probe: { help: "ask whether somebody uses an address before it is offered to a client that did not have it" },
  },
  example: "netloom dhcp serve --interface lan0 --range 192.0.2.100-192.0.2.199 --router 192.0.2.1 --dns 192.0.2.53",
  async run(invocation) {
    const interfaceName = invocation.necessary("interface");
    const fault = interfaceNameFault(interfaceName);
    if (fault !== undefined) throw usageError(`dhcp serve: --interface ${interfaceName}: it ${fault}`);
    const { range, ...settings } = readSettings(invocation);
    const stateFolder = stateFolderPath(invocation.option("state"));
    requirePrivilege("own namespace");
    const { index, mac, mtuBytes, isBridge, addresses } = await readInterface(interfaceName);
    const own = addressFor(interfaceName, addresses, range.first);
    const config: Dhcp4ServerConfig = {
      ...settings,
      serverAddress: own.address,
      serverMac: mac,
      subnet: networkOf(own),
      ranges: [range],
      authoritative: true,
      mtuBytes,
      limits: readLimits(invocation),
      ...(isBridge ? { hasPorts: true } : {}),
      ...(invocation.flag("probe") ? { probe: {} } : {}),
    };
    attempt(COMMAND, () => checkConfig(config));
    using interrupt = untilInterrupted();
    createStateFolder(leaseFolderOf(stateFolder, "dhcp"));
    const leaseFile = leaseFileOf(stateFolder, "dhcp", interfaceName);
    keepYoungGenerationSmall();
    using memory = new IdleMemory();
    await using service = new Dhcp4Service({ interfaceIndex: index, config, leaseFile, logger: STDERR_LOGGER });
    if (service.stats().restored > MANY_LEASES) memory.settle();
    tell(invocation.flag("json"), interfaceName, { ...config, range }, { leaseFile, leases: service.stats().restored });
    if (!interrupt.signal.aborted) await once(interrupt.signal, "abort");
    return 0;
  },
};

function tell(
  json: boolean,
  interfaceName: string,
  { serverAddress, subnet, range }: Pick<Dhcp4ServerConfig, "serverAddress" | "subnet"> & Pick<Settings, "range">,
  { leaseFile, leases }: { leaseFile: string; leases: number },
): void {
  if (isInMemory(leaseFile))
    complain("note: the leases are kept in memory and go with a reboot; give a folder on a disk with --state DIR");
  if (json)
    printJson({ interface: interfaceName, serverAddress, subnet: formatPrefix(subnet), range, leaseFile, leases });
  else
    print(
      `Serving ${range.first}-${range.last} of ${formatPrefix(subnet)} on ${interfaceName} as ${serverAddress}; ` +
        `${leases} ${leases === 1 ? "lease" : "leases"} known from ${leaseFile}.`,
    );
}

/** The address whose subnet the range is in. */
function addressFor(interfaceName: string, addresses: readonly Ipv4Prefix[], first: Ipv4Address): Ipv4Prefix {
  const found = addresses.find((prefix) => contains(prefix, first));
  if (found !== undefined) return found;
  const has = addresses.length === 0 ? "it has no IPv4 address" : `it has ${addresses.map(formatPrefix).join(", ")}`;
  throw new NetloomError("unfit-interface", `dhcp serve: ${first} is not of a subnet of ${interfaceName}: ${has}`, {
    hint: `ip address add ADDRESS/LENGTH dev ${interfaceName}`,
  });
}

function readSettings(invocation: Invocation): Settings {
  const maximum = readLeaseTime(COMMAND, invocation.option("lease") ?? DEFAULT_LEASE);
  const [router, dns] = [invocation.option("router"), invocation.option("dns")];
  const options = attempt(
    COMMAND,
    () =>
      new Map([
        ...(router === undefined ? [] : [optionEntry(DHCP4_OPTION.routers, [parseIpv4(router)])]),
        ...(dns === undefined ? [] : [optionEntry(DHCP4_OPTION.nameServers, dns.split(",").map(parseIpv4))]),
        ...invocation.optionList("option").map(parseOption),
      ]),
  );
  return {
    range: readRange(invocation.necessary("range")),
    leaseSeconds: { default: maximum, minimum: Math.min(SHORTEST_LEASE_SECONDS, maximum), maximum },
    options,
    rapidCommit: invocation.flag("rapid-commit"),
  };
}

function readLimits(invocation: Invocation): Dhcp4Limits {
  const count = (name: string): number | undefined => {
    const text = invocation.option(name);
    if (text !== undefined && !/^[1-9]\d{0,6}$/.test(text))
      throw usageError(`dhcp serve: --${name} ${text}: not a number from 1 to 9999999`);
    return text === undefined ? undefined : Number(text);
  };
  const leasesPerPort = count("limit-per-port");
  const newLeasesPerSecond = count("limit-new");
  const newLeasesPerSecondOfPort = count("limit-new-per-port");
  return {
    ...(leasesPerPort === undefined ? {} : { leasesPerPort }),
    ...(newLeasesPerSecond === undefined ? {} : { newLeasesPerSecond }),
    ...(newLeasesPerSecondOfPort === undefined ? {} : { newLeasesPerSecondOfPort }),
  };
}

function readRange(text: string): AddressRange {
  const [, first, last] = /^([\d.]+)-([\d.]+)$/.exec(text) ?? [];
  if (first === undefined || last === undefined)
    throw usageError(`dhcp serve: --range ${text}: not two addresses`, "--range 192.0.2.100-192.0.2.199");
  return attempt(COMMAND, () => ({ first: parseIpv4(first), last: parseIpv4(last) }));
}
