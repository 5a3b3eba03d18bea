/** Attachments as the state folder knows them, and what of them concerns applied files. */
import { isDeepStrictEqual } from "node:util";
import type { IpAddress, MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { addressesGiven, type AppliedNetwork, chooseNetwork, networksOf } from "../compile/attach/network.ts";
import type { Facts } from "../compile/facts.ts";
import { placeIn } from "../model/addresses.ts";
import type { Model } from "../model/model.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import type { AttachRequest } from "./attach-request.ts";
import { gatherFacts, isReadable } from "./facts.ts";
import { salvage } from "./salvage.ts";

export const ATTACHMENT = "attach-";
/** Guests that were run by hand. */
export const GUEST_RUN = "vm-";

interface KnownUnit {
  readonly unit: string;
  readonly source: string;
  readonly desired: Desired;
}

interface AttachmentUnit extends KnownUnit {
  /** Without {@link ATTACHMENT} or {@link GUEST_RUN}. */
  readonly name: string;
  /** How to end it. */
  readonly command: string;
  /** Absent: a guest. */
  readonly request?: AttachRequest;
}

/** All units but those that cannot be read. */
export function knownUnits(stateFolder: string): KnownUnit[] {
  return UnitStore.list(stateFolder).flatMap((unit) => {
    const store = UnitStore.open(stateFolder, unit);
    try {
      const known = store.readRecord() ?? store.readJournal();
      return known === undefined ? [] : [{ unit, source: known.source, desired: known.desired }];
    } catch (error) {
      // The status tells what is wrong with it.
      if (isUnreadable(error)) return [];
      throw error;
    }
  });
}

/** All attachments and guests run by hand; what is applied from a file is none, whatever its name. */
export function attachmentUnits(stateFolder: string): AttachmentUnit[] {
  return knownUnits(stateFolder).flatMap((known): AttachmentUnit[] => {
    const { unit, source } = known;
    if (source.startsWith("/")) return [];
    if (unit.startsWith(ATTACHMENT)) {
      const name = unit.slice(ATTACHMENT.length);
      const request = requestOf(source);
      const command = `netloom detach --name ${name}`;
      return [{ ...known, name, command, ...(request === undefined ? {} : { request }) }];
    }
    if (!unit.startsWith(GUEST_RUN)) return [];
    const name = unit.slice(GUEST_RUN.length);
    return [{ ...known, name, command: `netloom vm stop ${name}` }];
  });
}

/** A record that cannot be read is set aside; the unit is one that is to be taken back then. @returns what a person should know */
export function makeReadable(unit: UnitStore): Promise<readonly string[]> {
  return salvage(unit, "{}", () => Promise.resolve(undefined));
}

/** What was asked for; undefined: it is no attachment. */
export function requestOf(source: string): AttachRequest | undefined {
  return (JSON.parse(source) as { attach?: AttachRequest }).attach;
}

/** A file may be called like an attachment or a guest. @throws NetloomError name-taken */
export function refuseFile(source: string | undefined, purpose: string): void {
  if (source?.startsWith("/") !== true) return;
  throw new NetloomError("name-taken", `${purpose}: ${source} is applied under that name`, {
    hint: "Give this one another name.",
  });
}

/** @throws NetloomError bad-address */
export function refuseMulticast(macAddress: MacAddress | undefined, name: string): void {
  if (macAddress === undefined) return;
  const multicast = (Number.parseInt(macAddress.slice(0, 2), 16) & 1) === 1;
  if (multicast || macAddress === "00:00:00:00:00:00")
    throw new NetloomError("bad-address", `attach ${name}: MAC address ${macAddress}: it cannot be one machine's`, {
      hint: "The first byte of a machine's is even: 52:54:00:12:34:56.",
    });
}

/** Whether NETWORK or FILE/NETWORK means the network of that full name. */
export function isSameNetwork(full: string, given: string): boolean {
  return full === given || full.slice(full.indexOf("/") + 1) === given;
}

/**
 * The network of an applied file that something new is to be connected to.
 * @throws NetloomError no-such-network, ambiguous-network, unconfirmed when it may be undone soon
 */
export function networkToJoin(stateFolder: string, given: string): AppliedNetwork {
  const units = knownUnits(stateFolder).filter(({ source }) => source.startsWith("/"));
  const network = chooseNetwork(
    given,
    units.flatMap(({ unit, desired }) => networksOf(unit, desired)),
  );
  const file = network.name.slice(0, network.name.indexOf("/"));
  const previous = UnitStore.open(stateFolder, file).readConfirmation()?.previous;
  if (previous === undefined) return network;
  const before = networksOf(file, previous).find(({ name }) => name === network.name);
  if (isDeepStrictEqual(before, network)) return network;
  throw new NetloomError("unconfirmed", `attach to ${network.name}: its last change waits to be confirmed`, {
    hint: "Let it last first: netloom confirm.",
  });
}

/** Addresses that a unit gave to somebody on the bridge, or will again when an unconfirmed change is undone; except `but`. */
export function takenAddresses(stateFolder: string, but: string, bridge: string): ReadonlySet<IpAddress> {
  const all = knownUnits(stateFolder);
  const bridges = new Set(all.flatMap(({ unit, desired }) => networksOf(unit, desired).map(({ key }) => key)));
  const units = all.filter(({ unit }) => unit !== but);
  const wanted = units.flatMap(({ unit, desired }) => {
    const previous = UnitStore.open(stateFolder, unit).readConfirmation()?.previous;
    return previous === undefined ? [desired] : [desired, previous];
  });
  return new Set(wanted.flatMap((desired) => [...addressesGiven(desired, { bridge, bridges })]));
}

/** Addresses that a file must leave alone, by network, with who has them, as its author shall read it. */
export function attachedAddresses(stateFolder: string, file: string): ReadonlyMap<string, string> {
  const taken = new Map<string, string>();
  for (const { desired, name, unit } of attachmentsTo(stateFolder, file)) {
    const owner = unit.startsWith(ATTACHMENT) ? `attachment ${name}` : `VM ${name}`;
    const bridges = new Set(bridgesOf(desired));
    for (const bridge of bridges) {
      const network = bridge.slice(`${file}/link/`.length);
      for (const address of addressesGiven(desired, { bridge, bridges })) taken.set(placeIn(network, address), owner);
    }
  }
  return taken;
}

function attachmentsTo(stateFolder: string, file: string): AttachmentUnit[] {
  return attachmentUnits(stateFolder).filter(({ desired }) =>
    bridgesOf(desired).some((key) => key.startsWith(`${file}/`)),
  );
}

function bridgesOf({ objects }: Desired): string[] {
  return objects.flatMap((object) =>
    object.kind === "link" && typeof object.masterKey === "string" ? [object.masterKey] : [],
  );
}

/**
 * @throws NetloomError in-use when a network that `desired` does not have any more, or with other addresses, carries
 *   attachments, or a namespace that it does not have any more has networks of others
 */
export function refuseIfUsed(stateFolder: string, file: string, desired: Desired, purpose: string): void {
  refuseInhabited(stateFolder, file, desired, purpose);
  const stays = new Set(desired.objects.map(({ key }) => key));
  const renumbered = renumberedNetworks(stateFolder, file, desired);
  const cutOff = attachmentsTo(stateFolder, file).filter((attachment) => {
    const bridges = bridgesOf(attachment.desired).filter((key) => key.startsWith(`${file}/`));
    if (bridges.some((key) => !stays.has(key))) return true;
    return addressesGiven(attachment.desired).size > 0 && bridges.some((key) => renumbered.has(key));
  });
  if (cutOff.length === 0) return;
  const names = cutOff.map(({ unit }) => unit).join(", ");
  throw new NetloomError("in-use", `${purpose}: something is attached to its networks: ${names}`, {
    hint: `Take it away first: ${cutOff.map(({ command }) => command).join("; ")}`,
  });
}

/** A namespace takes all that is in it along. */
function refuseInhabited(stateFolder: string, file: string, desired: Desired, purpose: string): void {
  const units = knownUnits(stateFolder);
  const kept = namespacesOf(desired);
  const applied = namespacesOf(units.find(({ unit }) => unit === file)?.desired ?? EMPTY);
  const gone = new Set([...applied].filter((name) => !kept.has(name)));
  if (gone.size === 0) return;
  const inhabitants = units.filter(
    (other) =>
      other.unit !== file &&
      networksOf(other.unit, other.desired).some(({ layout }) => gone.has(layout.network.namespace)),
  );
  if (inhabitants.length === 0) return;
  const names = inhabitants.map(({ unit }) => unit).join(", ");
  throw new NetloomError("in-use", `${purpose}: others have networks in its namespaces: ${names}`, {
    hint: `Take them away first: ${inhabitants.map(({ source }) => `netloom destroy ${source}`).join("; ")}`,
  });
}

function namespacesOf({ objects }: Desired): Set<string> {
  return new Set(objects.flatMap((object) => (object.kind === "namespace" ? [object.name] : [])));
}

/** Keys of the bridges whose subnets or gateways will be others. */
function renumberedNetworks(stateFolder: string, file: string, desired: Desired): ReadonlySet<string> {
  const numbers = ({ layout }: AppliedNetwork): unknown => [
    layout.network.subnet,
    layout.network.gateway,
    layout.network.also,
    layout.addressing6,
  ];
  const wanted = new Map(networksOf(file, desired).map((network) => [network.key, numbers(network)]));
  const applied = knownUnits(stateFolder).find(({ unit }) => unit === file)?.desired ?? EMPTY;
  return new Set(
    networksOf(file, applied)
      .filter((network) => !isDeepStrictEqual(wanted.get(network.key), numbers(network)))
      .map(({ key }) => key),
  );
}

/**
 * What of this host attaching must know.
 * @param files that a guest needs, absolute paths
 * @param networks also what is in their namespaces
 */
export async function attachFacts(
  files: readonly string[] = [],
  networks: readonly AppliedNetwork[] = [],
): Promise<Facts> {
  const model: Model = {
    name: "attachment",
    file: "",
    uplinks: [],
    networks: networks.map(({ layout }) => layout.network),
    routers: [],
    machines: [],
    origins: {},
  };
  const facts = await gatherFacts(model, new Set());
  return { ...facts, missingFiles: files.filter((path) => !isReadable(path)) };
}
