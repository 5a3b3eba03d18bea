/** What there is to know of this host before netloom works on it. Gathering it changes nothing. */
import type { ForeignForwardDrop } from "../../kernel/foreign-filter.ts";
import { existsSync } from "node:fs";
import { NetloomError } from "../../base/errors.ts";
import { findForeignForwardDrops } from "../../kernel/foreign-filter.ts";
import { missingCapabilities } from "../../kernel/features.ts";
import { KeeperClient } from "../../services/keeper/client.ts";
import type { StateObject } from "../../state/object.ts";
import type { LinkObject } from "../../state/object/kernel.ts";
import { isUnreadable, UnitStore } from "../../store/unit.ts";
import { type Abilities, gatherAbilities } from "./abilities.ts";
import { type DhcpOffer, probeDhcp } from "./dhcp-probe.ts";
import { gatherSoftware, type OtherSoftware } from "./software.ts";
import { gatherSettings, hasOwnMountNamespace, type Settings } from "./settings.ts";

/** What came of asking for DHCP servers on one link. */
export interface ProbeFacts {
  readonly interfaceName: string;
  readonly offers: readonly DhcpOffer[];
  /** Why the question did not get out, or the link failed meanwhile. */
  readonly trouble?: string;
  /** Applied files serve DHCP on this link, or on its bridge, or on another port of that. */
  readonly servedByUs: boolean;
}

export interface HostFacts {
  readonly missingCapabilities: readonly { readonly name: string; readonly purpose: string }[];
  readonly abilities: Abilities;
  readonly settings: Settings;
  readonly software: OtherSoftware;
  /** Undefined: only CAP_NET_ADMIN may look. Without nft only those of iptables-legacy are found. */
  readonly forwardDrops: readonly ForeignForwardDrop[] | undefined;
  readonly probes: readonly ProbeFacts[];
  /** The daemon or keeper of the state folder; undefined: none runs, or we may not ask it. */
  readonly keeper: KeeperFacts | undefined;
}

interface KeeperFacts {
  readonly pid: number;
  /** It has another mount namespace than process 1; undefined: it may not be read. */
  readonly ownMountNamespace: boolean | undefined;
}

interface FactsRequest {
  readonly stateFolder: string;
  /** Links on which a DHCP server is looked for; none: the bridges on which applied files serve DHCP. */
  readonly probe: readonly string[];
}

/**
 * All of it, in about three seconds: a guest is booted under KVM unless that is known, a probe waits for two.
 * @throws NetloomError no-link when a link to probe does not exist
 */
export async function gatherHostFacts({ stateFolder, probe }: FactsRequest): Promise<HostFacts> {
  const missing = missingCapabilities();
  const mayAsk = !missing.some(({ name }) => name === "CAP_NET_ADMIN");
  const served = servedLinks(stateFolder);
  const mayProbe = !missing.some(({ name }) => name === "CAP_NET_RAW");
  const bridges = mayProbe ? served.filter(isPresentBridge).map(({ name }) => name) : [];
  // First, because a link that does not exist ends everything.
  const probes = await Promise.all(
    (probe.length > 0 ? probe : bridges).map(
      async (interfaceName): Promise<ProbeFacts> => ({
        interfaceName,
        ...(await probeDhcp(interfaceName)),
        servedByUs: served.some(({ name }) => name === interfaceName),
      }),
    ),
  );
  const keeper = await findKeeper(stateFolder);
  const [abilities, settings, software, forwardDrops] = await Promise.all([
    gatherAbilities(stateFolder, missing),
    gatherSettings(),
    gatherSoftware(mayAsk, keeper?.pid),
    mayAsk ? findForeignForwardDrops() : undefined,
  ]);
  return { missingCapabilities: missing, abilities, settings, software, forwardDrops, probes, keeper };
}

function isPresentBridge({ name, link }: LinkObject): boolean {
  return link.type === "bridge" && existsSync(`/sys/class/net/${name}`);
}

async function findKeeper(stateFolder: string): Promise<KeeperFacts | undefined> {
  try {
    const status = await new KeeperClient(stateFolder).statusIfRunning();
    return status && { pid: status.pid, ownMountNamespace: hasOwnMountNamespace(status.pid) };
  } catch (error) {
    // Not ours to ask, or it hangs: of that `status` tells.
    if (error instanceof NetloomError && error.code === "keeper-failed") return undefined;
    throw error;
  }
}

/**
 * Links of our own namespace whose frames reach a DHCP server of applied files: the links that it serves, be it one
 * guest or a network, the bridges that these are ports of, and all their ports.
 */
function servedLinks(stateFolder: string): LinkObject[] {
  return UnitStore.list(stateFolder).flatMap((name) => linksServed(appliedObjects(stateFolder, name)));
}

function linksServed(objects: readonly StateObject[]): LinkObject[] {
  const served = new Set(
    objects.flatMap((object) =>
      object.kind === "dhcp-network" || object.kind === "dhcp-single" ? [object.linkKey] : [],
    ),
  );
  const links = objects.flatMap((object) => (object.kind === "link" && object.namespace === "" ? [object] : []));
  const bridges = new Set(links.flatMap(({ key, masterKey }) => (served.has(key) ? [masterKey ?? key] : [])));
  return links.filter(({ key, masterKey }) => bridges.has(key) || bridges.has(masterKey ?? ""));
}

/** Of a record that cannot be read `status` tells. */
function appliedObjects(stateFolder: string, name: string): readonly StateObject[] {
  try {
    return UnitStore.open(stateFolder, name).readRecord()?.desired.objects ?? [];
  } catch (error) {
    if (isUnreadable(error)) return [];
    throw error;
  }
}
