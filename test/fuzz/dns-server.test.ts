import { fuzz } from "./fuzz.ts";
import { DNS_SERVER } from "./targets/dns-server.ts";

fuzz(DNS_SERVER, { inputs: 10_000 });
