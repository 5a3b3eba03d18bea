import { fuzz } from "./fuzz.ts";
import { GUEST_IP6 } from "./targets/guest-ip6.ts";
import { ROUTER } from "./targets/router.ts";

fuzz(GUEST_IP6);
fuzz(ROUTER, { inputs: 20_000 });
