/** A namespace machine: the namespace, a veth pair for each NIC, addresses, default routes, resolv.conf. */
import { type Family, type IpAddress, IPV4_ANY, type Ipv6Address, parseIpv6 } from "../base/address.ts";
import type { BindingNic, NamespaceMachine, PodNic, VmMachine } from "../model/model.ts";
import { tapName } from "../model/names.ts";
import { bridgeSubnetOf } from "../model/subnets.ts";
import type { StateObject } from "../state/object.ts";
import type { AddressObject, LinkObject, RouteObject } from "../state/object/kernel.ts";
import { bindPod } from "./binding/binding.ts";
import type { BoundPod } from "./binding/pod-binding.ts";
import { eui64Address } from "./binding/guest-ip6.ts";
import type { PodInterface } from "./binding/pod-interface.ts";
import type { Facts } from "./facts.ts";
import { defaultNic, type Layout, layoutOf } from "./layout.ts";
import { GATEWAY_LINK_LOCAL, GENERATE_NO_ADDRESSES, linkLocal, networkLinkKey, withoutDad } from "./networks.ts";
import { compileResolvConf, resolverOf } from "./resolver.ts";

const IPV6_ANY = "::" as Ipv6Address;
const LINK_LOCAL_NETWORK = parseIpv6("fe80::");

/** A pod and, by NIC index, what binding its VM came to. */
interface CompiledPod {
  readonly objects: readonly StateObject[];
  readonly bound: ReadonlyMap<number, BoundPod>;
  readonly notes: readonly string[];
}

/** @param vm the VM inside; its NICs take over the pod's of the same index */
export function compilePod(
  machine: NamespaceMachine,
  vm: VmMachine | undefined,
  layout: Layout,
  facts: Facts,
): CompiledPod {
  const objects: StateObject[] = [
    { kind: "namespace", key: `namespace/${machine.name}`, origin: `machine ${machine.name}`, name: machine.name },
  ];
  const bound = new Map<number, BoundPod>();
  const notes: string[] = [];
  for (const nic of machine.nics) {
    const parts = podNic(machine, nic, layout);
    objects.push(parts.hostEnd);
    const binding = vm?.nics[nic.index];
    if (binding === undefined) {
      objects.push(parts.podEnd, ...ownAddressesOnly(machine, nic, layout), ...parts.addresses, ...parts.routes);
      continue;
    }
    const result = bindNic(machine, nic, binding, parts, layout, facts);
    bound.set(nic.index, result);
    if (result.keepsPod) objects.push(parts.podEnd, ...parts.addresses, ...parts.routes);
    objects.push(...result.desired.objects);
    notes.push(...result.notes.map((note) => `machine ${vm!.name}: ${note}`));
  }
  objects.push(compileResolvConf(machine, layout, facts));
  return { objects, bound, notes };
}

interface NicParts {
  readonly hostEnd: LinkObject;
  readonly podEnd: LinkObject;
  readonly addresses: readonly AddressObject[];
  readonly routes: readonly RouteObject[];
}

function podNic(machine: NamespaceMachine, nic: PodNic, layout: Layout): NicParts {
  const { network, mtuBytes, ipv6, addressing6 } = layoutOf(layout, nic);
  // With a delegated prefix alone it makes all its addresses itself, that of the link first.
  const addressesItself = network.prefix6 !== undefined && addressing6 === undefined;
  const key = `link/${machine.name}/${nic.index}`;
  const origin = `machine ${machine.name}`;
  const namespace = machine.name;
  const common = {
    kind: "link",
    origin,
    mtuBytes,
    up: true,
  } as const;
  const none = { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } as const;
  return {
    hostEnd: {
      ...common,
      ...(ipv6 ? none : {}),
      key: `${key}/host`,
      namespace: network.namespace,
      name: nic.hostDevice,
      link: { type: "veth", peerKey: key },
      masterKey: networkLinkKey(network.name),
    },
    podEnd: {
      ...common,
      ...(ipv6 && !addressesItself ? none : {}),
      key,
      namespace,
      name: nic.interfaceName,
      link: { type: "veth-peer", peerKey: `${key}/host` },
      macAddress: nic.macAddress,
      masterKey: null,
    },
    addresses: addressesOf(machine, nic, layout),
    routes: ([4, 6] as const).flatMap((family) => defaultRoute(machine, nic, layout, family)),
  };
}

