/**
 * Packet filters in classic BPF (linux/filter.h), as data for `PacketSocket`. They see whole Ethernet frames; the
 * result is the number of bytes to keep, 0 drops the frame, and a load beyond its end drops it too.
 */
import type { BpfInstruction } from "./native.ts";

const LOAD_WORD_ABSOLUTE = 0x20; // BPF_LD | BPF_W | BPF_ABS
const LOAD_HALF_ABSOLUTE = 0x28; // BPF_LD | BPF_H | BPF_ABS
const LOAD_BYTE_ABSOLUTE = 0x30; // BPF_LD | BPF_B | BPF_ABS
const LOAD_HALF_INDEXED = 0x48; // BPF_LD | BPF_H | BPF_IND
const LOAD_BYTE_INDEXED = 0x50; // BPF_LD | BPF_B | BPF_IND
const LOAD_X_HEADER_LENGTH = 0xb1; // BPF_LDX | BPF_B | BPF_MSH: X = 4 × (byte & 15)
const JUMP_EQUAL = 0x15; // BPF_JMP | BPF_JEQ | BPF_K
const JUMP_ANY_BIT = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const RETURN = 0x06; // BPF_RET | BPF_K

/** SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT: the kernel has taken a VLAN tag out of the frame before the filter runs. */
const VLAN_TAG_PRESENT = 0xffff_f030;
const WHOLE_FRAME = 0xffff;
const DROP = 0;

const ETHERTYPE_OFFSET = 12;
const IP_OFFSET = 14;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_ARP = 0x0806;
const ETHERTYPE_IPV6 = 0x86dd;
const PROTOCOL_ICMP = 1;
const PROTOCOL_UDP = 17;
const PROTOCOL_ICMPV6 = 58;
const DHCP_SERVER_PORT = 67;
const DHCP_CLIENT_PORT = 68;
const PXE_PORT = 4011;
const DHCP6_SERVER_PORT = 547;
const DHCP6_CLIENT_PORT = 546;
const ECHO_REPLY = 0;
const ROUTER_SOLICITATION = 133;
const NEIGHBOUR_SOLICITATION = 135;
const IPV6_HEADER_BYTES = 40;
/** More Fragments and the fragment offset: a later fragment has no UDP header, the first one no whole message. */
const FRAGMENT_BITS = 0x3fff;

function instruction(code: number, k: number, jt = 0, jf = 0): BpfInstruction {
  return { code, jt, jf, k };
}

interface Besides {
  /** ARP as well. */
  readonly arp: boolean;
  /** ICMP echo replies as well. */
  readonly echoReplies: boolean;
}

/** Untagged IPv4 (also with options, no fragments) with UDP to one of the ports, and what is asked for besides. */
function udpFilter(ports: readonly number[], { arp, echoReplies }: Besides): readonly BpfInstruction[] {
  const last = ports.length - 1;
  const echoSteps = echoReplies
    ? [
        instruction(JUMP_EQUAL, PROTOCOL_ICMP, 0, 3),
        instruction(LOAD_X_HEADER_LENGTH, IP_OFFSET),
        instruction(LOAD_BYTE_INDEXED, IP_OFFSET),
        instruction(JUMP_EQUAL, ECHO_REPLY, 6 + last, 7 + last),
      ]
    : [];
  const ipSteps = 8 + last + echoSteps.length;
  const arpStep = arp ? [instruction(JUMP_EQUAL, ETHERTYPE_ARP, ipSteps, 0)] : [];
  return [
    instruction(LOAD_WORD_ABSOLUTE, VLAN_TAG_PRESENT),
    instruction(JUMP_EQUAL, 0, 0, 2 + ipSteps + arpStep.length),
    instruction(LOAD_HALF_ABSOLUTE, ETHERTYPE_OFFSET),
    ...arpStep,
    instruction(JUMP_EQUAL, ETHERTYPE_IPV4, 0, ipSteps),
    instruction(LOAD_BYTE_ABSOLUTE, IP_OFFSET + 9),
    ...echoSteps,
    instruction(JUMP_EQUAL, PROTOCOL_UDP, 0, 6 + last),
    instruction(LOAD_HALF_ABSOLUTE, IP_OFFSET + 6),
    instruction(JUMP_ANY_BIT, FRAGMENT_BITS, 4 + last, 0),
    instruction(LOAD_X_HEADER_LENGTH, IP_OFFSET),
    instruction(LOAD_HALF_INDEXED, IP_OFFSET + 2),
    ...ports.map((port, i) => instruction(JUMP_EQUAL, port, last - i, i === last ? 1 : 0)),
    instruction(RETURN, WHOLE_FRAME),
    instruction(RETURN, DROP),
  ];
}

