/** Decoded links and ports as `ip -json -details link` and `bridge -json -details link` show them. */
import { toHex } from "../../../src/base/bytes.ts";
import type { BridgeData, BridgePort } from "../../../src/netlink/route/kinds/registry.ts";
import type { Link } from "../../../src/netlink/route/link.ts";
import { run } from "../native/support.ts";

export type Json = Readonly<Record<string, unknown>>;

/** What a command that prints JSON prints; `ip -j` leaves holes as empty objects. */
export function jsonOf(program: string, ...words: string[]): Json[] {
  const parsed: unknown = JSON.parse(run(program, ...words) || "[]");
  return (parsed as Json[]).filter((entry) => Object.keys(entry).length > 0);
}

export type NameOf = (index: number) => string | undefined;

/** A value in which a missing field shows as missing, not as undefined. */
export function present(value: Json): Json {
  return Object.fromEntries(Object.entries(value).filter(([, content]) => content !== undefined));
}

const number = (value: boolean | undefined): number | undefined => (value === undefined ? undefined : Number(value));

/** "8000.2:0:0:0:0:1": `ip` does not pad the bytes. */
function bridgeId(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  return `${toHex(bytes.subarray(0, 2))}.${Array.from(bytes.subarray(2), (byte) => byte.toString(16)).join(":")}`;
}

function bridge(data: BridgeData): Json {
  return {
    forward_delay: data.forwardDelayCentiseconds,
    hello_time: data.helloTimeCentiseconds,
    max_age: data.maximumAgeCentiseconds,
    ageing_time: data.ageingTimeCentiseconds,
    stp_state: data.stpState,
    priority: data.priority,
    vlan_filtering: number(data.vlanFiltering),
    vlan_protocol: data.vlanProtocol === undefined ? undefined : data.vlanProtocol === 0x8100 ? "802.1Q" : "802.1ad",
    vlan_default_pvid: data.vlanDefaultPortId,
    vlan_stats_enabled: number(data.vlanStatistics),
    vlan_stats_per_port: number(data.vlanStatisticsPerPort),
    bridge_id: bridgeId(data.bridgeId),
    root_id: bridgeId(data.rootId),
    root_port: data.rootPort,
    root_path_cost: data.rootPathCost,
    topology_change: number(data.topologyChange),
    topology_change_detected: number(data.topologyChangeDetected),
    group_fwd_mask: data.groupForwardMask?.toString(16),
    group_addr: data.groupAddress,
    mcast_snooping: number(data.multicastSnooping),
    no_linklocal_learn: data.booleanOptions && data.booleanOptions.values & 1,
    mcast_vlan_snooping: data.booleanOptions && (data.booleanOptions.values >> 1) & 1,
    mcast_router: data.multicastRouter,
    mcast_query_use_ifaddr: number(data.multicastQueryUseAddress),
    mcast_querier: number(data.multicastQuerier),
    mcast_hash_elasticity: data.multicastHashElasticity,
    mcast_hash_max: data.multicastHashMaximum,
    mcast_last_member_cnt: data.multicastLastMemberCount,
    mcast_startup_query_cnt: data.multicastStartupQueryCount,
    mcast_last_member_intvl: Number(data.multicastLastMemberIntervalCentiseconds),
    mcast_membership_intvl: Number(data.multicastMembershipIntervalCentiseconds),
    mcast_querier_intvl: Number(data.multicastQuerierIntervalCentiseconds),
    mcast_query_intvl: Number(data.multicastQueryIntervalCentiseconds),
    mcast_query_response_intvl: Number(data.multicastQueryResponseIntervalCentiseconds),
    mcast_startup_query_intvl: Number(data.multicastStartupQueryIntervalCentiseconds),
    mcast_stats_enabled: number(data.multicastStatistics),
    mcast_igmp_version: data.igmpVersion,
    mcast_mld_version: data.mldVersion,
    nf_call_iptables: number(data.callIptables),
    nf_call_ip6tables: number(data.callIp6tables),
    nf_call_arptables: number(data.callArptables),
  };
}

const PORT_STATES = ["disabled", "listening", "learning", "forwarding", "blocking"];

/** What `ip` and `bridge` both show of a port. */
function commonPort(port: BridgePort): Json {
  return {
    state: port.state === undefined ? undefined : PORT_STATES[port.state],
    priority: port.priority,
    cost: port.cost,
    hairpin: port.hairpin,
    guard: port.guard,
    root_block: port.rootBlock,
    fastleave: port.fastLeave,
    learning: port.learning,
    flood: port.flood,
    mcast_flood: port.multicastFlood,
    bcast_flood: port.broadcastFlood,
    mcast_to_unicast: port.multicastToUnicast,
    neigh_suppress: port.neighbourSuppress,
    vlan_tunnel: port.vlanTunnel,
    isolated: port.isolated,
    locked: port.locked,
  };
}

/** A port as `bridge link` shows it. */
export function bridgeLinkPort(port: BridgePort): Json {
  return present({ ...commonPort(port), mcast_router: port.multicastRouter });
}

