/**
 * `netloom bind`: take over the interface of a pod that somebody else made, for one guest, and give it back.
 *
 * The wanted state is worked out once, from the untouched pod, and kept with the record: a second bind and a
 * bind after a kill use that, since the pod no longer looks like itself.
 */
import { isLinkLocal6 } from "../base/address.ts";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { NetloomError } from "../base/errors.ts";
import { addressesTold, type BindingKind, bindPod } from "../compile/binding/binding.ts";
import type { PodBinding } from "../compile/binding/pod-binding.ts";
import { hiddenGuestMac, refuseSecondMasquerade } from "../compile/binding/masquerade.ts";
import type { BindingProfile } from "../compile/binding/names.ts";
import { discoverPodInterface, type PodInterface } from "../compile/binding/pod-interface.ts";
import { discoverPodContext } from "../kernel/discover.ts";
import { hasLinkKind, hasNetdevEgress } from "../kernel/features.ts";
import { findMacvtap, type MacvtapDevice } from "../kernel/macvtap.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import { resolveNeighbour } from "../kernel/resolve-neighbour.ts";
import { isMarked } from "../state/mark.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { ObservedNamespace } from "../state/snapshot.ts";
import type { OwnershipRecord } from "../state/step.ts";
import { UnitStore } from "../store/unit.ts";
import { ObservedNamespaces } from "./heal/observed.ts";
import { type Observe, type Outcome, reconcile } from "./reconcile.ts";
import { salvageBind } from "./salvage-bind.ts";
import type { ServiceHost } from "./service-host.ts";
import { formatSource } from "./source.ts";

const NAMED_NAMESPACES = "/run/netns";
/** How long the pod's IPv6 gateway may take to tell its MAC address; the kernel asks a second time after one second. */
const GATEWAY_MILLISECONDS = 1500;

/** How the guest gets the pod's network. */
export interface BindSettings {
  /** Default bridge. */
  readonly binding?: BindingKind;
  readonly profile: BindingProfile;
  readonly tapName: string;
  /** Whether the guest is told its addresses; default single. */
  readonly dhcp?: "single" | "none";
  /** 999 days when absent. */
  readonly leaseSeconds?: number;
  /** Masquerade only: what reaches the guest; absent: everything. */
  readonly ports?: NonNullable<PodBinding["ports"]>;
  /** Pairs of queues of the tap. */
  readonly queues?: number;
  /** Position among the guest's NICs; default 0, the first. */
  readonly nicIndex?: number;
  /** Instead of /etc/netns/NAME/resolv.conf or the host's. */
  readonly resolvConf?: string;
}

interface BindOptions extends BindSettings {
  readonly stateFolder: string;
  /** A name under /run/netns or an absolute path. */
  readonly namespace: string;
  readonly interfaceName: string;
}

/** What somebody who starts the guest must know. */
export interface Binding {
  readonly tap: string;
  readonly tapType: "tap" | "macvtap";
  /** Macvtap only: its character device, with a path where it has one. */
  readonly device?: MacvtapDevice;
  readonly mac: string;
  readonly mtuBytes: number;
  /** Pairs of queues of the tap. */
  readonly queues: number;
  /** The pod's addresses that the guest gets, with prefix length. */
  readonly addresses: readonly string[];
  /** For a QEMU that is started inside the pod's namespace; with a macvtap its device is open as descriptor 3 and on. */
  readonly qemuArguments: readonly string[];
}

/**
 * One namespace has one name, however it was given: NAME for all that is mounted at /run/netns/NAME, such as the
 * namespace behind /proc/PID/ns/net; else the absolute path.
 */
export function canonicalNamespace(given: string): string {
  if (!given.includes("/")) return given;
  const wanted = identityOf(given);
  // Gone: what was bound there is still found by the path that was given then.
  if (wanted === undefined) return resolve(given);
  const named = existsSync(NAMED_NAMESPACES) ? readdirSync(NAMED_NAMESPACES) : [];
  return named.find((name) => identityOf(join(NAMED_NAMESPACES, name)) === wanted) ?? resolve(given);
}

