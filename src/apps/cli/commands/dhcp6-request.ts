/** dhcp6 request: a DHCPv6 lease for an interface of this host, shown once or held for as long as the process runs. */
import { join } from "node:path";
import { fromHex } from "../../../base/bytes.ts";
import { messageOf } from "../../../base/errors.ts";
import { SILENT } from "../../../base/logger.ts";
import { type Answer6, holdLease6, requestOnce6 } from "../../../engine/dhcp6-request.ts";
import { type Dhcp6Wishes, dhcp6UnitName } from "../../../engine/lease6-session.ts";
import { summariesOf } from "../../../engine/summaries.ts";
import { ownHostName } from "../../../engine/uplink-families.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { type DescribedLease6, describeLease6 } from "../../../protocol/dhcp6/client/describe.ts";
import type { Dhcp6Lease } from "../../../protocol/dhcp6/client/lease.ts";
import { steadySeconds } from "../../../services/clock.ts";
import { takeLock } from "../../../store/lock.ts";
import { createStateFolder, stateFolderPath, tidyStateFolder } from "../../../store/state-folder.ts";
import { isDuid } from "../../../wire/dhcp6/options.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatTable, print, printJson, STDERR_LOGGER } from "../output.ts";

const DEFAULT_TIMEOUT_SECONDS = 30;
const LONGEST_HOST_NAME = 253;

function readWishes(invocation: Invocation): Dhcp6Wishes {
  const duid = invocation.option("duid");
  const hostName = invocation.option("hostname") ?? ownHostName();
  if (hostName !== undefined && !isHostName(hostName))
    throw usageError(`dhcp6 request: --hostname ${hostName}: not a host name`);
  return {
    wishes: readLeases(invocation),
    ...(duid === undefined ? {} : { duid: readDuid(duid) }),
    ...(hostName === undefined ? {} : { hostName }),
    ...(invocation.flag("rapid-commit") ? { rapidCommit: true } : {}),
  };
}

function readLeases(invocation: Invocation): Dhcp6Wishes["wishes"] {
  const length = readNumber(invocation, "length", 1, 128);
  const prefix = invocation.flag("prefix") || length !== undefined;
  const information = invocation.flag("information");
  if (information && (prefix || invocation.flag("no-address")))
    throw usageError("dhcp6 request: --information asks for neither an address nor a prefix");
  const address = !information && !invocation.flag("no-address");
  if (!address && !prefix && !information)
    throw usageError("dhcp6 request: --no-address wants --prefix: else nothing is asked for");
  return { address, ...(prefix ? { prefix: length === undefined ? {} : { length } } : {}) };
}

function isHostName(text: string): boolean {
  const label = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
  return text.length <= LONGEST_HOST_NAME && new RegExp(`^${label}(?:\\.${label})*$`).test(text);
}

function readDuid(text: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = fromHex(text);
  } catch (error) {
    throw usageError(`dhcp6 request: --duid: ${messageOf(error)}`);
  }
  if (!isDuid(bytes)) throw usageError(`dhcp6 request: --duid ${text}: not 3 to 130 bytes`);
  return bytes;
}

function readNumber(invocation: Invocation, name: string, least: number, most: number): number | undefined {
  const text = invocation.option(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < least || value > most)
    throw usageError(`dhcp6 request: --${name} ${text}: not a whole number from ${least} to ${most}`);
  return value;
}

function tellLease(interfaceName: string, lease: Dhcp6Lease, json: boolean, steps?: readonly string[]): void {
  const described = describeLease6(lease, steadySeconds());
  if (json) printJson({ interface: interfaceName, ...described, ...(steps === undefined ? {} : { steps }) });
  else print(steps === undefined ? format(interfaceName, described) : `${format(interfaceName, described)}\n`);
}

function tellAnswer(interfaceName: string, answer: Answer6, json: boolean): void {
  if ("lease" in answer) {
    tellLease(interfaceName, answer.lease, json);
    return;
  }
  const { settings, server } = answer;
  if (json) printJson({ interface: interfaceName, serverAddress: server, ...settings });
  else print(table([["interface", interfaceName], ["server", server], ...settingRows(settings)]));
}

type Row = readonly [name: string, value: string];

function format(interfaceName: string, lease: DescribedLease6): string {
  const { addresses, prefixes, server, serverAddress, renewalSeconds, rebindingSeconds } = lease;
  return table([
    ["interface", interfaceName],
    ...addresses.map((part): Row => ["address", `${part.address}, ${words(part)}`]),
    ...prefixes.map((part): Row => ["prefix", `${part.prefix}, ${words(part)}`]),
    ["server", `${serverAddress} (DUID ${server})`],
    ["renewal", renewalSeconds === undefined ? "never" : `in ${renewalSeconds} s`],
    ["with any server", rebindingSeconds === undefined ? "never" : `in ${rebindingSeconds} s`],
    ...settingRows(lease),
  ]);
}

