/** What an earlier process left of a DHCP lease: the address stands until the lease ends, and the next one goes on with it. */
import type { MacAddress } from "../base/address.ts";
import type { Desired } from "../state/desired.ts";
import type { AddressObject, LinkObject } from "../state/object/kernel.ts";
import type { OwnershipRecord } from "../state/step.ts";
import type { StoredLease } from "../store/client-lease.ts";
import type { UnitStore } from "../store/unit.ts";

/** A lease that an earlier process applied and that has not ended. */
export interface Inherited {
  readonly desired: Desired;
  readonly address: AddressObject;
  readonly endMilliseconds: number | undefined;
  /** Before it was applied. */
  readonly mtuBytes: number;
}

/** Whether it has not ended. */
export function isRunning({ endMilliseconds = Infinity }: StoredLease): boolean {
  return endMilliseconds > Date.now();
}

/**
 * Undefined: there is none, or it was another interface's.
 * @param find the interface as it is now
 */
export async function inherit(
  unit: UnitStore,
  stored: StoredLease | undefined,
  find: () => Promise<{ readonly index: number; readonly macAddress: MacAddress; readonly mtuBytes: number }>,
): Promise<Inherited | undefined> {
  const record = unit.readRecord();
  if (record === undefined || stored === undefined || !isRunning(stored)) return undefined;
  const address = record.desired.objects.find((object) => object.kind === "address");
  const link = record.desired.objects.find((object) => object.kind === "link");
  if (address?.address !== stored.address || link?.link.type !== "adopted") return undefined;
  const found = await find();
  if (link.link.adoptedIndex !== found.index || stored.macAddress !== found.macAddress) return undefined;
  return {
    desired: record.desired,
    address,
    endMilliseconds: stored.endMilliseconds,
    mtuBytes: mtuBefore(record, link) ?? found.mtuBytes,
  };
}

function mtuBefore({ owned }: OwnershipRecord, link: LinkObject): number | undefined {
  const original = owned[link.key]?.original;
  return (original?.kind === "link" ? original.mtuBytes : undefined) ?? link.mtuBytes;
}
