/** What there is to know of this host before netloom works on it. Gathering it changes nothing. */
import type { ForeignForwardDrop } from "../../kernel/foreign-filter.ts";
import { findForeignForwardDrops } from "../../kernel/foreign-filter.ts";
import { missingCapabilities } from "../../kernel/features.ts";
import type { StateObject } from "../../state/object.ts";
import { isUnreadable, UnitStore } from "../../store/unit.ts";
import { type Abilities, gatherAbilities } from "./abilities.ts";
import { type DhcpOffer, probeDhcp } from "./dhcp-probe.ts";
import { gatherSoftware, type OtherSoftware } from "./software.ts";
import { gatherSettings, type Settings } from "./settings.ts";

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
}

export interface FactsRequest {
  readonly stateFolder: string;
  /** Links on which a DHCP server is looked for. */
  readonly probe: readonly string[];
}

/**
 * All of it, in about three seconds: a guest is booted under KVM unless that is known, a probe waits for two.
 * @throws NetloomError no-link when a link to probe does not exist
 */
export async function gatherHostFacts({ stateFolder, probe }: FactsRequest): Promise<HostFacts> {
  const missing = missingCapabilities();
  const mayAsk = !missing.some(({ name }) => name === "CAP_NET_ADMIN");
  // First, because a link that does not exist ends everything.
  const probes = await Promise.all(probe.map((name) => probeFacts(name, stateFolder)));
  const [abilities, settings, software, forwardDrops] = await Promise.all([
    gatherAbilities(stateFolder, missing),
    gatherSettings(),
    gatherSoftware(mayAsk),
    mayAsk ? findForeignForwardDrops() : undefined,
  ]);
  return { missingCapabilities: missing, abilities, settings, software, forwardDrops, probes };
}

async function probeFacts(interfaceName: string, stateFolder: string): Promise<ProbeFacts> {
  const served = servedLinks(stateFolder);
  return { interfaceName, ...(await probeDhcp(interfaceName)), servedByUs: served.has(interfaceName) };
}

/**
 * Links of our own namespace whose frames reach a DHCP server of applied files: the links that it serves, be it one
 * guest or a network, the bridges that these are ports of, and all their ports.
 */
function servedLinks(stateFolder: string): ReadonlySet<string> {
  return new Set(UnitStore.list(stateFolder).flatMap((name) => namesServed(appliedObjects(stateFolder, name))));
}

function namesServed(objects: readonly StateObject[]): string[] {
  const served = new Set(
    objects.flatMap((object) =>
      object.kind === "dhcp-network" || object.kind === "dhcp-single" ? [object.linkKey] : [],
    ),
  );
  const links = objects.flatMap((object) => (object.kind === "link" && object.namespace === "" ? [object] : []));
  const bridges = new Set(links.flatMap(({ key, masterKey }) => (served.has(key) ? [masterKey ?? key] : [])));
  return links.filter(({ key, masterKey }) => bridges.has(key) || bridges.has(masterKey ?? "")).map(({ name }) => name);
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
