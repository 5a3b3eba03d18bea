/** What several parts of a compilation look up: networks with the router, uplink and MTU that they have on this host. */
import type { Ipv4Address } from "../base/address.ts";
import type { Model, NamespaceMachine, Network, PodNic, Router, Uplink } from "../model/model.ts";
import type { Facts } from "./facts.ts";

/** A network with what it is connected to. */
export interface NetworkLayout {
  readonly network: Network;
  /** Absent: an isolated network. */
  readonly router?: Router;
  readonly uplink?: Uplink;
  readonly mtuBytes: number;
  /** Whether its links take part in IPv6 at all: the kernel has none below 1280 bytes (RFC 8200 §5). */
  readonly ipv6: boolean;
}

export interface Layout {
  readonly networks: ReadonlyMap<string, NetworkLayout>;
  /** What a person should know, one sentence each. */
  readonly notes: string[];
}

const ETHERNET_MTU_BYTES = 1500;
/** Of a veth and of a bridge; the loopback's 65536 is more. */
const LARGEST_MTU_BYTES = 65535;
const SMALLEST_IPV6_MTU_BYTES = 1280;

export function layOut(model: Model, facts: Facts): Layout {
  const notes: string[] = [];
  const networks = new Map<string, NetworkLayout>();
  for (const network of model.networks) {
    const router = model.routers.find((candidate) => candidate.networks.includes(network.name));
    const uplink = model.uplinks.find((candidate) => candidate.name === router?.uplink);
    const uplinkMtu = Math.min(LARGEST_MTU_BYTES, facts.links[uplink?.device ?? ""]?.mtuBytes ?? ETHERNET_MTU_BYTES);
    const mtuBytes = network.mtuBytes ?? uplinkMtu;
    if (uplink !== undefined && mtuBytes > uplinkMtu) {
      notes.push(
        `network ${network.name} has MTU ${mtuBytes}, its uplink ${uplink.device} only ${uplinkMtu}: larger packets to the outside are split or refused`,
      );
    }
    networks.set(network.name, {
      network,
      ...(router === undefined ? {} : { router }),
      ...(uplink === undefined ? {} : { uplink }),
      mtuBytes,
      ipv6: facts.features.ipv6 && mtuBytes >= SMALLEST_IPV6_MTU_BYTES,
    });
  }
  return { networks, notes };
}

/** The layout of the network that a NIC is on; the model has checked that there is one. */
export function layoutOf(layout: Layout, nic: PodNic): NetworkLayout {
  const found = layout.networks.get(nic.network);
  if (found === undefined) throw new RangeError(`network ${nic.network}: not in the model`);
  return found;
}

/** The NIC through which a machine reaches everything else: the first on a routed network, else the first. */
export function defaultNic(
  machine: NamespaceMachine,
  layout: Layout,
): { nic: PodNic; gateway: Ipv4Address } | undefined {
  const nic = machine.nics.find((candidate) => layoutOf(layout, candidate).router !== undefined) ?? machine.nics[0];
  return nic === undefined ? undefined : { nic, gateway: layoutOf(layout, nic).network.gateway };
}