/** Undefined: there is nothing. */
function identityOf(path: string): string | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  return status === undefined ? undefined : `${status.dev}:${status.ino}`;
}

/** The unit that a bind of this interface keeps its record in. */
export function bindUnitName(namespace: string, interfaceName: string): string {
  return `bind-${namespace.replaceAll("/", "_")}-${interfaceName.replaceAll("/", "_")}`;
}

/**
 * Take the interface over and start its DHCP server on `services`.
 * @throws NetloomError conflict (nothing touched), apply-failed (all undone), bound-otherwise
 */
export async function bind(
  options: BindOptions,
  services: ServiceHost,
): Promise<{ binding: Binding; outcome: Outcome; notes: readonly string[] }> {
  const unit = UnitStore.open(options.stateFolder, bindUnitName(options.namespace, options.interfaceName));
  const source = settingsText(options);
  const told = await salvageBind(unit, options);
  const record = unit.readRecord();
  const journal = unit.readJournal();
  const known = record ?? journal;
  let desired: Desired;
  let notes: readonly string[] = [];
  let seen: Observe | undefined;
  if (known !== undefined && known.desired.objects.length > 0) {
    if (known.source !== source) {
      throw new NetloomError(
        "bound-otherwise",
        `bind ${options.interfaceName} in ${options.namespace}: it is bound already: ${formatSource(known.source)}`,
        {
          hint: `Give it back first: netloom unbind --netns ${options.namespace} --interface ${options.interfaceName}`,
        },
      );
    }
    desired = known.desired;
  } else {
    if (known !== undefined) await reconcile(unit, EMPTY, { services });
    const pod = new ObservedNamespaces(() => true);
    seen = (request) => pod.observe(request);
    ({ desired, notes } = await discover(options, seen));
  }
  const outcome = await reconcile(unit, desired, { services, source, ...(seen === undefined ? {} : { seen }) });
  const applied = unit.readRecord();
  if (applied === undefined)
    throw new NetloomError("corrupt-store", `bind: no record of ${unit.name} after it was applied`);
  return { binding: await describeBinding(applied, options), outcome, notes: [...told, ...notes] };
}

/** Give the interface back exactly as it was. Safe to repeat; nothing bound counts as done. */
export async function unbind(
  options: { stateFolder: string; namespace: string; interfaceName: string },
  services: ServiceHost,
): Promise<Outcome> {
  const unit = UnitStore.open(options.stateFolder, bindUnitName(options.namespace, options.interfaceName));
  const told = await salvageBind(unit, options);
  const { steps, notes } = await reconcile(unit, EMPTY, { services });
  return { steps, notes: [...told, ...notes] };
}

async function discover(options: BindOptions, look: Observe): Promise<{ desired: Desired; notes: readonly string[] }> {
  const snapshot = await look({ namespaces: [{ name: options.namespace }], files: [] });
  const namespace = snapshot.namespaces[options.namespace];
  if (namespace === null || namespace === undefined) {
    throw new NetloomError(
      "no-namespace",
      `bind ${options.interfaceName}: there is no network namespace ${options.namespace}`,
      {
        hint: "`ip netns list` shows the named ones; a path such as /proc/PID/ns/net works too.",
      },
    );
  }
  refuseOwnPod(namespace, options);
  const context = discoverPodContext(options.namespace, options.resolvConf);
  const pod = discoverPodInterface(namespace, {
    namespace: options.namespace,
    interfaceName: options.interfaceName,
    ...context,
  });
  const { binding = "bridge", profile, tapName, dhcp, leaseSeconds, ports, queues, nicIndex = 0 } = options;
  if (binding === "masquerade") {
    const addresses = namespace.addresses.map(({ address }) => address);
    refuseSecondMasquerade(options.interfaceName, addresses);
  }
  const bound = bindPod(binding, {
    pod: binding === "masquerade" ? pod : await withGatewayMac(pod),
    profile,
    features: {
      dummy: await hasLinkKind("dummy"),
      ...(binding === "macvtap" ? { netdevEgress: await hasNetdevEgress() } : {}),
    },
    nicIndex,
    tapName,
    ...(dhcp === undefined ? {} : { dhcp }),
    ...(leaseSeconds === undefined ? {} : { leaseSeconds }),
    ...(ports === undefined ? {} : { ports }),
    ...(queues === undefined ? {} : { queues }),
  });
  await requireFeatures(bound.desired);
  return bound;
}

