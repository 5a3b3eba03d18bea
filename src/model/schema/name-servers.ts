/** The shape of what is told about names where there is no DNS server of our own. */
import * as v from "valibot";
import { domain, nameServer } from "../leaf.ts";
import { DNS_TEXTS } from "../texts/name-servers.ts";
import { list, map } from "./containers.ts";

export const dns = map(
  {
    servers: v.exactOptional(list(nameServer, 8, "name servers")),
    search: v.exactOptional(list(domain, 16, "domains")),
  },
  DNS_TEXTS,
);
