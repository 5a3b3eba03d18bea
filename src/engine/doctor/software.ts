/** Other software on this host that has a say in its networking. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import { nft } from "../../kernel/nft.ts";
import { linkIfThere, namesIfThere, processIds, readIfThere } from "../look.ts";

/** Names as in /proc/PID/comm, which holds 15 bytes. */
const KNOWN_PROCESSES = ["dockerd", "firewalld", "libvirtd", "virtnetworkd", "NetworkManager", "systemd-network"];
const DHCP_SERVER_PORT = 67;
const DNS_PORT = 53;
const ALL_ADDRESSES = "0.0.0.0";
const NETWORKD_FOLDERS = ["/etc/systemd/network", "/run/systemd/network", "/usr/lib/systemd/network"];
const NETWORK_MANAGER_FOLDERS = ["/etc/NetworkManager", "/etc/NetworkManager/conf.d", "/run/NetworkManager/conf.d"];

interface Listener {
  /** "dnsmasq (process 812)"; undefined: whose it is may not be read. */
  readonly process: string | undefined;
  /** "0.0.0.0", "192.168.122.1". */
  readonly address: string;
}

export interface OtherSoftware {
  /** Those of the known ones that run in our network namespace. */
  readonly processes: readonly string[];
  /** Names of all links in our network namespace. */
  readonly links: readonly string[];
  /** "ip filter DOCKER"; undefined: nft is missing or may not ask. */
  readonly chains: readonly string[] | undefined;
  /** The value of unmanaged-devices in NetworkManager's configuration. */
  readonly networkManagerUnmanaged?: string;
  /** Files by which systemd-networkd takes every link for its own. */
  readonly networkdCatchAll: readonly string[];
  /** Sockets on UDP port 67. */
  readonly dhcpListeners: readonly Listener[];
  /** Sockets on UDP port 53 of all addresses. */
  readonly dnsListeners: readonly Listener[];
}

/** @param ownProcess serves DHCP for netloom */
export async function gatherSoftware(mayAsk: boolean, ownProcess: number | undefined): Promise<OtherSoftware> {
  const unmanaged = configuredUnmanaged();
  return {
    processes: runningProcesses(),
    links: readdirSync("/sys/class/net").sort(),
    chains: mayAsk ? await nftChains() : undefined,
    ...(unmanaged === undefined ? {} : { networkManagerUnmanaged: unmanaged }),
    networkdCatchAll: filesIn(NETWORKD_FOLDERS, ".network").filter((path) => catchesAll(readIfThere(path) ?? "")),
    dhcpListeners: listeners(DHCP_SERVER_PORT, ownProcess),
    dnsListeners: listeners(DNS_PORT, ownProcess).filter(({ address }) => address === ALL_ADDRESSES),
  };
}

async function nftChains(): Promise<string[] | undefined> {
  try {
    const listing = JSON.parse(await nft("list chains", { json: true })) as {
      nftables: { chain?: { family: string; table: string; name: string } }[];
    };
    return listing.nftables.flatMap(({ chain }) =>
      chain === undefined ? [] : [`${chain.family} ${chain.table} ${chain.name}`],
    );
  } catch (error) {
    // Told as a missing program, or as a kernel without nf_tables.
    if (error instanceof NetloomError && (error.code === "tool-missing" || error.code === "command-failed"))
      return undefined;
    throw error;
  }
}

function runningProcesses(): string[] {
  const own = linkIfThere("/proc/self/ns/net");
  const found = processIds()
    .filter((id) => KNOWN_PROCESSES.includes(readIfThere(`/proc/${id}/comm`)?.trim() ?? ""))
    // Without privilege others' namespaces cannot be read: then they count as here.
    .filter((id) => [own, undefined].includes(linkIfThere(`/proc/${id}/ns/net`)))
    .flatMap((id) => readIfThere(`/proc/${id}/comm`)?.trim() ?? []);
  return [...new Set(found)].sort();
}

function configuredUnmanaged(): string | undefined {
  return filesIn(NETWORK_MANAGER_FOLDERS, ".conf")
    .map((path) => /^unmanaged-devices\s*\+?=\s*(.+)$/m.exec(readIfThere(path) ?? "")?.[1]?.trim())
    .findLast((value) => value !== undefined);
}

/** systemd.network(5): a [Match] of nothing but the name "*". */
function catchesAll(text: string): boolean {
  const section = /^\[Match\]$([^[]*)/m.exec(text)?.[1] ?? "";
  const conditions = section.split("\n").filter((line) => /^\w+\s*=/.test(line));
  return conditions.length > 0 && conditions.every((line) => /^Name\s*=\s*\*\s*$/.test(line));
}

function listeners(port: number, ownProcess: number | undefined): Listener[] {
  const sockets = (readIfThere("/proc/net/udp") ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16) === port);
  const owners =
    sockets.length === 0 ? new Map<string, string>() : socketOwners(sockets.map((fields) => fields[9] ?? ""));
  return sockets.flatMap((fields) => {
    const owner = owners.get(fields[9] ?? "");
    if (owner !== undefined && owner === String(ownProcess)) return [];
    const name = owner && `${readIfThere(`/proc/${owner}/comm`)?.trim() ?? "?"} (process ${owner})`;
    return [{ address: addressOf(fields[1]?.split(":")[0] ?? ""), process: name }];
  });
}

/** /proc/net/udp writes the address as the number that its bytes are in the memory of a little-endian machine. */
function addressOf(hexadecimal: string): string {
  return (hexadecimal.match(/../g) ?? [])
    .map((byte) => Number.parseInt(byte, 16))
    .toReversed()
    .join(".");
}

/** Process ids by the socket's inode. */
function socketOwners(inodes: readonly string[]): Map<string, string> {
  const owners = new Map<string, string>();
  for (const id of processIds()) {
    for (const descriptor of namesIfThere(`/proc/${id}/fd`)) {
      const inode = /^socket:\[(\d+)\]$/.exec(linkIfThere(`/proc/${id}/fd/${descriptor}`) ?? "")?.[1];
      if (inode !== undefined && inodes.includes(inode)) owners.set(inode, id);
    }
  }
  return owners;
}

function filesIn(folders: readonly string[], ending: string): string[] {
  return folders
    .filter((folder) => existsSync(folder))
    .flatMap((folder) =>
      namesIfThere(folder)
        .filter((name) => name.endsWith(ending))
        .map((name) => join(folder, name)),
    );
}
