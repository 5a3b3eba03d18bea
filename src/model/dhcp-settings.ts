/** What a DHCP section says to clients beside their addresses: options, boot files, lease times. */
import type { Context } from "./context.ts";
import type { Path } from "./mistakes.ts";
import type { DhcpSettings, DhcpSubnet, NetworkDhcp } from "./model.ts";
import type { FileShape } from "./schema.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];
type DhcpShape = Exclude<NonNullable<NetworkShape["dhcp"]>, boolean>;

const DEFAULT_LEASE_SECONDS = 12 * 3600;
/** A client may ask for less, but not so little that it comes all the time. */
const SHORTEST_LEASE_SECONDS = 120;

export function settingsOf(
  shape: Pick<DhcpShape, "options" | "next-server" | "server-name" | "boot-file">,
): DhcpSettings {
  const { options, "next-server": nextServer, "server-name": serverName, "boot-file": bootFile } = shape;
  return {
    options: options ?? [],
    ...(nextServer === undefined ? {} : { nextServer }),
    ...(serverName === undefined ? {} : { serverName }),
    ...(bootFile === undefined ? {} : { bootFile }),
  };
}

/** A network's. @param path of its section */
export function leaseOf(lease: DhcpShape["lease"], path: Path, context: Context): NetworkDhcp["leaseSeconds"] {
  const place = [...path, "lease"];
  if (lease === undefined || typeof lease === "number") {
    const seconds = context.value(place, lease, DEFAULT_LEASE_SECONDS);
    return { default: seconds, minimum: Math.min(SHORTEST_LEASE_SECONDS, seconds), maximum: seconds };
  }
  const bound = lease.max ?? lease.min ?? DEFAULT_LEASE_SECONDS;
  const usual = lease.default ?? Math.min(Math.max(DEFAULT_LEASE_SECONDS, lease.min ?? 0), lease.max ?? bound);
  context.record([...place, "default"], String(usual), lease.default === undefined ? "default" : "declared");
  const minimum = context.value([...place, "min"], lease.min, Math.min(SHORTEST_LEASE_SECONDS, usual));
  const maximum = context.value([...place, "max"], lease.max, usual);
  checkRising({ default: usual, minimum, maximum }, place, context);
  return { default: usual, minimum, maximum };
}

/** A subnet's, where it says one; what it does not say is the network's. */
export function partialLeaseOf(
  lease: DhcpShape["lease"],
  path: Path,
  context: Context,
): Pick<DhcpSubnet, "leaseSeconds"> {
  if (lease === undefined) return {};
  const place = [...path, "lease"];
  if (typeof lease === "number") {
    context.record(place, String(lease), "declared");
    return { leaseSeconds: { default: lease, minimum: Math.min(SHORTEST_LEASE_SECONDS, lease), maximum: lease } };
  }
  const { default: usual, min: minimum, max: maximum } = lease;
  const leaseSeconds = {
    ...(usual === undefined ? {} : { default: usual }),
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
  };
  checkRising(leaseSeconds, place, context);
  return { leaseSeconds };
}

function checkRising(
  { default: usual, minimum, maximum }: NonNullable<DhcpSubnet["leaseSeconds"]>,
  place: Path,
  context: Context,
): void {
  const least = minimum ?? 0;
  const most = maximum ?? Number.POSITIVE_INFINITY;
  if (least > (usual ?? most))
    context.complain(
      [...place, "min"],
      `is longer than the ${usual === undefined ? "longest" : "default"}`,
      "make it shorter",
    );
  if (usual !== undefined && most < usual)
    context.complain([...place, "max"], "is shorter than the default", "make it longer");
}
