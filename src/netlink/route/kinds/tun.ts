/** TUN and TAP (linux/if_link.h IFLA_TUN_*). Read only: the kernel creates them through /dev/net/tun alone. */
import { attribute } from "../../attribute.ts";
import { bool8, u8, u32 } from "../../codec.ts";
import { linkKind } from "./kind.ts";

export const tun = linkKind({
  data: {
    ownerUid: attribute("IFLA_TUN_OWNER", 1, u32),
    groupGid: attribute("IFLA_TUN_GROUP", 2, u32),
    /** 1 tun, 2 tap. */
    type: attribute("IFLA_TUN_TYPE", 3, u8),
    packetInformation: attribute("IFLA_TUN_PI", 4, bool8),
    vnetHeader: attribute("IFLA_TUN_VNET_HDR", 5, bool8),
    persistent: attribute("IFLA_TUN_PERSIST", 6, bool8),
    multiQueue: attribute("IFLA_TUN_MULTI_QUEUE", 7, bool8),
    queues: attribute("IFLA_TUN_NUM_QUEUES", 8, u32),
    disabledQueues: attribute("IFLA_TUN_NUM_DISABLED_QUEUES", 9, u32),
  },
});
