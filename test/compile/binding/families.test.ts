/** What each binding asks for, by family and profile: the whole of it, as lines that a person can check. */
import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../src/base/address.ts";
import { addressesTold, type BindingKind, bindPod } from "../../../src/compile/binding/binding.ts";
import { refuseSecondMasquerade } from "../../../src/compile/binding/masquerade.ts";
import type { PodBinding } from "../../../src/compile/binding/pod-binding.ts";
import type { StateObject } from "../../../src/state/object.ts";
import { POD_MAC, pod, type PodText } from "./pod.ts";

const IP4 = { addresses: ["192.0.2.5/24"], routes: ["default via 192.0.2.1"] };
const IP6 = {
  addresses: ["2001:db8::5/64", "fe80::858:c0ff:fe00:205/64"],
  routes: ["::/0 via 2001:db8::1 metric 1024"],
  neighbours: ["2001:db8::1 02:00:00:00:00:01 2"],
  link: { ipv6AddressGeneration: 0 },
};
const BOTH = {
  ...IP6,
  addresses: [...IP4.addresses, ...IP6.addresses],
  routes: [...IP4.routes, ...IP6.routes],
};

function bind(kind: BindingKind, text: PodText, more: Partial<PodBinding> = {}) {
  const binding = {
    pod: pod(text),
    profile: "modern",
    features: { dummy: true },
    nicIndex: 0,
    tapName: "tap0",
  } as const;
  return bindPod(kind, { ...binding, ...more });
}

function line(object: StateObject): string {
  switch (object.kind) {
    case "link": {
      const on = "parentKey" in object.link ? `, ${object.link.mode}` : "";
      return `${object.link.type} ${object.name}${on}${object.up === false ? ", down" : ""}`;
    }
    case "address":
      return `address ${object.address}/${object.prefixLength}`;
    case "sysctl":
      return `${object.path}=${object.value}`;
    case "nft-table":
      return `nft ${object.family} ${object.name}`;
    case "dhcp-single":
      return `DHCP on ${object.interfaceName} from ${object.serverAddress}: ${object.lease.address}/${object.lease.prefixLength} via ${object.lease.router}`;
    case "ip6-single": {
      const { addresses, prefixes, defaultRouter } = object.lease;
      const told = prefixes.map(
        ({ prefix, autonomous }) => `${prefix.address}/${prefix.length}${autonomous ? " autonomous" : ""}`,
      );
      const router = defaultRouter ? `router ${object.routerAddress} at ${object.routerMac ?? "its own"}` : "no router";
      return `IPv6 on ${object.interfaceName}: ${[...addresses, ...told].join(", ")}, ${router}`;
    }
    default:
      return object.kind;
  }
}

const lines = (...words: Parameters<typeof bind>): string[] => bind(...words).desired.objects.map(line);

const NO_IPV6 = "net/ipv6/conf/k6t-eth0/disable_ipv6=1";
const DHCP = "192.0.2.5/24 via 192.0.2.1";
const IP6_TOLD = "2001:db8::5, 2001:db8::/64, router fe80::6e6c:2 at 02:00:00:00:00:01";
const MODERN = ["bridge k6t-eth0", "net/ipv4/conf/k6t-eth0/arp_ignore=1"];
const PORTS = [
  "adopted eth0-nic",
  "tap tap0",
  "address 169.254.75.10/32",
  "nft bridge netloom_bind_eth0",
  "dummy eth0, down",
];

describe("bridge, modern", () => {
  test("IPv4", () => {
    expect(lines("bridge", IP4)).toEqual([
      ...MODERN,
      ...PORTS,
      "address 192.0.2.5/24",
      `DHCP on tap0 from 169.254.75.10: ${DHCP}`,
    ]);
  });

  test("IPv6", () => {
    expect(lines("bridge", IP6)).toEqual([
      ...MODERN,
      NO_IPV6,
      ...PORTS,
      "address 2001:db8::5/64",
      `IPv6 on tap0: ${IP6_TOLD}`,
    ]);
  });

  test("both", () => {
    expect(lines("bridge", BOTH)).toEqual([
      ...MODERN,
      NO_IPV6,
      ...PORTS,
      "address 192.0.2.5/24",
      "address 2001:db8::5/64",
      `DHCP on tap0 from 169.254.75.10: ${DHCP}`,
      `IPv6 on tap0: ${IP6_TOLD}`,
    ]);
  });
});

