/** macvlan, and macvtap which has the same attributes (linux/if_link.h IFLA_MACVLAN_*). */
import { array, attribute } from "../../attribute.ts";
import { mac, s32, u16, u32 } from "../../codec.ts";
import { linkKind } from "./kind.ts";

const macvlanData = {
  /** 1 private, 2 VEPA, 4 bridge, 8 passthru, 16 source. */
  mode: attribute("IFLA_MACVLAN_MODE", 1, u32),
  flags: attribute("IFLA_MACVLAN_FLAGS", 2, u16),
  /** Source mode, what to do with the list: 0 add, 1 delete, 2 flush, 3 set. */
  sourceMode: attribute("IFLA_MACVLAN_MACADDR_MODE", 3, u32),
  sourceAddress: attribute("IFLA_MACVLAN_MACADDR", 4, mac),
  sourceAddresses: attribute("IFLA_MACVLAN_MACADDR_DATA", 5, array(attribute("IFLA_MACVLAN_MACADDR", 4, mac))),
  sourceAddressCount: attribute("IFLA_MACVLAN_MACADDR_COUNT", 6, u32),
  broadcastQueuePackets: attribute("IFLA_MACVLAN_BC_QUEUE_LEN", 7, u32),
  broadcastQueueUsedPackets: attribute("IFLA_MACVLAN_BC_QUEUE_LEN_USED", 8, u32),
  broadcastCutoff: attribute("IFLA_MACVLAN_BC_CUTOFF", 9, s32),
} as const;

/** linux/if_link.h MACVLAN_MODE_*. */
export const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

export const macvlan = linkKind({ data: macvlanData });
export const macvtap = linkKind({ data: macvlanData });
