/**
 * NICs of a VM straight on networks: a tap that is a port of the network's bridge, as libvirt does it, and what tells
 * the guest its addresses: a server for it alone on its tap, or the network's on the bridge (network-dhcp.ts,
 * network-ip6.ts).
 */
import { SMALLEST_IPV6_MTU_BYTES } from "../wire/ipv6.ts";
import { type IpAddress, IPV4_ANY, type Ipv4Address, type Ipv6Address } from "../base/address.ts";
import type { Network, TapNic, VmMachine } from "../model/model.ts";
import { bridgeSubnetOf } from "../model/subnets.ts";
import type { StateObject } from "../state/object.ts";
import type { LinkObject } from "../state/object/kernel.ts";
import type { OfferedLease } from "../protocol/dhcp4/lease-options.ts";
import type { Ip6SingleObject, SingleDhcpObject } from "../state/object/one-guest.ts";
import type { VmNic } from "../state/object/vm.ts";
import type { Facts } from "./facts.ts";
import { defaultNic, type Layout, layoutOf } from "./layout.ts";
import { GATEWAY_LINK_LOCAL, GENERATE_NO_ADDRESSES, networkLinkKey } from "./networks.ts";
import { portRules } from "./port-rules.ts";
import { resolverOf } from "./resolver.ts";

/** Half a day: a changed file reaches guests by then, and a host may be away for a night. */
export const LEASE_SECONDS = 43_200;

/** The taps of a VM and what serves them. */
export function compileTaps(vm: VmMachine, layout: Layout, facts: Facts): readonly StateObject[] {
  return vm.taps.flatMap((nic): StateObject[] => {
    const dhcp = nic.dhcp === "single" ? singleDhcp(vm, nic, layout, facts) : undefined;
    const isAlone6 = nic.dhcp6 !== "none" && !isServedByNetwork6(vm, nic, layout);
    const ip6 = isAlone6 ? singleIp6(vm, nic, layout, facts) : undefined;
    const { namespace } = layoutOf(layout, nic).network;
    const rules = portRules({
      namespace,
      linkKey: tapKey(vm, nic),
      device: nic.hostDevice,
      origin: `machine ${vm.name}`,
      ownDhcp: dhcp !== undefined,
      ownIp6: ip6 !== undefined,
    });
    return [tap(vm, nic, layout), ...rules, ...(dhcp === undefined ? [] : [dhcp]), ...(ip6 === undefined ? [] : [ip6])];
  });
}

/** QEMU's side of the taps. */
export function tapNics(vm: VmMachine, layout: Layout): readonly VmNic[] {
  return vm.taps.map((nic) => ({
    id: `nic${nic.number}`,
    ...(nic.queues === 1 ? {} : { queues: nic.queues }),
    tapKey: tapKey(vm, nic),
    tapName: nic.hostDevice,
    ...namespaceOf(layoutOf(layout, nic).network),
    macAddress: nic.macAddress,
    mtuBytes: layoutOf(layout, nic).mtuBytes,
  }));
}

/** Where the tap is, unless that is where the guest's QEMU is. */
function namespaceOf({ namespace }: Network): Pick<VmNic, "namespace"> {
  return namespace === "" ? {} : { namespace };
}

function tapKey(vm: VmMachine, nic: TapNic): string {
  return `link/${vm.name}/${nic.number}`;
}

function tap(vm: VmMachine, nic: TapNic, layout: Layout): LinkObject {
  const { network, mtuBytes, ipv6 } = layoutOf(layout, nic);
  return {
    kind: "link",
    key: tapKey(vm, nic),
    origin: `machine ${vm.name}`,
    namespace: network.namespace,
    name: nic.hostDevice,
    link: { type: "tap", ...(nic.queues === 1 ? {} : { queues: nic.queues }) },
    mtuBytes,
    up: true,
    masterKey: networkLinkKey(network.name),
    ...(ipv6 ? { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } : {}),
  };
}

