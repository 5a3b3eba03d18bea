/** Reading the kernel's state: a snapshot of the namespaces and files that were asked for. Changes nothing. */
import { readFile, stat } from "node:fs/promises";
import { hasCode } from "../base/errors.ts";
import type { ObservedNamespace, Snapshot } from "../state/snapshot.ts";
import type { NftTableName } from "../netlink/netfilter/table.ts";
import { closeDescriptor, openNamespace, SystemCallError } from "./native.ts";
import { observeFilters } from "./observe/filters.ts";
import { observeRouting } from "./observe/routing.ts";
import { observeSysctls } from "./observe/sysctls.ts";
import { hasRemains } from "./transition/file.ts";
import { namespacePath } from "./transition/namespace-path.ts";

export interface NamespaceRequest {
  /** "" is our own, "pod1" is /run/netns/pod1, an absolute path is taken as it is. */
  readonly name: string;
  /** Tables to list, where they exist. */
  readonly nft?: readonly NftTableName[];
  /** Paths below /proc/sys. */
  readonly sysctls?: readonly string[];
  /** Look for accept rules of ours in iptables' chains. */
  readonly foreignAccepts?: boolean;
}

export interface ObserveRequest {
  readonly namespaces: readonly NamespaceRequest[];
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** More would only wait for the kernel's one configuration lock. */
const NAMESPACES_AT_ONCE = 8;

/**
 * Links, addresses, routes of all tables (without what the kernel derives for its local table), permanent neighbours,
 * and what else was asked for. A namespace that does not exist, or whose file is none, is null.
 *
 * @throws NetlinkError, SystemCallError; NetloomError tool-missing, command-failed
 */
export async function observe(request: ObserveRequest): Promise<Snapshot> {
  const namespaces: Record<string, ObservedNamespace | null> = {};
  const brokenNamespaces: string[] = [];
  const waiting = [...request.namespaces];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const observed = await observeNamespace(next);
      namespaces[next.name] = observed === "broken" ? null : observed;
      if (observed === "broken") brokenNamespaces.push(next.name);
    }
  };
  await Promise.all(Array.from({ length: Math.min(NAMESPACES_AT_ONCE, waiting.length) }, worker));
  const files: Record<string, Snapshot["files"][string]> = {};
  for (const path of request.files) files[path] = await observeFile(path);
  const brokenFiles = request.files.filter((path) => files[path] === null && hasRemains(path));
  return {
    namespaces,
    ...(brokenNamespaces.length === 0 ? {} : { brokenNamespaces }),
    files,
    ...(brokenFiles.length === 0 ? {} : { brokenFiles }),
  };
}

async function observeNamespace(request: NamespaceRequest): Promise<ObservedNamespace | "broken" | null> {
  const { name, nft = [], sysctls = [], foreignAccepts = false } = request;
  const asked = { tables: nft, foreignAccepts };
  if (name === "") return observeOpened(undefined, {}, sysctls, asked);
  const path = namespacePath(name);
  const namespace = openIfExists(path);
  if (typeof namespace !== "number") return namespace;
  try {
    return await observeOpened(namespace, { namespacePath: path }, sysctls, asked);
  } finally {
    closeDescriptor(namespace);
  }
}

async function observeOpened(
  namespace: number | undefined,
  place: { readonly namespacePath?: string },
  sysctls: readonly string[],
  asked: { readonly tables: readonly NftTableName[]; readonly foreignAccepts: boolean },
): Promise<ObservedNamespace> {
  const [routing, filters] = await Promise.all([observeRouting(namespace), observeFilters(place, asked)]);
  return { ...routing, ...filters, sysctls: observeSysctls(namespace, sysctls, routing.links) };
}

/** ENOTTY and EINVAL: the file that a killed `ip netns add` leaves is no namespace. Null: there is no such file. */
function openIfExists(path: string): number | "broken" | null {
  try {
    return openNamespace(path);
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
    if (error.errnoName === "ENOENT") return null;
    if (error.errnoName === "ENOTTY" || error.errnoName === "EINVAL") return "broken";
    throw error;
  }
}

async function observeFile(path: string): Promise<Snapshot["files"][string]> {
  try {
    const { mode } = await stat(path);
    return { content: await readFile(path, "utf8"), mode: mode & 0o7777 };
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}
