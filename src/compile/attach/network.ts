/** An applied network as its unit's record shows it: what is needed to connect something more to it. */
import {
  contains,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  type MacAddress,
  networkOf,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Network, Router } from "../../model/model.ts";
import { rangesGiven } from "../../state/dhcp-ranges.ts";
import type { Desired } from "../../state/desired.ts";
import type { StateObject } from "../../state/object.ts";
import type { AddressObject, LinkObject } from "../../state/object/kernel.ts";
import type { NetworkLayout } from "../layout.ts";
import { Domains } from "./domains.ts";

/** Nothing here comes from a file that is at hand. */
export const NOWHERE = { line: 0, column: 0 } as const;

export interface AppliedNetwork {
  /** "FILE/NETWORK", as `attach` takes it and as its layout calls it. */
  readonly name: string;
  /** Key of the bridge. */
  readonly key: string;
  readonly layout: NetworkLayout;
  /** What its servers give to whoever asks, of both families. */
  readonly ranges: readonly { readonly first: IpAddress; readonly last: IpAddress }[];
}

/** The networks of one applied file; those of anything else are none. */
export function networksOf(file: string, desired: Desired): readonly AppliedNetwork[] {
  return desired.objects.flatMap((object) => {
    if (object.kind !== "link" || object.link.type !== "bridge" || object.macAddress === undefined) return [];
    const declared = object.key.startsWith(`${file}/link/`) ? object.key.slice(`${file}/link/`.length) : undefined;
    if (declared === undefined || object.origin !== `network ${declared}`) return [];
    const name = `${file}/${declared}`;
    const layout = layoutOf(name, object, object.macAddress, desired);
    if (layout === undefined) return [];
    return [{ name, key: object.key, layout, ranges: desired.objects.flatMap((one) => rangesOf(one, name)) }];
  });
}

function rangesOf(object: StateObject, network: string): AppliedNetwork["ranges"] {
  if (object.kind === "ip6-network")
    return object.network !== network || object.range === undefined ? [] : [object.range];
  return object.kind === "dhcp-network" && object.network === network ? rangesGiven(object) : [];
}

function layoutOf(
  name: string,
  bridge: LinkObject,
  macAddress: MacAddress,
  { objects, declared }: Desired,
): NetworkLayout | undefined {
  const addresses = objects.filter(
    (object): object is AddressObject => object.kind === "address" && object.linkKey === bridge.key,
  );
  const [gateway, ...more] = addresses
    .filter((object) => isIpv4(object.address))
    .map(({ address, prefixLength }) => {
      const own = address as Ipv4Address;
      return { subnet: networkOf({ address: own, length: prefixLength }), gateway: own };
    });
  if (gateway === undefined || bridge.mtuBytes === undefined) return undefined;
  // Nothing of a delegated prefix is given for good: it may be another tomorrow.
  const passing = objects.flatMap((object) =>
    object.kind === "ip6-network" && object.linkKey === bridge.key
      ? object.prefixes.flatMap(({ prefix, seconds }) => (seconds === undefined ? [] : [prefix]))
      : [],
  );
  const gateway6 = addresses.find(
    ({ address }) =>
      !isIpv4(address) && !address.startsWith("fe80:") && !passing.some((prefix) => contains(prefix, address)),
  );
  const addressing6 =
    gateway6 === undefined
      ? undefined
      : {
          subnet: networkOf({ address: gateway6.address as Ipv6Address, length: gateway6.prefixLength }),
          gateway: gateway6.address as Ipv6Address,
        };
  const own = name.slice(name.indexOf("/") + 1);
  const network: Network = {
    name,
    position: NOWHERE,
    kind: "bridge",
    namespace: bridge.namespace,
    ...gateway,
    also: more,
    ports: [],
    device: bridge.name,
    macAddress,
    dns: declared?.dns?.[own] ?? {},
    ...dnsServerOf(bridge, objects),
    ...(declared?.guarded?.includes(own) === true ? { guard: true } : {}),
  };
  const router: Router = { name: "router", position: NOWHERE, networks: [name], uplink: "uplink", nat: "none" };
  const path = `net/ipv4/conf/${bridge.name}/forwarding`;
  const routed = objects.some(
    (object) =>
      object.kind === "sysctl" && object.namespace === bridge.namespace && object.path === path && object.value === "1",
  );
  return {
    network,
    ...(routed ? { router } : {}),
    mtuBytes: bridge.mtuBytes,
    ipv6: bridge.ipv6AddressGeneration !== undefined,
    ...(addressing6 === undefined ? {} : { addressing6 }),
  };
}

function dnsServerOf(bridge: LinkObject, objects: readonly StateObject[]): Pick<Network, "dnsServer"> {
  const found = objects.find((object) => object.kind === "dns-network" && object.linkKey === bridge.key);
  if (found?.kind !== "dns-network") return {};
  const { domain, records, namesLeases, mode, upstreams: forward, domains, mixedCase, cache } = found;
  return { dnsServer: { domain, records, namesLeases, mode, forward, domains, mixedCase, cache } };
}

function isIpv4(address: IpAddress): boolean {
  return !address.includes(":");
}

/**
 * The network that a person means by NETWORK or FILE/NETWORK.
 * @throws NetloomError no-such-network, ambiguous-network
 */
export function chooseNetwork(given: string, networks: readonly AppliedNetwork[]): AppliedNetwork {
  const found = networks.filter(({ name }) => name === given || name.slice(name.indexOf("/") + 1) === given);
  const names = networks.map(({ name }) => name).join(", ");
  if (found.length > 1) {
    throw new NetloomError("ambiguous-network", `attach to ${given}: several applied files have such a network`, {
      hint: `Name the file as well: ${found.map(({ name }) => name).join(" or ")}.`,
    });
  }
  if (found[0] !== undefined) return found[0];
  throw new NetloomError("no-such-network", `attach to ${given}: no applied file has such a network`, {
    hint: names === "" ? "No network is applied: netloom apply FILE." : `There are: ${names}.`,
  });
}

/**
 * Addresses that are somebody's: on links, told by servers, and those that guests have by themselves.
 * @param on only those that may be met on this bridge, of all the networks'; absent: all
 */
export function addressesGiven(
  desired: Desired,
  on?: { readonly bridge: string; readonly bridges: ReadonlySet<string> },
): Set<IpAddress> {
  const domains = on === undefined ? undefined : new Domains(desired);
  const given = new Set<IpAddress>(desired.declared?.reserved);
  for (const object of desired.objects) {
    if (!("linkKey" in object) || object.kind === "neighbour") continue;
    if (on !== undefined && domains?.mayMeet(object.linkKey, on.bridge, on.bridges) === false) continue;
    if (object.kind === "address") given.add(object.address);
    else if (object.kind === "dhcp-single") given.add(object.lease.address);
    else if (object.kind === "ip6-single") for (const address of object.lease.addresses) given.add(address);
    else if (object.kind === "dhcp-network" || object.kind === "ip6-network")
      for (const { address } of object.hosts) if (address !== undefined) given.add(address);
  }
  return given;
}
