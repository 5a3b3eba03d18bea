/** The shape of a network's router advertisements and DHCPv6 server. */
import * as v from "valibot";
import { duration } from "../dhcp-leaf.ts";
import { duid, prefix6, range6 } from "../ip6-leaf.ts";
import { integer, ipv6, mac, word, yesOrNo } from "../leaf.ts";
import { IP6_HOST_TEXTS, IP6_TEXTS, PREFIXES_TEXTS } from "../texts/network-ip6.ts";
import { list, map } from "./containers.ts";

const ip6Host = map(
  {
    mac: v.exactOptional(mac),
    duid: v.exactOptional(duid),
    address: v.exactOptional(ipv6),
    prefix: v.exactOptional(prefix6),
  },
  IP6_HOST_TEXTS,
);

export const ip6 = map(
  {
    mode: v.exactOptional(word(["slaac", "dhcp", "both"])),
    range: v.exactOptional(range6),
    lease: v.exactOptional(duration),
    prefixes: v.exactOptional(map({ from: prefix6, length: v.exactOptional(integer(1, 64, " bits")) }, PREFIXES_TEXTS)),
    routes: v.exactOptional(list(prefix6, 64, "routes")),
    ntp: v.exactOptional(list(ipv6, 8, "time servers")),
    "rapid-commit": v.exactOptional(yesOrNo),
    "known-only": v.exactOptional(yesOrNo),
    guard: v.exactOptional(yesOrNo),
    hosts: v.exactOptional(list(ip6Host, 10_000, "hosts")),
  },
  IP6_TEXTS,
);
