import { fuzz } from "./fuzz.ts";
import { DHCP6_SERVER } from "./targets/dhcp6-server.ts";

fuzz(DHCP6_SERVER, { inputs: 15_000 });
