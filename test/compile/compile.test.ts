import { describe, expect, test } from "vitest";
import { parseIp } from "../../src/base/address.ts";
import { allocationsOf } from "../../src/compile/allocations.ts";
import type { Facts } from "../../src/compile/facts.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { NftTableObject } from "../../src/state/object/kernel.ts";
import { byKey, compiled, HOST, link } from "./host.ts";

const UPLINK = "version: 1\nuplinks: { wan: { device: eth0 } }\n";
const NETWORK = "networks: { lan: { subnet: 192.0.2.0/24 } }\n";
const ROUTED = `${UPLINK}${NETWORK}routers: { edge: { networks: [lan], uplink: wan } }\n`;
const PODS = `${ROUTED}machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 192.0.2.10 }] }
  pod2: { kind: namespace, nics: [{ network: lan }] }
`;
const VM = `${PODS}  vm1: { kind: vm, in: pod1, kernel: k, initrd: i, append: quiet, memory: 128M, cpus: 2 }\n`;

function rulesOf(objects: readonly StateObject[]): string {
  return (
    objects.find((object): object is NftTableObject => object.kind === "nft-table" && object.namespace === "")?.rules ??
    ""
  );
}

describe("a bridge network", () => {
  test("is a bridge without waiting times, with the gateway's address", () => {
    const objects = byKey(compiled(PODS));
    expect(objects.get("link/lan")).toMatchObject({
      kind: "link",
      namespace: "",
      name: "lan",
      link: { type: "bridge", stp: false, forwardDelayCentiseconds: 0 },
      up: true,
    });
    expect(objects.get("address/lan/192.0.2.1")).toMatchObject({
      linkKey: "link/lan",
      address: "192.0.2.1",
      prefixLength: 24,
    });
  });

  test("has the uplink's MTU on every link", () => {
    const links = compiled(VM).desired.objects.filter((object) => object.kind === "link");
    expect(links.length).toBeGreaterThan(6);
    for (const link of links) expect(link.mtuBytes).toBe(1450);
  });

  test("has 1500 without an uplink, and never more than a veth takes", () => {
    expect(byKey(compiled(`version: 1\n${NETWORK}`)).get("link/lan")).toMatchObject({ mtuBytes: 1500 });
    const facts = { ...HOST, links: { eth0: link(2, "203.0.113.5/24", { mtuBytes: 65536 }) } };
    expect(byKey(compiled(ROUTED, facts)).get("link/lan")).toMatchObject({ mtuBytes: 65535 });
  });

  test("has the MTU that the file says, and a note when that is more than the uplink's", () => {
    const result = compiled(ROUTED.replace("192.0.2.0/24", "192.0.2.0/24, mtu: 9000"));
    expect(byKey(result).get("link/lan")).toMatchObject({ mtuBytes: 9000 });
    expect(result.notes).toContainEqual(expect.stringMatching(/lan has MTU 9000, its uplink eth0 only 1450/));
  });

  test("takes no part in IPv6, and is not asked to where the kernel has none or the MTU forbids it", () => {
    const path = "sysctl/net/ipv6/conf/lan/disable_ipv6";
    expect(byKey(compiled(ROUTED)).get(path)).toMatchObject({ value: "1" });
    const without: Facts = { ...HOST, features: { ...HOST.features, ipv6: false } };
    expect(JSON.stringify(compiled(VM, without).desired)).not.toMatch(/ipv6/);
    expect(JSON.stringify(compiled(VM.replace("192.0.2.0/24", "192.0.2.0/24, mtu: 1279")).desired)).not.toMatch(/ipv6/);
  });

  test("that no router leads out of is not forwarded from", () => {
    const objects = compiled(`version: 1\n${NETWORK}`).desired.objects;
    expect(objects).toContainEqual(expect.objectContaining({ path: "net/ipv4/conf/lan/forwarding", value: "0" }));
    expect(rulesOf(objects)).toBe("");
  });
});

