/** What this host knows of uplinks that get addresses: their leases, and who else asks for one there. */
import { join } from "node:path";
import type { Ipv6Prefix } from "../base/address.ts";
import type { ResolverConfiguration } from "../base/resolv-conf.ts";
import type { Facts, UplinkFacts } from "../compile/facts.ts";
import { asksDhcp6 } from "../compile/uplinks.ts";
import type { Model, Uplink } from "../model/model.ts";
import { readStoredLease } from "../store/client-lease.ts";
import { readStoredLease6, type StoredPart6 } from "../store/client-lease6.ts";
import { linkIfThere, processIds, readIfThere } from "./look.ts";

/** Programs that are a DHCP client for the interfaces among their words. */
const CLIENTS = /(?:^|\/)(dhclient|dhcpcd|udhcpc|pump):?$/;
const CLIENTS6 = /(?:^|\/)(dhclient|dhcpcd|odhcp6c|dhcp6c|udhcpc6|dibbler-client):?$/;
/** Names as in /proc/PID/comm, which holds 15 bytes, with the files by interface index that say what they manage. */
const MANAGERS = [
  { process: "systemd-network", name: "systemd-networkd", folder: "/run/systemd/netif/leases", says: /^ADDRESS=/m },
  {
    process: "NetworkManager",
    name: "NetworkManager",
    folder: "/run/NetworkManager/devices",
    says: /^connection-uuid=/m,
  },
] as const;

interface Process {
  readonly id: string;
  readonly name: string;
  readonly words: readonly string[];
}

/** By device. */
export function uplinkFacts(
  model: Model,
  links: Facts["links"],
  stateFolder: string | undefined,
): NonNullable<Facts["uplinks"]> {
  const uplinks = model.uplinks.filter((uplink) => uplink.address !== "keep" || asksDhcp6(uplink));
  if (uplinks.length === 0) return {};
  const processes = processesHere();
  return Object.fromEntries(
    uplinks.map((uplink): [string, UplinkFacts] => {
      const { device, address } = uplink;
      const resolver = stateFolder === undefined ? undefined : resolverOf(uplink, stateFolder);
      const otherClient = address === "keep" ? undefined : clientOf(device, links[device]?.index, processes);
      const otherClient6 = asksDhcp6(uplink) ? clientOf6(device, processes) : undefined;
      return [
        device,
        {
          ...(resolver === undefined ? {} : { resolver }),
          ...(otherClient === undefined ? {} : { otherClient }),
          ...(stateFolder !== undefined && asksDhcp6(uplink) ? prefixesOf(device, stateFolder) : {}),
          ...(otherClient6 === undefined ? {} : { otherClient6 }),
        },
      ];
    }),
  );
}

/** Of the leases of both families, in one. */
function resolverOf(uplink: Uplink, stateFolder: string): ResolverConfiguration | undefined {
  const lease = uplink.address === "dhcp" ? readStoredLease(stateFolder, uplink.device) : undefined;
  const lease6 = asksDhcp6(uplink) ? readStoredLease6(stateFolder, uplink.device) : undefined;
  if (lease6 === undefined) return lease?.resolver;
  const { servers = [], search = [] } = lease?.resolver ?? {};
  return {
    servers: [...servers, ...lease6.nameServers],
    search: [...new Set([...search, ...lease6.searchDomains])],
  };
}

function prefixesOf(device: string, stateFolder: string): Pick<UplinkFacts, "prefixes" | "formerPrefixes"> {
  const stored = readStoredLease6(stateFolder, device);
  const lasting = (parts: readonly StoredPart6[] | undefined): readonly Ipv6Prefix[] =>
    (parts ?? [])
      .filter(({ endMilliseconds = Infinity }) => endMilliseconds > Date.now())
      .map(({ address, length }) => ({ address, length }));
  const prefixes = lasting(stored?.prefixes);
  const formerPrefixes = lasting(stored?.formerPrefixes);
  return {
    ...(prefixes.length === 0 ? {} : { prefixes }),
    ...(formerPrefixes.length === 0 ? {} : { formerPrefixes }),
  };
}

/** systemd-networkd and NetworkManager do not show what they have by DHCPv6. */
function clientOf6(device: string, processes: readonly Process[]): string | undefined {
  for (const { id, words } of processes) {
    const name = nameAmong(words, CLIENTS6);
    if (name === undefined || !words.includes(device) || words.includes("-4")) continue;
    // dhclient speaks DHCPv4 unless it is told otherwise.
    if (name !== "dhclient" || words.includes("-6")) return `${name} (process ${id})`;
  }
  return undefined;
}

function nameAmong(words: readonly string[], names: RegExp): string | undefined {
  return words
    .slice(0, 2)
    .map((word) => names.exec(word)?.[1])
    .find((found) => found !== undefined);
}

function clientOf(device: string, index: number | undefined, processes: readonly Process[]): string | undefined {
  for (const { id, words } of processes) {
    const name = nameAmong(words, CLIENTS);
    if (name !== undefined && words.includes(device) && !words.includes("-6")) return `${name} (process ${id})`;
  }
  if (index === undefined) return undefined;
  return MANAGERS.find(
    ({ process, folder, says }) =>
      processes.some(({ name }) => name === process) && says.test(readIfThere(join(folder, String(index))) ?? ""),
  )?.name;
}

/** Those of our network namespace. */
function processesHere(): Process[] {
  const own = linkIfThere("/proc/self/ns/net");
  return processIds().flatMap((id): Process[] => {
    if (linkIfThere(`/proc/${id}/ns/net`) !== own) return [];
    const words = (readIfThere(`/proc/${id}/cmdline`) ?? "").split(/[\0 ]+/).filter((word) => word !== "");
    return [{ id, name: (readIfThere(`/proc/${id}/comm`) ?? "").trim(), words }];
  });
}
