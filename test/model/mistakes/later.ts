/** What netloom will have and does not have yet. */
import { type Case, LAN, network } from "./case.ts";

export const LATER: readonly Case[] = [
  {
    what: "a VLAN",
    text: network("kind: vlan, subnet: 192.0.2.0/24"),
    at: "networks.lan.kind",
    line: 3,
    reason: /not supported yet/,
    remedy: /bridge/,
  },
  {
    what: "source NAT",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks: { lan: { subnet: 192.0.2.0/24 } }\nrouters: { edge: { networks: [lan], uplink: wan, nat: { source: 203.0.113.7 } } }\n",
    at: "routers.edge.nat",
    line: 4,
    reason: /not supported yet/,
    remedy: /masquerade/,
  },
  {
    what: "port forwarding",
    text: "version: 1\nuplinks: { wan: { device: eth0 } }\nnetworks: { lan: { subnet: 192.0.2.0/24 } }\nrouters: { edge: { networks: [lan], uplink: wan, forward: [] } }\n",
    at: "routers.edge.forward",
    line: 4,
    reason: /not supported yet/,
    remedy: /remove/,
  },
  { what: "rules", text: `${LAN}rules: []\n`, at: "rules", line: 4, reason: /not supported yet/, remedy: /remove/ },
  { what: "limits", text: `${LAN}limits: []\n`, at: "limits", line: 4, reason: /not supported yet/, remedy: /remove/ },
  {
    what: "a cluster",
    text: `${LAN}cluster: {}\n`,
    at: "cluster",
    line: 4,
    reason: /not supported yet/,
    remedy: /remove/,
  },
];
