/** The files in which the DHCP servers of a state folder keep their leases. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { NetloomError } from "../../base/errors.ts";
import type { Server } from "../../import/leases/portable.ts";
import { interfaceNameFault, nameFault } from "../../model/names.ts";

const ENDING = ".leases";

export interface LeaseFile {
  readonly path: string;
  readonly server: Server;
}

/** Of DHCPv4 and of DHCPv6: the first word of the commands, and the folder in the state folder. */
export type LeaseFolder = "dhcp" | "dhcp6";

export function leaseFolderOf(stateFolder: string, folder: LeaseFolder): string {
  return join(stateFolder, folder);
}

/** The file with the leases of an interface's server. */
export function leaseFileOf(stateFolder: string, folder: LeaseFolder, interfaceName: string): string {
  return join(leaseFolderOf(stateFolder, folder), `${interfaceName}${ENDING}`);
}

/** The file of a server, whether it is there or not; undefined when this cannot be a server's name. */
export function leaseFileFor(stateFolder: string, folder: LeaseFolder, server: Server): LeaseFile | undefined {
  const { interface: interfaceName, network } = server;
  if (interfaceName !== undefined)
    return interfaceNameFault(interfaceName) === undefined
      ? { path: leaseFileOf(stateFolder, folder, interfaceName), server: { interface: interfaceName } }
      : undefined;
  const [file = "", name = "", ...more] = (network ?? "").split("/");
  if (more.length > 0 || nameFault(file) !== undefined || nameFault(name) !== undefined) return undefined;
  return {
    path: join(leaseFolderOf(stateFolder, folder), file, `${name}${ENDING}`),
    server: { network: `${file}/${name}` },
  };
}

/**
 * Those of `dhcp serve` and `dhcp6 serve` lie in the folder itself, those of a file's networks in one of the file's name.
 * @param wanted an interface, NETWORK or FILE/NETWORK; undefined: all
 * @throws NetloomError no-such-network
 */
export function leaseFiles(stateFolder: string, family: LeaseFolder, wanted: string | undefined): LeaseFile[] {
  const folder = leaseFolderOf(stateFolder, family);
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
    throw new NetloomError("no-such-network", `${family} leases ${wanted}: no DHCP server has kept leases of it`);
  return meant;
}

/** Whether a person who says `wanted` means this server. */
export function isMeant(server: Server, wanted: string): boolean {
  return nameOfServer(server) === wanted || server.network?.endsWith(`/${wanted}`) === true;
}

export function nameOfServer({ interface: interfaceName, network }: Server): string {
  return network ?? interfaceName ?? "";
}
