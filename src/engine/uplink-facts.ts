/** What this host knows of uplinks that get addresses: their leases, and who else asks for one there. */
import { join } from "node:path";
import type { Facts, UplinkFacts } from "../compile/facts.ts";
import type { Model } from "../model/model.ts";
import { readStoredLease } from "../store/client-lease.ts";
import { linkIfThere, processIds, readIfThere } from "./look.ts";

/** Programs that are a DHCP client for the interfaces among their words. */
const CLIENTS = /(?:^|\/)(dhclient|dhcpcd|udhcpc|pump):?$/;
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
  const devices = model.uplinks.flatMap(({ address, device }) => (address === "keep" ? [] : [device]));
  if (devices.length === 0) return {};
  const processes = processesHere();
  return Object.fromEntries(
    devices.map((device): [string, UplinkFacts] => {
      const resolver = stateFolder === undefined ? undefined : readStoredLease(stateFolder, device)?.resolver;
      const otherClient = clientOf(device, links[device]?.index, processes);
      return [
        device,
        { ...(resolver === undefined ? {} : { resolver }), ...(otherClient === undefined ? {} : { otherClient }) },
      ];
    }),
  );
}

function clientOf(device: string, index: number | undefined, processes: readonly Process[]): string | undefined {
  for (const { id, words } of processes) {
    const name = words
      .slice(0, 2)
      .map((word) => CLIENTS.exec(word)?.[1])
      .find((found) => found !== undefined);
    if (name !== undefined && words.includes(device)) return `${name} (process ${id})`;
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
