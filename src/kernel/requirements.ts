/** What the programs and the kernel of this host must have for a desired state, found out before anything is touched. */
import { existsSync } from "node:fs";
import { NetloomError, messageOf } from "../base/errors.ts";
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import type { NftTableObject } from "../state/object/kernel.ts";
import { findTool, hasLinkKind, missingCapabilities } from "./features.ts";
import { hasNftLibrary, nft } from "./nft.ts";

/** The Debian package that has the program. */
const PACKAGES: Readonly<Record<string, string>> = {
  nsenter: "util-linux",
  "qemu-system-x86_64": "qemu-system-x86",
  "iptables-nft": "iptables",
  "iptables-legacy": "iptables",
  "ip6tables-nft": "iptables",
  "ip6tables-legacy": "iptables",
};

/** Names of link kinds as the kernel spells them. */
const KERNEL_KINDS = {
  bridge: "bridge",
  veth: "veth",
  "veth-peer": "veth",
  tap: "tun",
  dummy: "dummy",
  macvlan: "macvlan",
  macvtap: "macvtap",
} as const;

/** @throws NetloomError cannot-plan with everything that is missing */
export async function requireFeatures(desired: Desired): Promise<void> {
  const { objects } = desired;
  const missing = [
    ...missingTools(objects),
    ...(await missingLibraries(objects)),
    ...(await missingKernelFeatures(objects)),
  ];
  if (missing.length === 0) return;
  throw new NetloomError(
    "cannot-plan",
    `this host lacks what is needed, nothing was changed:\n  ${missing.join("\n  ")}`,
  );
}

function missingTools(objects: readonly StateObject[]): string[] {
  const needed = new Map<string, string>();
  for (const object of objects) {
    if (object.kind === "vm") {
      needed.set("qemu-system-x86_64", `to run ${object.origin}`);
      needed.set("nsenter", "to run programs in a namespace");
    } else if (object.kind === "foreign-accept") {
      const program = object.family === 6 ? "ip6tables" : "iptables";
      needed.set(`${program}-${object.backend}`, `to add an accept rule to the chain ${object.chain}`);
    }
  }
  return Array.from(needed)
    .filter(([tool]) => findTool(tool) === undefined)
    .map(([tool, purpose]) => `the program ${tool} ${purpose}: apt-get install ${PACKAGES[tool] ?? tool}`);
}

async function missingLibraries(objects: readonly StateObject[]): Promise<string[]> {
  if (!objects.some(({ kind }) => kind === "nft-table") || (await hasNftLibrary())) return [];
  return ["the library libnftables.so.1 to load filter and translation rules: apt-get install nftables"];
}

/** Asked of the kernel itself, which takes privilege; whoever only looks at a plan is told less. */
async function missingKernelFeatures(objects: readonly StateObject[]): Promise<string[]> {
  if (missingCapabilities().length > 0) return [];
  const kinds = new Set(
    objects.flatMap((object) =>
      object.kind === "link" && object.link.type !== "adopted" ? [KERNEL_KINDS[object.link.type]] : [],
    ),
  );
  const missing: string[] = [];
  for (const kind of kinds) {
    if (kind === "tun" ? existsSync("/dev/net/tun") : await hasLinkKind(kind)) continue;
    missing.push(
      kind === "tun"
        ? "the device /dev/net/tun: modprobe tun"
        : `links of kind ${kind} in the kernel: modprobe ${kind}`,
    );
  }
  const complaint = await nftComplaint(objects.filter((object) => object.kind === "nft-table"));
  return complaint === undefined ? missing : [...missing, complaint];
}

/** Rules that the kernel took once it takes again: in a daemon one bind is like the next. */
const acceptedRules = new Set<string>();
const MOST_ACCEPTED = 1000;

/** What the kernel says to the rules, each different set of them once, without loading any. */
async function nftComplaint(tables: readonly NftTableObject[]): Promise<string | undefined> {
  if (tables.length === 0 || !(await hasNftLibrary())) return undefined;
  const distinct = new Map(
    tables
      .map((table) => [`${table.family} ${table.rules}`, table] as const)
      .filter(([rules]) => !acceptedRules.has(rules)),
  );
  if (distinct.size === 0) return undefined;
  const input = Array.from(
    distinct.values(),
    // The devices of other namespaces are not here, but every namespace has a loopback.
    ({ family, rules }, i) =>
      `table ${family} netloom_check_${i} {\n${rules.replaceAll(/ device "[^"]+"/g, ' device "lo"')}\n}`,
  ).join("\n");
  try {
    await nft(`${input}\n`, { check: true });
    if (acceptedRules.size > MOST_ACCEPTED) acceptedRules.clear();
    for (const rules of distinct.keys()) acceptedRules.add(rules);
    return undefined;
  } catch (error) {
    return `nf_tables in the kernel with what the rules use: ${messageOf(error)}`;
  }
}
