/**
 * Forward chains of other software whose policy is drop: they cut off what we forward, whatever our own
 * tables accept, because a packet must pass every base chain of a hook.
 */
import { readFileSync } from "node:fs";
import { NetloomError } from "../base/errors.ts";
import { run } from "./run.ts";

export interface ForeignForwardDrop {
  /** "ip filter FORWARD", "inet firewalld filter_FORWARD". */
  readonly name: string;
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
  return [...(await inNft()), ...(await inLegacyIptables())];
}

async function inNft(): Promise<ForeignForwardDrop[]> {
  const text = await orNothing(run("nft", ["-j", "list", "chains"]));
  if (text === undefined) return [];
  const listing = JSON.parse(text) as { nftables: { chain?: NftChain }[] };
  const chains = listing.nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  const hasDockerUser = chains.some(
    (chain) => chain.family === "ip" && chain.table === "filter" && chain.name === "DOCKER-USER",
  );
  return chains
    .filter((chain) => chain.hook === "forward" && chain.policy === "drop")
    .filter((chain) => (chain.family === "ip" || chain.family === "inet") && !chain.table.startsWith("netloom"))
    .map((chain) => {
      const iptables = chain.family === "ip" && chain.table === "filter" && chain.name === "FORWARD";
      return {
        name: `${chain.family} ${chain.table} ${chain.name}`,
        backend: iptables ? "nft" : "native",
        hasDockerUser: iptables && hasDockerUser,
      };
    });
}

async function inLegacyIptables(): Promise<ForeignForwardDrop[]> {
  if (!legacyFilterLoaded()) return [];
  const rules = await orNothing(run("iptables-legacy", ["-w", "5", "-S"]));
  if (rules === undefined || !/^-P FORWARD DROP$/m.test(rules)) return [];
  return [{ name: "legacy filter FORWARD", backend: "legacy", hasDockerUser: /^-N DOCKER-USER$/m.test(rules) }];
}

/** Asking iptables-legacy itself would load its tables into a kernel that does not use them. */
function legacyFilterLoaded(): boolean {
  try {
    return readFileSync("/proc/net/ip_tables_names", "utf8").split("\n").includes("filter");
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
