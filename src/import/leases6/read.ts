/** DHCPv6 leases of whatever server wrote the file. */
import type { Lease6 } from "../../protocol/dhcp6/server/lease.ts";
import { looksLikeDhcpd } from "../leases/dhcpd.ts";
import { looksLikeDnsmasq } from "../leases/dnsmasq.ts";
import { looksLikeKea } from "../leases/kea.ts";
import { looksLikePortable } from "../leases/portable.ts";
import { place, type ReadLeases } from "../leases/read.ts";
import { Problems } from "../problem.ts";
import { readDhcpdLeases6 } from "./dhcpd.ts";
import { readDnsmasqLeases6 } from "./dnsmasq.ts";
import { readKeaLeases6 } from "./kea.ts";
import { FORMAT6, readPortable6 } from "./portable.ts";

/** Nothing is thrown, whatever the text. @param nowSeconds since 1970 */
export function readLeases6(text: string, nowSeconds: number): ReadLeases<Lease6> {
  const problems = new Problems();
  const [server, placed] = looksLikePortable(text, FORMAT6)
    ? (["netloom", readPortable6(text, problems)] as const)
    : looksLikeKea(text)
      ? (["Kea", place(readKeaLeases6(text, problems))] as const)
      : looksLikeDnsmasq(text)
        ? (["dnsmasq", place(readDnsmasqLeases6(text, nowSeconds, problems))] as const)
        : looksLikeDhcpd(text)
          ? (["ISC dhcpd", place(readDhcpdLeases6(text, nowSeconds, problems))] as const)
          : ([undefined, undefined] as const);
  if (placed === undefined) return { server: undefined, leases: [], problems: problems.all() };
  return { server, leases: placed, problems: problems.all() };
}
