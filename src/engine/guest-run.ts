/**
 * `netloom vm run NAME --network …`: a guest that no file declares, on networks of applied files, and `vm stop`: end it
 * and take it back. As an attachment it is a unit of its own, and its wanted state is worked out once.
 */
import { isDeepStrictEqual } from "node:util";
import type { IpAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { giveAddresses } from "../compile/attach/allocate.ts";
import { compileGuestRun, type GuestNic, type GuestRun } from "../compile/attach/attach.ts";
import type { Facts } from "../compile/facts.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import { derivedMac } from "../model/hash.ts";
import { hostEndName, tapName } from "../model/names.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import type { VmObject } from "../state/object/vm.ts";
import { isUnreadable, UnitStore } from "../store/unit.ts";
import type { GuestNicRequest, GuestRunRequest } from "./attach-request.ts";
import {
  attachFacts,
  GUEST_RUN,
  isSameNetwork,
  knownUnits,
  makeReadable,
  networkToJoin,
  refuseFile,
  refuseMulticast,
  takenAddresses,
} from "./attachments.ts";
import { addressesTold } from "./describe-attachment.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";
import { formatSource } from "./source.ts";

const DEFAULT_MEMORY_MEBIBYTES = 256;

/** What somebody must know who wants to reach the guest. */
interface RunningGuest {
  readonly name: string;
  readonly unit: string;
  readonly nics: readonly { readonly network: string; readonly tap: string; readonly mac: string }[];
  /** Of all its NICs. */
  readonly addresses: readonly string[];
}

/**
 * Start it. Safe to repeat: a guest that has ended is started again.
 * @throws NetloomError no-such-network, ambiguous-network, unconfirmed, runs-otherwise, name-taken, vm-name-taken,
 *   bad-address, no-address-left, no-such-file, conflict (nothing touched), apply-failed (all undone)
 */
export async function runGuest(
  stateFolder: string,
  request: GuestRunRequest,
  services: ServiceHost,
): Promise<{ guest: RunningGuest; notes: readonly string[] }> {
  const { name } = request;
  const unit = UnitStore.open(stateFolder, `${GUEST_RUN}${name}`);
  const told = await makeReadable(unit);
  const known = unit.readRecord() ?? unit.readJournal();
  refuseFile(known?.source, `run VM ${name}`);
  let desired: Desired;
  let source: string;
  if (known !== undefined && known.desired.objects.length > 0) {
    ({ desired, source } = known);
    if (!isSame((JSON.parse(source) as { vm?: GuestRunRequest }).vm, request)) {
      throw new NetloomError("runs-otherwise", `run VM ${name}: there is one already: ${formatSource(source)}`, {
        hint: `End it first, netloom vm stop ${name}; or give this one another name.`,
      });
    }
  } else {
    if (known !== undefined) await reconcile(unit, EMPTY, { services });
    refuseTakenName(stateFolder, name);
    const run = await discover(stateFolder, unit.name, request);
    desired = run.desired;
    source = JSON.stringify({ vm: { ...request, nics: run.nics } });
  }
  const { notes } = await reconcile(unit, desired, { services, source });
  return { guest: describe(name, unit.name, desired), notes: [...told, ...notes] };
}

/** Whether it was started by {@link runGuest} and is not taken back yet; what cannot be read counts as well. */
export function isGuestRun(stateFolder: string, name: string): boolean {
  const unit = `${GUEST_RUN}${name}`;
  if (!UnitStore.list(stateFolder).includes(unit)) return false;
  const store = UnitStore.open(stateFolder, unit);
  try {
    return (store.readRecord() ?? store.readJournal())?.source.startsWith("/") !== true;
  } catch (error) {
    if (isUnreadable(error)) return true;
    throw error;
  }
}

/** End it at once and take it back with its taps. Safe to repeat. @throws NetloomError name-taken */
export async function endGuest(
  stateFolder: string,
  name: string,
  services: ServiceHost,
): Promise<{ unit: string; outcome: Outcome }> {
  const unit = UnitStore.open(stateFolder, `${GUEST_RUN}${name}`);
  await makeReadable(unit);
  refuseFile((unit.readRecord() ?? unit.readJournal())?.source, `stop VM ${name}`);
  return { unit: unit.name, outcome: await reconcile(unit, EMPTY, { services }) };
}

function isSame(earlier: GuestRunRequest | undefined, request: GuestRunRequest): boolean {
  if (earlier === undefined || earlier.nics.length !== request.nics.length) return false;
  if (!request.nics.every(({ network }, i) => isSameNetwork(earlier.nics[i]?.network ?? "", network))) return false;
  const normal = ({ nics, ...rest }: GuestRunRequest): unknown => ({
    memoryMebibytes: DEFAULT_MEMORY_MEBIBYTES,
    cpus: 1,
    accelerator: "auto",
    ...rest,
    nics: nics.map(({ network: _network, ...nic }) => ({ dhcp: "single", queues: 1, ...nic })),
  });
  return isDeepStrictEqual(normal(earlier), normal(request));
}

function refuseTakenName(stateFolder: string, name: string): void {
  for (const { unit, desired } of knownUnits(stateFolder)) {
    if (!desired.objects.some((object) => object.kind === "vm" && object.name === name)) continue;
    throw new NetloomError("vm-name-taken", `run VM ${name}: ${unit} has a machine of that name`, {
      hint: `netloom vm run ${name}, without --network, starts that one again.`,
    });
  }
}

async function discover(
  stateFolder: string,
  unit: string,
  request: GuestRunRequest,
): Promise<{ desired: Desired; nics: readonly GuestNicRequest[] }> {
  const {
    name,
    nics: wishes,
    dns,
    memoryMebibytes = DEFAULT_MEMORY_MEBIBYTES,
    cpus = 1,
    accelerator = "auto",
  } = request;
  const { image, kernel, initrd, append } = request;
  const machine: GuestRun["machine"] = {
    ...(image === undefined ? {} : { image }),
    ...(kernel === undefined ? {} : { kernel }),
    ...(initrd === undefined ? {} : { initrd }),
    ...(append === undefined ? {} : { append }),
    memoryMebibytes,
    cpus,
    accelerator,
  };
  const facts = await attachFacts([image, kernel, initrd].filter((path) => path !== undefined));
  refuseMissing(name, facts);
  const given = new Map<string, Set<IpAddress>>();
  const devices = new Set(Object.keys(facts.links));
  const nics = wishes.map((wish, index): GuestNic => {
    const { macAddress = derivedMac(`${unit} ${index}`), dhcp = "single", queues = 1 } = wish;
    refuseMulticast(macAddress, `VM ${name}`);
    const network = networkToJoin(stateFolder, wish.network);
    const taken = given.get(network.key) ?? new Set(takenAddresses(stateFolder, unit, network.key));
    given.set(network.key, taken);
    const addresses = giveAddresses(network, wish, dhcp, taken);
    for (const address of Object.values(addresses)) taken.add(address);
    const device = hostEndName(name, tapName(index), devices);
    devices.add(device);
    return { network, tapName: device, queues, dhcp, macAddress, ...addresses };
  });
  const desired = compileGuestRun(
    { unit, origin: `VM ${name}`, name, machine, nics, dns: dns === undefined ? {} : { servers: dns } },
    facts,
  );
  await requireFeatures(desired);
  return { desired, nics: wishes.map((wish, i) => ({ ...wish, network: nics[i]?.network.name ?? wish.network })) };
}

function refuseMissing(name: string, { missingFiles }: Facts): void {
  if (missingFiles.length === 0) return;
  throw new NetloomError(
    "no-such-file",
    `run VM ${name}: ${missingFiles.join(", ")}: there is no such file, or it cannot be read`,
  );
}

/** From the wanted state, so that whoever found it running is told the same. */
function describe(name: string, unit: string, desired: Desired): RunningGuest {
  const masters = new Map(
    desired.objects.flatMap((object) =>
      object.kind === "link" && typeof object.masterKey === "string" ? [[object.name, object.masterKey]] : [],
    ),
  );
  const nics = desired.objects.find((object): object is VmObject => object.kind === "vm")?.nics ?? [];
  return {
    name,
    unit,
    nics: nics.map((nic) => ({
      network: (masters.get(nic.tapName) ?? "").replace("/link/", "/"),
      tap: nic.tapName,
      mac: nic.macAddress,
    })),
    addresses: [...desired.objects.flatMap(addressesTold), ...(desired.declared?.reserved ?? [])],
  };
}
