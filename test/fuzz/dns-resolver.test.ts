import { fuzz } from "./fuzz.ts";
import { DNS_RESOLVER } from "./targets/dns-resolver.ts";

fuzz(DNS_RESOLVER, { inputs: 5000 });
