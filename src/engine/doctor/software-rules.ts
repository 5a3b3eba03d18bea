/** Findings about other software: whose filters, daemons and DHCP servers networks of ours meet. */
import type { ForeignForwardDrop } from "../../kernel/foreign-filter.ts";
import type { HostFacts, ProbeFacts } from "./facts.ts";
import { type Finding, ok } from "./finding.ts";

export function softwareFindings(facts: HostFacts): Finding[] {
  return [
    ...forwardDrops(facts),
    ...docker(facts),
    ...firewalld(facts),
    ...libvirt(facts),
    ...networkManager(facts),
    ...networkd(facts),
    ...facts.software.dhcpListeners.map(
      ({ process, address }): Finding => ({
        id: `dhcp-listener ${address}`,
        level: "info",
        what: `${process ?? "a process"} listens for DHCP clients on ${address} port 67`,
        consequence: "none, unless it is told to serve a network of netloom",
      }),
    ),
    ...facts.software.dnsListeners.map(
      ({ process }): Finding => ({
        id: "dns-listener",
        level: "warning",
        what: `${process ?? "a process"} listens for DNS questions on all addresses`,
        consequence: "networks with a DNS server of their own (dns:) cannot be applied: their port 53 is taken",
        remedy: "Have it listen on its own addresses alone: listen-on of named, bind-interfaces of dnsmasq.",
      }),
    ),
  ];
}

function forwardDrops({ forwardDrops: drops, abilities }: HostFacts): Finding[] {
  if (drops === undefined) return [];
  if (drops.length === 0 && !abilities.nftLibrary) return [];
  if (drops.length === 0) return [ok("forward-drop", "no forward chain of other software drops by default")];
  return drops.map((drop) => forwardDrop(drop, abilities.programs.iptables));
}

function forwardDrop({ name, family, backend, hasDockerUser }: ForeignForwardDrop, iptables: boolean): Finding {
  const id = `forward-drop ${name}`;
  const what = `the forward chain ${name} of other software drops by default`;
  const dropped = `what it does not accept of IPv${family} is not forwarded, whatever other tables accept`;
  if (backend === "native")
    return {
      id,
      level: "problem",
      what,
      consequence: `${dropped}; netloom cannot add rules to it: machines behind its routers reach nothing`,
      remedy: `nft insert rule ${name} iifname BRIDGE accept; nft insert rule ${name} oifname BRIDGE ct state established,related accept`,
    };
  if (!iptables)
    return {
      id,
      level: "problem",
      what,
      consequence: `${dropped}; without iptables netloom cannot add rules to it`,
      remedy: "apt-get install iptables",
    };
  const chain = hasDockerUser ? "DOCKER-USER" : "FORWARD";
  const program = `${family === 6 ? "ip6tables" : "iptables"}-${backend}`;
  return {
    id,
    level: "warning",
    what,
    consequence: `${dropped}; for networks of its files netloom adds accept rules to ${chain}, other bridges and taps stay cut off`,
    remedy: `${program} -I ${chain} -i BRIDGE -j ACCEPT; ${program} -I ${chain} -o BRIDGE -j ACCEPT # only for bridges that no file declares`,
  };
}

function docker({ software }: HostFacts): Finding[] {
  const chains = (software.chains ?? []).filter((chain) => /^ip6? \S+ DOCKER|docker-bridges/.test(chain));
  const runs = software.processes.includes("dockerd");
  if (!runs && chains.length === 0 && !software.links.includes("docker0")) return [];
  const signs = [
    ...(runs ? ["dockerd runs"] : []),
    ...(software.links.includes("docker0") ? ["docker0 exists"] : []),
    ...(chains.length > 0 ? [`chains ${chains.slice(0, 3).join(", ")}${chains.length > 3 ? "…" : ""}`] : []),
  ];
  return [
    {
      id: "docker",
      level: "info",
      what: `Docker is here: ${signs.join("; ")}`,
      consequence:
        "when it starts and finds forwarding off it turns it on and lets FORWARD drop by default; it makes its rules anew at each start",
      remedy: "Start Docker before files are applied, or let `netloom daemon` put back what is lost.",
    },
  ];
}

function firewalld({ software }: HostFacts): Finding[] {
  const tables = (software.chains ?? []).some((chain) => chain.split(" ")[1] === "firewalld");
  if (!tables && !software.processes.includes("firewalld")) return [];
  return [
    {
      id: "firewalld",
      level: "warning",
      what: "firewalld filters on this host",
      consequence:
        "bridges of netloom are in no zone of it, so it may reject what machines send to this host and through it",
      remedy: "firewall-cmd --permanent --zone=trusted --add-interface=BRIDGE && firewall-cmd --reload",
    },
  ];
}

