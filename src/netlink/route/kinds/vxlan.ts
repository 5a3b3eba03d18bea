/** VXLAN, RFC 7348 (linux/if_link.h IFLA_VXLAN_*). */
import { attribute, struct } from "../../attribute.ts";
import { be16, be32, bool8, flag, ip, u8, u32 } from "../../codec.ts";
import { linkKind } from "./kind.ts";

/** struct ifla_vxlan_port_range */
const PORT_RANGE = struct({ low: be16, high: be16 });

export const vxlan = linkKind({
  data: {
    /** VXLAN network identifier, 0 to 16777215. */
    id: attribute("IFLA_VXLAN_ID", 1, u32),
    /** Multicast group, or the one remote end. */
    group: attribute("IFLA_VXLAN_GROUP", 2, ip),
    /** Interface index of the underlying device. */
    underlyingIndex: attribute("IFLA_VXLAN_LINK", 3, u32),
    local: attribute("IFLA_VXLAN_LOCAL", 4, ip),
    ttl: attribute("IFLA_VXLAN_TTL", 5, u8),
    tos: attribute("IFLA_VXLAN_TOS", 6, u8),
    learning: attribute("IFLA_VXLAN_LEARNING", 7, bool8),
    ageingSeconds: attribute("IFLA_VXLAN_AGEING", 8, u32),
    /** Most learned forwarding entries; 0: no limit. */
    limit: attribute("IFLA_VXLAN_LIMIT", 9, u32),
    sourcePorts: attribute("IFLA_VXLAN_PORT_RANGE", 10, PORT_RANGE),
    proxy: attribute("IFLA_VXLAN_PROXY", 11, bool8),
    routeShortCircuit: attribute("IFLA_VXLAN_RSC", 12, bool8),
    layer2Miss: attribute("IFLA_VXLAN_L2MISS", 13, bool8),
    layer3Miss: attribute("IFLA_VXLAN_L3MISS", 14, bool8),
    /** UDP destination port; the kernel's default is 8472, IANA's number is 4789. */
    port: attribute("IFLA_VXLAN_PORT", 15, be16),
    group6: attribute("IFLA_VXLAN_GROUP6", 16, ip),
    local6: attribute("IFLA_VXLAN_LOCAL6", 17, ip),
    udpChecksum: attribute("IFLA_VXLAN_UDP_CSUM", 18, bool8),
    udpZeroChecksum6Transmit: attribute("IFLA_VXLAN_UDP_ZERO_CSUM6_TX", 19, bool8),
    udpZeroChecksum6Receive: attribute("IFLA_VXLAN_UDP_ZERO_CSUM6_RX", 20, bool8),
    remoteChecksumTransmit: attribute("IFLA_VXLAN_REMCSUM_TX", 21, bool8),
    remoteChecksumReceive: attribute("IFLA_VXLAN_REMCSUM_RX", 22, bool8),
    groupPolicy: attribute("IFLA_VXLAN_GBP", 23, flag),
    remoteChecksumNoPartial: attribute("IFLA_VXLAN_REMCSUM_NOPARTIAL", 24, flag),
    /** "external": tunnel parameters come with each packet. */
    collectMetadata: attribute("IFLA_VXLAN_COLLECT_METADATA", 25, bool8),
    flowLabel: attribute("IFLA_VXLAN_LABEL", 26, be32),
    genericProtocol: attribute("IFLA_VXLAN_GPE", 27, flag),
    inheritTtl: attribute("IFLA_VXLAN_TTL_INHERIT", 28, flag),
    /** Don't fragment: 0 off, 1 on, 2 as the inner packet. */
    dontFragment: attribute("IFLA_VXLAN_DF", 29, u8),
    vniFilter: attribute("IFLA_VXLAN_VNIFILTER", 30, bool8),
    localBypass: attribute("IFLA_VXLAN_LOCALBYPASS", 31, bool8),
  },
});