/** A gateway with a link-local address is found by the guest itself. */
async function withGatewayMac(pod: PodInterface): Promise<PodInterface> {
  const { gateway6, index, namespace } = pod;
  if (gateway6 === undefined || gateway6.macAddress !== undefined || index === undefined) return pod;
  if (isLinkLocal6(gateway6.address)) return pod;
  const macAddress = await resolveNeighbour(namespace, index, gateway6.address, GATEWAY_MILLISECONDS);
  return macAddress === undefined ? pod : { ...pod, gateway6: { ...gateway6, macAddress } };
}

/** What a second bind of the same interface is compared by. */
function settingsText({
  binding,
  profile,
  tapName: tap,
  dhcp,
  leaseSeconds,
  ports,
  queues,
  nicIndex,
  resolvConf,
}: BindSettings): string {
  return JSON.stringify({
    ...(binding === undefined || binding === "bridge" ? {} : { binding }),
    profile,
    tap,
    ...(dhcp === "none" ? { dhcp } : {}),
    leaseSeconds,
    ports,
    ...(queues === undefined || queues === 1 ? {} : { queues }),
    ...(nicIndex === undefined || nicIndex === 0 ? {} : { nicIndex }),
    ...(resolvConf === undefined ? {} : { resolvConf: resolve(resolvConf) }),
  });
}

/** The pod's end of a pair that a network file declares: there a VM is declared as well. */
function refuseOwnPod(observed: ObservedNamespace, { namespace, interfaceName }: BindOptions): void {
  const alias = observed.links.find((link) => link.name === interfaceName)?.alias;
  if (!isMarked(alias)) return;
  throw new NetloomError("own-pod", `bind ${interfaceName} in ${namespace}: it is netloom's own (${alias})`, {
    hint: "Declare the guest in the same network file: a machine of kind vm with `in:` this one.",
  });
}

/** From the record, so that a bind that found everything done says the same as the first. */
async function describeBinding(record: OwnershipRecord, options: BindOptions): Promise<Binding> {
  const { tapName, namespace } = options;
  const owned = Object.values(record.owned);
  const tap = owned
    .map((entry) => entry.object)
    .find((object): object is LinkObject => object?.kind === "link" && object.name === tapName);
  const pod = owned.map((entry) => entry.original).find((object): object is LinkObject => object?.kind === "link");
  if (tap?.mtuBytes === undefined)
    throw new NetloomError("corrupt-store", `bind: the record ${record.name} lacks the tap`);
  const tapType = tap.link.type === "macvtap" ? "macvtap" : "tap";
  const place = {
    tap: tapName,
    // A pod whose interface is as it was hides its guest.
    mac: pod?.macAddress ?? hiddenGuestMac(tap.key),
    mtuBytes: tap.mtuBytes,
    queues: options.queues ?? 1,
  };
  return {
    ...place,
    tapType,
    ...(tapType === "macvtap" ? { device: await findMacvtap(namespace, tapName) } : {}),
    addresses: addressesTold(record.desired),
    qemuArguments: qemuArguments(place, tapType),
  };
}

function qemuArguments(
  { tap, mac, mtuBytes, queues }: Pick<Binding, "tap" | "mac" | "mtuBytes" | "queues">,
  tapType: Binding["tapType"],
): string[] {
  const several = queues > 1;
  const descriptors = Array.from({ length: queues }, (_, i) => 3 + i).join(":");
  const backend =
    tapType === "macvtap"
      ? `tap,id=${tap},${several ? "fds" : "fd"}=${descriptors}`
      : `tap,id=${tap},ifname=${tap},script=no,downscript=no${several ? `,queues=${queues}` : ""}`;
  const vectors = several ? `,mq=on,vectors=${2 * queues + 2}` : "";
  return [
    "-netdev",
    backend,
    "-device",
    `virtio-net-pci,netdev=${tap},mac=${mac},host_mtu=${mtuBytes},romfile=${vectors}`,
  ];
}
