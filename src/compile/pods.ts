/** A namespace machine: the namespace, a veth pair for each NIC, addresses, the default route, resolv.conf. */
import { IPV4_ANY } from "../base/address.ts";
import type { BindingNic, NamespaceMachine, PodNic, VmMachine } from "../model/model.ts";
import type { AddressObject, LinkObject, RouteObject, StateObject } from "../state/object.ts";
import { bindPod, type BoundPod } from "./binding/binding.ts";
import type { PodInterface } from "./binding/pod-interface.ts";
import type { Facts } from "./facts.ts";
import { defaultNic, type Layout, layoutOf } from "./layout.ts";
import { GENERATE_NO_ADDRESSES, networkLinkKey } from "./networks.ts";
import { compileResolvConf, resolverOf } from "./resolver.ts";

/** A pod and, by NIC index, what binding its VM came to. */
export interface CompiledPod {
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
      objects.push(parts.podEnd, parts.address, ...parts.routes);
      continue;
    }
    const result = bindNic(machine, nic, binding, parts, layout, facts);
    bound.set(nic.index, result);
    objects.push(...result.desired.objects);
    notes.push(...result.notes.map((note) => `machine ${vm!.name}: ${note}`));
  }
  objects.push(compileResolvConf(machine, layout, facts));
  return { objects, bound, notes };
}

interface NicParts {
  readonly hostEnd: LinkObject;
  readonly podEnd: LinkObject;
  readonly address: AddressObject;
  readonly routes: readonly RouteObject[];
}

function podNic(machine: NamespaceMachine, nic: PodNic, layout: Layout): NicParts {
  const { network, mtuBytes, ipv6 } = layoutOf(layout, nic);
  const key = `link/${machine.name}/${nic.index}`;
  const origin = `machine ${machine.name}`;
  const namespace = machine.name;
  const common = {
    kind: "link",
    origin,
    mtuBytes,
    up: true,
    ...(ipv6 ? { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } : {}),
  } as const;
  const fallback = defaultNic(machine, layout);
  return {
    hostEnd: {
      ...common,
      key: `${key}/host`,
      namespace: "",
      name: nic.hostDevice,
      link: { type: "veth", peerKey: key },
      masterKey: networkLinkKey(network.name),
    },
    podEnd: {
      ...common,
      key,
      namespace,
      name: nic.interfaceName,
      link: { type: "veth-peer", peerKey: `${key}/host` },
      macAddress: nic.macAddress,
      masterKey: null,
    },
    address: {
      kind: "address",
      key: `address/${machine.name}/${nic.index}/${nic.address}`,
      origin,
      namespace,
      linkKey: key,
      address: nic.address,
      prefixLength: network.subnet.length,
    },
    routes:
      fallback?.nic !== nic
        ? []
        : [
            {
              kind: "route",
              key: `route/${machine.name}/default`,
              origin,
              namespace,
              destination: { address: IPV4_ANY, length: 0 },
              nextHops: [{ linkKey: key, gateway: fallback.gateway }],
            },
          ],
  };
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
    addresses: [parts.address],
    routes: parts.routes,
    neighbours: [],
    dns: resolverOf(machine, nic, layout, facts),
    hostName: machine.name,
    notes: [],
  };
  return bindPod("bridge", {
    pod,
    profile: binding.profile,
    features: { dummy: facts.features.dummy },
    nicIndex: nic.index,
    tapName: `tap${nic.index}`,
    ...(binding.options.length === 0 ? {} : { options: binding.options }),
  });
}
