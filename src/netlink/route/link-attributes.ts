/** The attributes that links of every kind share (linux/if_link.h IFLA_*), and the fixed part before them. */
import { array, attribute, attributeTable, nested, struct } from "../attribute.ts";
import { mac, s32, string, text, u8, u16, u32 } from "../codec.ts";

/** struct ifinfomsg */
export const IFINFOMSG = struct({ family: u8, padding: u8, type: u16, index: s32, flags: u32, change: u32 });

const INET6 = attributeTable({
  /** IN6_ADDR_GEN_MODE_*: 0 EUI-64, 1 none, 2 stable secret, 3 random; when the link goes up next. */
  addressGeneration: attribute("IFLA_INET6_ADDR_GEN_MODE", 8, u8),
});

/** What the address families keep for a link; `inet6` is absent where the kernel has no IPv6 on it. */
const FAMILIES = attributeTable({
  inet6: attribute("AF_INET6", 10, nested(INET6)),
});

export const LINK_ATTRIBUTES = attributeTable({
  macAddress: attribute("IFLA_ADDRESS", 1, mac),
  broadcastMac: attribute("IFLA_BROADCAST", 2, mac),
  /** 68 to 65535 for most kinds. */
  mtuBytes: attribute("IFLA_MTU", 4, u32),
  /** The device below (macvlan, vxlan) or, on a veth, the peer; an index of the namespace `linkNamespaceId`. */
  linkIndex: attribute("IFLA_LINK", 5, u32),
  queueingDiscipline: attribute("IFLA_QDISC", 6, string),
  /** Interface index of the bridge or bond that this link is a port of; 0 takes it out. */
  masterIndex: attribute("IFLA_MASTER", 10, u32),
  transmitQueuePackets: attribute("IFLA_TXQLEN", 13, u32),
  /** RFC 2863 state, IF_OPER_*: 6 up, 2 down, 0 unknown. */
  operationalState: attribute("IFLA_OPERSTATE", 16, u8),
  linkMode: attribute("IFLA_LINKMODE", 17, u8),
  /** Create in, or move to, the namespace of this process. */
  namespacePid: attribute("IFLA_NET_NS_PID", 19, u32),
  /** At most 255 bytes; an empty text removes it. */
  alias: attribute("IFLA_IFALIAS", 20, text),
  families: attribute("IFLA_AF_SPEC", 26, nested(FAMILIES)),
  /** 0 is the default group. */
  group: attribute("IFLA_GROUP", 27, u32),
  /** Create in, or move to, the namespace of this open descriptor. */
  namespaceDescriptor: attribute("IFLA_NET_NS_FD", 28, u32),
  /** 1 to 15 bytes, without "/" and blanks. */
  name: attribute("IFLA_IFNAME", 3, string),
  promiscuityCount: attribute("IFLA_PROMISCUITY", 30, u32),
  transmitQueues: attribute("IFLA_NUM_TX_QUEUES", 31, u32),
  receiveQueues: attribute("IFLA_NUM_RX_QUEUES", 32, u32),
  carrier: attribute("IFLA_CARRIER", 33, u8),
  /** Namespace of `linkIndex` when it is another one; -1: one that has no number here. */
  linkNamespaceId: attribute("IFLA_LINK_NETNSID", 37, s32),
  protocolDown: attribute("IFLA_PROTO_DOWN", 39, u8),
  /** How often frames began to pass; read only. */
  carrierUpCount: attribute("IFLA_CARRIER_UP_COUNT", 47, u32),
  minimumMtuBytes: attribute("IFLA_MIN_MTU", 50, u32),
  maximumMtuBytes: attribute("IFLA_MAX_MTU", 51, u32),
  /** Further names, up to 127 bytes each. Read only here; the kernel wants RTM_NEWLINKPROP to change them. */
  alternativeNames: attribute("IFLA_PROP_LIST", 52, array(attribute("IFLA_ALT_IFNAME", 53, string))),
  permanentMac: attribute("IFLA_PERM_ADDRESS", 54, mac),
});
