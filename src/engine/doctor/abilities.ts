/** What the processor, the kernel and the installed programs can do. */
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { findTool, hasLinkKind, hasNetdevEgress } from "../../kernel/features.ts";
import { hasNftLibrary, nft } from "../../kernel/nft.ts";
import { run } from "../../kernel/run.ts";
import { kvmCacheFile, probeKvm } from "../../services/vm/kvm.ts";

/** Programs that netloom starts, `iptables` for the rules of others; `ip` and `nft` stand in what it shows. */
export const PROGRAMS = ["ip", "nft", "nsenter", "qemu-system-x86_64", "iptables"] as const;
/** Kinds of links that network files and bindings are made of; "tun" is also every tap. */
export const LINK_KINDS = ["bridge", "veth", "tun", "dummy", "macvlan", "macvtap"] as const;
const NFT_FAMILIES = ["ip", "ip6", "inet", "bridge", "netdev"] as const;
/** Those that limits of rate and simulated distance are made of. */
const QDISCS = ["htb", "tbf", "fq_codel", "netem", "ingress", "clsact"] as const;

export interface Abilities {
  /** The processor's extension for guests; undefined: the processor, or the hypervisor around it, has none. */
  readonly virtualization: "vmx" | "svm" | undefined;
  /** Whether a guest boots under KVM; undefined: without QEMU nothing can be booted. */
  readonly kvm: { readonly works: boolean; readonly reason: string } | undefined;
  readonly programs: Readonly<Record<(typeof PROGRAMS)[number], boolean>>;
  /** Whether nft's library is installed, which loads all tables. */
  readonly nftLibrary: boolean;
  /** Undefined: only CAP_NET_ADMIN may ask. */
  readonly linkKinds: Readonly<Record<(typeof LINK_KINDS)[number], boolean>> | undefined;
  /** For each family what the kernel says against a chain of it, "" when it takes one. Undefined: it cannot be asked. */
  readonly nftFamilies: Readonly<Record<(typeof NFT_FAMILIES)[number], string>> | undefined;
  /** Hook egress of family netdev. */
  readonly netdevEgress: boolean | undefined;
  /** Whether /dev/net/tun can be opened for reading and writing. */
  readonly tunDevice: "usable" | "missing" | "denied";
  /** Queueing disciplines that the kernel has; undefined: without tc or CAP_SYS_ADMIN they cannot be tried. */
  readonly qdiscs: Readonly<Record<string, boolean>> | undefined;
}

export async function gatherAbilities(
  stateFolder: string,
  missingCapabilities: readonly { readonly name: string }[],
): Promise<Abilities> {
  const lacks = (name: string): boolean => missingCapabilities.some((capability) => capability.name === name);
  const mayAsk = !lacks("CAP_NET_ADMIN");
  const nftLibrary = await hasNftLibrary();
  const mayAskNft = mayAsk && nftLibrary;
  const [kvm, linkKinds, nftFamilies, netdevEgress, qdiscs] = await Promise.all([
    findTool("qemu-system-x86_64") === undefined ? undefined : tryKvm(stateFolder),
    mayAsk ? askEach(LINK_KINDS, hasLinkKind) : undefined,
    mayAskNft ? askEach(NFT_FAMILIES, complaintAboutFamily) : undefined,
    mayAskNft ? hasNetdevEgress() : undefined,
    mayAsk && !lacks("CAP_SYS_ADMIN") && findTool("tc") !== undefined ? tryQdiscs() : undefined,
  ]);
  return {
    virtualization: virtualization(),
    kvm,
    programs: recordOf(
      PROGRAMS,
      PROGRAMS.map((name) => findTool(name) !== undefined),
    ),
    nftLibrary,
    linkKinds,
    nftFamilies,
    netdevEgress,
    tunDevice: tunDevice(),
    qdiscs,
  };
}

function virtualization(): Abilities["virtualization"] {
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1]?.split(" ") ?? [];
  return (["vmx", "svm"] as const).find((flag) => flags.includes(flag));
}

/** The answer that is kept for this boot, else one of our own that leaves nothing behind. */
async function tryKvm(stateFolder: string): Promise<NonNullable<Abilities["kvm"]>> {
  const kept = kvmCacheFile(stateFolder);
  if (existsSync(kept)) return probeKvm(kept);
  const folder = mkdtempSync(join(tmpdir(), "netloom-doctor-"));
  try {
    return await probeKvm(join(folder, "kvm.json"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function complaintAboutFamily(family: (typeof NFT_FAMILIES)[number]): Promise<string> {
  const hook = family === "netdev" ? 'hook ingress device "lo"' : "hook input";
  const table = `table ${family} netloom_check {\nchain c { type filter ${hook} priority 0; }\n}\n`;
  try {
    await nft(table, { check: true });
    return "";
  } catch (error) {
    return messageOf(error).split("\n").at(-1) ?? "";
  }
}

function tunDevice(): Abilities["tunDevice"] {
  try {
    accessSync("/dev/net/tun", constants.R_OK | constants.W_OK);
    return "usable";
  } catch {
    // accessSync only tells by throwing.
    return existsSync("/dev/net/tun") ? "denied" : "missing";
  }
}

/** Each one on the loopback of a network namespace that ends with the shell. */
async function tryQdiscs(): Promise<Abilities["qdiscs"]> {
  const lines = QDISCS.map((kind) => {
    const place = kind === "ingress" || kind === "clsact" ? kind : `root ${kind}`;
    const parameters = kind === "tbf" ? " rate 1mbit burst 10kb latency 10ms" : "";
    return `tc qdisc add dev lo ${place}${parameters} 2>/dev/null && echo ${kind} && tc qdisc del dev lo ${place.split(" ")[0]}`;
  });
  try {
    const found = await run("unshare", ["--net", "sh", "-c", `${lines.join("\n")}\ntrue`]);
    return recordOf(
      QDISCS,
      QDISCS.map((kind) => found.split("\n").includes(kind)),
    );
  } catch {
    // No unshare, or no further namespace: what cannot be tried is not told.
    return undefined;
  }
}

async function askEach<Name extends string, Answer>(
  names: readonly Name[],
  ask: (name: Name) => Promise<Answer>,
): Promise<Record<Name, Answer>> {
  return recordOf(names, await Promise.all(names.map(ask)));
}

function recordOf<Name extends string, Value>(names: readonly Name[], values: readonly Value[]): Record<Name, Value> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Record<Name, Value>;
}
