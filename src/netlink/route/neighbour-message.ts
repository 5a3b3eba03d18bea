/** The message that neighbours and forwarding entries share (linux/neighbour.h, struct ndmsg and NDA_*). */
import { attribute, attributeTable, struct } from "../attribute.ts";
import { be16, ip, mac, s32, u8, u16, u32 } from "../codec.ts";

export const NUD_REACHABLE = 0x02;
export const NUD_NOARP = 0x40;
export const NUD_PERMANENT = 0x80;
/** Forwarding entry in the device's own table (vxlan), or in that of its bridge. */
export const NTF_SELF = 0x02;
export const NTF_MASTER = 0x04;
export const NTF_PROXY = 0x08;
export const NTF_ROUTER = 0x80;

/** struct ndmsg */
export const NDMSG = struct({ family: u8, padding1: u8, padding2: u16, index: s32, state: u16, flags: u8, type: u8 });
/** struct nda_cacheinfo, in jiffies of USER_HZ */
const CACHE_INFO = struct({ confirmed: u32, used: u32, updated: u32, references: u32 });

export const NEIGHBOUR_TABLE = attributeTable({
  address: attribute("NDA_DST", 1, ip),
  macAddress: attribute("NDA_LLADDR", 2, mac),
  cacheInfo: attribute("NDA_CACHEINFO", 3, CACHE_INFO),
  probes: attribute("NDA_PROBES", 4, u32),
  vlan: attribute("NDA_VLAN", 5, u16),
  port: attribute("NDA_PORT", 6, be16),
  vni: attribute("NDA_VNI", 7, u32),
  outputIndex: attribute("NDA_IFINDEX", 8, u32),
  masterIndex: attribute("NDA_MASTER", 9, u32),
  sourceVni: attribute("NDA_SRC_VNI", 11, u32),
  protocol: attribute("NDA_PROTOCOL", 12, u8),
  nextHopId: attribute("NDA_NH_ID", 13, u32),
  extendedFlags: attribute("NDA_FLAGS_EXT", 15, u32),
});

export const NEIGHBOUR_MESSAGE = { fixedBytes: NDMSG.size, table: NEIGHBOUR_TABLE };
