/** What the kernel, the machine and our privilege allow, found out without changing anything. */
import { existsSync, readFileSync } from "node:fs";
import { constants, release } from "node:os";
import { join } from "node:path";
import { NetloomError } from "../base/errors.ts";
import { attribute, attributeTable, encodeAttributes, nested } from "../netlink/attribute.ts";
import { binary, text } from "../netlink/codec.ts";
import { encodeBody, type NetlinkRequest } from "../netlink/message.ts";
import { IFINFOMSG } from "../netlink/route/link-attributes.ts";
import { newLink } from "../netlink/route/link.ts";
import { RouteNetlink } from "./netlink.ts";
import { nft } from "./nft.ts";
import { run } from "./run.ts";

/**
 * A link with a MAC address of five bytes: a kernel that has the kind refuses the address (EINVAL), one without the
 * kind refuses that (EOPNOTSUPP). Nothing is made in either case.
 */
const IMPOSSIBLE_LINK = attributeTable({
  macAddress: attribute("IFLA_ADDRESS", 1, binary),
  linkInfo: attribute("IFLA_LINKINFO", 18, nested(attributeTable({ kind: attribute("IFLA_INFO_KIND", 1, text) }))),
});
const IMPOSSIBLE_MAC_BYTES = 5;

function impossibleLink(kind: string): NetlinkRequest {
  return {
    ...newLink({ kind }),
    body: encodeBody((writer) => {
      IFINFOMSG.append(writer, {});
      encodeAttributes(writer, IMPOSSIBLE_LINK, {
        macAddress: new Uint8Array(IMPOSSIBLE_MAC_BYTES),
        linkInfo: { kind },
      });
    }),
    operation: `look for link kind ${kind}`,
  };
}

/** Taps are made through this device and not by netlink. */
const TUN_DEVICE = "/dev/net/tun";

/** Modules that make links of their own in the host's namespace when they are loaded, unless told otherwise. */
const MODULES_WITH_LINKS: Readonly<Record<string, { readonly module: string; readonly none: string }>> = {
  dummy: { module: "dummy", none: "numdummies=0" },
  ifb: { module: "ifb", none: "numifbs=0" },
  bond: { module: "bonding", none: "max_bonds=0" },
};

/**
 * Whether the kernel can make links of a kind ("dummy", "bridge", "veth", "tun"…), with its module where that may be
 * loaded. No link comes into being. @throws NetlinkError EPERM without CAP_NET_ADMIN
 */
export async function hasLinkKind(kind: string): Promise<boolean> {
  if (kind === "tun") return existsSync(TUN_DEVICE);
  const special = MODULES_WITH_LINKS[kind];
  if (special !== undefined && !(await isSettled(special))) return false;
  if (foundKinds.has(kind)) return true;
  await using netlink = RouteNetlink.open();
  const [error] = await netlink.executeAll([impossibleLink(kind)]);
  if (error?.errno === constants.errno.EOPNOTSUPP) return false;
  if (error?.errno === constants.errno.EINVAL) {
    foundKinds.add(kind);
    return true;
  }
  throw error ?? new NetloomError("internal", `look for link kind ${kind}: an impossible link was made`);
}

/** A kind does not go: whoever makes a link of it loads its module again. */
const foundKinds = new Set<string>();

/**
 * Make sure that asking for the kind loads no module by itself, whose links would appear on the host.
 * @returns false: there is such a module, and it may not be loaded by us
 */
async function isSettled({ module, none }: { module: string; none: string }): Promise<boolean> {
  if (existsSync(`/sys/module/${module}`)) return true;
  // Nothing that could be loaded: the kernel has the kind built in, or not at all.
  let loadable = loadableModules.get(module);
  if (loadable === undefined) {
    // A kernel without a folder of modules has none: a process less for each command.
    loadable = existsSync(`/lib/modules/${release()}`) && (await modprobe(["--dry-run", "--quiet", module]));
    loadableModules.set(module, loadable);
  }
  return loadable ? modprobe([module, none]) : true;
}