describe("a router", () => {
  test("forwards on its own interfaces only, never on all", () => {
    const forwarding = compiled(ROUTED).desired.objects.flatMap((object) =>
      object.kind === "sysctl" && /forward/.test(object.path) ? [`${object.path}=${object.value}`] : [],
    );
    expect(forwarding).toEqual(["net/ipv4/conf/lan/forwarding=1", "net/ipv4/conf/eth0/forwarding=1"]);
  });

  test("translates what leaves the subnet, and drops what begins outside", () => {
    expect(rulesOf(compiled(ROUTED).desired.objects)).toBe(
      [
        "chain postrouting {",
        "  type nat hook postrouting priority srcnat; policy accept;",
        '  ip saddr 192.0.2.0/24 ip daddr != 192.0.2.0/24 oifname "eth0" masquerade',
        "}",
        "chain forward {",
        "  type filter hook forward priority filter; policy accept;",
        '  iifname "lan" oifname "lan" accept',
        '  iifname "lan" oifname "eth0" ip saddr 192.0.2.0/24 accept',
        '  iifname "eth0" oifname "lan" ct state established,related accept',
        '  oifname "lan" drop',
        '  iifname "lan" drop',
        "}",
      ].join("\n"),
    );
  });

  test("without translation lets the outside in", () => {
    const rules = rulesOf(compiled(ROUTED.replace("uplink: wan", "uplink: wan, nat: none")).desired.objects);
    expect(rules).not.toMatch(/masquerade/);
    expect(rules).toMatch(/iifname "eth0" oifname "lan" accept/);
  });

  test("connects its own networks both ways, not those of another router", () => {
    const rules = rulesOf(
      compiled(`${UPLINK}networks:
  a: { subnet: 192.0.2.0/26 }
  b: { subnet: 192.0.2.64/26 }
  c: { subnet: 192.0.2.128/26 }
routers:
  one: { networks: [a, b], uplink: wan }
  two: { networks: [c], uplink: wan }
`).desired.objects,
    );
    expect(rules).toMatch(/iifname "a" oifname "b" accept/);
    expect(rules).toMatch(/iifname "b" oifname "a" accept/);
    expect(rules).not.toMatch(/"c" oifname "[ab]"|"[ab]" oifname "c"/);
    expect(rules.indexOf("drop")).toBeGreaterThan(rules.lastIndexOf(" accept\n"));
  });

  test("names its table after the file, in letters that nft takes", () => {
    const table = byKey(compiled(`name: my-office\n${ROUTED}`)).get("nft/my-office");
    expect(table).toMatchObject({ kind: "nft-table", family: "ip", name: "netloom_my-office", namespace: "" });
  });
});

describe("beside forward chains of others that drop", () => {
  const DOCKER: Facts = {
    ...HOST,
    foreignForwardDrops: [{ name: "ip filter FORWARD", family: 4, backend: "nft", hasDockerUser: true }],
  };

  test("accept rules open exactly our own ways, in the chain that Docker keeps for others", () => {
    const result = compiled(ROUTED, DOCKER);
    const rules = result.desired.objects.flatMap((object) =>
      object.kind === "foreign-accept"
        ? [
            `${object.backend} ${object.chain} ${object.inInterface}->${object.outInterface}${object.establishedOnly === true ? " established" : ""}`,
          ]
        : [],
    );
    expect(rules).toEqual([
      "nft DOCKER-USER lan->lan",
      "nft DOCKER-USER lan->eth0",
      "nft DOCKER-USER eth0->lan established",
    ]);
    expect(result.notes).toContainEqual(expect.stringMatching(/ip filter FORWARD .* drops .*DOCKER-USER/));
  });

  test("without Docker's chain they go into FORWARD", () => {
    const facts: Facts = {
      ...HOST,
      foreignForwardDrops: [{ name: "legacy filter FORWARD", family: 4, backend: "legacy", hasDockerUser: false }],
    };
    const rules = compiled(ROUTED, facts).desired.objects.filter((object) => object.kind === "foreign-accept");
    expect(rules.length).toBe(3);
    for (const rule of rules) expect(rule).toMatchObject({ backend: "legacy", chain: "FORWARD" });
  });

  test("an isolated network is let through to itself", () => {
    const rules = compiled(`version: 1\n${NETWORK}`, DOCKER).desired.objects.filter(
      (object) => object.kind === "foreign-accept",
    );
    expect(rules).toMatchObject([{ inInterface: "lan", outInterface: "lan" }]);
  });

  test("a chain that takes no rule of ours is told by name", () => {
    const facts: Facts = {
      ...HOST,
      foreignForwardDrops: [
        { name: "inet firewalld filter_FORWARD", family: 4, backend: "native", hasDockerUser: false },
      ],
    };
    const result = compiled(ROUTED, facts);
    expect(result.desired.objects.filter((object) => object.kind === "foreign-accept")).toEqual([]);
    expect(result.notes).toContainEqual(expect.stringMatching(/inet firewalld filter_FORWARD/));
  });
});

