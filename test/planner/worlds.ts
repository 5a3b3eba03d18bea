/** A host and wanted states of it, small and drawn at random, with everything in them that the planner must cope with. */
import fc from "fast-check";
import type { IpAddress, Ipv4Address, MacAddress } from "../../src/base/address.ts";
import { parsePrefix } from "../../src/base/address.ts";
import type { Desired } from "../../src/state/desired.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { AddressObject, RouteObject } from "../../src/state/object/kernel.ts";
import type { Snapshot } from "../../src/state/snapshot.ts";
import type { OwnedObject, OwnershipRecord } from "../../src/state/step.ts";
import { prefixRoute } from "./prefix-routes.ts";

const POD_MAC = "0a:58:0a:f4:01:11" as MacAddress;
const POD_KEY = "pod ext eth0";

/** The host before netloom: an uplink, a foreign bridge, and the pod `ext` that a CNI plugin made. */
export const HOST: Snapshot = {
  namespaces: {
    "": {
      links: [
        { index: 1, name: "lo", mtuBytes: 65536, up: true, group: 0 },
        { index: 2, name: "eth0", macAddress: "52:54:00:00:00:01" as MacAddress, mtuBytes: 1500, up: true, group: 0 },
        {
          index: 3,
          name: "docker0",
          kind: "bridge",
          macAddress: "52:54:00:00:00:02" as MacAddress,
          mtuBytes: 1500,
          up: true,
          group: 0,
        },
      ],
      addresses: [ipAddress(2, "192.0.2.10", 24)],
      routes: [route(2, "0.0.0.0/0", "192.0.2.1"), prefixRoute(ipAddress(2, "192.0.2.10", 24))],
      neighbours: [],
      sysctls: { "net/ipv4/ip_forward": "0", "net/ipv4/conf/eth0/forwarding": "0" },
      nftTables: [{ family: "ip", name: "libvirt_network" }],
      foreignAccepts: [],
    },
    ext: {
      links: [
        { index: 1, name: "lo", mtuBytes: 65536, up: true, group: 0 },
        { index: 2, name: "eth0", kind: "veth", linkIndex: 9, macAddress: POD_MAC, mtuBytes: 1450, up: true, group: 0 },
      ],
      addresses: [ipAddress(2, "10.244.1.17", 24), ipAddress(2, "2001:db8:1::17", 64)],
      routes: [
        route(2, "0.0.0.0/0", "10.244.1.1"),
        route(2, "10.244.0.0/16"),
        route(2, "198.51.100.0/24", "10.244.0.1"),
        { ...route(2, "::/0", "2001:db8:1::1"), metric: 1024 },
        prefixRoute(ipAddress(2, "10.244.1.17", 24)),
        prefixRoute(ipAddress(2, "2001:db8:1::17", 64)),
      ],
      neighbours: [
        {
          linkIndex: 2,
          address: "10.244.1.9" as Ipv4Address,
          macAddress: "0a:58:00:00:00:09" as MacAddress,
          state: 0x80,
        },
      ],
      sysctls: {
        "net/ipv4/conf/all/arp_ignore": "0",
        "net/ipv4/conf/eth0/arp_ignore": "0",
        "net/ipv6/conf/eth0/disable_ipv6": "0",
      },
      nftTables: [],
      foreignAccepts: [],
    },
  },
  files: {},
};

function ipAddress(linkIndex: number, address: string, prefixLength: number) {
  return { linkIndex, address: address as IpAddress, prefixLength, scope: 0, flags: 0x80 };
}

function route(linkIndex: number, destination: string, gateway?: string) {
  const hop = gateway === undefined ? { linkIndex } : { linkIndex, gateway: gateway as IpAddress };
  const scope = gateway === undefined ? 253 : 0;
  return { destination: parsePrefix(destination), nextHops: [hop], type: 1, table: 254, tos: 0, protocol: 3, scope };
}

