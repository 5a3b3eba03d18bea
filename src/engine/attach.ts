/**
 * `netloom attach`: connect a namespace, a tap or an interface of somebody else to a network of an applied file, and
 * `netloom detach`: take it back. Each attachment is a unit of its own that stands on the bridge of the file's unit.
 *
 * As with `bind`, the wanted state is worked out once and kept with the record: a second attach and one after a kill
 * use that.
 */
import type { MacAddress } from "../base/address.ts";
import { NetloomError } from "../base/errors.ts";
import { compileNamespaceAttachment, compilePortAttachment, compileTapAttachment } from "../compile/attach/attach.ts";
import { allocate } from "../compile/attach/allocate.ts";
import { type AppliedNetwork, chooseNetwork } from "../compile/attach/network.ts";
import type { Facts } from "../compile/facts.ts";
import { observe } from "../kernel/observe.ts";
import { requireFeatures } from "../kernel/requirements.ts";
import { derivedMac } from "../model/hash.ts";
import { hostEndName } from "../model/names.ts";
import { type Desired, EMPTY, type LinkObject, type StateObject } from "../state/object.ts";
import type { ObservedNamespace } from "../state/snapshot.ts";
import { UnitStore } from "../store/unit.ts";
import {
  ATTACHMENT,
  appliedNetworks,
  attachFacts,
  attachmentUnits,
  type AttachRequest,
  type AttachTarget,
  takenAddresses,
} from "./attachments.ts";
import { type Outcome, reconcile } from "./reconcile.ts";
import type { ServiceHost } from "./service-host.ts";

const MAIN_TABLE = 254;

/** What somebody must know who uses the attachment. */
export interface Attachment {
  readonly name: string;
  readonly unit: string;
  /** Bridge that it is on. */
  readonly bridge: string;
  /** The port of the bridge. */
  readonly device: string;
  readonly mac?: string;
  readonly mtuBytes?: number;
  /** Pairs of queues of a tap. */
  readonly queues?: number;
  /** With prefix length where they stand on an interface. */
  readonly addresses: readonly string[];
  /** Of a tap. */
  readonly qemuArguments?: readonly string[];
}