/** What modprobe found below /lib/modules, which changes only with the kernel. */
const loadableModules = new Map<string, boolean>();

async function modprobe(words: readonly string[]): Promise<boolean> {
  try {
    await run("modprobe", words);
    return true;
  } catch (error) {
    // No such module, no modprobe, or no right to load any: the answer is no.
    if (error instanceof NetloomError && (error.code === "command-failed" || error.code === "tool-missing"))
      return false;
    throw error;
  }
}

const PLACES = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Path of a program in PATH or the usual places; undefined: it is not installed. */
export function findTool(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(":"), ...PLACES].filter((folder) => folder !== "");
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Numbers of linux/capability.h that netloom needs, and what for. */
const NEEDED_CAPABILITIES = [
  { bit: 12n, name: "CAP_NET_ADMIN", purpose: "to change links, addresses and routes" },
  { bit: 13n, name: "CAP_NET_RAW", purpose: "to serve DHCP on a tap" },
  { bit: 21n, name: "CAP_SYS_ADMIN", purpose: "to enter network namespaces" },
] as const;

interface MissingCapability {
  readonly name: string;
  readonly purpose: string;
}

interface NeededCapability extends MissingCapability {
  /** Of linux/capability.h. */
  readonly bit: bigint;
}

/** The capabilities that this process lacks of these, default those that changing a network takes; none: all is there. */
export function missingCapabilities(needed: readonly NeededCapability[] = NEEDED_CAPABILITIES): MissingCapability[] {
  const status = readFileSync("/proc/self/status", "utf8");
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return needed
    .filter(({ bit }) => ((effective >> bit) & 1n) === 0n)
    .map(({ name, purpose }) => ({
      name,
      purpose,
    }));
}

/** Commands that work in the network namespace in which they run alone. */
const NEEDED_IN_OWN_NAMESPACE = NEEDED_CAPABILITIES.filter(({ name }) => name !== "CAP_SYS_ADMIN");

/**
 * @param where of the network that is changed or served
 * @throws NetloomError no-privilege, naming what is missing
 */
export function requirePrivilege(where: "any namespace" | "own namespace" = "any namespace"): void {
  const missing = missingCapabilities(where === "own namespace" ? NEEDED_IN_OWN_NAMESPACE : NEEDED_CAPABILITIES);
  if (missing.length === 0) return;
  const list = missing.map(({ name, purpose }) => `${name} (${purpose})`).join(", ");
  throw new NetloomError("no-privilege", `change the network: this process lacks ${list}`, {
    hint: "Run as root, or in a user and network namespace of your own: unshare -Urnm netloom …",
  });
}

/** Once found it stays. */
let bridgeFilterFound = false;

/** Whether nft can filter what bridges forward (family bridge). Without nft: no. */
export async function hasBridgeFilter(): Promise<boolean> {
  const chain =
    "chain c {\ntype filter hook prerouting priority -300; policy accept;\nether type ip udp dport 68 drop\n}";
  bridgeFilterFound ||= await takes(`table bridge netloom_check {\n${chain}\n}\n`);
  return bridgeFilterFound;
}

/** Whether nft can hook what leaves a device (netdev family, hook egress: Linux 5.16). Without nft: no. */
export async function hasNetdevEgress(): Promise<boolean> {
  const chain = 'chain c { type filter hook egress device "lo" priority 0; }';
  return takes(`table netdev netloom_check {\n${chain}\n}\n`);
}

async function takes(table: string): Promise<boolean> {
  try {
    await nft(table, { check: true });
    return true;
  } catch (error) {
    // The kernel, or an old nft, does not know the hook or the family.
    if (error instanceof NetloomError && (error.code === "command-failed" || error.code === "tool-missing"))
      return false;
    throw error;
  }
}
