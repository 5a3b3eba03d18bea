/**
 * `netloom bind`: take over the interface of a pod that somebody else made, for one guest, and give it back.
 *
 * The wanted state is worked out once, from the untouched pod, and kept with the record: a second bind and a
 * bind after a kill use that, since the pod no longer looks like itself.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { NetloomError } from "../base/errors.ts";
import { addressesTold, bindPod } from "../compile/binding/binding.ts";
import type { BindingProfile } from "../compile/binding/names.ts";
import { discoverPodInterface } from "../compile/binding/pod-interface.ts";
import { discoverPodContext } from "../kernel/discover.ts";
import { hasLinkKind } from "../kernel/features.ts";
import { observe } from "../kernel/observe.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import { isMarked } from "../state/mark.ts";
import { type Desired, EMPTY, isService, type LinkObject } from "../state/object.ts";
import type { ObservedNamespace } from "../state/snapshot.ts";
import type { OwnershipRecord } from "../state/step.ts";
import { UnitStore } from "../store/unit.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";

const NAMED_NAMESPACES = "/run/netns";

export interface BindOptions {
  readonly stateFolder: string;
  /** A name under /run/netns or an absolute path. */
  readonly namespace: string;
  readonly interfaceName: string;
  readonly profile: BindingProfile;
  readonly tapName: string;
  /** Instead of /etc/netns/NAME/resolv.conf or the host's. */
  readonly resolvConf?: string;
}

/** What somebody who starts the guest must know. */
export interface Binding {
  readonly tap: string;
  readonly mac: string;
  readonly mtuBytes: number;
  /** The pod's addresses that the guest gets, with prefix length. */
  readonly addresses: readonly string[];
  /** For a QEMU that is started inside the pod's namespace. */
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
  const { profile, tapName: tap, resolvConf } = options;
  const source = JSON.stringify({
    profile,
    tap,
    ...(resolvConf === undefined ? {} : { resolvConf: resolve(resolvConf) }),
  });
  const record = unit.readRecord();
  const journal = unit.readJournal();
  const known = record ?? journal;
  let desired: Desired;
  let notes: readonly string[] = [];
  if (known !== undefined && known.desired.objects.length > 0) {
    if (known.source !== source) {
      throw new NetloomError(
        "bound-otherwise",
        `bind ${options.interfaceName} in ${options.namespace}: it is bound already, with ${known.source}`,
        {
          hint: `Give it back first: netloom unbind --netns ${options.namespace} --interface ${options.interfaceName}`,
        },
      );
    }
    desired = known.desired;
  } else {
    if (known !== undefined) await reconcile(unit, EMPTY, { services });
    ({ desired, notes } = await discover(options));
  }
  const outcome = await reconcile(unit, desired, { services, source });
  // A DHCP server lives in this process: after a restart the kernel's state stands, the server must be started.
  await services.converge(unit.name, desired.objects.filter(isService));
  const applied = unit.readRecord();
  if (applied === undefined)
    throw new NetloomError("corrupt-store", `bind: no record of ${unit.name} after it was applied`);
  return { binding: describeBinding(applied, options.tapName), outcome, notes };
}

/** Give the interface back exactly as it was. Safe to repeat; nothing bound counts as done. */
export async function unbind(
  options: { stateFolder: string; namespace: string; interfaceName: string },
  services: ServiceHost,
): Promise<Outcome> {
  const unit = UnitStore.open(options.stateFolder, bindUnitName(options.namespace, options.interfaceName));
  return reconcile(unit, EMPTY, { services });
}

async function discover(options: BindOptions): Promise<{ desired: Desired; notes: readonly string[] }> {
  const snapshot = await observe({ namespaces: [{ name: options.namespace }], files: [] });
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
  const bound = bindPod("bridge", {
    pod,
    profile: options.profile,
    features: { dummy: await hasLinkKind("dummy") },
    nicIndex: 0,
    tapName: options.tapName,
  });
  await requireFeatures(bound.desired);
  return bound;
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
function describeBinding(record: OwnershipRecord, tapName: string): Binding {
  const owned = Object.values(record.owned);
  const tap = owned
    .map((entry) => entry.object)
    .find((object): object is LinkObject => object?.kind === "link" && object.name === tapName);
  const pod = owned.map((entry) => entry.original).find((object): object is LinkObject => object?.kind === "link");
  const addresses = addressesTold(record.desired);
  if (tap?.mtuBytes === undefined || pod?.macAddress === undefined) {
    throw new NetloomError("corrupt-store", `bind: the record ${record.name} lacks the tap or the interface`);
  }
  const mac = pod.macAddress;
  const mtuBytes = tap.mtuBytes;
  return {
    tap: tapName,
    mac,
    mtuBytes,
    addresses,
    qemuArguments: [
      "-netdev",
      `tap,id=${tapName},ifname=${tapName},script=no,downscript=no`,
      "-device",
      `virtio-net-pci,netdev=${tapName},mac=${mac},host_mtu=${mtuBytes},romfile=`,
    ],
  };
}
