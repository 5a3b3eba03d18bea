/** The files in which the DHCP servers of a state folder keep their leases. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { ipv4ToNumber } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Server } from "../../import/leases/portable.ts";
import { interfaceNameFault, nameFault } from "../../model/names.ts";
import type { Lease } from "../../protocol/dhcp4/server/lease.ts";
import { DHCP4_LEASES } from "../../store/lease-log/dhcp4.ts";
import { readLeaseLog } from "../../store/lease-log/lease-log.ts";
import { isOfPool, poolSize, readPoolNote } from "../../store/pool-note.ts";

const ENDING = ".leases";

export interface LeaseFile {
  readonly path: string;
  readonly server: Server;
}

/** Addresses of a server's ranges. */
export interface PoolUse {
  readonly given: number;
  readonly free: number;
  readonly declined: number;
  readonly addresses: number;
}

export function leaseFolderOf(stateFolder: string): string {
  return join(stateFolder, "dhcp");
}

/** The file with the leases of an interface's server. */
export function leaseFileOf(stateFolder: string, interfaceName: string): string {
  return join(leaseFolderOf(stateFolder), `${interfaceName}${ENDING}`);
}

/** The file of a server, whether it is there or not; undefined when this cannot be a server's name. */
export function leaseFileFor(stateFolder: string, server: Server): LeaseFile | undefined {
  const { interface: interfaceName, network } = server;
  if (interfaceName !== undefined)
    return interfaceNameFault(interfaceName) === undefined
      ? { path: leaseFileOf(stateFolder, interfaceName), server: { interface: interfaceName } }
      : undefined;
  const [file = "", name = "", ...more] = (network ?? "").split("/");
  if (more.length > 0 || nameFault(file) !== undefined || nameFault(name) !== undefined) return undefined;
  return { path: join(leaseFolderOf(stateFolder), file, `${name}${ENDING}`), server: { network: `${file}/${name}` } };
}

/**
 * Those of `dhcp serve` lie in the folder itself, those of a file's networks in one of the file's name.
 * @param wanted an interface, NETWORK or FILE/NETWORK; undefined: all
 * @throws NetloomError no-such-network
 */
export function leaseFiles(stateFolder: string, wanted: string | undefined): LeaseFile[] {
  const folder = leaseFolderOf(stateFolder);
  const namesIn = (path: string): string[] => (existsSync(path) ? readdirSync(path).toSorted() : []);
  const withoutEnding = (name: string): string => name.slice(0, -ENDING.length);
  const files = namesIn(folder).flatMap((name): LeaseFile[] => {
    const path = join(folder, name);
    if (name.endsWith(ENDING)) return [{ path, server: { interface: withoutEnding(name) } }];
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
    return namesIn(path)
      .filter((inside) => inside.endsWith(ENDING))
      .map((inside) => ({ path: join(path, inside), server: { network: `${name}/${withoutEnding(inside)}` } }));
  });
  const meant = files.filter(({ server }) => wanted === undefined || isMeant(server, wanted));
  if (wanted !== undefined && meant.length === 0)
    throw new NetloomError("no-such-network", `dhcp leases ${wanted}: no DHCP server has kept leases of it`);
  return meant;
}

/** Whether a person who says `wanted` means this server. */
export function isMeant(server: Server, wanted: string): boolean {
  return nameOfServer(server) === wanted || server.network?.endsWith(`/${wanted}`) === true;
}

export function nameOfServer({ interface: interfaceName, network }: Server): string {
  return network ?? interfaceName ?? "";
}

/** The last lease of each address, in the order of the addresses. */
export function readLastLeases(path: string): Lease[] {
  const last = new Map(readLeaseLog(DHCP4_LEASES, path).leases.map((lease) => [lease.address, lease]));
  return [...last.values()].toSorted((a, b) => ipv4ToNumber(a.address) - ipv4ToNumber(b.address));
}

/** Undefined: the server has not told which addresses it gives. @param leases the last of each address */
export function poolUseOf(path: string, leases: readonly Lease[], nowSeconds: number): PoolUse | undefined {
  const note = readPoolNote(path);
  if (note === undefined) return undefined;
  const held = leases.filter(({ address, endSeconds }) => endSeconds > nowSeconds && isOfPool(note, address));
  const declined = held.filter(({ state }) => state === "declined").length;
  const given = held.length - declined;
  const addresses = poolSize(note);
  return { given, free: addresses - given - declined, declined, addresses };
}

/** "lan0: 12 given, 85 free, 3 declined of 100" */
export function formatPoolUse(server: Server, { given, free, declined, addresses }: PoolUse): string {
  return `${nameOfServer(server)}: ${given} given, ${free} free, ${declined} declined of ${addresses}`;
}