export interface Wish {
  readonly networks: readonly { readonly mtuBytes: number; readonly host: number; readonly stp: boolean }[];
  readonly pods: readonly {
    readonly network: number;
    readonly host: number;
    readonly bound: boolean;
    readonly onLink: boolean;
    readonly defaultRoute: boolean;
    readonly ipv6: boolean;
  }[];
  readonly bind: "none" | "legacy" | "modern";
  readonly nft: number;
  readonly uplinkForwarding: boolean;
  readonly accepts: boolean;
}

const network = fc.record({ mtuBytes: fc.constantFrom(1450, 1500), host: fc.constantFrom(1, 254), stp: fc.boolean() });
const pod = fc.record({
  network: fc.nat(1),
  host: fc.integer({ min: 2, max: 4 }),
  bound: fc.boolean(),
  onLink: fc.boolean(),
  defaultRoute: fc.boolean(),
  ipv6: fc.boolean(),
});

export const wishes: fc.Arbitrary<Wish> = fc.record({
  networks: fc.array(network, { maxLength: 2 }),
  pods: fc.array(pod, { maxLength: 3 }),
  bind: fc.constantFrom("none", "legacy", "modern"),
  nft: fc.nat(2),
  uplinkForwarding: fc.boolean(),
  accepts: fc.boolean(),
});

export function desiredFor(wish: Wish): Desired {
  const objects: StateObject[] = wish.networks.flatMap((entry, i) => networkObjects(entry, i));
  if (wish.uplinkForwarding) objects.push(sysctl("uplink", "", "net/ipv4/conf/eth0/forwarding", "1"));
  if (wish.nft > 0) objects.push(nft("nft", "", `chain c { type filter hook forward priority 0; } # ${wish.nft}`));
  for (const [i, entry] of wish.pods.entries()) {
    if (wish.networks[entry.network] !== undefined) objects.push(...podObjects(entry, i));
  }
  if (wish.accepts) {
    const common = { origin: "router", namespace: "", backend: "nft", chain: "FORWARD" } as const;
    objects.push({
      kind: "foreign-accept",
      key: `accept/lan${wish.networks.length}`,
      ...common,
      inInterface: `lan${wish.networks.length}`,
    });
  }
  const absent: StateObject[] = [];
  if (wish.bind !== "none") {
    objects.push(...boundObjects(wish.bind));
    absent.push(...takenAway());
  }
  return { objects, absent };
}

function networkObjects({ mtuBytes, host, stp }: Wish["networks"][number], i: number): StateObject[] {
  const common = { origin: `network lan${i}`, namespace: "" };
  const key = `link/lan${i}`;
  return [
    {
      kind: "link",
      key,
      ...common,
      name: `lan${i}`,
      link: { type: "bridge", stp, forwardDelayCentiseconds: 0 },
      mtuBytes,
      up: true,
    },
    sysctl(`forwarding/lan${i}`, "", `net/ipv4/conf/lan${i}/forwarding`, "1"),
    address(`address/lan${i}/${host}`, "", key, `10.0.${i}.${host}`, 24),
  ];
}

