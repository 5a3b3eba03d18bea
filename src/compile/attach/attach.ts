/**
 * What is connected to an applied network besides the machines of its file: a namespace, a tap, an interface of
 * somebody else, or a guest run by hand. Each is compiled as the same thing in a file would be, as a unit of its own
 * that stands on the bridge of another.
 */
import type { Family, IpAddress, Ipv4Address, Ipv6Address, MacAddress } from "../../base/address.ts";
import type { DnsSettings, NamespaceMachine, TapNic, VmMachine } from "../../model/model.ts";
import type { Desired } from "../../state/desired.ts";
import type { StateObject } from "../../state/object.ts";
import { reservedFor } from "../declared.ts";
import type { Facts, HostLink } from "../facts.ts";
import { compileGuards, guardOf } from "../guard.ts";
import type { Layout } from "../layout.ts";
import { compileNetworkDhcp } from "../network-dhcp.ts";
import { compileJoinedNames } from "../network-dns.ts";
import { compilePod } from "../pods.ts";
import { qualifyKeys } from "../qualify.ts";
import { compileTaps } from "../taps.ts";
import { compileVm } from "../vms.ts";
import { type AppliedNetwork, NOWHERE } from "./network.ts";

interface Common {
  /** Name of the unit that keeps it. */
  readonly unit: string;
  /** As messages call it: "attachment pod1-eth0". */
  readonly origin: string;
}

interface NamespaceAttachment extends Common {
  readonly network: AppliedNetwork;
  /** A name under /run/netns or an absolute path. */
  readonly namespace: string;
  readonly interfaceName: string;
  /** The other end, a port of the bridge. */
  readonly hostDevice: string;
  readonly macAddress: MacAddress;
  readonly address: Ipv4Address;
  readonly address6?: Ipv6Address;
  /** Families of which the namespace has a default route already. */
  readonly hasDefaultRoute: readonly Family[];
  /** Absent: no resolv.conf is written. */
  readonly dns?: DnsSettings;
}

/** A veth pair into a namespace that others made. */
export function compileNamespaceAttachment(attachment: NamespaceAttachment, facts: Facts): Desired {
  const { network, namespace, interfaceName, hostDevice, macAddress, address, address6, dns } = attachment;
  const machine: NamespaceMachine = {
    name: namespace,
    position: NOWHERE,
    kind: "namespace",
    nics: [
      {
        index: 0,
        position: NOWHERE,
        network: network.name,
        interfaceName,
        hostDevice,
        macAddress,
        address,
        ...(address6 === undefined ? {} : { address6 }),
      },
    ],
    dns: dns ?? {},
  };
  const { objects } = compilePod(machine, undefined, layoutOf([network]), facts);
  const routed = network.layout.router !== undefined;
  const wanted = objects.filter((object) => {
    if (object.kind === "namespace") return false;
    if (object.kind === "file") return dns !== undefined;
    if (object.kind !== "route") return true;
    return routed && !attachment.hasDefaultRoute.includes(object.destination.address.includes(":") ? 6 : 4);
  });
  const names = compileJoinedNames([machine], layoutOf([network]));
  return owned(attachment, guarded([...wanted, ...names], [network], facts), [network]);
}

interface TapAttachment extends Common {
  readonly network: AppliedNetwork;
  /** What the guest is told to be called. */
  readonly hostName: string;
  readonly tapName: string;
  readonly ownerUid?: number;
  readonly queues: number;
  readonly dhcp: TapNic["dhcp"];
  readonly macAddress: MacAddress;
  /** Absent only with dhcp none: nobody cares which the guest has. */
  readonly address?: Ipv4Address;
  readonly address6?: Ipv6Address;
  readonly dns: DnsSettings;
}

/** A tap for a guest that others start. */
export function compileTapAttachment(attachment: TapAttachment, facts: Facts): Desired {
  const { network, hostName, ownerUid, dns } = attachment;
  const vm = machineOf(hostName, [tapNic(attachment, 0)], dns);
  const layout = layoutOf([network]);
  const objects = [
    ...compileNetworkDhcp([vm], layout, facts),
    ...compileTaps(vm, layout, facts),
    ...compileJoinedNames([vm], layout),
  ].map(
    (object): StateObject =>
      object.kind === "link" && object.link.type === "tap" && ownerUid !== undefined
        ? { ...object, link: { ...object.link, ownerUid } }
        : object,
  );
  return owned(attachment, guarded(objects, [network], facts), [network], reservedFor(vm.taps));
}

