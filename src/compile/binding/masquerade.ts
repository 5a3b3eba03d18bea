/**
 * KubeVirt's `masquerade` binding: the pod keeps its interface and addresses, the guest has a private network behind
 * it and is reached at the pod's address.
 *
 *     pod network ── eth0 (the pod's addresses) ── NAT ── k6t-eth0 (10.0.2.1, fd10:0:2::1) ── tap0 ── guest (.2)
 *
 * The rules have KubeVirt's chains in tables of our own. Facts that this rests on:
 * - A connection to the pod's 127.0.0.1 is redirected to the guest only where the bridge may carry loopback addresses
 *   (route_localnet), and comes back only when it seems to come from the gateway. The kernel has nothing alike for ::1.
 * - IPv6 is forwarded for all interfaces of a namespace or for none, and a host that forwards no longer heeds router
 *   advertisements unless accept_ra is 2.
 * - Ports 49152 and 49153 stay the pod's: live migration uses them.
 */
import { SMALLEST_IPV6_MTU_BYTES } from "../../wire/ipv6.ts";
import {
  IPV4_ANY,
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  type MacAddress,
  contains,
  familyOf,
  parseIpv4,
  parseIpv6,
} from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import { derivedMac } from "../../model/hash.ts";
import type { StateObject } from "../../state/object.ts";
import type { AddressObject, LinkObject } from "../../state/object/kernel.ts";
import { configurationBarrier } from "./barrier.ts";
import type { BoundPod, PodBinding } from "./pod-binding.ts";
import { isIp6 } from "./guest-ip6.ts";
import { compileResolver, DEFAULT_LEASE_SECONDS } from "./lease.ts";
import { bindingNames, checkTapName } from "./names.ts";
import { tableName } from "../../state/table-name.ts";

const GATEWAY_MAC = "02:00:00:00:00:00" as MacAddress;
const GATEWAY = parseIpv4("10.0.2.1");
const GUEST = parseIpv4("10.0.2.2");
const PREFIX_LENGTH = 24;
const GATEWAY6 = parseIpv6("fd10:0:2::1");
const GUEST6 = parseIpv6("fd10:0:2::2");
const NETWORK6 = parseIpv6("fd10:0:2::");
const PREFIX_LENGTH6 = 120;
/** Source of the advertisements, the guest's next hop. */
const ROUTER6 = parseIpv6("fe80::1");
const MIGRATION_PORTS = "49152, 49153";
const IFA_F_NODAD = 0x02;
const SCOPE_LINK = 253;
const GENERATE_NO_ADDRESSES = 1;

