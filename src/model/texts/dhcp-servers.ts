/** The keys that a network's DHCPv4 server and its DHCPv6 server have in the same sense. */
import type { KeyText } from "../json-schema.ts";

export const DHCP_SERVER_TEXTS = {
  "rapid-commit": {
    title: "Rapid commit",
    description: "clients that wish it get their address in two messages instead of four",
    default: false,
  },
  guard: {
    title: "Guard",
    description: "no machine's DHCP, DHCPv6 or router advertisements to the others; those of ports are let through",
    default: true,
  },
  hosts: { title: "Hosts", description: "list of clients that are known", otherwise: "none" },
} as const satisfies Readonly<Record<string, KeyText>>;
