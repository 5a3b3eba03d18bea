/** What facts of a host are found to mean. */
import { describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import type { HostFacts } from "../../../src/engine/doctor/facts.ts";
import type { Finding } from "../../../src/engine/doctor/finding.ts";
import { findingsOf } from "../../../src/engine/doctor/rules.ts";

/** A host with everything and with nothing in the way. */
const GOOD: HostFacts = {
  missingCapabilities: [],
  abilities: {
    virtualization: "vmx",
    kvm: { works: true, reason: "" },
    nftLibrary: true,
    programs: { nft: true, ip: true, nsenter: true, "qemu-system-x86_64": true, iptables: true },
    linkKinds: { bridge: true, veth: true, tun: true, dummy: true, macvlan: true, macvtap: true },
    nftFamilies: { ip: "", ip6: "", inet: "", bridge: "", netdev: "" },
    netdevEgress: true,
    tunDevice: "usable",
    qdiscs: { htb: true, clsact: true },
  },
  settings: {
    parameters: {
      "net/ipv4/ip_forward": "0",
      "net/ipv4/conf/all/rp_filter": "0",
      "net/ipv4/conf/eth0/rp_filter": "2",
      "net/ipv6/conf/all/disable_ipv6": "0",
      "net/ipv6/conf/default/disable_ipv6": "0",
      "net/ipv6/conf/eth0/accept_ra": "2",
    },
    defaultDevice: { ipv4: "eth0", ipv6: "eth0" },
    forwardsByInterface: false,
    namespacesMount: "shared",
    ownMountNamespace: false,
  },
  software: {
    processes: [],
    links: ["lo", "eth0"],
    chains: [],
    networkdCatchAll: [],
    dhcpListeners: [],
    dnsListeners: [],
  },
  forwardDrops: [],
  probes: [],
  keeper: { pid: 4711, ownMountNamespace: false },
};

const DOCKER_DROP = { name: "ip filter FORWARD", family: 4, backend: "nft", hasDockerUser: true } as const;

const abilities = (change: Partial<HostFacts["abilities"]>): Partial<HostFacts> => ({
  abilities: { ...GOOD.abilities, ...change },
});
const software = (change: Partial<HostFacts["software"]>): Partial<HostFacts> => ({
  software: { ...GOOD.software, ...change },
});
const settings = (change: Partial<HostFacts["settings"]>): Partial<HostFacts> => ({
  settings: { ...GOOD.settings, ...change },
});
const parameter = (path: string, value: string): Partial<HostFacts> =>
  settings({ parameters: { ...GOOD.settings.parameters, [path]: value } });
const without = (program: keyof HostFacts["abilities"]["programs"]): Partial<HostFacts> =>
  abilities({ programs: { ...GOOD.abilities.programs, [program]: false } });

/** What is not in order; each with its level. */
function remarks(change: Partial<HostFacts>): Record<string, Finding["level"]> {
  const findings = findingsOf({ ...GOOD, ...change });
  return Object.fromEntries(findings.filter(({ level }) => level !== "ok").map(({ id, level }) => [id, level]));
}

test("a host in order: every finding is ok", () => {
  expect(remarks({})).toEqual({});
  expect(findingsOf(GOOD).length).toBeGreaterThan(20);
});

test.each<[string, Partial<HostFacts>, Record<string, Finding["level"]>]>([
  [
    "no privilege",
    { missingCapabilities: [{ name: "CAP_NET_ADMIN", purpose: "to change links" }], forwardDrops: undefined },
    { "capability CAP_NET_ADMIN": "problem" },
  ],
  ["no nft", without("nft"), { "program nft": "info" }],
  ["no library of nft", abilities({ nftLibrary: false }), { nftables: "problem" }],
  ["no nsenter", without("nsenter"), { "program nsenter": "problem" }],
  ["no QEMU", without("qemu-system-x86_64"), { "program qemu-system-x86_64": "warning" }],
  ["no iptables, and nothing that needs it", without("iptables"), { "program iptables": "info" }],
  ["a processor without guests", abilities({ virtualization: undefined }), { virtualization: "info" }],
  ["KVM that hangs", abilities({ kvm: { works: false, reason: "a guest did not boot" } }), { kvm: "warning" }],
  ["no tun", abilities({ tunDevice: "missing" }), { "tun-device": "problem" }],
  [
    "no bridge",
    abilities({ linkKinds: { ...GOOD.abilities.linkKinds!, bridge: false } }),
    { "link-kind bridge": "problem" },
  ],
  ["no dummy", abilities({ linkKinds: { ...GOOD.abilities.linkKinds!, dummy: false } }), { "link-kind dummy": "info" }],
  [
    "no nftables for bridges",
    abilities({ nftFamilies: { ...GOOD.abilities.nftFamilies!, bridge: "Not supported" } }),
    { "nft-family bridge": "problem" },
  ],
  ["no egress hook", abilities({ netdevEgress: false }), { "nft-egress": "info" }],
  ["no netem", abilities({ qdiscs: { htb: true, netem: false } }), { qdiscs: "info" }],
  ["a router", parameter("net/ipv4/ip_forward", "1"), { "ip-forward": "info" }],
  ["strict, but loose on the uplink", parameter("net/ipv4/conf/all/rp_filter", "1"), {}],
  ["strict on the uplink", parameter("net/ipv4/conf/eth0/rp_filter", "1"), { "rp-filter": "info" }],
  ["br_netfilter", parameter("net/bridge/bridge-nf-call-iptables", "1"), { "br-netfilter": "info" }],
  ["IPv6 turned off", parameter("net/ipv6/conf/all/disable_ipv6", "1"), { ipv6: "warning" }],
  ["no IPv6", settings({ parameters: {} }), { ipv6: "warning" }],
  ["advertisements are heeded", parameter("net/ipv6/conf/eth0/accept_ra", "1"), { "accept-ra": "info" }],
  ["a private /run/netns", settings({ namespacesMount: "private" }), { "namespaces-mount": "warning" }],
  ["a unit with mounts of its own", settings({ ownMountNamespace: true }), { "namespaces-mount": "warning" }],
  [
    "a daemon with mounts of its own",
    { keeper: { pid: 4711, ownMountNamespace: true } },
    { "daemon-mounts": "problem" },
  ],
  ["Docker's policy", { forwardDrops: [DOCKER_DROP] }, { "forward-drop ip filter FORWARD": "warning" }],
  [
    "Docker's policy without iptables",
    { ...without("iptables"), forwardDrops: [DOCKER_DROP] },
    { "forward-drop ip filter FORWARD": "problem", "program iptables": "info" },
  ],
  [
    "a policy that takes no rule of ours",
    { forwardDrops: [{ ...DOCKER_DROP, name: "inet firewalld filter_FORWARD", backend: "native" }] },
    { "forward-drop inet firewalld filter_FORWARD": "problem" },
  ],
  [
    "Docker's policy on bridged frames",
    { ...parameter("net/bridge/bridge-nf-call-iptables", "1"), forwardDrops: [DOCKER_DROP] },
    { "forward-drop ip filter FORWARD": "warning", "br-netfilter": "warning" },
  ],
  ["Docker's bridge alone", software({ links: ["docker0"] }), { docker: "info" }],
  ["firewalld", software({ chains: ["inet firewalld filter_INPUT"] }), { firewalld: "warning" }],
  [
    "a name server on all addresses",
    software({ dnsListeners: [{ process: "named (process 7)", address: "0.0.0.0" }] }),
    { "dns-listener": "warning" },
  ],
  ["libvirt's tables", software({ chains: ["ip libvirt_network guest_input"] }), { libvirt: "info" }],
  ["libvirt's bridge", software({ links: ["virbr0"] }), { libvirt: "info" }],
  ["NetworkManager", software({ processes: ["NetworkManager"] }), { "network-manager": "warning" }],
  [
    "NetworkManager with exceptions",
    software({ processes: ["NetworkManager"], networkManagerUnmanaged: "driver:veth" }),
    { "network-manager": "info" },
  ],
  ["networkd", software({ processes: ["systemd-network"] }), { "systemd-networkd": "info" }],
  [
    "networkd for all links",
    software({ processes: ["systemd-network"], networkdCatchAll: ["/etc/systemd/network/all.network"] }),
    { "systemd-networkd": "warning" },
  ],
  ["networkd's files without networkd", software({ networkdCatchAll: ["/etc/systemd/network/all.network"] }), {}],
])("%s", (_, change, expected) => {
  expect(remarks(change)).toEqual(expected);
});

describe("DHCP servers that answered", () => {
  const offer = {
    serverIdentifier: parseIpv4("192.0.2.1"),
    serverMac: parseMac("02:00:00:00:00:01"),
    offeredAddress: parseIpv4("192.0.2.50"),
  };
  const probe = { interfaceName: "eth0", offers: [offer], servedByUs: false };

  test("on a link of others it is a warning, on a link that we serve a problem", () => {
    expect(remarks({ probes: [probe] })).toEqual({ "dhcp-server eth0 192.0.2.1": "warning" });
    expect(remarks({ probes: [{ ...probe, servedByUs: true }] })).toEqual({ "dhcp-server eth0 192.0.2.1": "problem" });
  });

  test("a link that failed is not called free of servers", () => {
    expect(remarks({ probes: [{ ...probe, offers: [], trouble: "network is down" }] })).toEqual({
      "dhcp-probe eth0": "warning",
    });
  });
});

test("the worst comes first, and whatever is not ok tells what follows from it and what helps", () => {
  const findings = findingsOf({
    ...GOOD,
    ...abilities({ nftLibrary: false, virtualization: undefined, tunDevice: "denied" }),
    ...software({ processes: ["NetworkManager", "systemd-network", "dockerd", "libvirtd", "firewalld"] }),
    forwardDrops: [DOCKER_DROP],
  });
  const levels = findings.map(({ level }) => level);
  expect([...new Set(levels)]).toEqual(["problem", "warning", "info", "ok"]);
  for (const { level, consequence, remedy } of findings)
    if (level !== "ok") expect([consequence, remedy]).not.toContain(undefined);
});