function podObjects(wish: Wish["pods"][number], i: number): StateObject[] {
  const namespace = `pod${i}`;
  const origin = `machine pod${i}`;
  const key = `link/pod${i}`;
  const own = { address: `10.0.${wish.network}.${10 * (i + 1) + wish.host}`, gateway: `10.0.${wish.network}.1` };
  const pair: StateObject[] = [
    { kind: "namespace", key: `namespace/pod${i}`, origin, name: namespace },
    {
      kind: "link",
      key: `${key}/host`,
      origin,
      namespace: "",
      name: `veth${i}`,
      link: { type: "veth", peerKey: key },
      masterKey: `link/lan${wish.network}`,
      up: true,
    },
  ];
  const file: StateObject = {
    kind: "file",
    key: `file/pod${i}`,
    origin,
    path: `/etc/netns/pod${i}/resolv.conf`,
    content: `nameserver ${own.gateway}\n`,
    mode: 0o644,
  };
  const end = {
    kind: "link",
    key,
    origin,
    namespace,
    link: { type: "veth-peer", peerKey: `${key}/host` },
    up: true,
  } as const;
  const address4 = (linkKey: string, suffix: string): StateObject =>
    address(`address/pod${i}/${own.address}${suffix}`, namespace, linkKey, own.address, 24);
  if (wish.bound) {
    return [
      ...pair,
      bridge(`${key} bridge`, namespace, "k6t-eth0"),
      sysctl(`${key} arp_ignore`, namespace, "net/ipv4/conf/k6t-eth0/arp_ignore", "1"),
      {
        ...end,
        name: "eth0-nic",
        macAddress: "0a:00:00:00:00:01" as MacAddress,
        masterKey: `${key} bridge`,
        learning: false,
      },
      tap(`${key} tap`, namespace, `${key} bridge`),
      nft(`${key} nft`, namespace, "chain forward { }"),
      bridge(`${key} stand-in`, namespace, "eth0", { up: false, macAddress: `0a:58:00:00:00:0${i}` as MacAddress }),
      address4(`${key} stand-in`, " stand-in"),
      file,
    ];
  }
  return [
    ...pair,
    { ...end, name: "eth0", macAddress: `0a:58:00:00:00:0${i}` as MacAddress, masterKey: null },
    address4(key, ""),
    ...(wish.ipv6 ? [address(`address6/pod${i}`, namespace, key, `2001:db8::${i + 1}`, 64)] : []),
    ...(wish.onLink ? [routeTo(`on-link/pod${i}`, namespace, "203.0.113.0/24", { linkKey: key })] : []),
    ...(wish.defaultRoute
      ? [routeTo(`default/pod${i}`, namespace, "0.0.0.0/0", { linkKey: key, gateway: own.gateway as IpAddress })]
      : []),
    ...(wish.defaultRoute && wish.onLink
      ? [routeTo(`far/pod${i}`, namespace, "198.51.100.0/24", { linkKey: key, gateway: "203.0.113.1" as IpAddress })]
      : []),
    {
      kind: "neighbour",
      key: `neighbour/pod${i}`,
      origin,
      namespace,
      linkKey: key,
      address: own.gateway as IpAddress,
      macAddress: POD_MAC,
    },
    file,
  ];
}

/** What a bridge binding of the pod `ext` asks for. */
function boundObjects(profile: "legacy" | "modern"): StateObject[] {
  const namespace = "ext";
  const bridgeName = profile === "modern" ? "k6t-eth0" : "br1";
  const bridgeKey = `${POD_KEY} bridge`;
  const mac = "0a:00:00:00:00:02" as MacAddress;
  const nicName = profile === "modern" ? "eth0-nic" : "eth0";
  const common = [
    bridge(bridgeKey, namespace, bridgeName, { macAddress: mac }),
    sysctl(`${POD_KEY} arp_ignore`, namespace, "net/ipv4/conf/all/arp_ignore", "1"),
    sysctl(`${POD_KEY} disable_ipv6`, namespace, `net/ipv6/conf/${nicName}/disable_ipv6`, "1"),
    {
      kind: "link",
      key: POD_KEY,
      origin: "binding",
      namespace,
      name: nicName,
      link: { type: "adopted", adoptedIndex: 2 },
      macAddress: mac,
      up: true,
      masterKey: bridgeKey,
      learning: profile === "legacy",
    },
    tap(`${POD_KEY} tap`, namespace, bridgeKey),
    address(`${POD_KEY} server`, namespace, bridgeKey, profile === "modern" ? "169.254.75.10" : "169.254.75.86", 32),
    nft(`${POD_KEY} nft`, namespace, `chain forward { } # ${profile}`),
  ] satisfies StateObject[];
  if (profile === "legacy") return common;
  return [
    ...common,
    {
      kind: "link",
      key: `${POD_KEY} stand-in`,
      origin: "binding",
      namespace,
      name: "eth0",
      link: { type: "dummy" },
      macAddress: POD_MAC,
      mtuBytes: 1450,
      up: false,
    },
    address(`${POD_KEY} stand-in address`, namespace, `${POD_KEY} stand-in`, "10.244.1.17", 24),
  ];
}