function settingRows(told: Pick<DescribedLease6, "nameServers" | "searchDomains" | "ntpServers">): readonly Row[] {
  const { nameServers, searchDomains, ntpServers } = told;
  const lists = { "name servers": nameServers, search: searchDomains, "NTP servers": ntpServers };
  return Object.entries(lists).flatMap(([name, list]): Row[] => (list.length === 0 ? [] : [[name, list.join(", ")]]));
}

function table(rows: readonly Row[]): string {
  return formatTable(rows.map((row) => [...row]));
}

function words({
  preferredSeconds,
  validSeconds,
}: {
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
}): string {
  if (validSeconds === undefined) return "for ever";
  const preferred =
    preferredSeconds === undefined || preferredSeconds === validSeconds ? "" : `, preferred for ${preferredSeconds} s`;
  return `for ${validSeconds} s${preferred}`;
}

/** One process holds the lease of an interface. */
function lockInterface(state: string, interfaceName: string): Disposable {
  createStateFolder(state);
  const lock = takeLock(join(state, "locks", dhcp6UnitName(interfaceName)), `dhcp6 request ${interfaceName}`);
  return {
    [Symbol.dispose]() {
      lock.release();
      tidyStateFolder(state);
    },
  };
}

export const dhcp6RequestCommand: Command = {
  name: "dhcp6 request",
  operands: ["IF"],
  summary: "Ask a DHCPv6 server for an address or a prefix for an interface of this host.",
  details:
    "Applies the addresses to the interface, refuses what no part of a delegated prefix is used for, renews the lease for as long as it runs, and gives everything back at the end (SIGTERM or Ctrl-C). Routes come by router advertisements, which the kernel heeds. With --once it only shows what a server gives and changes nothing on this host. After a kill the addresses stay until their lease ends; the next request for the same interface takes them over.",
  options: {
    once: { help: "show one lease and end; nothing is applied, and the lease is not given back" },
    prefix: { help: "ask for a prefix to hand on as well" },
    length: { value: "N", help: "wish for a prefix of so many bits; with it --prefix need not be given" },
    "no-address": { help: "ask for the prefix alone" },
    information: { help: "with --once: ask for settings alone, where addresses come by router advertisements" },
    timeout: {
      value: "SECONDS",
      help: `with --once: how long an answer is waited for (default ${DEFAULT_TIMEOUT_SECONDS})`,
    },
    hostname: { value: "NAME", help: "told to the server (default this host's)" },
    duid: { value: "HEX", help: "client identifier (default made of the hardware address)" },
    "rapid-commit": { help: "take a lease at once from a server that gives it without an offer" },
  },
  example: "netloom dhcp6 request eth0 --prefix --length 56 --once --json",
  async run(invocation) {
    const interfaceName = invocation.positionals[0]!;
    const fault = interfaceNameFault(interfaceName);
    if (fault !== undefined) throw usageError(`dhcp6 request: ${interfaceName}: it ${fault}`);
    const wishes = readWishes(invocation);
    const timeoutSeconds = readNumber(invocation, "timeout", 1, 86_400);
    const json = invocation.flag("json");
    requirePrivilege("own namespace");
    using interrupt = untilInterrupted();
    if (invocation.flag("once")) {
      const answer = await requestOnce6(interfaceName, wishes, {
        timeoutSeconds: timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS,
        signal: interrupt.signal,
        logger: SILENT,
      });
      tellAnswer(interfaceName, answer, json);
      return 0;
    }
    if (timeoutSeconds !== undefined)
      throw usageError("dhcp6 request: --timeout is for --once: else it goes on asking");
    if (invocation.flag("information"))
      throw usageError("dhcp6 request: --information is for --once: nothing is applied");
    const stateFolder = stateFolderPath(invocation.option("state"));
    using _lock = lockInterface(stateFolder, interfaceName);
    await holdLease6(
      {
        stateFolder,
        interfaceName,
        wishes,
        logger: STDERR_LOGGER,
        onLease: (lease, steps) => tellLease(interfaceName, lease, json, summariesOf(steps)),
        onLoss: ({ lease, reason }) => {
          const lost = describeLease6(lease, steadySeconds());
          const parts = [...lost.addresses.map(({ address }) => address), ...lost.prefixes.map(({ prefix }) => prefix)];
          if (json) printJson({ interface: interfaceName, lost: parts, reason });
          else print(`${parts.join(", ")}: not ours any more: ${reason}`);
        },
      },
      interrupt.signal,
    );
    return 0;
  },
};