interface PortAttachment extends Common {
  readonly network: AppliedNetwork;
  readonly interfaceName: string;
  /** What is known of it; by its index it is found again when it was renamed. */
  readonly link: Pick<HostLink, "index" | "hardware">;
}

/** An interface of somebody else: it gets a master and keeps everything else. */
export function compilePortAttachment(
  { unit, origin, network, interfaceName, link: { index, hardware } }: PortAttachment,
  { features }: Facts,
): Desired {
  const { namespace, guard } = network.layout.network;
  const port: StateObject = {
    kind: "link",
    key: `${unit}/link/port`,
    origin,
    namespace,
    name: interfaceName,
    link: { type: "adopted", adoptedIndex: index },
    masterKey: network.key,
  };
  // Behind a network card is the outside, behind all others somebody's guest.
  const isGuarded = guard === true && hardware !== true && features.bridgeFilter !== false;
  const table = guardOf(origin, network.name, namespace, [interfaceName], interfaceName);
  return { objects: isGuarded ? [port, { ...table, key: `${unit}/${table.key}` }] : [port], absent: [] };
}

export interface GuestNic {
  readonly network: AppliedNetwork;
  readonly tapName: string;
  readonly queues: number;
  readonly dhcp: TapNic["dhcp"];
  readonly macAddress: MacAddress;
  /** As of a {@link TapAttachment}. */
  readonly address?: Ipv4Address;
  readonly address6?: Ipv6Address;
}

export interface GuestRun extends Common {
  readonly name: string;
  readonly machine: Pick<
    VmMachine,
    "image" | "kernel" | "initrd" | "append" | "memoryMebibytes" | "cpus" | "accelerator"
  >;
  readonly nics: readonly GuestNic[];
  readonly dns: DnsSettings;
}

/** A guest with a tap on each network. */
export function compileGuestRun(run: GuestRun, facts: Facts): Desired {
  const vm: VmMachine = { ...machineOf(run.name, run.nics.map(tapNic), run.dns), ...run.machine };
  const networks = run.nics.map(({ network }) => network);
  const layout = layoutOf(networks);
  const objects = [
    ...compileNetworkDhcp([vm], layout, facts),
    ...compileTaps(vm, layout, facts),
    ...compileJoinedNames([vm], layout),
    compileVm(vm, layout),
  ];
  return owned(run, guarded(objects, networks, facts), networks, reservedFor(vm.taps));
}

/** The same that holds for the machines of the network's file. */
function guarded(
  objects: readonly StateObject[],
  networks: readonly AppliedNetwork[],
  facts: Facts,
): readonly StateObject[] {
  return [...objects, ...compileGuards(objects, layoutOf(networks), facts, (_, [port = ""]) => port)];
}

function tapNic(nic: GuestNic, index: number): TapNic {
  const { network, tapName, queues, dhcp, macAddress, address, address6 } = nic;
  return {
    number: index,
    position: NOWHERE,
    network: network.name,
    hostDevice: tapName,
    dhcp,
    dhcp6: dhcp === "none" ? "none" : "single",
    queues,
    macAddress,
    options: [],
    ...(address === undefined ? {} : { address }),
    ...(address6 === undefined ? {} : { address6 }),
  };
}

function machineOf(name: string, taps: readonly TapNic[], dns: DnsSettings): VmMachine {
  return {
    name,
    position: NOWHERE,
    kind: "vm",
    memoryMebibytes: 0,
    cpus: 1,
    accelerator: "auto",
    nics: [],
    taps,
    dns,
  };
}

function layoutOf(networks: readonly AppliedNetwork[]): Layout {
  return { networks: new Map(networks.map(({ name, layout }) => [name, layout])), notes: [] };
}

/** The objects under keys of the unit, standing on the bridges of the networks' own units. */
function owned(
  { unit, origin }: Common,
  objects: readonly StateObject[],
  networks: readonly AppliedNetwork[],
  reserved: readonly IpAddress[] = [],
): Desired {
  const bridges = new Map(networks.map(({ name, key }) => [`${unit}/link/${name}`, key]));
  const qualified = qualifyKeys({ objects: objects.map((object) => ({ ...object, origin })), absent: [] }, unit);
  return {
    objects: qualified.objects.map((object): StateObject => {
      if (object.kind === "dhcp-network" || object.kind === "dns-network")
        return { ...object, joins: true, linkKey: bridges.get(object.linkKey) ?? object.linkKey };
      if (object.kind !== "link" || typeof object.masterKey !== "string") return object;
      return { ...object, masterKey: bridges.get(object.masterKey) ?? object.masterKey };
    }),
    absent: [],
    ...(reserved.length === 0 ? {} : { declared: { reserved } }),
  };
}
