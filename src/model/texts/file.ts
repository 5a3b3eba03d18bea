/** The keys at the top of the file, and those of routers. */
import type { KeyText } from "../json-schema.ts";

export const FILE_TEXTS = {
  version: { title: "Version", description: "1, the version of the file's format" },
  name: {
    title: "Name",
    description:
      "name of what this file makes: a-z 0-9 -, 1 to 63 characters. Addresses and MACs stay the same as long as it does.",
    otherwise: "the file's name without folder and ending",
  },
  uplinks: { title: "Uplinks", description: "How this host reaches the outside." },
  networks: { title: "Networks", description: "A Linux bridge with the gateway's addresses on it." },
  routers: { title: "Routers", description: "What leads from networks to each other and to the outside." },
  machines: { title: "Machines", description: "What stands on the networks: namespaces and guests." },
} as const satisfies Readonly<Record<string, KeyText>>;

export const ROUTER_TEXTS = {
  networks: {
    title: "Networks",
    description: "list of networks; they reach each other. A network has one router.",
  },
  uplink: { title: "Uplink", description: "name of an uplink" },
  nat: {
    title: "Address translation",
    description:
      "masquerade: machines appear outside with the uplink's address, new connections from outside are dropped. none: packets keep their addresses, the outside may connect; it needs a route to the subnet.",
    default: "masquerade",
  },
} as const satisfies Readonly<Record<string, KeyText>>;
