/** Bridges and bridge ports (linux/if_link.h IFLA_BR_* and IFLA_BRPORT_*; net/bridge/br_netlink.c). */
import { attribute, struct } from "../../attribute.ts";
import { be16, binary, bool8, flag, mac, u8, u16, u32, u64 } from "../../codec.ts";
import { linkKind } from "./kind.ts";

/** struct br_boolopt_multi: values, and which of them are meant. */
const BOOLEAN_OPTIONS = struct({ values: u32, mask: u32 });

/** Times are in centiseconds (USER_HZ). Fields with "root", "timer" and "topology" are read only. */
export const bridge = linkKind({
  data: {
    forwardDelayCentiseconds: attribute("IFLA_BR_FORWARD_DELAY", 1, u32),
    helloTimeCentiseconds: attribute("IFLA_BR_HELLO_TIME", 2, u32),
    maximumAgeCentiseconds: attribute("IFLA_BR_MAX_AGE", 3, u32),
    ageingTimeCentiseconds: attribute("IFLA_BR_AGEING_TIME", 4, u32),
    /** 0 off, 1 the kernel's, 2 a program's. */
    stpState: attribute("IFLA_BR_STP_STATE", 5, u32),
    priority: attribute("IFLA_BR_PRIORITY", 6, u16),
    vlanFiltering: attribute("IFLA_BR_VLAN_FILTERING", 7, bool8),
    vlanProtocol: attribute("IFLA_BR_VLAN_PROTOCOL", 8, be16),
    groupForwardMask: attribute("IFLA_BR_GROUP_FWD_MASK", 9, u16),
    rootId: attribute("IFLA_BR_ROOT_ID", 10, binary),
    bridgeId: attribute("IFLA_BR_BRIDGE_ID", 11, binary),
    rootPort: attribute("IFLA_BR_ROOT_PORT", 12, u16),
    rootPathCost: attribute("IFLA_BR_ROOT_PATH_COST", 13, u32),
    topologyChange: attribute("IFLA_BR_TOPOLOGY_CHANGE", 14, bool8),
    topologyChangeDetected: attribute("IFLA_BR_TOPOLOGY_CHANGE_DETECTED", 15, bool8),
    helloTimerCentiseconds: attribute("IFLA_BR_HELLO_TIMER", 16, u64),
    topologyNoticeTimerCentiseconds: attribute("IFLA_BR_TCN_TIMER", 17, u64),
    topologyChangeTimerCentiseconds: attribute("IFLA_BR_TOPOLOGY_CHANGE_TIMER", 18, u64),
    collectionTimerCentiseconds: attribute("IFLA_BR_GC_TIMER", 19, u64),
    groupAddress: attribute("IFLA_BR_GROUP_ADDR", 20, mac),
    flushForwarding: attribute("IFLA_BR_FDB_FLUSH", 21, flag),
    multicastRouter: attribute("IFLA_BR_MCAST_ROUTER", 22, u8),
    multicastSnooping: attribute("IFLA_BR_MCAST_SNOOPING", 23, bool8),
    multicastQueryUseAddress: attribute("IFLA_BR_MCAST_QUERY_USE_IFADDR", 24, bool8),
    multicastQuerier: attribute("IFLA_BR_MCAST_QUERIER", 25, bool8),
    multicastHashElasticity: attribute("IFLA_BR_MCAST_HASH_ELASTICITY", 26, u32),
    multicastHashMaximum: attribute("IFLA_BR_MCAST_HASH_MAX", 27, u32),
    multicastLastMemberCount: attribute("IFLA_BR_MCAST_LAST_MEMBER_CNT", 28, u32),
    multicastStartupQueryCount: attribute("IFLA_BR_MCAST_STARTUP_QUERY_CNT", 29, u32),
    multicastLastMemberIntervalCentiseconds: attribute("IFLA_BR_MCAST_LAST_MEMBER_INTVL", 30, u64),
    multicastMembershipIntervalCentiseconds: attribute("IFLA_BR_MCAST_MEMBERSHIP_INTVL", 31, u64),
    multicastQuerierIntervalCentiseconds: attribute("IFLA_BR_MCAST_QUERIER_INTVL", 32, u64),
    multicastQueryIntervalCentiseconds: attribute("IFLA_BR_MCAST_QUERY_INTVL", 33, u64),
    multicastQueryResponseIntervalCentiseconds: attribute("IFLA_BR_MCAST_QUERY_RESPONSE_INTVL", 34, u64),
    multicastStartupQueryIntervalCentiseconds: attribute("IFLA_BR_MCAST_STARTUP_QUERY_INTVL", 35, u64),
    callIptables: attribute("IFLA_BR_NF_CALL_IPTABLES", 36, bool8),
    callIp6tables: attribute("IFLA_BR_NF_CALL_IP6TABLES", 37, bool8),
    callArptables: attribute("IFLA_BR_NF_CALL_ARPTABLES", 38, bool8),
    vlanDefaultPortId: attribute("IFLA_BR_VLAN_DEFAULT_PVID", 39, u16),
    vlanStatistics: attribute("IFLA_BR_VLAN_STATS_ENABLED", 41, bool8),
    multicastStatistics: attribute("IFLA_BR_MCAST_STATS_ENABLED", 42, bool8),
    igmpVersion: attribute("IFLA_BR_MCAST_IGMP_VERSION", 43, u8),
    mldVersion: attribute("IFLA_BR_MCAST_MLD_VERSION", 44, u8),
    vlanStatisticsPerPort: attribute("IFLA_BR_VLAN_STATS_PER_PORT", 45, bool8),
    booleanOptions: attribute("IFLA_BR_MULTI_BOOLOPT", 46, BOOLEAN_OPTIONS),
    forwardingLearnedEntries: attribute("IFLA_BR_FDB_N_LEARNED", 48, u32),
    /** 0: no limit. */
    forwardingMaximumLearnedEntries: attribute("IFLA_BR_FDB_MAX_LEARNED", 49, u32),
  },
  port: {
    /** 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. */
    state: attribute("IFLA_BRPORT_STATE", 1, u8),
    /** 0 to 63. */
    priority: attribute("IFLA_BRPORT_PRIORITY", 2, u16),
    /** 1 to 65535. */
    cost: attribute("IFLA_BRPORT_COST", 3, u32),
    /** Send frames back out of the port that they came in by. */
    hairpin: attribute("IFLA_BRPORT_MODE", 4, bool8),
    guard: attribute("IFLA_BRPORT_GUARD", 5, bool8),
    rootBlock: attribute("IFLA_BRPORT_PROTECT", 6, bool8),
    fastLeave: attribute("IFLA_BRPORT_FAST_LEAVE", 7, bool8),
    learning: attribute("IFLA_BRPORT_LEARNING", 8, bool8),
    /** Flood frames to unknown unicast addresses out of this port. */
    flood: attribute("IFLA_BRPORT_UNICAST_FLOOD", 9, bool8),
    proxyArp: attribute("IFLA_BRPORT_PROXYARP", 10, bool8),
    proxyArpWifi: attribute("IFLA_BRPORT_PROXYARP_WIFI", 12, bool8),
    rootId: attribute("IFLA_BRPORT_ROOT_ID", 13, binary),
    bridgeId: attribute("IFLA_BRPORT_BRIDGE_ID", 14, binary),
    designatedPort: attribute("IFLA_BRPORT_DESIGNATED_PORT", 15, u16),
    designatedCost: attribute("IFLA_BRPORT_DESIGNATED_COST", 16, u16),
    id: attribute("IFLA_BRPORT_ID", 17, u16),
    number: attribute("IFLA_BRPORT_NO", 18, u16),
    topologyChangeAcknowledge: attribute("IFLA_BRPORT_TOPOLOGY_CHANGE_ACK", 19, u8),
    configurationPending: attribute("IFLA_BRPORT_CONFIG_PENDING", 20, u8),
    messageAgeTimerCentiseconds: attribute("IFLA_BRPORT_MESSAGE_AGE_TIMER", 21, u64),
    forwardDelayTimerCentiseconds: attribute("IFLA_BRPORT_FORWARD_DELAY_TIMER", 22, u64),
    holdTimerCentiseconds: attribute("IFLA_BRPORT_HOLD_TIMER", 23, u64),
    /** Forget the addresses learned at this port. */
    flushForwarding: attribute("IFLA_BRPORT_FLUSH", 24, flag),
    multicastRouter: attribute("IFLA_BRPORT_MULTICAST_ROUTER", 25, u8),
    multicastFlood: attribute("IFLA_BRPORT_MCAST_FLOOD", 27, bool8),
    multicastToUnicast: attribute("IFLA_BRPORT_MCAST_TO_UCAST", 28, bool8),
    vlanTunnel: attribute("IFLA_BRPORT_VLAN_TUNNEL", 29, bool8),
    broadcastFlood: attribute("IFLA_BRPORT_BCAST_FLOOD", 30, bool8),
    groupForwardMask: attribute("IFLA_BRPORT_GROUP_FWD_MASK", 31, u16),
    neighbourSuppress: attribute("IFLA_BRPORT_NEIGH_SUPPRESS", 32, bool8),
    /** Isolated ports cannot reach each other. */
    isolated: attribute("IFLA_BRPORT_ISOLATED", 33, bool8),
    backupPortIndex: attribute("IFLA_BRPORT_BACKUP_PORT", 34, u32),
    mrpRingOpen: attribute("IFLA_BRPORT_MRP_RING_OPEN", 35, bool8),
    mrpInOpen: attribute("IFLA_BRPORT_MRP_IN_OPEN", 36, bool8),
    multicastHostsLimit: attribute("IFLA_BRPORT_MCAST_EHT_HOSTS_LIMIT", 37, u32),
    multicastHostsCount: attribute("IFLA_BRPORT_MCAST_EHT_HOSTS_CNT", 38, u32),
    locked: attribute("IFLA_BRPORT_LOCKED", 39, bool8),
    macAuthenticationBypass: attribute("IFLA_BRPORT_MAB", 40, bool8),
    multicastGroupCount: attribute("IFLA_BRPORT_MCAST_N_GROUPS", 41, u32),
    multicastGroupMaximum: attribute("IFLA_BRPORT_MCAST_MAX_GROUPS", 42, u32),
    neighbourVlanSuppress: attribute("IFLA_BRPORT_NEIGH_VLAN_SUPPRESS", 43, bool8),
    backupNextHopId: attribute("IFLA_BRPORT_BACKUP_NHID", 44, u32),
  },
});
