/**
 * What a guest's port of a bridge may carry: the one place for rules by port.
 *
 * Today it is the configuration only. What we tell a guest on its tap must not cross to the network, nor the other
 * way round, and must not reach the host's own stack, which would refuse it or answer as well.
 */
import type { NftTableObject } from "../state/object/kernel.ts";
import { tableName } from "../state/table-name.ts";

interface Port {
  readonly namespace: string;
  /** Key of the tap. */
  readonly linkKey: string;
  readonly device: string;
  readonly origin: string;
  /** Whether DHCP is served on the tap, and not to the whole network. */
  readonly ownDhcp: boolean;
  /** Whether IPv6 is configured on the tap. */
  readonly ownIp6: boolean;
}

/** A table of the bridge family for this port alone; none where nothing is served on it. */
export function portRules(port: Port): readonly NftTableObject[] {
  const device = JSON.stringify(port.device);
  const crossing = [
    ...(port.ownDhcp ? ["ether type ip udp dport { 67, 68 } drop"] : []),
    ...(port.ownIp6
      ? [
          "ether type ip6 udp dport { 546, 547 } drop",
          "ether type ip6 icmpv6 type { nd-router-solicit, nd-router-advert } drop",
        ]
      : []),
  ];
  if (crossing.length === 0) return [];
  const hook = (name: string, rules: readonly string[]): readonly string[] => [
    `chain ${name} {`,
    `  type filter hook ${name} priority -200; policy accept;`,
    ...rules.map((rule) => `  ${rule} jump configuration`),
    "}",
  ];
  return [
    {
      kind: "nft-table",
      key: `nft/${port.linkKey}`,
      origin: port.origin,
      namespace: port.namespace,
      family: "bridge",
      name: tableName("port", port.device),
      rules: [
        "chain configuration {",
        ...crossing.map((rule) => `  ${rule}`),
        "}",
        ...hook("forward", [`iifname ${device}`, `oifname ${device}`]),
        ...hook("input", [`iifname ${device}`]),
        ...hook("output", [`oifname ${device}`]),
      ].join("\n"),
    },
  ];
}