describe("a namespace machine", () => {
  test("has a veth pair into the bridge, its address, its default route", () => {
    const objects = byKey(compiled(PODS));
    expect(objects.get("namespace/pod1")).toMatchObject({ kind: "namespace", name: "pod1" });
    expect(objects.get("link/pod1/0/host")).toMatchObject({
      namespace: "",
      name: "pod1-eth0",
      link: { type: "veth", peerKey: "link/pod1/0" },
      masterKey: "link/lan",
      up: true,
    });
    expect(objects.get("link/pod1/0")).toMatchObject({
      namespace: "pod1",
      name: "eth0",
      link: { type: "veth-peer", peerKey: "link/pod1/0/host" },
      macAddress: expect.stringMatching(/^.[26ae]:/),
      up: true,
    });
    expect(objects.get("address/pod1/0/192.0.2.10")).toMatchObject({
      namespace: "pod1",
      linkKey: "link/pod1/0",
      prefixLength: 24,
    });
    expect(objects.get("route/pod1/default")).toMatchObject({
      namespace: "pod1",
      destination: { address: "0.0.0.0", length: 0 },
      nextHops: [{ linkKey: "link/pod1/0", gateway: "192.0.2.1" }],
    });
  });

  test("with several NICs has one default route, through the network that leads out", () => {
    const routes = compiled(`${UPLINK}networks: { back: { subnet: 198.51.100.0/24 }, lan: { subnet: 192.0.2.0/24 } }
routers: { edge: { networks: [lan], uplink: wan } }
machines: { pod1: { kind: namespace, nics: [{ network: back }, { network: lan }] } }
`).desired.objects.filter((object) => object.kind === "route");
    expect(routes).toMatchObject([{ nextHops: [{ linkKey: "link/pod1/1", gateway: "192.0.2.1" }] }]);
  });

  test("one pod more changes nothing of what there is", () => {
    const before = compiled(PODS).desired.objects;
    const after = byKey(compiled(`${PODS}  pod3: { kind: namespace, nics: [{ network: lan }] }\n`));
    for (const object of before) expect(after.get(object.key)).toEqual(object);
  });
});

