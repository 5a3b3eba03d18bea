/** Attachments as the state folder knows them, and what of them concerns applied files. */
import type { IpAddress, MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import type { Wish } from "../compile/attach/allocate.ts";
import { addressesGiven, type AppliedNetwork, networksOf } from "../compile/attach/network.ts";
import type { Facts } from "../compile/facts.ts";
import type { Model, VmMachine } from "../model/model.ts";
import type { Desired } from "../state/object.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import { gatherFacts } from "./facts.ts";

export const ATTACHMENT = "attach-";
/** Guests that were run by hand. */
export const GUEST_RUN = "vm-";

/** What is connected. */
export type AttachTarget =
  | { readonly kind: "namespace"; readonly namespace: string; readonly interfaceName: string }
  | {
      readonly kind: "tap";
      readonly tapName: string;
      readonly ownerUid?: number;
      readonly queues?: number;
      /** Default none. */
      readonly dhcp?: "none" | "single" | "network";
    }
  | { readonly kind: "interface"; readonly interfaceName: string };

export interface AttachRequest extends Wish {
  /** NETWORK or FILE/NETWORK. */
  readonly network: string;
  readonly target: AttachTarget;
  /** Of the attachment; default: made of the target. */
  readonly name?: string;
  readonly macAddress?: MacAddress;
  /** Name servers for a namespace's resolv.conf, or for the guest on a tap. */
  readonly dns?: readonly IpAddress[];
}

interface KnownUnit {
  readonly unit: string;
  readonly source: string;
  readonly desired: Desired;
}

export interface AttachmentUnit extends KnownUnit {
  /** Without {@link ATTACHMENT} or {@link GUEST_RUN}. */
  readonly name: string;
  /** How to end it. */
  readonly command: string;
  /** Absent: a guest. */
  readonly request?: AttachRequest;
}

function knownUnits(stateFolder: string): KnownUnit[] {
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
      const { attach: request } = JSON.parse(source) as { attach?: AttachRequest };
      const command = `netloom detach --name ${name}`;
      return [{ ...known, name, command, ...(request === undefined ? {} : { request }) }];
    }
    if (!unit.startsWith(GUEST_RUN)) return [];
    const name = unit.slice(GUEST_RUN.length);
    return [{ ...known, name, command: `netloom vm stop ${name}` }];
  });
}

/** The networks of all applied files. */
export function appliedNetworks(stateFolder: string): readonly AppliedNetwork[] {
  return knownUnits(stateFolder).flatMap(({ unit, source, desired }) =>
    source.startsWith("/") ? networksOf(unit, desired) : [],
  );
}

/** Addresses that a unit gave to somebody, except `but`. */
export function takenAddresses(stateFolder: string, but: string): ReadonlySet<IpAddress> {
  const units = knownUnits(stateFolder).filter(({ unit }) => unit !== but);
  const wished = attachmentUnits(stateFolder).flatMap(({ unit, request }) =>
    unit === but ? [] : [request?.address, request?.address6].filter((address) => address !== undefined),
  );
  return new Set([...units.flatMap(({ desired }) => [...addressesGiven(desired.objects)]), ...wished]);
}

/** Addresses that a file must leave alone, with who has them, as its author shall read it. */
export function attachedAddresses(stateFolder: string, file: string): ReadonlyMap<string, string> {
  const taken = new Map<string, string>();
  for (const attachment of attachmentsTo(stateFolder, file)) {
    const { desired, request, name, unit } = attachment;
    const owner = unit.startsWith(ATTACHMENT) ? `attachment ${name}` : `VM ${name}`;
    for (const address of addressesGiven(desired.objects)) taken.set(address, owner);
    for (const address of [request?.address, request?.address6]) if (address !== undefined) taken.set(address, owner);
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

/** @throws NetloomError in-use when a bridge that `desired` does not have any more carries attachments */
export function refuseIfUsed(stateFolder: string, file: string, desired: Desired, purpose: string): void {
  const stays = new Set(desired.objects.map(({ key }) => key));
  const cutOff = attachmentsTo(stateFolder, file).filter((attachment) =>
    bridgesOf(attachment.desired).some((key) => key.startsWith(`${file}/`) && !stays.has(key)),
  );
  if (cutOff.length === 0) return;
  const names = cutOff.map(({ unit }) => unit).join(", ");
  throw new NetloomError("in-use", `${purpose}: something is attached to its networks: ${names}`, {
    hint: `Take it away first: ${cutOff.map(({ command }) => command).join("; ")}`,
  });
}

/** What of this host attaching must know. @param guests whose files are looked for */
export async function attachFacts(guests: readonly VmMachine[] = []): Promise<Facts> {
  const model: Model = {
    name: "attachment",
    file: "",
    uplinks: [],
    networks: [],
    routers: [],
    machines: guests,
    origins: {},
  };
  return gatherFacts(model, new Set());
}