/** It has its addresses and routes from the file, not from what the network's server advertises. */
function ownAddressesOnly({ name }: NamespaceMachine, nic: PodNic, layout: Layout): StateObject[] {
  const { ipv6, prefix6 } = layoutOf(layout, nic).network;
  // What a delegated prefix comes to is known by advertisements alone.
  if (ipv6 === undefined || prefix6 !== undefined) return [];
  const path = `net/ipv6/conf/${nic.interfaceName}/accept_ra`;
  const key = `sysctl/${name}/${path}`;
  return [{ kind: "sysctl", key, origin: `machine ${name}`, namespace: name, path, value: "0" }];
}

function addressesOf(machine: NamespaceMachine, nic: PodNic, layout: Layout): AddressObject[] {
  const { network, addressing6 } = layoutOf(layout, nic);
  const address = (value: IpAddress, prefixLength: number): AddressObject => ({
    kind: "address",
    key: `address/${machine.name}/${nic.index}/${value}`,
    origin: `machine ${machine.name}`,
    namespace: machine.name,
    linkKey: `link/${machine.name}/${nic.index}`,
    address: value,
    prefixLength,
  });
  const { address6 } = nic;
  return [
    address(nic.address, bridgeSubnetOf(network, nic.address).subnet.length),
    ...(addressing6 === undefined || address6 === undefined
      ? []
      : [
          linkLocal(address(eui64Address(LINK_LOCAL_NETWORK, nic.macAddress), 64)),
          withoutDad(address(address6, addressing6.subnet.length)),
        ]),
  ];
}

function defaultRoute(machine: NamespaceMachine, nic: PodNic, layout: Layout, family: Family): RouteObject[] {
  const fallback = defaultNic(machine.nics, layout, family);
  if (fallback?.nic !== nic) return [];
  return [
    {
      kind: "route",
      key: `route/${machine.name}/default${family === 4 ? "" : "6"}`,
      origin: `machine ${machine.name}`,
      namespace: machine.name,
      destination: { address: family === 4 ? IPV4_ANY : IPV6_ANY, length: 0 },
      nextHops: [{ linkKey: `link/${machine.name}/${nic.index}`, gateway: fallback.gateway }],
    },
  ];
}

function bindNic(
  machine: NamespaceMachine,
  nic: PodNic,
  binding: BindingNic,
  parts: NicParts,
  layout: Layout,
  facts: Facts,
): BoundPod {
  const { mtuBytes, ipv6 } = layoutOf(layout, nic);
  const pod: PodInterface = {
    namespace: machine.name,
    name: nic.interfaceName,
    linkKey: parts.podEnd.key,
    link: parts.podEnd.link,
    foreign: false,
    macAddress: nic.macAddress,
    mtuBytes,
    ...(ipv6 ? { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } : {}),
    addresses: parts.addresses,
    routes: parts.routes,
    neighbours: [],
    // The bridge has this address too, and answers for it by itself.
    ...(defaultNic(machine.nics, layout, 6)?.nic === nic ? { gateway6: { address: GATEWAY_LINK_LOCAL } } : {}),
    dns: resolverOf(machine, nic, layout, facts),
    hostName: machine.name,
    notes: [],
  };
  return bindPod(binding.binding, {
    pod,
    profile: binding.profile,
    features: facts.features,
    nicIndex: nic.index,
    tapName: tapName(nic.index),
    dhcp: binding.dhcp,
    ...(binding.queues === 1 ? {} : { queues: binding.queues }),
    ...(binding.ports === undefined ? {} : { ports: binding.ports }),
    ...(binding.options.length === 0 ? {} : { options: binding.options }),
  });
}