describe("names", () => {
  function resolvConf(text: string, facts: Facts = HOST): string {
    const file = byKey(compiled(text, facts)).get("file/pod1/resolv.conf");
    if (file?.kind !== "file") throw new Error("no resolv.conf");
    expect(file).toMatchObject({ path: "/etc/netns/pod1/resolv.conf", mode: 0o644 });
    return file.content.replace(/^#.*\n/, "");
  }

  test("a routed network passes on the host's servers and search domains", () => {
    expect(resolvConf(PODS)).toBe("nameserver 203.0.113.53\nsearch example.org\n");
  });

  test("the network's own servers come before the host's, and the machine's before those", () => {
    const network = PODS.replace("192.0.2.0/24", "192.0.2.0/24, dns: { servers: [192.0.2.53], search: [lan.example] }");
    expect(resolvConf(network)).toBe("nameserver 192.0.2.53\nsearch lan.example\n");
    const machine = network.replace(
      "address: 192.0.2.10 }]",
      "address: 192.0.2.10 }], dns: { servers: [198.51.100.53] }",
    );
    expect(resolvConf(machine)).toBe("nameserver 198.51.100.53\nsearch lan.example\n");
  });

  test("the host's loopback and IPv6 servers are left out, and the plan says so", () => {
    const servers = ["127.0.0.53", "203.0.113.53", "2001:db8::53"].map(parseIp);
    const facts: Facts = { ...HOST, resolver: { servers, search: [] } };
    expect(resolvConf(PODS, facts)).toBe("nameserver 203.0.113.53\n");
    expect(compiled(PODS, facts).notes).toContainEqual(expect.stringMatching(/not told .*127\.0\.0\.53, 2001:db8::53/));
  });

  test("when none is left the plan says what to write", () => {
    const facts: Facts = { ...HOST, resolver: { servers: [], search: ["example.org"] } };
    expect(resolvConf(PODS, facts)).toBe("");
    expect(compiled(PODS, facts).notes).toContainEqual(
      expect.stringMatching(/lan are told no name server.*dns: \{ servers/),
    );
  });
});

describe("a VM in a pod", () => {
  test("the pod's NIC keeps its key, its peer and its MTU when the VM takes it over", () => {
    const before = byKey(compiled(PODS));
    const after = byKey(compiled(VM));
    expect(after.get("link/pod1/0/host")).toEqual(before.get("link/pod1/0/host"));
    expect(after.get("link/pod1/0")).toMatchObject({
      kind: "link",
      namespace: "pod1",
      link: { type: "veth-peer", peerKey: "link/pod1/0/host" },
    });
    expect(after.get("link/pod1/0")).not.toMatchObject({ name: "eth0" });
    expect(after.has("address/pod1/0/192.0.2.10")).toBe(false);
    expect(after.has("route/pod1/default")).toBe(false);
    for (const [key, object] of before)
      if (key.includes("pod2") || key.includes("lan")) expect(after.get(key)).toEqual(object);
  });

  test("the guest is told what the pod had", () => {
    const pod = byKey(compiled(PODS)).get("link/pod1/0");
    const server = compiled(VM).desired.objects.find((object) => object.kind === "dhcp-single");
    expect(server).toMatchObject({
      namespace: "pod1",
      clientMac: pod?.kind === "link" ? pod.macAddress : undefined,
      lease: {
        address: "192.0.2.10",
        prefixLength: 24,
        router: "192.0.2.1",
        nameServers: ["203.0.113.53"],
        searchDomains: ["example.org"],
        hostName: "pod1",
        mtuBytes: 1450,
      },
    });
  });

  test("QEMU runs in the pod, on the binding's tap, with the pod's MAC", () => {
    const objects = byKey(compiled(VM));
    const pod = byKey(compiled(PODS)).get("link/pod1/0");
    expect(objects.get("vm/vm1")).toMatchObject({
      kind: "vm",
      name: "vm1",
      namespace: "pod1",
      memoryMebibytes: 128,
      cpus: 2,
      accelerator: "auto",
      kernel: "/srv/k",
      initrd: "/srv/i",
      append: "quiet",
      nics: [{ tapName: "tap0", macAddress: pod?.kind === "link" ? pod.macAddress : undefined, mtuBytes: 1450 }],
    });
  });

  test("a second VM in a second pod has a server and a tap of its own", () => {
    const objects = compiled(`${VM}  vm2: { kind: vm, in: pod2, image: disk }\n`).desired.objects;
    const servers = objects.filter((object) => object.kind === "dhcp-single");
    expect(servers.map((server) => [server.namespace, server.lease.address])).toEqual([
      ["pod1", "192.0.2.10"],
      ["pod2", "192.0.2.2"],
    ]);
    const vms = objects.filter((object) => object.kind === "vm");
    expect(new Set(vms.flatMap((vm) => vm.nics.map((nic) => nic.tapKey))).size).toBe(2);
  });

  test("a NIC that the VM does not bind stays the pod's", () => {
    const objects = byKey(
      compiled(VM.replace("address: 192.0.2.10 }", "address: 192.0.2.10 }, { network: lan, address: 192.0.2.11 }")),
    );
    expect(objects.get("link/pod1/1")).toMatchObject({ name: "eth1" });
    expect(objects.has("address/pod1/1/192.0.2.11")).toBe(true);
  });

  test.each(["modern", "legacy"])("addresses are found again in what was applied, %s profile", (profile) => {
    const text = VM.replace("cpus: 2", `cpus: 2, nics: [{ binding: bridge, profile: ${profile} }]`);
    expect(Object.fromEntries(allocationsOf(compiled(text).desired))).toEqual({
      "pod1/0": "192.0.2.10",
      "pod2/0": "192.0.2.2",
    });
  });
});

test("keys are unique, and every link that is named exists", () => {
  for (const text of [
    PODS,
    VM,
    `${VM}  vm2: { kind: vm, in: pod2, image: disk, nics: [{ binding: bridge, profile: legacy }] }\n`,
  ]) {
    const { objects } = compiled(text, { ...HOST, features: { ...HOST.features, dummy: false } }).desired;
    const keys = objects.map((object) => object.key);
    expect(new Set(keys).size).toBe(keys.length);
    const named = JSON.stringify(objects).matchAll(/"(?:linkKey|masterKey|peerKey|tapKey)":"([^"]*)"/g);
    for (const [, key] of named) expect(keys).toContain(key);
  }
});

test("the same file on the same host is the same state", () => {
  expect(compiled(VM)).toEqual(compiled(VM));
});
