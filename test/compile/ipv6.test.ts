/** What subnet6 of a network comes to. */
import { describe, expect, test } from "vitest";
import { parseIp, parsePrefix } from "../../src/base/address.ts";
import { allocationsOf } from "../../src/compile/allocations.ts";
import type { Facts } from "../../src/compile/facts.ts";
import type { StateObject } from "../../src/state/object.ts";
import { byKey, compiled, HOST, link } from "./host.ts";

const FILE = `version: 1
uplinks: { wan: { device: eth0 } }
networks:
  lan: { subnet: 192.0.2.0/25, subnet6: "fd00:50::/64" }
  old: { subnet: 192.0.2.128/26 }
  iso: { subnet: 192.0.2.192/26, subnet6: "fd00:60::/64" }
routers: { edge: { networks: [lan, old], uplink: wan } }
machines:
  pod1: { kind: namespace, nics: [{ network: old }, { network: lan }, { network: iso }] }
`;
const VM = `${FILE}  vm1: { kind: vm, in: pod1, image: a, nics: [{ binding: bridge }, { binding: bridge }] }\n`;

/** Before 6.17: forwarding of IPv6 is one switch. */
const OLD_KERNEL: Facts = {
  ...HOST,
  links: { ...HOST.links, eth1: link(3, "198.51.100.2/24", { acceptsAdvertisements: false }) },
  features: { ...HOST.features, forwardsByInterface: false },
};

function parameters(objects: readonly StateObject[], pattern: RegExp): string[] {
  return objects.flatMap((object) =>
    object.kind === "sysctl" && pattern.test(object.path) ? [`${object.path}=${object.value}`] : [],
  );
}

function rules6(facts: Facts = HOST, text = FILE): string {
  const table = compiled(text, facts).desired.objects.find(
    (object) => object.kind === "nft-table" && object.family === "ip6",
  );
  return table?.kind === "nft-table" ? table.rules : "";
}

describe("a network with an IPv6 subnet", () => {
  test("has the gateway and fe80::1 on its bridge, usable at once", () => {
    const objects = byKey(compiled(FILE));
    expect(objects.get("address/lan/fd00:50::1")).toMatchObject({ linkKey: "link/lan", prefixLength: 64, flags: 2 });
    expect(objects.get("address/lan/fe80::1")).toMatchObject({ linkKey: "link/lan", prefixLength: 64, flags: 2 });
  });

  test("heeds no router advertisement, and a network without one takes no part in IPv6", () => {
    const { objects } = compiled(FILE).desired;
    expect(parameters(objects, /ipv6.*(disable_ipv6|accept_ra)/)).toEqual([
      "net/ipv6/conf/lan/disable_ipv6=0",
      "net/ipv6/conf/lan/accept_ra=0",
      "net/ipv6/conf/old/disable_ipv6=1",
      "net/ipv6/conf/iso/disable_ipv6=0",
      "net/ipv6/conf/iso/accept_ra=0",
    ]);
  });

  test("whose kernel has no IPv6, or whose MTU is too small for it, cannot be planned", () => {
    const without: Facts = { ...HOST, features: { ...HOST.features, ipv6: false } };
    expect(() => compiled(FILE, without)).toThrow(/lan\.subnet6: this kernel has no IPv6/);
    const small = FILE.replace("192.0.2.0/25,", "192.0.2.0/25, mtu: 1279,");
    expect(() => compiled(small)).toThrow(/lan\.subnet6: IPv6 needs an MTU of 1280 bytes, this network has 1279/);
  });

  test("whose subnet the host uses cannot be planned", () => {
    const links = { ...HOST.links, tun0: link(9, "fd00:50::7/64") };
    expect(() => compiled(FILE, { ...HOST, links })).toThrow(
      /lan\.subnet6: overlaps the address fd00:50::7\/64 of tun0/,
    );
  });
});

