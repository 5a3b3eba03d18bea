/** A bridge network: the bridge and its gateway address on the host. */
import type { StateObject } from "../state/object.ts";
import type { NetworkLayout } from "./layout.ts";

/** IN6_ADDR_GEN_MODE_NONE (linux/if_link.h). */
export const GENERATE_NO_ADDRESSES = 1;

export function networkLinkKey(network: string): string {
  return `link/${network}`;
}

export function compileNetwork({ network, router, mtuBytes, ipv6 }: NetworkLayout): readonly StateObject[] {
  const common = { origin: `network ${network.name}`, namespace: "" };
  const key = networkLinkKey(network.name);
  const parameter = (path: string, value: string): StateObject => ({
    kind: "sysctl",
    key: `sysctl/${path}`,
    ...common,
    path,
    value,
  });
  return [
    {
      kind: "link",
      key,
      ...common,
      name: network.device,
      // With a delay every new port drops everything for twice 15 s.
      link: { type: "bridge", forwardDelayCentiseconds: 0, stp: false },
      macAddress: network.macAddress,
      mtuBytes,
      up: true,
      ...(ipv6 ? { ipv6AddressGeneration: GENERATE_NO_ADDRESSES } : {}),
    },
    // Machines could otherwise give the host addresses and routes by router advertisements.
    ...(ipv6 ? [parameter(`net/ipv6/conf/${network.device}/disable_ipv6`, "1")] : []),
    // An isolated network stays isolated on a host that forwards by default.
    parameter(`net/ipv4/conf/${network.device}/forwarding`, router === undefined ? "0" : "1"),
    {
      kind: "address",
      key: `address/${network.name}/${network.gateway}`,
      ...common,
      linkKey: key,
      address: network.gateway,
      prefixLength: network.subnet.length,
    },
  ];
}
