/** What has changed between two looks at the leases. */
import { nameOfServer } from "./lease-files.ts";
import { cleanName, identityOf, placeOf, type ShownLease } from "./shown-lease.ts";

interface LeaseChange {
  /** `known`: it was there when watching began. */
  readonly change: "known" | "given" | "renewed" | "ended" | "released" | "declined";
  readonly lease: ShownLease;
}

/** By server and address. */
export type LeaseView = ReadonlyMap<string, ShownLease>;

export function viewOf(leases: readonly ShownLease[]): LeaseView {
  return new Map(leases.map((lease) => [`${nameOfServer(lease)} ${placeOf(lease)}`, lease]));
}

/** In the order of `after`. @param before undefined: this is the first look */
export function changesBetween(before: LeaseView | undefined, after: LeaseView): LeaseChange[] {
  return Array.from(after, ([key, lease]) => ({ change: changeOf(before, before?.get(key), lease), lease })).filter(
    (entry): entry is LeaseChange => entry.change !== undefined,
  );
}

function changeOf(
  view: LeaseView | undefined,
  before: ShownLease | undefined,
  after: ShownLease,
): LeaseChange["change"] | undefined {
  if (view === undefined) return after.state === "leased" || after.state === "declined" ? "known" : undefined;
  if (after.state !== "leased") return before?.state === after.state ? undefined : after.state;
  const isSame = before?.state === "leased" && identityOf(before) === identityOf(after);
  if (!isSame) return "given";
  return before.end === after.end ? undefined : "renewed";
}

/** "12:34:56 given 192.0.2.100 52:54:00:00:00:01 web until 2026-11-21T13:34:56Z (lan0)" */
export function formatChange({ change, lease }: LeaseChange, clock: string): string {
  const { mac, state, end } = lease;
  const holder = mac ?? ("duid" in lease ? lease.duid : "");
  const words = [clock, change, placeOf(lease), holder, cleanName(lease) ?? ""];
  const until = state === "leased" || state === "declined" ? `until ${end ?? "ever"}` : "";
  return [...words, until, `(${nameOfServer(lease)})`].filter((word) => word !== "").join(" ");
}