describe("a machine", () => {
  test("has an address of each family, and one from which it asks for neighbours", () => {
    const objects = byKey(compiled(FILE));
    const own = [...objects.values()].flatMap((object) =>
      object.kind === "address" && object.linkKey === "link/pod1/1" ? [object] : [],
    );
    expect(own.map(({ address, prefixLength, flags }) => [address, prefixLength, flags])).toEqual([
      ["192.0.2.2", 25, undefined],
      [expect.stringMatching(/^fe80::.*ff:fe/), 64, 2],
      ["fd00:50::2", 64, 2],
    ]);
  });

  test("has one default route for each family, each through the first NIC that leads out", () => {
    const objects = byKey(compiled(FILE));
    expect(objects.get("route/pod1/default")).toMatchObject({ nextHops: [{ linkKey: "link/pod1/0" }] });
    expect(objects.get("route/pod1/default6")).toMatchObject({
      destination: { address: "::", length: 0 },
      nextHops: [{ linkKey: "link/pod1/1", gateway: "fd00:50::1" }],
    });
  });

  test("a VM that takes it over gets its IPv6 address, and the default route from the bridge's fe80::1", () => {
    const services = compiled(VM).desired.objects.filter((object) => object.kind === "ip6-single");
    expect(services).toMatchObject([
      {
        namespace: "pod1",
        routerAddress: "fe80::1",
        lease: { addresses: ["fd00:50::2"], defaultRouter: true, prefixes: [{ onLink: true, autonomous: false }] },
      },
    ]);
    expect(services[0]).not.toHaveProperty("routerMac");
  });

  test.each(["modern", "legacy"])("both addresses are found again in what was applied, %s profile", (profile) => {
    const vm = VM.replaceAll("binding: bridge", `binding: bridge, profile: ${profile}`);
    const found = {
      "pod1/0": "192.0.2.130",
      "pod1/1": "192.0.2.2",
      "pod1/1/6": "fd00:50::2",
      "pod1/2": "192.0.2.194",
      "pod1/2/6": "fd00:60::2",
    };
    for (const text of [FILE, vm]) expect(Object.fromEntries(allocationsOf(compiled(text).desired))).toEqual(found);
  });

  test("the pod's address and not the private one is found again behind masquerade", () => {
    const text = `${FILE}  vm1: { kind: vm, in: pod1, image: a, nics: [{ binding: masquerade, ports: [80/tcp] }] }\n`;
    expect(allocationsOf(compiled(text).desired).get("pod1/0")).toBe("192.0.2.130");
    const objects = byKey(compiled(text));
    expect(objects.get("address/pod1/0/192.0.2.130")).toEqual(byKey(compiled(FILE)).get("address/pod1/0/192.0.2.130"));
    expect(objects.get("route/pod1/default")).toBeDefined();
  });

  test("is told IPv6 name servers of the host only where it can reach them", () => {
    const servers = ["203.0.113.53", "2001:db8::53", "fe80::53", "::1"].map(parseIp);
    const facts: Facts = { ...HOST, resolver: { servers, search: [] } };
    const { desired, notes } = compiled(FILE.replace("{ network: old }, ", ""), facts);
    const file = desired.objects.find((object) => object.kind === "file");
    expect(file).toMatchObject({
      content: expect.stringMatching(/nameserver 203\.0\.113\.53\nnameserver 2001:db8::53\n$/),
    });
    expect(notes).toContainEqual(expect.stringMatching(/machines on lan are not told .* fe80::53, ::1,/));
    expect(notes).toContainEqual(expect.stringMatching(/machines on old are not told .* 2001:db8::53, fe80::53, ::1,/));
  });
});

describe("a router", () => {
  test("lets IPv6 out where there is any, translated, and nothing new in", () => {
    expect(rules6()).toBe(
      [
        "chain postrouting {",
        "  type nat hook postrouting priority srcnat; policy accept;",
        '  ip6 saddr fd00:50::/64 ip6 daddr != fd00:50::/64 oifname "eth0" masquerade',
        "}",
        "chain forward {",
        "  type filter hook forward priority filter; policy accept;",
        '  iifname "lan" oifname "lan" accept',
        '  iifname "lan" oifname "eth0" ip6 saddr fd00:50::/64 accept',
        '  iifname "eth0" oifname "lan" ct state established,related accept',
        '  iifname "iso" oifname "iso" accept',
        '  oifname "lan" drop',
        '  iifname "lan" drop',
        '  oifname "iso" drop',
        '  iifname "iso" drop',
        "}",
      ].join("\n"),
    );
  });

  test("turns forwarding on for its networks and the uplink alone", () => {
    expect(parameters(compiled(FILE).desired.objects, /ipv6.*forwarding/)).toEqual([
      "net/ipv6/conf/lan/force_forwarding=1",
      "net/ipv6/conf/iso/force_forwarding=0",
      "net/ipv6/conf/eth0/force_forwarding=1",
    ]);
  });

  test("on an older kernel turns it on for all, keeps others apart and their advertisements heeded", () => {
    const result = compiled(FILE, OLD_KERNEL);
    expect(parameters(result.desired.objects, /ipv6.*(forwarding|accept_ra)/)).toEqual([
      "net/ipv6/conf/lan/accept_ra=0",
      "net/ipv6/conf/iso/accept_ra=0",
      "net/ipv6/conf/eth0/accept_ra=2",
      "net/ipv6/conf/all/forwarding=1",
    ]);
    expect(rules6(OLD_KERNEL)).toMatch(/iifname { "eth0", "eth1" } oifname { "eth0", "eth1" } drop/);
    expect(result.notes).toContainEqual(expect.stringMatching(/for all interfaces or for none.*eth0, eth1 apart/));
  });

  test("on an older kernel that forwarded before leaves others as they were", () => {
    const facts: Facts = { ...OLD_KERNEL, forwardedIpv6: true };
    const { desired, notes } = compiled(FILE, facts);
    expect(parameters(desired.objects, /eth[01]\/accept_ra/)).toEqual([]);
    expect(rules6(facts)).not.toMatch(/eth1/);
    expect(notes.join()).not.toMatch(/for all interfaces/);
  });

  test("speaks of an uplink that has no IPv6 address, a link-local one aside", () => {
    expect(compiled(FILE).notes).toContainEqual(expect.stringMatching(/eth0 has no IPv6 address/));
    const addresses = ["203.0.113.5/24", "fe80::5/64", "2001:db8::5/64"].map(parsePrefix);
    const links = { ...HOST.links, eth0: link(2, "203.0.113.5/24", { addresses }) };
    expect(compiled(FILE, { ...HOST, links }).notes.join()).not.toMatch(/has no IPv6/);
  });

  test("opens its ways in forward chains of others of the same family", () => {
    const facts: Facts = {
      ...HOST,
      foreignForwardDrops: [{ name: "ip6 filter FORWARD", family: 6, backend: "nft", hasDockerUser: false }],
    };
    const ways = compiled(FILE, facts).desired.objects.flatMap((object) =>
      object.kind === "foreign-accept" ? [`${object.family} ${object.inInterface}->${object.outInterface}`] : [],
    );
    expect(ways).toEqual(["6 lan->lan", "6 old->old", "6 iso->iso", "6 lan->eth0", "6 eth0->lan"]);
  });
});
