/** Findings about kernel parameters and mounts. */
import type { HostFacts } from "./facts.ts";
import { type Finding, ok } from "./finding.ts";

export function settingFindings(facts: HostFacts): Finding[] {
  return [
    forwarding(facts),
    ...reversePath(facts),
    bridgeFilter(facts),
    ipv6(facts),
    ...advertisements(facts),
    mount(facts),
    ...keeperMount(facts),
  ];
}

function forwarding({ settings: { parameters } }: HostFacts): Finding {
  const id = "ip-forward";
  if (parameters["net/ipv4/ip_forward"] !== "1")
    return ok(id, "net.ipv4.ip_forward is 0: routers turn forwarding on for their own interfaces only");
  return {
    id,
    level: "info",
    what: "net.ipv4.ip_forward is 1: this host is a router between all its interfaces",
    consequence: "whoever has a route through this host reaches its networks unless a filter forbids it",
    remedy: "sysctl -w net.ipv4.ip_forward=0 # unless something else here needs it",
  };
}

const STRICT = 1;

/** The larger one of "all" and the interface counts (Documentation/networking/ip-sysctl.rst). */
function reversePath({ settings: { parameters, defaultDevice } }: HostFacts): Finding[] {
  const device = defaultDevice.ipv4;
  const all = Number(parameters["net/ipv4/conf/all/rp_filter"] ?? 0);
  const own = device === undefined ? 0 : Number(parameters[`net/ipv4/conf/${device}/rp_filter`] ?? 0);
  if (Math.max(all, own) !== STRICT) return [ok("rp-filter", "packets are accepted on whichever link they come in")];
  const name = all === STRICT ? "all" : (device ?? "all");
  return [
    {
      id: "rp-filter",
      level: "info",
      what: `net.ipv4.conf.${name}.rp_filter is 1 (strict)`,
      consequence: "a packet is dropped when its answer would leave by another link, as with two uplinks",
      remedy: `sysctl -w net.ipv4.conf.${name}.rp_filter=2`,
    },
  ];
}

/** A forward policy of drop then also cuts bridges in two. */
function bridgeFilter({ settings: { parameters }, forwardDrops }: HostFacts): Finding {
  const id = "br-netfilter";
  const value = parameters["net/bridge/bridge-nf-call-iptables"];
  if (value === undefined) return ok(id, "br_netfilter is not loaded: frames inside a bridge meet no IP filter");
  if (value !== "1") return ok(id, "net.bridge.bridge-nf-call-iptables is 0: frames inside a bridge meet no IP filter");
  const drops = (forwardDrops ?? []).length > 0;
  return {
    id,
    level: drops ? "warning" : "info",
    what: "net.bridge.bridge-nf-call-iptables is 1: frames inside a bridge pass the forward chains of IP",
    consequence: drops
      ? "a forward chain here drops by default, so machines on one network do not even reach each other unless it lets them"
      : "a filter of other software that drops what is forwarded would also cut machines on one network off from each other",
    remedy: "sysctl -w net.bridge.bridge-nf-call-iptables=0 # Kubernetes and some of Docker's rules need 1",
  };
}

function ipv6({ settings: { parameters } }: HostFacts): Finding {
  const id = "ipv6";
  const all = parameters["net/ipv6/conf/all/disable_ipv6"];
  if (all === undefined)
    return {
      id,
      level: "warning",
      what: "this kernel runs without IPv6",
      consequence: "networks and bindings with IPv6 addresses cannot be made",
      remedy: "Remove ipv6.disable=1 from the kernel's command line and boot again.",
    };
  const name = all === "1" ? "all" : "default";
  if (all !== "1" && parameters["net/ipv6/conf/default/disable_ipv6"] !== "1") return ok(id, "IPv6 is on");
  return {
    id,
    level: "warning",
    what: `net.ipv6.conf.${name}.disable_ipv6 is 1`,
    consequence: "interfaces come up without IPv6; an uplink without an IPv6 address reaches nothing by IPv6",
    remedy: `sysctl -w net.ipv6.conf.${name}.disable_ipv6=0`,
  };
}

/** A host that forwards heeds router advertisements only with accept_ra 2. */
function advertisements({ settings: { parameters, defaultDevice, forwardsByInterface } }: HostFacts): Finding[] {
  const device = defaultDevice.ipv6;
  if (device === undefined) return [];
  const id = "accept-ra";
  const accepts = parameters[`net/ipv6/conf/${device}/accept_ra`];
  const parameter = `net.ipv6.conf.${device}.accept_ra`;
  if (accepts !== "1" || forwardsByInterface) return [ok(id, `${parameter} is ${accepts ?? "not there"}`)];
  const remedy = `sysctl -w ${parameter}=2`;
  if (parameters[`net/ipv6/conf/${device}/forwarding`] === "1")
    return [
      {
        id,
        level: "warning",
        what: `${parameter} is 1 while ${device} forwards`,
        consequence: `router advertisements are ignored there: a default route learned from them ends when it expires`,
        remedy,
      },
    ];
  return [
    {
      id,
      level: "info",
      what: `${parameter} is 1, and the default route goes through ${device}`,
      consequence: "a file with an IPv6 router sets it to 2 while it is applied, or the default route would be lost",
      remedy,
    },
  ];
}

function mount({ settings: { namespacesMount, ownMountNamespace } }: HostFacts): Finding {
  const id = "namespaces-mount";
  if (ownMountNamespace === true)
    return {
      id,
      level: "warning",
      what: "this process is in a mount namespace of its own",
      consequence:
        "namespaces that are made under /run/netns may not be seen by other programs, and theirs not by netloom",
      remedy: "nsenter --target 1 --mount netloom doctor",
    };
  if (namespacesMount !== "private")
    return ok(
      id,
      namespacesMount === "shared"
        ? "/run/netns is a shared mount"
        : "/run/netns is no mount yet: the first namespace makes it a shared one",
    );
  return {
    id,
    level: "warning",
    what: "/run/netns is mounted but not shared",
    consequence: "namespaces made there are not seen by programs that run in mount namespaces of their own",
    remedy: "mount --make-shared /run/netns",
  };
}

/** What a directive like ProtectSystem= in a unit of systemd does to the daemon. */
function keeperMount({ keeper, settings: { ownMountNamespace } }: HostFacts): Finding[] {
  if (keeper?.ownMountNamespace !== true || ownMountNamespace === true) return [];
  return [
    {
      id: "daemon-mounts",
      level: "problem",
      what: `the daemon (process ${keeper.pid}) is in a mount namespace of its own`,
      consequence: "namespaces that it makes under /run/netns cannot be entered from outside, nor theirs by it",
      remedy: "systemctl cat netloom # take out ProtectSystem=, PrivateTmp=, ReadWritePaths= and their like",
    },
  ];
}
