/**
 * Forward and input chains of other software whose policy is drop: they cut off what we forward and serve, whatever our
 * own tables accept, because a packet must pass every base chain of a hook.
 */
import { readFileSync } from "node:fs";
import type { Family } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { nft } from "./nft.ts";
import { run } from "./run.ts";

export interface ForeignForwardDrop {
  /** "ip filter FORWARD", "inet firewalld filter_FORWARD". */
  readonly name: string;
  /** What is dropped there; native chains of family inet drop both and are told once. */
  readonly family: Family;
  /** iptables chains can be given accept rules of ours; a native nft chain of somebody else cannot. */
  readonly backend: "nft" | "legacy" | "native";
  /** Whether the chain DOCKER-USER exists, which Docker keeps for rules of others. */
  readonly hasDockerUser: boolean;
}

interface NftChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook?: string;
  readonly policy?: string;
}

/** All of them in our own namespace, except in tables whose name starts with "netloom". */
export async function findForeignForwardDrops(): Promise<ForeignForwardDrop[]> {
  return [...(await inNft()), ...(await inLegacyIptables(4)), ...(await inLegacyIptables(6))];
}

/** "ip filter INPUT": those that drop what comes to this host itself, where their rules do not let it in. */
export async function findForeignInputDrops(): Promise<string[]> {
  const legacy = async (family: Family): Promise<string[]> =>
    /^-P INPUT DROP$/m.test((await legacyRules(family)) ?? "") ? [legacyName(family, "INPUT")] : [];
  const native = droppingAt("input", await nftChains()).map(nameOfChain);
  return [...native, ...(await legacy(4)), ...(await legacy(6))];
}

async function nftChains(): Promise<NftChain[]> {
  const text = await orNothing(nft("list chains", { json: true }));
  if (text === undefined) return [];
  const listing = JSON.parse(text) as { nftables: { chain?: NftChain }[] };
  return listing.nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
}

function droppingAt(hook: string, chains: readonly NftChain[]): NftChain[] {
  return chains
    .filter((chain) => chain.hook === hook && chain.policy === "drop")
    .filter((chain) => ["ip", "ip6", "inet"].includes(chain.family) && !chain.table.startsWith("netloom"));
}

function nameOfChain({ family, table, name }: NftChain): string {
  return `${family} ${table} ${name}`;
}

async function inNft(): Promise<ForeignForwardDrop[]> {
  const chains = await nftChains();
  const hasDockerUser = (family: string): boolean =>
    chains.some((chain) => chain.family === family && chain.table === "filter" && chain.name === "DOCKER-USER");
  return droppingAt("forward", chains).map((chain) => {
    const iptables = chain.family !== "inet" && chain.table === "filter" && chain.name === "FORWARD";
    return {
      name: nameOfChain(chain),
      family: chain.family === "ip6" ? 6 : 4,
      backend: iptables ? "nft" : "native",
      hasDockerUser: iptables && hasDockerUser(chain.family),
    };
  });
}

async function inLegacyIptables(family: Family): Promise<ForeignForwardDrop[]> {
  const rules = await legacyRules(family);
  if (rules === undefined || !/^-P FORWARD DROP$/m.test(rules)) return [];
  const name = legacyName(family, "FORWARD");
  return [{ name, family, backend: "legacy", hasDockerUser: /^-N DOCKER-USER$/m.test(rules) }];
}

async function legacyRules(family: Family): Promise<string | undefined> {
  if (!legacyFilterLoaded(family)) return undefined;
  return orNothing(run(family === 4 ? "iptables-legacy" : "ip6tables-legacy", ["-w", "5", "-S"]));
}

function legacyName(family: Family, chain: string): string {
  return `legacy ${family === 4 ? "" : "ip6 "}filter ${chain}`;
}

/** Asking iptables-legacy itself would load its tables into a kernel that does not use them. */
function legacyFilterLoaded(family: Family): boolean {
  try {
    return readFileSync(`/proc/net/ip${family === 4 ? "" : "6"}_tables_names`, "utf8")
      .split("\n")
      .includes("filter");
  } catch {
    // No such file, or not readable without privilege: no legacy tables that we could serve.
    return false;
  }
}

/** Without nft or iptables there is nothing to find; without privilege the plan says less, which it says elsewhere. */
async function orNothing(output: Promise<string>): Promise<string | undefined> {
  try {
    return await output;
  } catch (error) {
    if (error instanceof NetloomError && (error.code === "tool-missing" || error.code === "command-failed"))
      return undefined;
    throw error;
  }
}
