import { fuzz } from "./fuzz.ts";
import { DHCP4_CLIENT } from "./targets/dhcp4-client.ts";

fuzz(DHCP4_CLIENT);
