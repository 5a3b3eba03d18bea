/**
 * The `macvtap` binding: the guest sits on the pod's interface itself, without a bridge.
 *
 *     pod network ── eth0 (another MAC, no address) ─┬─ tap0: macvtap with the pod's MAC ── guest
 *                                                    └─ eth0-own: macvlan on which the guest is served
 *
 * Facts that this rests on:
 * - What is sent on a macvtap goes outward. A frame to the guest must come from a sibling on the same parent: that is
 *   what the macvlan is for. It takes all multicast, else the guest's solicitations are filtered before it.
 * - Hooks on the parent, in and out, keep DHCP and router advertisements of guest and network apart. Frames between
 *   siblings do not leave by the parent, but come in by it, from a sibling's MAC address.
 * - A guest renews its lease with the server alone, and an address off its subnet it would look for at its gateway,
 *   beyond those hooks. So it is told a route: the server is on the link, where the macvlan answers for it.
 */
import type { Ipv4Address, MacAddress } from "../../base/address.ts";
import { IPV4_ANY } from "../../base/address.ts";
import { derivedMac } from "../../model/hash.ts";
import type { ServiceObject, StateObject } from "../../state/object.ts";
import type { LinkObject } from "../../state/object/kernel.ts";
import type { OfferedLease } from "../../protocol/dhcp4/lease-options.ts";
import { deviceBarrier } from "./barrier.ts";
import { takenAway } from "./bridge.ts";
import { compileGuestIp6 } from "./guest-ip6.ts";
import { compileLease, DEFAULT_LEASE_SECONDS } from "./lease.ts";
import { bindingNames, checkTapName } from "./names.ts";
import type { BoundPod, PodBinding } from "./pod-binding.ts";
import { tableName } from "../../state/table-name.ts";

const GENERATE_NO_ADDRESSES = 1;

/** @throws NetloomError nic-index, bad-name */
export function bindMacvtap(binding: PodBinding): BoundPod {
  const { pod, tapName } = binding;
  checkTapName(tapName);
  const generation = pod.ipv6AddressGeneration === undefined ? {} : { ipv6AddressGeneration: GENERATE_NO_ADDRESSES };
  const common = { origin: `binding of ${pod.name}`, namespace: pod.namespace };
  const parent: LinkObject = {
    kind: "link",
    key: pod.linkKey,
    ...common,
    name: pod.name,
    link: pod.link,
    // A macvtap cannot have the MAC address of its parent.
    macAddress: derivedMac(`parent of ${pod.macAddress}`),
    ...(pod.foreign ? {} : { mtuBytes: pod.mtuBytes }),
    up: true,
    ...generation,
  };
  const tap: LinkObject = {
    kind: "link",
    key: `${pod.linkKey} tap`,
    ...common,
    name: tapName,
    link: { type: "macvtap", parentKey: pod.linkKey, mode: "bridge" },
    macAddress: pod.macAddress,
    mtuBytes: pod.mtuBytes,
    up: true,
    ...generation,
  };
  const notes = [...pod.notes];
  const served = serve(binding, tap, notes);
  return {
    desired: { objects: [parent, tap, ...served], absent: pod.foreign ? takenAway(pod) : [] },
    tap: { key: tap.key, name: tapName, type: "macvtap" },
    guestMac: pod.macAddress,
    keepsPod: false,
    notes,
  };
}

/** What tells the guest its addresses, with all that it stands on; nothing where there is nothing to tell. */
function serve(binding: PodBinding, tap: LinkObject, notes: string[]): StateObject[] {
  const { pod, profile, nicIndex, features, dhcp, leaseSeconds = DEFAULT_LEASE_SECONDS } = binding;
  if (dhcp === "none") return [];
  if (features.netdevEgress === false) {
    notes.push(
      "this kernel's nft cannot hook what leaves a device (Linux 5.16): the guest is told nothing, as with dhcp none",
    );
    return [];
  }
  const { helper: name, serverAddress } = bindingNames(profile, pod.name, nicIndex);
  const serverMac = derivedMac(`sibling of ${pod.macAddress}`);
  const lease = compileLease(pod, binding);
  const ip6 = compileGuestIp6(pod, { serverMac, leaseSeconds });
  notes.push(...(lease?.notes ?? []), ...(ip6?.notes ?? []));
  if (lease === undefined && ip6 === undefined) {
    notes.push(`${pod.name} has no address: the guest is connected on layer 2 and no DHCP is served`);
    return [];
  }
  const { origin, namespace } = tap;
  const helper = helperLink(binding, tap, name, serverMac);
  const service = { origin, namespace, linkKey: helper.key, interfaceName: name, clientMac: pod.macAddress } as const;
  const services: ServiceObject[] = [];
  if (lease !== undefined) {
    services.push({
      kind: "dhcp-single",
      key: `${pod.linkKey} dhcp`,
      ...service,
      serverAddress,
      serverMac,
      lease: withServerOnLink(lease.lease, serverAddress),
    });
  }
  if (ip6 !== undefined) {
    const { notes: _notes, ...told } = ip6;
    services.push({ kind: "ip6-single", key: `${pod.linkKey} ip6`, ...service, ...told, serverMac });
  }
  return [
    helper,
    ...(pod.ipv6AddressGeneration === undefined ? [] : [withoutIpv6(helper)]),
    {
      kind: "nft-table",
      key: `${pod.linkKey} nft`,
      origin,
      namespace,
      family: "netdev",
      name: tableName("bind", pod.name),
      rules: deviceBarrier(pod.name, [serverMac, pod.macAddress]),
    },
    ...services,
  ];
}

function helperLink({ pod }: PodBinding, tap: LinkObject, name: string, macAddress: MacAddress): LinkObject {
  return {
    ...tap,
    key: `${pod.linkKey} helper`,
    name,
    link: { type: "macvlan", parentKey: pod.linkKey, mode: "bridge" },
    macAddress,
    allMulticast: true,
  };
}

/** It would take addresses from what a router advertises, or answer for what it has. */
function withoutIpv6({ key, origin, namespace, name }: LinkObject): StateObject {
  const path = `net/ipv6/conf/${name}/disable_ipv6`;
  return { kind: "sysctl", key: `${key} ${path}`, origin, namespace, path, value: "1" };
}

/** Clients that are told routes do not heed the router option (RFC 3442), so the way out is among them already. */
function withServerOnLink(lease: OfferedLease, serverAddress: Ipv4Address): OfferedLease {
  const server = { destination: { address: serverAddress, length: 32 }, gateway: IPV4_ANY };
  return { ...lease, routes: [server, ...lease.routes] };
}