test("bridge, legacy, both families", () => {
  expect(lines("bridge", BOTH, { profile: "legacy" })).toEqual([
    "bridge br1",
    "net/ipv6/conf/br1/disable_ipv6=1",
    "adopted eth0",
    "tap tap0",
    "address 169.254.75.86/32",
    "nft bridge netloom_bind_eth0",
    `DHCP on tap0 from 169.254.75.86: ${DHCP}`,
    `IPv6 on tap0: ${IP6_TOLD}`,
  ]);
});

describe("the IPv6 router of a guest that takes the pod's place", () => {
  const router = (text: PodText): string | undefined => lines("bridge", { ...IP6, ...text }).at(-1);

  test("a link-local gateway is itself the router and answers for itself", () => {
    expect(router({ routes: ["::/0 via fe80::1 metric 1024"] })).toContain("router fe80::1 at its own");
  });

  test("a gateway that did not tell its MAC address: no default route, and it is said", () => {
    expect(router({ neighbours: [] })).toContain("no router");
    expect(bind("bridge", { ...IP6, neighbours: [] }).notes.join()).toContain("2001:db8::1 does not answer");
  });

  test("an address that SLAAC makes of the MAC is left to SLAAC; so is no other", () => {
    const text = { ...IP6, addresses: ["2001:db8::858:c0ff:fe00:205/64"] };
    expect(router(text)).toContain(": 2001:db8::/64 autonomous, ");
    expect(addressesTold(bind("bridge", text).desired)).toEqual(["2001:db8::858:c0ff:fe00:205/64"]);
    expect(router({ addresses: ["2001:db8::858:c0ff:fe00:206/64"] })).toContain(
      ": 2001:db8::858:c0ff:fe00:206, 2001:db8::/64, ",
    );
    expect(router({ addresses: ["2001:db8::858:c0ff:fe00:205/80"] })).not.toContain("autonomous");
  });

  test("an address alone in its prefix is told without the prefix", () => {
    expect(router({ addresses: ["2001:db8::5/128"] })).toContain(": 2001:db8::5, router");
  });
});