/** The name that an attachment has unless it is given one. */
export function attachmentName(target: AttachTarget): string {
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
 * @throws NetloomError no-such-network, ambiguous-network, attached-otherwise, bad-address, unfit-interface, conflict
 *   (nothing touched), apply-failed (all undone)
 */
export async function attach(
  stateFolder: string,
  request: AttachRequest,
  services: ServiceHost,
): Promise<{ attachment: Attachment; outcome: Outcome; notes: readonly string[] }> {
  const name = request.name ?? attachmentName(request.target);
  const unit = UnitStore.open(stateFolder, `${ATTACHMENT}${name}`);
  const known = unit.readRecord() ?? unit.readJournal();
  let desired: Desired;
  let source: string;
  if (known !== undefined && known.desired.objects.length > 0) {
    ({ desired, source } = known);
    if (!isSame(source, request)) {
      throw new NetloomError("attached-otherwise", `attach ${name}: it is attached already, with ${source}`, {
        hint: `Take it back first, netloom detach --name ${name}; or give this one another --name.`,
      });
    }
  } else {
    if (known !== undefined) await reconcile(unit, EMPTY, { services });
    const network = chooseNetwork(request.network, appliedNetworks(stateFolder));
    source = JSON.stringify({ attach: { ...request, network: network.name } });
    desired = await discover(stateFolder, unit.name, name, network, request);
  }
  const outcome = await reconcile(unit, desired, { services, source });
  return { attachment: describe(name, unit.name, desired), outcome, notes: outcome.notes };
}

/**
 * Take an attachment back. Safe to repeat; what is not attached counts as done.
 * @param which its name, or what was attached; an interface also by the name that it has now
 */
export async function detach(
  stateFolder: string,
  which: string | AttachTarget,
  services: ServiceHost,
): Promise<Outcome> {
  const name = typeof which === "string" ? which : ((await findTarget(stateFolder, which)) ?? attachmentName(which));
  const unit = UnitStore.open(stateFolder, `${ATTACHMENT}${name}`);
  const known = unit.readRecord() ?? unit.readJournal();
  // A file may be called like an attachment.
  if (known?.source.startsWith("/") === true) return { steps: [], notes: [] };
  return reconcile(unit, EMPTY, { services });
}

/** The name of the attachment that has this target. */
async function findTarget(stateFolder: string, target: AttachTarget): Promise<string | undefined> {
  const attachments = attachmentUnits(stateFolder);
  const same = attachments.find(
    ({ request }) => JSON.stringify(place(request?.target)) === JSON.stringify(place(target)),
  );
  if (same !== undefined || target.kind !== "interface") return same?.name;
  const host = (await observe({ namespaces: [{ name: "" }], files: [] })).namespaces[""];
  const link = host?.links.find((candidate) => candidate.name === target.interfaceName);
  const renamed = attachments.find(({ desired }) =>
    desired.objects.some(
      (object) => object.kind === "link" && object.link.type === "adopted" && object.link.adoptedIndex === link?.index,
    ),
  );
  return renamed?.name;
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

/** Whether a unit was attached by the same request; the network may be named more exactly there. */
function isSame(source: string, request: AttachRequest): boolean {
  const normal = ({ network, ...rest }: AttachRequest): string =>
    JSON.stringify({ ...rest, network: network.slice(network.indexOf("/") + 1) });
  const { attach: earlier } = JSON.parse(source) as { attach?: AttachRequest };
  if (earlier === undefined || normal(earlier) !== normal({ ...request })) return false;
  return !request.network.includes("/") || request.network === earlier.network;
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
  const facts = await attachFacts();
  if (target.kind === "interface") {
    const link = facts.links[target.interfaceName];
    const fault = portFault(target.interfaceName, facts);
    if (link === undefined || fault !== undefined) {
      throw new NetloomError("unfit-interface", `attach ${target.interfaceName}: it ${fault ?? "does not exist"}`, {
        hint: "`ip -d link` shows what there is; only a plain interface that others made becomes a port.",
      });
    }
    return compilePortAttachment({ ...common, interfaceName: target.interfaceName, index: link.index });
  }
  const taken = takenAddresses(stateFolder, unit);
  const addresses = allocate(network, request, taken);
  const macAddress = request.macAddress ?? derivedMac(`${unit} ${network.name}`);
  const servers = request.dns;
  if (target.kind === "tap") {
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
  const observed = await observeNamespace(namespace);
  if (observed.links.some((link) => link.name === interfaceName)) {
    throw new NetloomError("unfit-interface", `attach ${namespace}: it has an interface ${interfaceName} already`, {
      hint: "Give the new one another name: --interface eth1.",
    });
  }
  const desired = compileNamespaceAttachment(
    {
      ...common,
      ...addresses,
      macAddress,
      namespace,
      interfaceName,
      hostDevice: hostEndName(namespace, interfaceName, new Set(Object.keys(facts.links))),
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
function portFault(device: string, { links, routes }: Facts): string | undefined {
  const link = links[device];
  if (link === undefined) return "does not exist on this host";
  if (link.unfitPort !== undefined) return `${link.unfitPort} and cannot be a port of a bridge`;
  if (link.marked) return "belongs to netloom already";
  if (link.master !== undefined) return `is a port of ${link.master} already`;
  const leadsOut = routes.some((route) => route.device === device && route.destination.length === 0);
  return leadsOut ? "carries this host's default route: the host would be cut off" : undefined;
}

/** From the wanted state, so that an attach that found everything done says the same as the first. */
function describe(name: string, unit: string, { objects }: Desired): Attachment {
  const links = objects.filter((object): object is LinkObject => object.kind === "link");
  const port = links.find(({ masterKey }) => typeof masterKey === "string");
  if (port === undefined || typeof port.masterKey !== "string")
    throw new NetloomError("corrupt-store", `attach: the record ${unit} lacks the port of the bridge`);
  const inside = links.find(({ link }) => link.type === "veth-peer");
  const queues = port.link.type === "tap" ? (port.link.queues ?? 1) : undefined;
  const mac = inside?.macAddress ?? clientMac(objects);
  return {
    name,
    unit,
    bridge: port.masterKey.replace("/link/", "/"),
    device: port.name,
    ...(mac === undefined ? {} : { mac }),
    ...(port.mtuBytes === undefined ? {} : { mtuBytes: port.mtuBytes }),
    ...(queues === undefined ? {} : { queues, qemuArguments: qemuArguments(port, queues, mac) }),
    addresses: objects.flatMap(addressesTold),
  };
}

function addressesTold(object: StateObject): readonly string[] {
  switch (object.kind) {
    case "address":
      return object.address.startsWith("fe80:") ? [] : [`${object.address}/${object.prefixLength}`];
    case "dhcp-single":
      return [`${object.lease.address}/${object.lease.prefixLength}`];
    case "dhcp-network":
      return object.hosts.map(({ lease }) => `${lease.address}/${lease.prefixLength}`);
    case "ip6-single":
      return object.lease.addresses;
    default:
      return [];
  }
}

function clientMac(objects: readonly StateObject[]): MacAddress | undefined {
  for (const object of objects) {
    if (object.kind === "dhcp-single" || object.kind === "ip6-single") return object.clientMac;
    if (object.kind === "dhcp-network") return object.hosts[0]?.clientMac;
  }
  return undefined;
}

function qemuArguments({ name, mtuBytes }: LinkObject, queues: number, mac: MacAddress | undefined): readonly string[] {
  const several = queues > 1;
  const device = [
    `virtio-net-pci,netdev=${name}`,
    ...(mac === undefined ? [] : [`mac=${mac}`]),
    ...(mtuBytes === undefined ? [] : [`host_mtu=${mtuBytes}`]),
    "romfile=",
    ...(several ? ["mq=on", `vectors=${2 * queues + 2}`] : []),
  ];
  return [
    "-netdev",
    `tap,id=${name},ifname=${name},script=no,downscript=no${several ? `,queues=${queues}` : ""}`,
    "-device",
    device.join(","),
  ];
}
