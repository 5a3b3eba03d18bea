/**
 * KubeVirt's `bridge` binding: a guest takes over the network of a pod.
 *
 * The pod's interface becomes a port of a bridge inside the pod, beside a tap that the guest is plugged into. The
 * guest uses the interface's MAC and, by DHCP, its address; the interface therefore gives up both. Modern profile:
 *
 *     pod network ── eth0-nic ── k6t-eth0 (169.254.75.10) ── tap0 ── guest (MAC and address of eth0)
 *                                eth0: stand-in, down, MAC and addresses of the pod, for those who read them
 *
 * Legacy profile (0.4.1): eth0 keeps its name, the bridge is br1 with 169.254.75.86, and there is no stand-in.
 *
 * Facts that this rests on:
 * - The addresses on the stand-in are local to the pod's kernel even while the stand-in is down, so it would answer
 *   ARP for them on the bridge. arp_ignore=1 on the bridge, the device that such requests arrive on, stops that.
 * - DHCP and router advertisements are served raw on the tap. A table of the bridge family keeps both from crossing
 *   between tap and pod network, and from the pod's own kernel, which would refuse a renewal by "port unreachable".
 * - Our bridge must not take part in IPv6, or it would take a prefix that a router advertises to the guest.
 */
import type { MacAddress } from "../../base/address.ts";
import { familyOf } from "../../base/address.ts";
import { derivedMac } from "../../model/hash.ts";
import type { ServiceObject, StateObject } from "../../state/object.ts";
import type { AddressObject, LinkObject, NftTableObject } from "../../state/object/kernel.ts";
import type { OfferedLease } from "../../protocol/dhcp4/lease-options.ts";
import type { Ip6SingleObject, SingleDhcpObject } from "../../state/object/one-guest.ts";
import { configurationBarrier } from "./barrier.ts";
import type { BoundPod, PodBinding } from "./pod-binding.ts";
import { compileGuestIp6, type GuestIp6 } from "./guest-ip6.ts";
import { compileLease, DEFAULT_LEASE_SECONDS } from "./lease.ts";
import { type BindingNames, bindingNames, checkTapName } from "./names.ts";
import { type PodInterface, isDerived } from "./pod-interface.ts";
import { tableName } from "../../state/table-name.ts";

const IFA_F_NODAD = 0x02;
const SCOPE_LINK = 253;
const GENERATE_NO_ADDRESSES = 1;

/**
 * Compile the binding. The link object of the pod's interface keeps the key `pod.linkKey`, with a new name, MAC
 * address and master; for a declared pod it replaces the one that the network's compiler made, together with the
 * addresses and routes on it. @throws NetloomError nic-index, bad-name
 */
export function bindBridge(binding: PodBinding): BoundPod {
  const { pod, profile, nicIndex, tapName } = binding;
  checkTapName(tapName);
  const parts = new Parts(binding, bindingNames(profile, pod.name, nicIndex));
  const objects: StateObject[] = [parts.bridge(), ...parts.bridgeParameters(), parts.nic(), parts.tap()];
  const { services, notes } = parts.services();
  if (services.length > 0) objects.push(parts.serverAddress(), parts.barrier());
  if (profile === "modern") {
    objects.push(parts.standIn(), ...parts.standInAddresses());
    if (!binding.features.dummy) {
      notes.push(
        `this kernel has no dummy links: a bridge without ports named ${pod.name} keeps the pod's MAC and addresses`,
      );
    }
  }
  objects.push(...services);
  return {
    desired: { objects, absent: pod.foreign ? takenAway(pod) : [] },
    tap: { key: parts.tapKey, name: tapName, type: "tap" },
    guestMac: pod.macAddress,
    keepsPod: false,
    notes,
  };
}

/** What the pod's interface must not have while it is bound, in the order in which it comes back. */
export function takenAway(pod: PodInterface): StateObject[] {
  return [...pod.addresses, ...pod.routes.filter((route) => !isDerived(route, pod)), ...pod.neighbours];
}

class Parts {
  readonly tapKey: string;
  readonly #binding: PodBinding;
  readonly #pod: PodInterface;
  readonly #names: BindingNames;
  readonly #bridgeKey: string;
  readonly #standInKey: string;
  /** Of the bridge and the pod's interface; the pod's own goes to the guest. */
  readonly #mac: MacAddress;
  readonly #common: { readonly origin: string; readonly namespace: string };

  constructor(binding: PodBinding, names: BindingNames) {
    const { pod } = binding;
    this.#binding = binding;
    this.#pod = pod;
    this.#names = names;
    this.#bridgeKey = `${pod.linkKey} bridge`;
    this.#standInKey = `${pod.linkKey} stand-in`;
    this.tapKey = `${pod.linkKey} tap`;
    this.#mac = derivedMac(`bridge binding of ${pod.macAddress}`);
    this.#common = { origin: `binding of ${pod.name}`, namespace: pod.namespace };
  }

  bridge(): LinkObject {
    return {
      kind: "link",
      key: this.#bridgeKey,
      ...this.#common,
      name: this.#names.bridge,
      // With a delay the ports of a bridge drop everything for twice 15 s after they come up.
      link: { type: "bridge", forwardDelayCentiseconds: 0, stp: false },
      macAddress: this.#mac,
      mtuBytes: this.#pod.mtuBytes,
      up: true,
      ...this.#noAddresses(),
    };
  }