function slavePort(port: BridgePort): Json {
  const mask = port.groupForwardMask;
  return {
    ...commonPort(port),
    id: port.id === undefined ? undefined : `0x${port.id.toString(16)}`,
    no: port.number === undefined ? undefined : `0x${port.number.toString(16)}`,
    designated_port: port.designatedPort,
    designated_cost: port.designatedCost,
    bridge_id: bridgeId(port.bridgeId),
    root_id: bridgeId(port.rootId),
    topology_change_ack: port.topologyChangeAcknowledge,
    config_pending: port.configurationPending,
    proxy_arp: port.proxyArp,
    proxy_arp_wifi: port.proxyArpWifi,
    multicast_router: port.multicastRouter,
    group_fwd_mask: mask?.toString(16),
    group_fwd_mask_str: mask === undefined ? undefined : `0x${mask.toString(16)}`,
  };
}

const MACVLAN_MODES: Readonly<Record<number, string>> = {
  1: "private",
  2: "vepa",
  4: "bridge",
  8: "passthru",
  16: "source",
};

function kindData(link: Link, nameOf: NameOf): Json | undefined {
  const { tun, vxlan } = link;
  const macvlan = link.macvlan ?? link.macvtap;
  if (link.bridge !== undefined) return bridge(link.bridge);
  if (tun !== undefined) {
    return {
      type: tun.type === 2 ? "tap" : "tun",
      pi: tun.packetInformation,
      vnet_hdr: tun.vnetHeader,
      multi_queue: tun.multiQueue,
      numqueues: tun.queues,
      numdisabled: tun.disabledQueues,
      persist: tun.persistent,
      user: tun.ownerUid === 0 ? "root" : tun.ownerUid,
    };
  }
  if (macvlan !== undefined) {
    return {
      mode: MACVLAN_MODES[macvlan.mode ?? 0],
      bcqueuelen: macvlan.broadcastQueuePackets,
      usedbcqueuelen: macvlan.broadcastQueueUsedPackets,
      macaddr_count: macvlan.sourceAddressCount === 0 ? undefined : macvlan.sourceAddressCount,
      macaddr_data: macvlan.sourceAddresses,
    };
  }
  if (vxlan !== undefined) {
    return {
      id: vxlan.id,
      group: vxlan.group,
      group6: vxlan.group6,
      local: vxlan.local,
      local6: vxlan.local6,
      link: nameOf(vxlan.underlyingIndex ?? 0),
      port_range: vxlan.sourcePorts,
      port: vxlan.port,
      learning: vxlan.learning,
      ttl: vxlan.ttl,
      df: vxlan.dontFragment === 0 ? "unset" : vxlan.dontFragment,
      ageing: vxlan.ageingSeconds,
      udp_csum: vxlan.udpChecksum,
      udp_zero_csum6_tx: vxlan.udpZeroChecksum6Transmit,
      udp_zero_csum6_rx: vxlan.udpZeroChecksum6Receive,
    };
  }
  return undefined;
}

const OPERATIONAL_STATES = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];
const ADDRESS_GENERATION = ["eui64", "none", "stable_secret", "random"];

/** The link as `ip -json -details link` shows it, but for what {@link comparable} takes away there. */
export function ipLink(link: Link, nameOf: NameOf): Json {
  const elsewhere = link.linkNamespaceId !== undefined;
  const data = kindData(link, nameOf);
  const info = {
    info_kind: link.kind,
    info_data: data && present(data),
    info_slave_kind: link.portKind,
    info_slave_data: link.bridgePort && present(slavePort(link.bridgePort)),
  };
  const linked = link.linkIndex !== undefined && link.linkIndex !== 0;
  return present({
    ifindex: link.index,
    ifname: link.name,
    mtu: link.mtuBytes,
    qdisc: link.queueingDiscipline,
    operstate: OPERATIONAL_STATES[link.operationalState ?? 0],
    group: link.group === 0 ? "default" : String(link.group),
    txqlen: link.transmitQueuePackets,
    address: link.macAddress,
    broadcast: link.broadcastMac,
    promiscuity: link.promiscuityCount,
    min_mtu: link.minimumMtuBytes,
    max_mtu: link.maximumMtuBytes,
    num_tx_queues: link.transmitQueues,
    num_rx_queues: link.receiveQueues,
    ifalias: link.alias,
    altnames: link.alternativeNames,
    master: link.masterIndex === undefined ? undefined : nameOf(link.masterIndex),
    link: linked && !elsewhere ? nameOf(link.linkIndex) : undefined,
    link_index: elsewhere ? link.linkIndex : undefined,
    link_netnsid: link.linkNamespaceId,
    inet6_addr_gen_mode: ADDRESS_GENERATION[link.ipv6AddressGeneration ?? -1],
    linkinfo: info.info_kind === undefined && info.info_slave_kind === undefined ? undefined : present(info),
  });
}

/** Timers run on between two looks; offload sizes and the three below are not decoded. */
const NOT_COMPARED = /_timer$|^gso_|^gro_|^tso_|^flags$|^linkmode$|^link_type$|^allmulti$/;

/** What `ip` shows, without the fields that are not compared, at any depth. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, content]) => (NOT_COMPARED.test(key) ? [] : [[key, comparable(content)]])),
  );
}
