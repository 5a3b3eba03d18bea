import { fuzz } from "./fuzz.ts";
import { DHCP4_SERVER } from "./targets/dhcp4-server.ts";

fuzz(DHCP4_SERVER);
