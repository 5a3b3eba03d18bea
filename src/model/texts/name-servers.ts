/** The keys of what is told about names where there is no DNS server of our own: name servers and search domains. */
import type { KeyText } from "../json-schema.ts";

export const DNS_TEXTS = {
  servers: {
    title: "Name servers",
    description: "list of name servers that machines are told, IPv4 or IPv6",
  },
  search: { title: "Search domains", description: "list of search domains" },
} as const satisfies Readonly<Record<string, KeyText>>;