function libvirt({ software }: HostFacts): Finding[] {
  const tables = [
    ...new Set((software.chains ?? []).map(tableOf).filter((table) => table.endsWith(" libvirt_network"))),
    ...((software.chains ?? []).some((chain) => chain.includes(" LIBVIRT_")) ? ["iptables chains LIBVIRT_*"] : []),
  ];
  const bridges = software.links.filter((name) => /^virbr\d+$/.test(name));
  const runs = software.processes.some((name) => name === "libvirtd" || name === "virtnetworkd");
  if (tables.length === 0 && bridges.length === 0 && !runs) return [];
  return [
    {
      id: "libvirt",
      level: "info",
      what: `libvirt is here: ${[...(runs ? ["its daemon runs"] : []), ...bridges, ...tables].join(", ")}`,
      consequence:
        "it rejects what others forward to or from its bridges, and its default network has 192.168.122.0/24: networks of netloom and libvirt do not reach each other",
      remedy:
        "Attach its machines to a bridge of netloom: <interface type='bridge'><source bridge='BRIDGE'/></interface>",
    },
  ];
}

function tableOf(chain: string): string {
  return chain.split(" ").slice(0, 2).join(" ");
}

function networkManager({ software }: HostFacts): Finding[] {
  if (!software.processes.includes("NetworkManager")) return [];
  const { networkManagerUnmanaged: unmanaged } = software;
  if (unmanaged !== undefined)
    return [
      {
        id: "network-manager",
        level: "info",
        what: `NetworkManager runs and leaves alone: ${unmanaged}`,
        consequence: "links of netloom that are not among these may be given connections by it",
      },
    ];
  return [
    {
      id: "network-manager",
      level: "warning",
      what: "NetworkManager runs and is told of no links to leave alone",
      consequence: "it may start a connection on links that netloom makes, and so change their addresses and routes",
      remedy:
        "printf '[keyfile]\\nunmanaged-devices=driver:veth;driver:tun;driver:macvlan;driver:dummy;interface-name:BRIDGE\\n' >/etc/NetworkManager/conf.d/netloom.conf && nmcli general reload",
    },
  ];
}

function networkd({ software }: HostFacts): Finding[] {
  if (!software.processes.includes("systemd-network")) return [];
  const files = software.networkdCatchAll;
  if (files.length > 0)
    return [
      {
        id: "systemd-networkd",
        level: "warning",
        what: `systemd-networkd takes every link for its own: ${files.join(", ")}`,
        consequence: "it configures links that netloom makes, and removes addresses and routes that it does not know",
        remedy: "Let [Match] in that file name the links that are meant: Name=en* eth*",
      },
    ];
  return [
    {
      id: "systemd-networkd",
      level: "info",
      what: "systemd-networkd runs",
      consequence:
        "when it starts again it removes routing rules that it did not make; `netloom daemon` puts ours back",
      remedy:
        "mkdir -p /etc/systemd/networkd.conf.d && printf '[Network]\\nManageForeignRoutingPolicyRules=no\\nManageForeignRoutes=no\\n' >/etc/systemd/networkd.conf.d/netloom.conf",
    },
  ];
}

export function probeFindings({ interfaceName, offers, trouble, servedByUs }: ProbeFacts): Finding[] {
  const failed: Finding[] =
    trouble === undefined
      ? []
      : [
          {
            id: `dhcp-probe ${interfaceName}`,
            level: "warning",
            what: `DHCP servers on ${interfaceName} could not be asked: ${trouble}`,
            remedy: `ip link set ${interfaceName} up`,
          },
        ];
  if (offers.length === 0 && trouble === undefined)
    return [
      ok(`dhcp-probe ${interfaceName}`, `no ${servedByUs ? "other " : ""}DHCP server answers on ${interfaceName}`),
    ];
  return [
    ...failed,
    ...offers.map(
      ({ serverIdentifier, serverMac, offeredAddress }): Finding => ({
        id: `dhcp-server ${interfaceName} ${serverIdentifier}`,
        level: servedByUs ? "problem" : "warning",
        what: `the DHCP server ${serverIdentifier} (${serverMac}) answers on ${interfaceName}: it offers ${offeredAddress}`,
        consequence: servedByUs
          ? "a file is applied that serves DHCP there, too: machines take whichever answer comes first"
          : `a network of netloom that has ${interfaceName} as a port must not serve DHCP itself`,
        remedy: `Stop it, or leave DHCP to it; find it: ip neigh show to ${serverIdentifier}`,
      }),
    ),
  ];
}
