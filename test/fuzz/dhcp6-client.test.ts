import { fuzz } from "./fuzz.ts";
import { DHCP6_CLIENT } from "./targets/dhcp6-client.ts";

fuzz(DHCP6_CLIENT, { inputs: 20_000 });
