/** What compiling a network file must know of this host, read from the host. */
import { accessSync, constants, existsSync } from "node:fs";
import type { Facts, HostLink, HostRoute } from "../compile/facts.ts";
import { requiredFiles } from "../compile/required-files.ts";
import { hasLinkKind, missingCapabilities } from "../kernel/features.ts";
import { findForeignForwardDrops } from "../kernel/foreign-filter.ts";
import { observe } from "../kernel/observe.ts";
import { readResolvConf } from "../kernel/resolv-conf.ts";
import { markedKey } from "../state/mark.ts";
import type { Model } from "../model/model.ts";

const TABLE_LOCAL = 255;

/** @param ownedKeys keys of objects that netloom made for this file earlier: they are not in its way */
export async function gatherFacts(model: Model, ownedKeys: ReadonlySet<string>): Promise<Facts> {
  const [snapshot, foreignForwardDrops, dummy] = await Promise.all([
    observe({ namespaces: [{ name: "" }], files: [] }),
    findForeignForwardDrops(),
    // Whoever may not ask only looks at the plan, and most kernels have it.
    missingCapabilities().length > 0 ? true : hasLinkKind("dummy"),
  ]);
  const host = snapshot.namespaces[""];
  const links: Record<string, HostLink> = {};
  const names = new Map<number, string>();
  for (const link of host?.links ?? []) {
    names.set(link.index, link.name);
    links[link.name] = {
      mtuBytes: link.mtuBytes,
      up: link.up,
      ours: ownedKeys.has(markedKey(link.alias) ?? ""),
      addresses: (host?.addresses ?? [])
        .filter((address) => address.linkIndex === link.index)
        .map(({ address, prefixLength }) => ({ address, length: prefixLength })),
    };
  }
  const routes = (host?.routes ?? [])
    .filter((route) => route.table !== TABLE_LOCAL)
    .map(({ destination, nextHops }): HostRoute => {
      const device = names.get(nextHops[0]?.linkIndex ?? 0);
      return device === undefined ? { destination } : { destination, device };
    });
  return {
    links,
    routes,
    resolver: readResolvConf(""),
    foreignForwardDrops,
    features: { dummy, ipv6: existsSync("/proc/sys/net/ipv6") },
    missingFiles: requiredFiles(model)
      .map(({ path }) => path)
      .filter((path) => !isReadable(path)),
  };
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
