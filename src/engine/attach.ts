/**
 * `netloom attach`: connect a namespace, a tap or an interface of somebody else to a network of an applied file, and
 * `netloom detach`: take it back. Each attachment is a unit of its own that stands on the bridge of the file's unit.
 *
 * As with `bind`, the wanted state is worked out once and kept with the record: a second attach and one after a kill
 * use that.
 */
import { isDeepStrictEqual } from "node:util";
import type { MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { compileNamespaceAttachment, compilePortAttachment, compileTapAttachment } from "../compile/attach/attach.ts";
import { allocate, giveAddresses } from "../compile/attach/allocate.ts";
import type { AppliedNetwork } from "../compile/attach/network.ts";
import { factsOf, type PlaceFacts } from "../compile/facts.ts";
import { observe } from "../kernel/observe.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import { derivedMac } from "../model/hash.ts";
import type { Network } from "../model/model.ts";
import { hostEndName } from "../model/names.ts";
import { type Desired, EMPTY } from "../state/desired.ts";
import type { ObservedNamespace } from "../state/snapshot.ts";
import { UnitStore } from "../store/unit.ts";
import type { AttachRequest, AttachTarget } from "./attach-request.ts";
import {
  ATTACHMENT,
  attachFacts,
  attachmentUnits,
  isSameNetwork,
  makeReadable,
  networkToJoin,
  refuseFile,
  refuseMulticast,
  requestOf,
  takenAddresses,
} from "./attachments.ts";
import { type Attachment, describeAttachment } from "./describe-attachment.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";
import { formatSource } from "./source.ts";

const MAIN_TABLE = 254;

/** The name that an attachment has unless it is given one. */
function attachmentName(target: AttachTarget): string {
  switch (target.kind) {
    case "namespace":
      return `${target.namespace.replace(/^\//, "").replaceAll("/", "_")}-${target.interfaceName}`;
    case "tap":
      return target.tapName;
    case "interface":
      return target.interfaceName;
  }
}

/**
 * Connect it. Safe to repeat.
 * @throws NetloomError no-such-network, ambiguous-network, unconfirmed, attached-otherwise, name-taken, bad-address,
 *   no-address-left, unfit-interface, conflict (nothing touched), apply-failed (all undone)
 */
export async function attach(
  stateFolder: string,
  request: AttachRequest,
  services: ServiceHost,
): Promise<{ attachment: Attachment; outcome: Outcome; notes: readonly string[] }> {
  const name = request.name ?? attachmentName(request.target);
  const unit = UnitStore.open(stateFolder, `${ATTACHMENT}${name}`);
  const told = await makeReadable(unit);
  const known = unit.readRecord() ?? unit.readJournal();
  refuseFile(known?.source, `attach ${name}`);
  let desired: Desired;
  let source: string;
  if (known !== undefined && known.desired.objects.length > 0) {
    ({ desired, source } = known);
    if (!isSame(requestOf(source), request)) {
      throw new NetloomError("attached-otherwise", `attach ${name}: it is attached already: ${formatSource(source)}`, {
        hint: `Take it back first, netloom detach --name ${name}; or give this one another --name.`,
      });
    }
  } else {
    if (known !== undefined) await reconcile(unit, EMPTY, { services });
    const network = networkToJoin(stateFolder, request.network);
    source = JSON.stringify({ attach: { ...request, network: network.name } });
    desired = await discover(stateFolder, unit.name, name, network, request);
  }
  const outcome = await reconcile(unit, desired, { services, source });
  const mac = request.target.kind === "tap" ? guestMac(unit.name, requestOf(source) ?? request) : undefined;
  const attachment = describeAttachment(name, unit.name, desired, mac);
  return { attachment, outcome, notes: [...told, ...outcome.notes] };
}

/**
 * Take an attachment back. Safe to repeat; what is not attached counts as done.
 * @param which its name, or what was attached; an interface also by the name that it has now
 * @throws NetloomError name-taken when a file has that name
 */
export async function detach(
  stateFolder: string,
  which: string | AttachTarget,
  services: ServiceHost,
): Promise<{ unit: string; outcome: Outcome }> {
  const name = typeof which === "string" ? which : ((await findTarget(stateFolder, which)) ?? attachmentName(which));
  const unit = UnitStore.open(stateFolder, `${ATTACHMENT}${name}`);
  const told = await makeReadable(unit);
  const known = unit.readRecord() ?? unit.readJournal();
  refuseFile(known?.source, `detach ${name}`);
  const { steps, notes } = await reconcile(unit, EMPTY, { services });
  return { unit: unit.name, outcome: { steps, notes: [...told, ...notes] } };
}

/** The name of the attachment that has this target. */
async function findTarget(stateFolder: string, target: AttachTarget): Promise<string | undefined> {
  const attachments = attachmentUnits(stateFolder);
  const same = attachments.find(
    ({ request }) => JSON.stringify(place(request?.target)) === JSON.stringify(place(target)),
  );
  if (same !== undefined || target.kind !== "interface") return same?.name;
  const adopted = attachments.flatMap(({ name, desired }) =>
    desired.objects.flatMap((object) =>
      object.kind === "link" && object.link.type === "adopted"
        ? [{ name, namespace: object.namespace, index: object.link.adoptedIndex }]
        : [],
    ),
  );
  const places = new Set(adopted.map(({ namespace }) => namespace));
  const { namespaces } = await observe({ namespaces: Array.from(places, (name) => ({ name })), files: [] });
  return adopted.find(({ namespace, index }) =>
    namespaces[namespace]?.links.some((link) => link.name === target.interfaceName && link.index === index),
  )?.name;
}

/** What is attached, without how. */
function place(target: AttachTarget | undefined): readonly (string | undefined)[] {
  switch (target?.kind) {
    case "namespace":
      return [target.kind, target.namespace, target.interfaceName];
    case "tap":
      return [target.kind, target.tapName];
    default:
      return [target?.kind, target?.interfaceName];
  }
}

/** What a guest on the tap has, told or not: QEMU's own default is the same for all guests. */
function guestMac(unit: string, { macAddress, network }: AttachRequest): MacAddress {
  return macAddress ?? derivedMac(`${unit} ${network}`);
}

/** Whether a unit was attached by the same request; the network may be named more exactly there. */
function isSame(earlier: AttachRequest | undefined, request: AttachRequest): boolean {
  if (earlier === undefined || !isSameNetwork(earlier.network, request.network)) return false;
  const normal = ({ network: _, target, ...rest }: AttachRequest): unknown => ({
    ...rest,
    target: target.kind === "tap" ? { queues: 1, dhcp: "none", ...target } : target,
  });
  return isDeepStrictEqual(normal(earlier), normal(request));
}

async function discover(
  stateFolder: string,
  unit: string,
  name: string,
  network: AppliedNetwork,
  request: AttachRequest,
): Promise<Desired> {
  const { target } = request;
  const common = { unit, origin: `attachment ${name}`, network };
  const facts = await attachFacts([], [network]);
  const place = factsOf(network.layout.network.namespace, facts);
  if (target.kind === "interface") {
    const link = place.links[target.interfaceName];
    const fault = portFault(target.interfaceName, network.layout.network, place);
    if (link === undefined || fault !== undefined) {
      throw new NetloomError("unfit-interface", `attach ${target.interfaceName}: it ${fault ?? "does not exist"}`, {
        hint: "`ip -d link` shows what there is; only a plain interface that others made becomes a port.",
      });
    }
    return compilePortAttachment({ ...common, interfaceName: target.interfaceName, link }, facts);
  }
  refuseMulticast(request.macAddress, name);
  const taken = takenAddresses(stateFolder, unit, network.key);
  const macAddress = guestMac(unit, { ...request, network: network.name });
  const servers = request.dns;
  if (target.kind === "tap") {
    const addresses = giveAddresses(network, request, target.dhcp ?? "none", taken);
    const desired = compileTapAttachment(
      {
        ...common,
        ...addresses,
        macAddress,
        hostName: name,
        tapName: target.tapName,
        queues: target.queues ?? 1,
        dhcp: target.dhcp ?? "none",
        dns: servers === undefined ? {} : { servers },
        ...(target.ownerUid === undefined ? {} : { ownerUid: target.ownerUid }),
      },
      facts,
    );
    await requireFeatures(desired);
    return desired;
  }
  const { namespace, interfaceName } = target;
  if (namespace !== "" && namespace === network.layout.network.namespace) {
    throw new NetloomError("unfit-interface", `attach ${namespace}: it is the namespace of ${network.name} itself`, {
      hint: "It reaches the network by the bridge already; attach another namespace.",
    });
  }
  const observed = await observeNamespace(namespace);
  if (observed.links.some((link) => link.name === interfaceName)) {
    throw new NetloomError("unfit-interface", `attach ${namespace}: it has an interface ${interfaceName} already`, {
      hint: "Give the new one another name: --interface eth1.",
    });
  }
  const desired = compileNamespaceAttachment(
    {
      ...common,
      ...allocate(network, request, taken),
      macAddress,
      namespace,
      interfaceName,
      hostDevice: hostEndName(namespace, interfaceName, new Set(Object.keys(place.links))),
      hasDefaultRoute: ([4, 6] as const).filter((family) => hasDefaultRoute(observed, family)),
      ...(servers === undefined ? {} : { dns: { servers } }),
    },
    facts,
  );
  await requireFeatures(desired);
  return desired;
}

async function observeNamespace(namespace: string): Promise<ObservedNamespace> {
  const snapshot = await observe({ namespaces: [{ name: namespace }], files: [] });
  const observed = snapshot.namespaces[namespace];
  if (observed !== null && observed !== undefined) return observed;
  throw new NetloomError("no-namespace", `attach ${namespace}: there is no such network namespace`, {
    hint: "`ip netns list` shows the named ones; a path such as /proc/PID/ns/net works too.",
  });
}

function hasDefaultRoute(observed: ObservedNamespace, family: 4 | 6): boolean {
  return observed.routes.some(
    ({ destination, table }) =>
      destination.length === 0 && table === MAIN_TABLE && destination.address.includes(":") === (family === 6),
  );
}

/** Why an interface cannot become a port; undefined: it can. */
function portFault(device: string, { namespace }: Network, { links, routes }: PlaceFacts): string | undefined {
  const link = links[device];
  if (link === undefined) return `does not exist ${namespace === "" ? "on this host" : `in namespace ${namespace}`}`;
  if (link.unfitPort !== undefined) return `${link.unfitPort} and cannot be a port of a bridge`;
  if (link.marked) return "belongs to netloom already";
  if (link.master !== undefined) return `is a port of ${link.master} already`;
  const leadsOut = routes.some((route) => route.device === device && route.destination.length === 0);
  return leadsOut ? "carries this host's default route: the host would be cut off" : undefined;
}