/** As tcpdump would write it: `not vlan and (arp or (ip[6:2] & 0x3fff = 0 and udp dst port 67))`. */
export const DHCP_SERVER_FILTER = udpFilter([DHCP_SERVER_PORT], { arp: true, echoReplies: false });

/** Nothing but what DHCP clients and relays send to servers: `not vlan and ip[6:2] & 0x3fff = 0 and udp dst port 67`. */
export const DHCP_REQUEST_FILTER = udpFilter([DHCP_SERVER_PORT], { arp: false, echoReplies: false });

/** The same, and what boot clients send to proxyDHCP servers: `… and (udp dst port 67 or udp dst port 4011)`. */
export const BOOT_REQUEST_FILTER = udpFilter([DHCP_SERVER_PORT, PXE_PORT], { arp: false, echoReplies: false });

/** As {@link DHCP_REQUEST_FILTER}, and who answers for an address: ARP, and `icmp[icmptype] = icmp-echoreply`. */
export const DHCP_REQUEST_AND_PROBE_FILTER = udpFilter([DHCP_SERVER_PORT], { arp: true, echoReplies: true });

/** What DHCP servers send to clients: `not vlan and ip[6:2] & 0x3fff = 0 and udp dst port 68`. */
export const DHCP_CLIENT_FILTER = udpFilter([DHCP_CLIENT_PORT], { arp: false, echoReplies: false });

/** The same, and ARP: a client sees who else has its address. */
export const DHCP_CLIENT_AND_ARP_FILTER = udpFilter([DHCP_CLIENT_PORT], { arp: true, echoReplies: false });

/** Untagged IPv6 without extension headers that is ICMPv6 of one of the types, or UDP to port 547. */
function ip6Filter(types: readonly number[]): readonly BpfInstruction[] {
  const drop = types.length;
  return [
    instruction(LOAD_WORD_ABSOLUTE, VLAN_TAG_PRESENT),
    instruction(JUMP_EQUAL, 0, 0, 9 + drop),
    instruction(LOAD_HALF_ABSOLUTE, ETHERTYPE_OFFSET),
    instruction(JUMP_EQUAL, ETHERTYPE_IPV6, 0, 7 + drop),
    instruction(LOAD_BYTE_ABSOLUTE, IP_OFFSET + 6),
    instruction(JUMP_EQUAL, PROTOCOL_ICMPV6, 3, 0),
    instruction(JUMP_EQUAL, PROTOCOL_UDP, 0, 4 + drop),
    instruction(LOAD_HALF_ABSOLUTE, IP_OFFSET + IPV6_HEADER_BYTES + 2),
    instruction(JUMP_EQUAL, DHCP6_SERVER_PORT, 1 + drop, 2 + drop),
    instruction(LOAD_BYTE_ABSOLUTE, IP_OFFSET + IPV6_HEADER_BYTES),
    ...types.map((type, i) => instruction(JUMP_EQUAL, type, drop - 1 - i, i === drop - 1 ? 1 : 0)),
    instruction(RETURN, WHOLE_FRAME),
    instruction(RETURN, DROP),
  ];
}

/**
 * What a guest asks its router and its server. As tcpdump would write it: `not vlan and ((icmp6 and (ip6[40] = 133 or
 * ip6[40] = 135)) or (ip6 and udp dst port 547))`.
 */
export const GUEST_IP6_FILTER = ip6Filter([ROUTER_SOLICITATION, NEIGHBOUR_SOLICITATION]);

/** The same without neighbour solicitations: for who serves an interface whose addresses are the kernel's. */
export const IP6_SERVER_FILTER = ip6Filter([ROUTER_SOLICITATION]);

/** What DHCPv6 servers send to clients: `not vlan and ip6 and udp dst port 546`. */
export const DHCP6_CLIENT_FILTER: readonly BpfInstruction[] = [
  instruction(LOAD_WORD_ABSOLUTE, VLAN_TAG_PRESENT),
  instruction(JUMP_EQUAL, 0, 0, 7),
  instruction(LOAD_HALF_ABSOLUTE, ETHERTYPE_OFFSET),
  instruction(JUMP_EQUAL, ETHERTYPE_IPV6, 0, 5),
  instruction(LOAD_BYTE_ABSOLUTE, IP_OFFSET + 6),
  instruction(JUMP_EQUAL, PROTOCOL_UDP, 0, 3),
  instruction(LOAD_HALF_ABSOLUTE, IP_OFFSET + IPV6_HEADER_BYTES + 2),
  instruction(JUMP_EQUAL, DHCP6_CLIENT_PORT, 0, 1),
  instruction(RETURN, WHOLE_FRAME),
  instruction(RETURN, DROP),
];