function takenAway(): StateObject[] {
  const hop = { linkKey: POD_KEY };
  const common = { type: 1, table: 254, tos: 0, protocol: 3 };
  return [
    { ...address(`${POD_KEY} address 4`, "ext", POD_KEY, "10.244.1.17", 24), scope: 0, flags: 0x80 },
    { ...address(`${POD_KEY} address 6`, "ext", POD_KEY, "2001:db8:1::17", 64), scope: 0, flags: 0x80 },
    { ...routeTo(`${POD_KEY} link route`, "ext", "10.244.0.0/16", hop), ...common, scope: 253 },
    {
      ...routeTo(`${POD_KEY} far route`, "ext", "198.51.100.0/24", { ...hop, gateway: "10.244.0.1" as IpAddress }),
      ...common,
      scope: 0,
    },
    {
      ...routeTo(`${POD_KEY} default route`, "ext", "0.0.0.0/0", { ...hop, gateway: "10.244.1.1" as IpAddress }),
      ...common,
      scope: 0,
    },
    {
      ...routeTo(`${POD_KEY} default route 6`, "ext", "::/0", { ...hop, gateway: "2001:db8:1::1" as IpAddress }),
      ...common,
      metric: 1024,
      scope: 0,
    },
    {
      kind: "neighbour",
      key: `${POD_KEY} neighbour`,
      origin: "pod",
      namespace: "ext",
      linkKey: POD_KEY,
      address: "10.244.1.9" as IpAddress,
      macAddress: "0a:58:00:00:00:09" as MacAddress,
      state: 0x80,
    },
  ];
}

function bridge(
  key: string,
  namespace: string,
  name: string,
  more: { up?: boolean; macAddress?: MacAddress } = {},
): StateObject {
  return {
    kind: "link",
    key,
    origin: key,
    namespace,
    name,
    link: { type: "bridge" },
    mtuBytes: 1450,
    up: true,
    ...more,
  };
}

function tap(key: string, namespace: string, masterKey: string): StateObject {
  return {
    kind: "link",
    key,
    origin: key,
    namespace,
    name: "tap0",
    link: { type: "tap", ownerUid: 107 },
    mtuBytes: 1450,
    up: true,
    masterKey,
  };
}

function sysctl(key: string, namespace: string, path: string, value: string): StateObject {
  return { kind: "sysctl", key, origin: key, namespace, path, value };
}

function nft(key: string, namespace: string, rules: string): StateObject {
  return {
    kind: "nft-table",
    key,
    origin: key,
    namespace,
    family: namespace === "" ? "inet" : "bridge",
    name: "netloom",
    rules,
  };
}

function address(key: string, namespace: string, linkKey: string, text: string, prefixLength: number): AddressObject {
  return { kind: "address", key, origin: key, namespace, linkKey, address: text as IpAddress, prefixLength };
}

function routeTo(
  key: string,
  namespace: string,
  destination: string,
  hop: RouteObject["nextHops"][number],
): RouteObject {
  return { kind: "route", key, origin: key, namespace, destination: parsePrefix(destination), nextHops: [hop] };
}

/** What is kept once `desired` stands, as the engine keeps it. */
export function recordOf(
  desired: Desired,
  originals: Readonly<Record<string, StateObject>>,
  earlier?: OwnershipRecord,
): OwnershipRecord {
  const owned: Record<string, OwnedObject> = {};
  for (const object of desired.objects) {
    const original = earlier?.owned[object.key]?.original ?? originals[object.key];
    owned[object.key] = original === undefined ? { object } : { object, original };
  }
  for (const { key } of desired.absent) {
    const original = earlier?.owned[key]?.original ?? originals[key];
    if (original !== undefined) owned[key] = { original };
  }
  return { version: 1, name: "test", source: "test.yaml", owned, desired };
}
