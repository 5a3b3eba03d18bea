/** nft tables, and accept rules of ours in chains of others, of one namespace. */
import { closeSync, constants as fileConstants, readFileSync } from "node:fs";
import { constants } from "node:os";
import { decodeNftTable, dumpNftTables, type NftTableName } from "../../netlink/netfilter/table.ts";
import type { Family } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { ObservedNftTable } from "../../state/snapshot.ts";
import { missingCapabilities } from "../features.ts";
import { NETLINK_NETFILTER, NetlinkError, RouteNetlink } from "../netlink.ts";
import { openFileInNamespace, openNamespace, SystemCallError } from "../native.ts";
import { nft } from "../nft.ts";
import { run } from "../run.ts";

/** Where programs are run: undefined is our own namespace. */
type Place = { readonly namespacePath?: string };

interface ObservedFilters {
  readonly nftTables: readonly ObservedNftTable[];
  readonly foreignAccepts: readonly string[];
  readonly foreignChains?: readonly string[];
}

/**
 * The tables of those names that exist, and the comments "netloom:…" of rules in iptables' filter table. Runs no
 * program unless something is asked for. Without CAP_NET_ADMIN, which nft wants even for reading, nothing is found.
 * @throws NetloomError tool-missing, command-failed
 */
export async function observeFilters(
  place: Place,
  asked: { readonly tables: readonly NftTableName[]; readonly foreignAccepts: boolean },
): Promise<ObservedFilters> {
  const nothing = asked.tables.length === 0 && !asked.foreignAccepts;
  if (nothing || missingCapabilities().some(({ name }) => name === "CAP_NET_ADMIN"))
    return { nftTables: [], foreignAccepts: [] };
  const nftTables: ObservedNftTable[] = [];
  for (const name of asked.tables) {
    const table = await observeTable(place, name);
    if (table !== undefined) nftTables.push(table);
  }
  return { nftTables, ...(asked.foreignAccepts ? await observeForeignFilters(place) : { foreignAccepts: [] }) };
}

interface ForeignFilters {
  readonly foreignAccepts: readonly string[];
  readonly foreignChains: readonly string[];
}

async function observeForeignFilters(place: Place): Promise<ForeignFilters> {
  const existing = await listTables(place);
  const hasFilter = (family: string): boolean =>
    existing.some((table) => table.family === family && table.name === "filter");
  const [ipv4, ipv6] = [
    await observeFilterTables(place, 4, hasFilter("ip")),
    await observeFilterTables(place, 6, hasFilter("ip6")),
  ];
  return {
    foreignAccepts: [...ipv4.foreignAccepts, ...ipv6.foreignAccepts],
    foreignChains: [...ipv4.foreignChains, ...ipv6.foreignChains],
  };
}

/** By netlink: `nft list tables` reads all rules of all tables first. */
async function listTables({ namespacePath }: Place): Promise<NftTableName[]> {
  await using netlink = RouteNetlink.open({
    protocol: NETLINK_NETFILTER,
    ...(namespacePath === undefined ? {} : { namespacePath }),
  });
  try {
    return await netlink.dump(dumpNftTables(), decodeNftTable);
  } catch (error) {
    // A kernel without nf_tables has no tables.
    if (error instanceof NetlinkError && error.errno === constants.errno.EINVAL) return [];
    throw error;
  }
}

async function observeTable(place: Place, { family, name }: NftTableName): Promise<ObservedNftTable | undefined> {
  const listing = await listTable(place, family, name);
  if (listing === undefined) return undefined;
  const comment = /^\tcomment "([^"]*)"$/m.exec(listing)?.[1];
  return comment === undefined ? { family, name, listing } : { family, name, comment, listing };
}

async function listTable(place: Place, family: string, name: string): Promise<string | undefined> {
  try {
    return await nft(`list table ${family} ${name}`, { ...place, stateless: true });
  } catch (error) {
    if (!(error instanceof NetloomError && error.code === "command-failed")) throw error;
    if (error.message.includes("No such file or directory")) return undefined;
    // A kernel without nf_tables has no tables either.
    if ((await listTables(place)).length === 0) return undefined;
    throw error;
  }
}

async function observeFilterTables(place: Place, family: Family, hasNftFilter: boolean): Promise<ForeignFilters> {
  const program = family === 4 ? "iptables" : "ip6tables";
  const rules: { backend: "nft" | "legacy"; text: string }[] = [];
  if (hasNftFilter) rules.push({ backend: "nft", text: await run(`${program}-nft`, ["-S"], place) });
  if (hasLegacyFilter(place, family))
    rules.push({ backend: "legacy", text: await run(`${program}-legacy`, ["-w", "5", "-S"], place) });
  const comments = / --comment (?:"(netloom:[^"]*)"|(netloom:\S*))/g;
  return {
    foreignAccepts: rules.flatMap(({ text }) =>
      Array.from(text.matchAll(comments), ([, quoted, bare]) => quoted ?? bare ?? ""),
    ),
    foreignChains: rules.flatMap(({ backend, text }) =>
      Array.from(text.matchAll(/^-[NP] (\S+)/gm), ([, chain]) => `${family} ${backend} ${chain}`),
    ),
  };
}

/** Asking iptables-legacy itself would load its tables into a kernel that does not use them. */
function hasLegacyFilter({ namespacePath }: Place, family: Family): boolean {
  const path = `/proc/thread-self/net/ip${family === 4 ? "" : "6"}_tables_names`;
  const namespace = openNamespace(namespacePath ?? "/proc/thread-self/ns/net");
  try {
    const descriptor = openFileInNamespace({ namespace, path, flags: fileConstants.O_RDONLY });
    try {
      return readFileSync(descriptor, "utf8").split("\n").includes("filter");
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    // Without the file the kernel has no legacy tables; without privilege we could not read their rules either.
    if (error instanceof SystemCallError && (error.errnoName === "ENOENT" || error.errnoName === "EACCES"))
      return false;
    throw error;
  } finally {
    closeSync(namespace);
  }
}