describe("masquerade", () => {
  const V4 = [
    "address 10.0.2.1/24",
    "net/ipv4/conf/eth0/forwarding=1",
    "net/ipv4/conf/k6t-eth0/forwarding=1",
    "net/ipv4/conf/k6t-eth0/route_localnet=1",
    "nft ip netloom_masquerade_eth0",
  ];
  const V6 = [
    "address fd10:0:2::1/120",
    "address fe80::1/64",
    "net/ipv6/conf/eth0/accept_ra=2",
    "net/ipv6/conf/all/forwarding=1",
    "nft ip6 netloom_masquerade_eth0",
  ];
  const DHCP4 = "DHCP on tap0 from 10.0.2.1: 10.0.2.2/24 via 10.0.2.1";
  const DHCP6 = "IPv6 on tap0: fd10:0:2::2, fd10:0:2::/120, router fe80::1 at its own";
  const LINKS = ["bridge k6t-eth0", "tap tap0"];

  test.each([
    ["IPv4", IP4, [...LINKS, ...V4, "nft bridge netloom_bind_eth0", DHCP4]],
    ["IPv6", IP6, [...LINKS, ...V6, "nft bridge netloom_bind_eth0", DHCP6]],
    ["both", BOTH, [...LINKS, ...V4, ...V6, "nft bridge netloom_bind_eth0", DHCP4, DHCP6]],
  ])("%s: only the families that the pod has", (_, text, expected) => {
    expect(lines("masquerade", text)).toEqual(expected);
  });

  test("the pod keeps everything, and the guest has a MAC address of its own", () => {
    const bound = bind("masquerade", BOTH);
    expect(bound).toMatchObject({ keepsPod: true, desired: { absent: [] } });
    expect(bound.guestMac).not.toBe(POD_MAC);
    expect(bound.notes.join()).toContain("::1");
  });

  const rulesOf = (more: Partial<PodBinding>): string =>
    bind("masquerade", IP4, more).desired.objects.flatMap((object) =>
      object.kind === "nft-table" && object.family === "ip" ? [object.rules] : [],
    )[0]!;

  test("all ports but those of migration, or a list", () => {
    expect(rulesOf({})).toMatch(/KUBEVIRT_PREINBOUND \{\n +tcp dport \{ 49152, 49153 \} return\n +dnat to 10\.0\.2\.2/);
    const ports = [
      { protocol: "tcp", port: 80 },
      { protocol: "tcp", port: 443 },
      { protocol: "udp", port: 53 },
    ] as const;
    const listed = rulesOf({ ports });
    expect(listed).toMatch(
      /KUBEVIRT_PREINBOUND \{\n +tcp dport \{ 80, 443 \} dnat to 10\.0\.2\.2\n +udp dport \{ 53 \} dnat to 10\.0\.2\.2\n/,
    );
    expect(listed).not.toContain("49152");
  });

  test("one in a namespace", () => {
    const code = expect.objectContaining({ code: "second-masquerade" });
    expect(() => bind("masquerade", IP4, { nicIndex: 1 })).toThrowError(code);
    expect(() => refuseSecondMasquerade("net1", [parseIpv6("fd10:0:2::1")])).toThrowError(code);
    expect(() => refuseSecondMasquerade("net1", [parseIpv6("fd10:0:2::1:1")])).not.toThrowError();
  });

  test("a pod without an address has nothing to hide behind", () => {
    expect(() => bind("masquerade", {})).toThrowError(expect.objectContaining({ code: "no-address" }));
  });
});

describe("macvtap", () => {
  const LINKS = ["adopted eth0", "macvtap tap0, bridge"];
  const HELPER = "macvlan eth0-own, bridge";
  const TABLE = "nft netdev netloom_bind_eth0";
  const DHCP4 = `DHCP on eth0-own from 169.254.75.10: ${DHCP}`;
  const DHCP6 = `IPv6 on eth0-own: ${IP6_TOLD}`;

  test.each([
    ["IPv4", IP4, [...LINKS, HELPER, TABLE, DHCP4]],
    ["IPv6", IP6, [...LINKS, HELPER, "net/ipv6/conf/eth0-own/disable_ipv6=1", TABLE, DHCP6]],
    ["both", BOTH, [...LINKS, HELPER, "net/ipv6/conf/eth0-own/disable_ipv6=1", TABLE, DHCP4, DHCP6]],
  ])("%s", (_, text, expected) => {
    expect(lines("macvtap", text)).toEqual(expected);
  });

  test("the macvtap has the pod's MAC address, and all three differ", () => {
    const macs = bind("macvtap", IP4).desired.objects.flatMap((object) =>
      object.kind === "link" ? [object.macAddress] : [],
    );
    expect(macs[1]).toBe(POD_MAC);
    expect(new Set(macs).size).toBe(3);
  });

  test("the guest looks for the server on the link, where it renews", () => {
    const [dhcp] = bind("macvtap", IP4).desired.objects.filter((object) => object.kind === "dhcp-single");
    expect(
      dhcp?.lease.routes.map(({ destination, gateway }) => `${destination.address}/${destination.length} ${gateway}`),
    ).toEqual(["169.254.75.10/32 0.0.0.0", "0.0.0.0/0 192.0.2.1"]);
  });

  test.each([
    ["dhcp none", { dhcp: "none" }],
    ["nft without the hook for what leaves", { features: { dummy: true, netdevEgress: false } }],
  ] as const)("%s: the guest is told nothing, and nothing is made for it", (_, more) => {
    expect(lines("macvtap", BOTH, more)).toEqual(LINKS);
  });

  test("a pod without an address is plain layer 2", () => {
    expect(lines("macvtap", {})).toEqual(LINKS);
    expect(bind("macvtap", {}).notes.join()).toContain("layer 2");
  });
});
