import { fuzz } from "./fuzz.ts";
import { PROXY_DHCP } from "./targets/proxy-dhcp.ts";

fuzz(PROXY_DHCP);