  bridgeParameters(): StateObject[] {
    const parameter = (path: string, value: string): StateObject => ({
      kind: "sysctl",
      key: `${this.#bridgeKey} ${path}`,
      ...this.#common,
      path: path.replace("*", this.#names.bridge),
      value,
    });
    return [
      ...(this.#binding.profile === "modern" ? [parameter("net/ipv4/conf/*/arp_ignore", "1")] : []),
      ...(this.#pod.ipv6AddressGeneration === undefined ? [] : [parameter("net/ipv6/conf/*/disable_ipv6", "1")]),
    ];
  }

  nic(): LinkObject {
    const { linkKey, link, foreign, mtuBytes } = this.#pod;
    return {
      kind: "link",
      key: linkKey,
      ...this.#common,
      name: this.#names.nic,
      link,
      macAddress: this.#mac,
      ...(foreign ? {} : { mtuBytes }),
      up: true,
      masterKey: this.#bridgeKey,
      ...(this.#binding.profile === "modern" ? { learning: false } : {}),
      ...this.#noAddresses(),
    };
  }

  tap(): LinkObject {
    const { tapName, tapOwner, queues } = this.#binding;
    return {
      kind: "link",
      key: this.tapKey,
      ...this.#common,
      name: tapName,
      link: {
        type: "tap",
        ...(tapOwner === undefined ? {} : { ownerUid: tapOwner.uid, groupGid: tapOwner.gid }),
        ...(queues === undefined ? {} : { queues }),
      },
      mtuBytes: this.#pod.mtuBytes,
      up: true,
      masterKey: this.#bridgeKey,
      ...this.#noAddresses(),
    };
  }

  serverAddress(): AddressObject {
    return {
      kind: "address",
      key: `${this.#bridgeKey} address`,
      ...this.#common,
      linkKey: this.#bridgeKey,
      address: this.#names.serverAddress,
      prefixLength: 32,
    };
  }

  barrier(): NftTableObject {
    return {
      kind: "nft-table",
      key: `${this.#pod.linkKey} nft`,
      ...this.#common,
      family: "bridge",
      name: tableName("bind", this.#pod.name),
      rules: configurationBarrier(this.#binding.tapName, [this.#names.nic]),
    };
  }

  /** Down: its addresses stay readable and local, and no route leads traffic into it. */
  standIn(): LinkObject {
    return {
      kind: "link",
      key: this.#standInKey,
      ...this.#common,
      name: this.#pod.name,
      link: { type: this.#binding.features.dummy ? "dummy" : "bridge" },
      macAddress: this.#pod.macAddress,
      mtuBytes: this.#pod.mtuBytes,
      up: false,
    };
  }

  standInAddresses(): AddressObject[] {
    const addresses = this.#pod.addresses.filter(
      ({ address, scope }) => familyOf(address) === 4 || scope !== SCOPE_LINK,
    );
    return addresses.map(({ address, prefixLength, peer, broadcast, scope, label, flags = 0 }) => ({
      kind: "address",
      key: `${this.#standInKey} address ${address}/${prefixLength}`,
      ...this.#common,
      linkKey: this.#standInKey,
      address,
      prefixLength,
      ...(peer === undefined ? {} : { peer }),
      ...(broadcast === undefined ? {} : { broadcast }),
      ...(scope === undefined ? {} : { scope }),
      ...(label === undefined ? {} : { label }),
      flags: familyOf(address) === 6 ? flags | IFA_F_NODAD : flags,
    }));
  }

  /** What tells the guest its addresses: nothing for a pod without any, which is connected on layer 2. */
  services(): { services: ServiceObject[]; notes: string[] } {
    const { pod, dhcp, leaseSeconds = DEFAULT_LEASE_SECONDS } = this.#binding;
    const notes = [...pod.notes];
    if (dhcp === "none") return { services: [], notes };
    const lease = compileLease(pod, this.#binding);
    const ip6 = compileGuestIp6(pod, { serverMac: this.#mac, leaseSeconds });
    notes.push(...(lease?.notes ?? []), ...(ip6?.notes ?? []));
    if (lease === undefined && ip6 === undefined) {
      notes.push(`${pod.name} has no address: the guest is connected on layer 2 and no DHCP is served`);
    }
    return {
      services: [
        ...(lease === undefined ? [] : [this.#dhcp(lease.lease)]),
        ...(ip6 === undefined ? [] : [this.#ip6(ip6)]),
      ],
      notes,
    };
  }

  #dhcp(lease: OfferedLease): SingleDhcpObject {
    return {
      kind: "dhcp-single",
      key: `${this.#pod.linkKey} dhcp`,
      ...this.#service(),
      serverAddress: this.#names.serverAddress,
      serverMac: this.#mac,
      lease,
    };
  }

  #ip6({ notes: _notes, ...ip6 }: GuestIp6): Ip6SingleObject {
    return { kind: "ip6-single", key: `${this.#pod.linkKey} ip6`, ...this.#service(), ...ip6, serverMac: this.#mac };
  }

  #service() {
    const { tapName, pod } = this.#binding;
    return { ...this.#common, linkKey: this.tapKey, interfaceName: tapName, clientMac: pod.macAddress } as const;
  }

  #noAddresses(): { ipv6AddressGeneration?: number } {
    return this.#pod.ipv6AddressGeneration === undefined ? {} : { ipv6AddressGeneration: GENERATE_NO_ADDRESSES };
  }
}