/** @throws NetloomError no-address: the pod has nothing to hide behind; second-masquerade; bad-name */
export function bindMasquerade(binding: PodBinding): BoundPod {
  const { pod, tapName, nicIndex } = binding;
  checkTapName(tapName);
  if (nicIndex > 0) {
    throw new NetloomError("second-masquerade", `bind ${pod.name}: only the first NIC of a guest can be masqueraded`, {
      hint: "KubeVirt's private network 10.0.2.0/24 exists once in a pod; use binding bridge for further NICs.",
    });
  }
  const has = (family: 4 | 6): boolean =>
    pod.addresses.some(({ address, scope }) => familyOf(address) === family && scope !== SCOPE_LINK);
  const families = ([4, 6] as const).filter(has);
  if (families.length === 0) {
    throw new NetloomError("no-address", `bind ${pod.name}: it has no address that a guest could use`, {
      hint: "Give the pod an address first, or use binding bridge, which connects the guest on layer 2.",
    });
  }
  const bridge = bindingNames("modern", pod.name, nicIndex).bridge;
  const keys = { bridge: `${pod.linkKey} bridge`, tap: `${pod.linkKey} tap` };
  const common = { origin: `binding of ${pod.name}`, namespace: pod.namespace };
  const generation = pod.ipv6AddressGeneration === undefined ? {} : { ipv6AddressGeneration: GENERATE_NO_ADDRESSES };
  const guestMac = hiddenGuestMac(keys.tap);
  const notes = [...pod.notes];
  const link = { kind: "link", ...common, mtuBytes: pod.mtuBytes, up: true, ...generation } as const;
  const bridgeLink: LinkObject = {
    ...link,
    key: keys.bridge,
    name: bridge,
    link: { type: "bridge", forwardDelayCentiseconds: 0, stp: false },
    macAddress: GATEWAY_MAC,
  };
  const { tapOwner, queues } = binding;
  const tap: LinkObject = {
    ...link,
    key: keys.tap,
    name: tapName,
    link: {
      type: "tap",
      ...(tapOwner === undefined ? {} : { ownerUid: tapOwner.uid, groupGid: tapOwner.gid }),
      ...(queues === undefined ? {} : { queues }),
    },
    masterKey: keys.bridge,
  };
  const address = (value: Ipv4Address | Ipv6Address, prefixLength: number, further = {}): AddressObject => ({
    kind: "address",
    key: `${keys.bridge} address ${value}`,
    ...common,
    linkKey: keys.bridge,
    address: value,
    prefixLength,
    ...further,
  });
  const parameter = (path: string, value: string): StateObject => ({
    kind: "sysctl",
    key: `${keys.bridge} ${path}`,
    ...common,
    path,
    value,
  });
  const table = (family: "ip" | "ip6" | "bridge", name: string, rules: string): StateObject => ({
    kind: "nft-table",
    key: `${pod.linkKey} nft ${family}`,
    ...common,
    family,
    name: tableName(name, pod.name),
    rules,
  });
  const objects: StateObject[] = [bridgeLink, tap];
  if (families.includes(4)) {
    objects.push(
      address(GATEWAY, PREFIX_LENGTH),
      parameter(`net/ipv4/conf/${pod.name}/forwarding`, "1"),
      parameter(`net/ipv4/conf/${bridge}/forwarding`, "1"),
      parameter(`net/ipv4/conf/${bridge}/route_localnet`, "1"),
      table(
        "ip",
        "masquerade",
        translation(binding, bridge, { gateway: GATEWAY, guest: GUEST, localhost: "127.0.0.1" }),
      ),
    );
  }
  if (families.includes(6)) {
    const nodad = { flags: IFA_F_NODAD };
    objects.push(
      address(GATEWAY6, PREFIX_LENGTH6, nodad),
      address(ROUTER6, 64, { ...nodad, scope: SCOPE_LINK }),
      parameter(`net/ipv6/conf/${pod.name}/accept_ra`, "2"),
      parameter("net/ipv6/conf/all/forwarding", "1"),
      table("ip6", "masquerade", translation(binding, bridge, { gateway: GATEWAY6, guest: GUEST6 })),
    );
    notes.push("the guest is not reached at the pod's ::1: the kernel does not route that address");
  }
  const bound: BoundPod = {
    desired: { objects, absent: [] },
    tap: { key: keys.tap, name: tapName, type: "tap" },
    guestMac,
    keepsPod: true,
    notes,
  };
  if (binding.dhcp === "none") return bound;

  const { leaseSeconds = DEFAULT_LEASE_SECONDS, options } = binding;
  const { nameServers, searchDomains, domainName } = compileResolver(pod, notes);
  const service = { ...common, linkKey: keys.tap, interfaceName: tapName, clientMac: guestMac } as const;
  objects.push(table("bridge", "bind", configurationBarrier(tapName, [])));
  if (families.includes(4)) {
    objects.push({
      kind: "dhcp-single",
      key: `${pod.linkKey} dhcp`,
      ...service,
      serverAddress: GATEWAY,
      serverMac: GATEWAY_MAC,
      lease: {
        address: GUEST,
        prefixLength: PREFIX_LENGTH,
        router: GATEWAY,
        // Also as a classless route: a client that asks for these ignores the router (RFC 3442).
        routes: [{ destination: { address: IPV4_ANY, length: 0 }, gateway: GATEWAY }],
        nameServers,
        searchDomains,
        ...(domainName === undefined ? {} : { domainName }),
        ...(pod.hostName === undefined ? {} : { hostName: pod.hostName }),
        mtuBytes: pod.mtuBytes,
        leaseSeconds,
        ...(options === undefined ? {} : { options }),
      },
    });
  }
  if (families.includes(6)) {
    objects.push({
      kind: "ip6-single",
      key: `${pod.linkKey} ip6`,
      ...service,
      routerAddress: ROUTER6,
      serverAddress: ROUTER6,
      serverMac: GATEWAY_MAC,
      lease: {
        addresses: [GUEST6],
        prefixes: [{ prefix: { address: NETWORK6, length: PREFIX_LENGTH6 }, onLink: true, autonomous: false }],
        defaultRouter: true,
        routes: [],
        nameServers: pod.dns.servers.filter(isIp6),
        searchDomains,
        mtuBytes: Math.max(pod.mtuBytes, SMALLEST_IPV6_MTU_BYTES),
        leaseSeconds,
      },
    });
  }
  return bound;
}

