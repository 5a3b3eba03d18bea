/** dhcp request: a lease for an interface of this host, shown once or held for as long as the process runs. */
import { join } from "node:path";
import { fromHex } from "../../../base/bytes.ts";
import { messageOf } from "../../../base/errors.ts";
import { SILENT } from "../../../base/logger.ts";
import { holdLease, requestOnce } from "../../../engine/dhcp-request.ts";
import { type DhcpWishes, dhcpUnitName } from "../../../engine/lease-session.ts";
import { ownHostName } from "../../../engine/uplink-families.ts";
import { summariesOf } from "../../../engine/summaries.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { LEASED_ROUTE_METRIC } from "../../../compile/uplinks.ts";
import { describeLease } from "../../../protocol/dhcp4/client/describe.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "../../../protocol/dhcp4/client/lease.ts";
import { takeLock } from "../../../store/lock.ts";
import { createStateFolder, stateFolderPath, tidyStateFolder } from "../../../store/state-folder.ts";
import { DHCP4_OPTION } from "../../../wire/dhcp4/option-table.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatTable, print, printJson, STDERR_LOGGER } from "../output.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;

const LONGEST_IDENTIFIER_BYTES = 255;

function readWishes(invocation: Invocation): DhcpWishes {
  const identifier = invocation.option("client-id");
  const hostName = invocation.option("hostname") ?? ownHostName();
  const asked = invocation.option("ask");
  if (hostName !== undefined && !isHostName(hostName))
    throw usageError(`dhcp request: --hostname ${hostName}: not a host name`);
  return {
    ...(identifier === undefined ? {} : { clientIdentifier: readIdentifier(identifier) }),
    ...(hostName === undefined ? {} : { hostName }),
    ...(invocation.flag("rapid-commit") ? { rapidCommit: true } : {}),
    ...(invocation.flag("ipv6-only-ok") ? { ipv6OnlyOk: true } : {}),
    ...(asked === undefined ? {} : { wantedOptions: asked.split(",").map(readOptionCode) }),
  };
}

/** By a name of dhcpd or dnsmasq, or by number. */
function readOptionCode(word: string): number {
  const number = /^\d{1,3}$/.test(word) ? Number(word) : undefined;
  if (number !== undefined && number > 0 && number < 255) return number;
  const option = Object.values(DHCP4_OPTION).find(({ names }) => names.some((name) => name === word.toLowerCase()));
  if (option !== undefined) return option.code;
  throw usageError(`dhcp request: --ask ${word}: no DHCP option of that name or number`);
}

function isHostName(text: string): boolean {
  return text.length <= 253 && /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(text);
}

function readIdentifier(text: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = fromHex(text);
  } catch (error) {
    throw usageError(`dhcp request: --client-id: ${messageOf(error)}`);
  }
  if (bytes.length < 2 || bytes.length > LONGEST_IDENTIFIER_BYTES)
    throw usageError(`dhcp request: --client-id ${text}: not 2 to ${LONGEST_IDENTIFIER_BYTES} bytes`);
  return bytes;
}

function readNumber(invocation: Invocation, name: string, limit: number): number | undefined {
  const text = invocation.option(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > limit)
    throw usageError(`dhcp request: --${name} ${text}: not a whole number from 1 to ${limit}`);
  return value;
}

function tellLease(interfaceName: string, lease: Dhcp4Lease, json: boolean, steps?: readonly string[]): void {
  if (json) {
    printJson({ interface: interfaceName, ...describeLease(lease), ...(steps === undefined ? {} : { steps }) });
    return;
  }
  print(steps === undefined ? describe(interfaceName, lease) : `${describe(interfaceName, lease)}\n`);
}