function singleDhcp(vm: VmMachine, nic: TapNic, layout: Layout, facts: Facts): SingleDhcpObject | undefined {
  const lease = leaseOf(vm, nic, layout, facts);
  if (lease === undefined) return undefined;
  const { network } = layoutOf(layout, nic);
  return {
    kind: "dhcp-single",
    key: `dhcp/${vm.name}/${nic.number}`,
    origin: `machine ${vm.name}`,
    namespace: network.namespace,
    linkKey: tapKey(vm, nic),
    interfaceName: nic.hostDevice,
    clientMac: nic.macAddress,
    serverAddress: bridgeSubnetOf(network, nic.address).gateway,
    serverMac: network.macAddress,
    lease,
  };
}

/** Only the first routed NIC leads to everything else. */
function leads(vm: VmMachine, nic: TapNic, layout: Layout, family: 4 | 6): boolean {
  const way = defaultNic(vm.taps, layout, family);
  return way?.nic === nic && way.routed;
}

/** What a guest is told, be it by a server of its own or by the network's; undefined: nothing. */
export function leaseOf(vm: VmMachine, nic: TapNic, layout: Layout, facts: Facts): OfferedLease | undefined {
  if (nic.address === undefined) return undefined;
  const { network, mtuBytes } = layoutOf(layout, nic);
  const { servers, search } = resolverOf(vm, nic, layout, facts);
  const domainName = search[0];
  const { subnet, gateway: own } = bridgeSubnetOf(network, nic.address);
  const gateway = leads(vm, nic, layout, 4) ? own : undefined;
  return {
    address: nic.address,
    prefixLength: subnet.length,
    ...(gateway === undefined ? {} : { router: gateway }),
    routes: gateway === undefined ? [] : [{ destination: { address: IPV4_ANY, length: 0 }, gateway }],
    nameServers: servers.filter(isIpv4),
    searchDomains: search,
    ...(domainName === undefined ? {} : { domainName }),
    hostName: vm.name,
    mtuBytes,
    leaseSeconds: LEASE_SECONDS,
    ...(nic.options.length === 0 ? {} : { options: nic.options }),
  };
}

/** Advertisements are for all of a network: a guest that is told something else has a server of its own. */
export function isServedByNetwork6(vm: VmMachine, nic: TapNic, layout: Layout): boolean {
  const { router } = layoutOf(layout, nic);
  const hasOwnNames = vm.dns.servers !== undefined || vm.dns.search !== undefined;
  return nic.dhcp6 === "network" && !hasOwnNames && leads(vm, nic, layout, 6) === (router !== undefined);
}

function singleIp6(vm: VmMachine, nic: TapNic, layout: Layout, facts: Facts): Ip6SingleObject | undefined {
  const { network, mtuBytes, addressing6 } = layoutOf(layout, nic);
  if (addressing6 === undefined || nic.address6 === undefined) return undefined;
  const { servers, search } = resolverOf(vm, nic, layout, facts);
  return {
    kind: "ip6-single",
    key: `ip6/${vm.name}/${nic.number}`,
    origin: `machine ${vm.name}`,
    namespace: network.namespace,
    linkKey: tapKey(vm, nic),
    interfaceName: nic.hostDevice,
    clientMac: nic.macAddress,
    // The bridge has this address and answers for it by itself.
    routerAddress: GATEWAY_LINK_LOCAL,
    serverAddress: GATEWAY_LINK_LOCAL,
    serverMac: network.macAddress,
    lease: {
      addresses: [nic.address6],
      prefixes: [{ prefix: addressing6.subnet, onLink: true, autonomous: false }],
      defaultRouter: leads(vm, nic, layout, 6),
      routes: [],
      nameServers: servers.filter(isIpv6),
      searchDomains: search,
      mtuBytes: Math.max(mtuBytes, SMALLEST_IPV6_MTU_BYTES),
      leaseSeconds: LEASE_SECONDS,
    },
  };
}

function isIpv4(address: IpAddress): address is Ipv4Address {
  return !address.includes(":");
}

function isIpv6(address: IpAddress): address is Ipv6Address {
  return address.includes(":");
}