/**
 * Refuse where somebody has our private networks already, such as another masqueraded guest.
 * @param addresses all of the namespace
 * @throws NetloomError second-masquerade
 */
export function refuseSecondMasquerade(interfaceName: string, addresses: readonly IpAddress[]): void {
  const taken = addresses.find(
    (address) =>
      contains({ address: GATEWAY, length: PREFIX_LENGTH }, address) ||
      contains({ address: NETWORK6, length: PREFIX_LENGTH6 }, address),
  );
  if (taken === undefined) return;
  throw new NetloomError("second-masquerade", `bind ${interfaceName}: the namespace has ${taken} already`, {
    hint: "A masqueraded guest has 10.0.2.0/24 and fd10:0:2::/120 for itself, once in a pod; use binding bridge.",
  });
}

/** The guest's MAC address, which nobody sees outside of the pod. @param tapKey of the tap that it is plugged into */
export function hiddenGuestMac(tapKey: string): MacAddress {
  return derivedMac(`guest behind ${tapKey}`);
}

/** KubeVirt's chains for one family. */
function translation(
  { pod, ports }: PodBinding,
  bridge: string,
  { gateway, guest, localhost }: { gateway: string; guest: string; localhost?: string },
): string {
  const family = localhost === undefined ? "ip6" : "ip";
  const eth = JSON.stringify(pod.name);
  const all = ports === undefined;
  const chosen = (["tcp", "udp"] as const).flatMap((protocol) => {
    const numbers = (ports ?? []).filter((port) => port.protocol === protocol).map(({ port }) => port);
    return numbers.length === 0 ? [] : [`${protocol} dport { ${numbers.join(", ")} } `];
  });
  const toGuest = (match: string): string[] =>
    all ? [`${match}dnat to ${guest}`] : chosen.map((selection) => `${match}${selection}dnat to ${guest}`);
  return [
    "chain prerouting {",
    "  type nat hook prerouting priority -100; policy accept;",
    `  iifname ${eth} jump KUBEVIRT_PREINBOUND`,
    "}",
    "chain input {",
    "  type nat hook input priority 100; policy accept;",
    "}",
    "chain output {",
    "  type nat hook output priority -100; policy accept;",
    ...(localhost === undefined ? [] : toGuest(`${family} daddr ${localhost} `).map((rule) => `  ${rule}`)),
    "}",
    "chain postrouting {",
    "  type nat hook postrouting priority 100; policy accept;",
    `  ${family} saddr ${guest} masquerade`,
    `  oifname ${JSON.stringify(bridge)} jump KUBEVIRT_POSTINBOUND`,
    "}",
    "chain KUBEVIRT_PREINBOUND {",
    ...(all ? [`  tcp dport { ${MIGRATION_PORTS} } return`] : []),
    ...toGuest("").map((rule) => `  ${rule}`),
    "}",
    "chain KUBEVIRT_POSTINBOUND {",
    ...(localhost === undefined ? [] : [`  ${family} saddr ${localhost} snat to ${gateway}`]),
    "}",
  ].join("\n");
}
