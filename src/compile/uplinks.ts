/** Uplinks that get their address from a DHCP server. */
import type { Model } from "../model/model.ts";
import type { DhcpClientObject } from "../state/object.ts";

/** What systemd-networkd gives a default route of DHCP: one that a person has set wins. */
export const LEASED_ROUTE_METRIC = 1024;

export function compileUplinks({ uplinks }: Model): readonly DhcpClientObject[] {
  return uplinks.flatMap(({ name, device, address }) =>
    address === "dhcp"
      ? [
          {
            kind: "dhcp-client",
            key: `dhcp-client/${name}`,
            origin: `uplink ${name}`,
            namespace: "",
            interfaceName: device,
            metric: LEASED_ROUTE_METRIC,
          },
        ]
      : [],
  );
}