function describe(interfaceName: string, lease: Dhcp4Lease): string {
  const { options, routes } = describeLease(lease);
  const list = (values: readonly string[]): string | undefined => (values.length === 0 ? undefined : values.join(", "));
  const rows: (readonly [string, string | undefined])[] = [
    ["interface", interfaceName],
    ["address", `${lease.address}/${lease.prefixLength}`],
    ["server", `${lease.server} (${lease.serverMac})`],
    ["lease", lease.leaseSeconds === INFINITE_LEASE_SECONDS ? "for ever" : leaseWords(lease)],
    ["routers", list(lease.routers)],
    [
      "routes",
      list(
        routes.map(
          ({ destination, gateway }) => `${destination} ${gateway === undefined ? "on link" : `via ${gateway}`}`,
        ),
      ),
    ],
    ["name servers", list(lease.nameServers)],
    ["domain", lease.domainName],
    ["search", list(lease.searchDomains)],
    ["host name", lease.hostName],
    ["MTU", lease.mtuBytes === undefined ? undefined : String(lease.mtuBytes)],
    ["NTP servers", list(lease.ntpServers)],
    ...Object.entries(options).map(([name, value]) => [`option ${name}`, printable(value)] as const),
  ];
  return formatTable(rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** JSON escapes the first row of control characters; a terminal obeys the second too. */
function printable(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[\u007f-\u009f]/g, "\ufffd");
}

function leaseWords({ leaseSeconds, renewalSeconds, rebindingSeconds }: Dhcp4Lease): string {
  return `${leaseSeconds} s, renewed after ${renewalSeconds} s, with any server after ${rebindingSeconds} s`;
}

/** One process holds the lease of an interface. */
function lockInterface(state: string, interfaceName: string): Disposable {
  createStateFolder(state);
  const lock = takeLock(join(state, "locks", dhcpUnitName(interfaceName)), `dhcp request ${interfaceName}`);
  return {
    [Symbol.dispose]() {
      lock.release();
      tidyStateFolder(state);
    },
  };
}

export const dhcpRequestCommand: Command = {
  name: "dhcp request",
  operands: ["IF"],
  summary: "Ask a DHCP server for an address for an interface of this host.",
  details:
    "Applies address, routes and MTU to the interface, renews the lease for as long as it runs, and gives everything back at the end (SIGTERM or Ctrl-C). With --once it only shows what a server gives and changes nothing on this host. After a kill the address stays until its lease ends; the next request for the same interface takes it over.",
  options: {
    once: { help: "show one lease and end; nothing is applied, and the lease is not given back" },
    timeout: {
      value: "SECONDS",
      help: `with --once: how long an answer is waited for (default ${DEFAULT_TIMEOUT_SECONDS})`,
    },
    hostname: { value: "NAME", help: "told to the server (default this host's)" },
    "client-id": { value: "HEX", help: "client identifier (default made of the hardware address)" },
    ask: { value: "OPTION,…", help: "further options to ask for, by the name of dhcpd or dnsmasq or by number" },
    "rapid-commit": { help: "take a lease at once from a server that gives it without an offer (RFC 4039)" },
    "ipv6-only-ok": { help: "go without IPv4 for as long as the server says that the network does (RFC 8925)" },
    metric: { value: "N", help: `of the routes (default ${LEASED_ROUTE_METRIC})` },
  },
  example: "netloom dhcp request eth0 --once --json",
  async run(invocation) {
    const interfaceName = invocation.positionals[0]!;
    const fault = interfaceNameFault(interfaceName);
    if (fault !== undefined) throw usageError(`dhcp request: ${interfaceName}: it ${fault}`);
    const wishes = readWishes(invocation);
    const timeoutSeconds = readNumber(invocation, "timeout", 86_400);
    const metric = readNumber(invocation, "metric", 0xffffffff);
    const json = invocation.flag("json");
    requirePrivilege("own namespace");
    using interrupt = untilInterrupted();
    if (invocation.flag("once")) {
      if (metric !== undefined) throw usageError("dhcp request: --metric is not for --once, which sets no route");
      const lease = await requestOnce(interfaceName, wishes, {
        timeoutSeconds: timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        signal: interrupt.signal,
        logger: SILENT,
      });
      tellLease(interfaceName, lease, json);
      return 0;
    }
    if (timeoutSeconds !== undefined) throw usageError("dhcp request: --timeout is for --once: else it goes on asking");
    const stateFolder = stateFolderPath(invocation.option("state"));
    using _lock = lockInterface(stateFolder, interfaceName);
    await holdLease(
      {
        stateFolder,
        interfaceName,
        wishes,
        metric: metric ?? LEASED_ROUTE_METRIC,
        logger: STDERR_LOGGER,
        onLease: (lease, steps) => tellLease(interfaceName, lease, json, summariesOf(steps)),
        onLoss: ({ address, reason }) =>
          json
            ? printJson({ interface: interfaceName, lost: address, reason })
            : print(`${address} is not ours any more: ${reason}`),
        onIpv6Only: (untilMilliseconds) => {
          const ipv6OnlyUntil = new Date(untilMilliseconds).toISOString();
          if (json) printJson({ interface: interfaceName, ipv6OnlyUntil });
          else print(`the network does without IPv4: asked again ${ipv6OnlyUntil}`);
        },
      },
      interrupt.signal,
    );
    return 0;
  },
};
