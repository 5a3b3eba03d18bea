/**
 * What keeps the configuration of a guest between us and the guest: DHCP and router advertisements cross neither from
 * its tap to the network nor back, and do not reach the kernel's own stack, which would refuse them as unreachable.
 */
import type { MacAddress } from "../../base/address.ts";

/** What DHCP and router advertisements are, in the words of a family that sees Ethernet frames. */
const CONFIGURATION = [
  "ether type ip udp dport { 67, 68 } drop",
  "ether type ip6 udp dport { 546, 547 } drop",
  "ether type ip6 icmpv6 type { nd-router-solicit, nd-router-advert } drop",
];

/**
 * Rules of a table of the netdev family: on this device neither passes, in nor out (Linux 5.16 for the way out).
 * @param siblings macvlans on the device: a frame from one to another comes in by it once more, for its listeners
 */
export function deviceBarrier(device: string, siblings: readonly MacAddress[]): string {
  const chain = (hook: "ingress" | "egress", exceptions: readonly string[]): string[] => [
    `chain ${hook} {`,
    `  type filter hook ${hook} device ${JSON.stringify(device)} priority 0; policy accept;`,
    ...[...exceptions, ...CONFIGURATION].map((rule) => `  ${rule}`),
    "}",
  ];
  return [...chain("ingress", [`ether saddr { ${siblings.join(", ")} } accept`]), ...chain("egress", [])].join("\n");
}

/** Rules of a table of the bridge family. @param others bridge ports that must neither hear nor speak to the guest */
export function configurationBarrier(tapName: string, others: readonly string[]): string {
  const tap = JSON.stringify(tapName);
  const crossing = others.flatMap((name) => {
    const other = JSON.stringify(name);
    return [
      [tap, other],
      [other, tap],
    ];
  });
  return [
    "chain forward {",
    "  type filter hook forward priority -200; policy accept;",
    ...(others.length === 0
      ? [`  iifname ${tap} jump configuration`, `  oifname ${tap} jump configuration`]
      : crossing.map(([from, to]) => `  iifname ${from} oifname ${to} jump configuration`)),
    "}",
    "chain configuration {",
    ...CONFIGURATION.map((rule) => `  ${rule}`),
    "}",
    "chain input {",
    "  type filter hook input priority -200; policy accept;",
    `  iifname ${tap} ether type ip udp dport 67 drop`,
    `  iifname ${tap} ether type ip6 udp dport 547 drop`,
    `  iifname ${tap} ether type ip6 icmpv6 type nd-router-solicit drop`,
    "}",
  ].join("\n");
}
