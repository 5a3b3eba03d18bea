/** What several parts of a compilation look up: networks with the router, uplink and MTU that they have on this host. */
import { SMALLEST_IPV6_MTU_BYTES } from "../wire/ipv6.ts";
import {
  type Family,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  type Ipv6Prefix,
  ipFromBigint,
  ipToBigint,
} from "../base/address.ts";
import { PART_LENGTH } from "../model/delegated.ts";
import type { Model, Network, Router, Uplink } from "../model/model.ts";
import { bridgeSubnetOf, firstHost } from "../model/subnets.ts";
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
  /** Absent: the network is IPv4 only. */
  readonly addressing6?: { readonly subnet: Ipv6Prefix; readonly gateway: Ipv6Address };
  /** Its part of a prefix that the uplink was given; absent: it has none, or there is no such prefix yet. */
  readonly delegated6?: { readonly subnet: Ipv6Prefix; readonly gateway: Ipv6Address };
  /** Its parts of earlier ones, which hosts shall not use for anything new. */
  readonly former6?: readonly Ipv6Prefix[];
}

/** Whether anybody on the network has IPv6 beyond the link, now or once a prefix is there. */
export function hasIpv6({ network, addressing6 }: NetworkLayout): boolean {
  return addressing6 !== undefined || network.prefix6 !== undefined;
}

export interface Layout {
  readonly networks: ReadonlyMap<string, NetworkLayout>;
  /** What a person should know, one sentence each. */
  readonly notes: string[];
}

const ETHERNET_MTU_BYTES = 1500;
/** Of a veth and of a bridge; the loopback's 65536 is more. */
const LARGEST_MTU_BYTES = 65535;

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
      ...(network.subnet6 === undefined || network.gateway6 === undefined
        ? {}
        : { addressing6: { subnet: network.subnet6, gateway: network.gateway6 } }),
      ...partsOf(network, uplink, facts),
    });
  }
  return { networks, notes };
}

function partsOf(
  { prefix6 }: Network,
  uplink: Uplink | undefined,
  facts: Facts,
): Pick<NetworkLayout, "delegated6" | "former6"> {
  if (prefix6 === undefined || uplink === undefined) return {};
  const { prefixes = [], formerPrefixes = [] } = facts.uplinks?.[uplink.device] ?? {};
  const parts = (whole: readonly Ipv6Prefix[]) => whole.flatMap((prefix) => partOf(prefix, prefix6.number) ?? []);
  const [subnet] = parts(prefixes);
  const former6 = parts(formerPrefixes);
  return subnet === undefined ? { former6 } : { delegated6: { subnet, gateway: firstHost(subnet) }, former6 };
}

/** Undefined: it is too small, as a server may give less than was asked for. */
function partOf({ address, length }: Ipv6Prefix, number: number): Ipv6Prefix | undefined {
  if (length > PART_LENGTH || number >= 2 ** (PART_LENGTH - length)) return undefined;
  const part = ipFromBigint(ipToBigint(address) + (BigInt(number) << BigInt(128 - PART_LENGTH)), 6);
  return { address: part as Ipv6Address, length: PART_LENGTH };
}

/** The layout of the network that a NIC is on; the model has checked that there is one. */
export function layoutOf(layout: Layout, nic: { readonly network: string }): NetworkLayout {
  const found = layout.networks.get(nic.network);
  if (found === undefined) throw new RangeError(`network ${nic.network}: not in the model`);
  return found;
}

/** The networks of a router, in its order. */
export function networksOf(router: Router, layout: Layout): readonly NetworkLayout[] {
  return router.networks.flatMap((name) => layout.networks.get(name) ?? []);
}

/**
 * The NIC through which a machine reaches everything else, for each family: the first on a routed network that has
 * the family, else the first that has it.
 */
export function defaultNic<N extends { readonly network: string; readonly address?: Ipv4Address }>(
  nics: readonly N[],
  layout: Layout,
  family: Family = 4,
): { nic: N; gateway: IpAddress; routed: boolean } | undefined {
  const ways = nics.flatMap((nic) => {
    const { network, addressing6, router } = layoutOf(layout, nic);
    const gateway = family === 4 ? bridgeSubnetOf(network, nic.address).gateway : addressing6?.gateway;
    return gateway === undefined ? [] : [{ nic, gateway, routed: router !== undefined }];
  });
  return ways.find((way) => way.routed) ?? ways[0];
}
