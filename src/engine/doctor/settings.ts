/** Settings of the kernel and mounts that decide what becomes of packets and namespaces. */
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { hasCode } from "../../base/errors.ts";
import { observe } from "../../kernel/observe.ts";
import type { Snapshot } from "../../state/snapshot.ts";

const TABLE_MAIN = 254;

export interface Settings {
  /** Values of those kernel parameters that exist, by path below /proc/sys. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Devices of the default routes; undefined: there is none. */
  readonly defaultDevice: { readonly ipv4?: string; readonly ipv6?: string };
  /** The kernel forwards per interface without looking at `all` (Linux 6.17), and heeds advertisements all the same. */
  readonly forwardsByInterface: boolean;
  /** How /run/netns is mounted: "none" when it is no mount yet, which the first named namespace makes it. */
  readonly namespacesMount: "none" | "shared" | "private";
  /** This process has another mount namespace than process 1; undefined: it may not be read. */
  readonly ownMountNamespace: boolean | undefined;
}

export async function gatherSettings(): Promise<Settings> {
  const host = (await observe({ namespaces: [{ name: "" }], files: [] })).namespaces[""];
  const ipv4 = defaultDevice(host, "0.0.0.0");
  const ipv6 = defaultDevice(host, "::");
  const paths = [
    "net/ipv4/ip_forward",
    "net/ipv4/conf/all/rp_filter",
    "net/bridge/bridge-nf-call-iptables",
    "net/ipv6/conf/all/disable_ipv6",
    "net/ipv6/conf/default/disable_ipv6",
    "net/ipv6/conf/all/forwarding",
    ...(ipv4 === undefined ? [] : [`net/ipv4/conf/${ipv4}/rp_filter`]),
    ...(ipv6 === undefined ? [] : [`net/ipv6/conf/${ipv6}/accept_ra`, `net/ipv6/conf/${ipv6}/forwarding`]),
  ];
  return {
    parameters: Object.fromEntries(paths.flatMap((path) => parameter(path))),
    defaultDevice: { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) },
    forwardsByInterface: existsSync("/proc/sys/net/ipv6/conf/all/force_forwarding"),
    namespacesMount: namespacesMount(readFileSync("/proc/self/mountinfo", "utf8")),
    ownMountNamespace: hasOwnMountNamespace("self"),
  };
}

function defaultDevice(host: Snapshot["namespaces"][string] | undefined, address: string): string | undefined {
  const route = host?.routes.find(
    ({ destination, table }) => destination.length === 0 && destination.address === address && table === TABLE_MAIN,
  );
  const index = route?.nextHops[0]?.linkIndex;
  return host?.links.find((link) => link.index === index)?.name;
}

function parameter(path: string): [string, string][] {
  try {
    return [[path, readFileSync(`/proc/sys/${path}`, "utf8").trim()]];
  } catch (error) {
    // The kernel has no such parameter, or the link went away meanwhile.
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** The optional fields before "-" tell how a mount propagates: proc_pid_mountinfo(5). The last of a place is on top. */
function namespacesMount(mounts: string): Settings["namespacesMount"] {
  const line = mounts
    .split("\n")
    .map((text) => text.split(" "))
    .findLast((fields) => fields[4] === "/run/netns");
  if (line === undefined) return "none";
  return line.slice(6, line.indexOf("-")).some((field) => field.startsWith("shared:")) ? "shared" : "private";
}

/** Whether the process sees other mounts than process 1; undefined: one of them is not ours to look at. */
export function hasOwnMountNamespace(process: number | "self"): boolean | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/mnt`) !== readlinkSync("/proc/1/ns/mnt");
  } catch {
    // Of another user, or it has ended.
    return undefined;
  }
}
