/** Leases of whatever server wrote the file. */
import { type Problem, Problems } from "../problem.ts";
import { looksLikeDhcpd, readDhcpdLeases } from "./dhcpd.ts";
import { looksLikeDnsmasq, readDnsmasqLeases } from "./dnsmasq.ts";
import { looksLikeKea, readKeaLeases } from "./kea.ts";
import { looksLikePortable, type PlacedLease, readPortable } from "./portable.ts";

export interface ReadLeases {
  /** Who wrote the file; undefined: it is none that is known. */
  readonly server: "dnsmasq" | "ISC dhcpd" | "Kea" | "netloom" | undefined;
  readonly leases: readonly PlacedLease[];
  readonly problems: readonly Problem[];
}

/** Nothing is thrown, whatever the text. @param nowSeconds since 1970 */
export function readLeases(text: string, nowSeconds: number): ReadLeases {
  const problems = new Problems();
  if (looksLikePortable(text))
    return { server: "netloom", leases: readPortable(text, problems), problems: problems.all() };
  const [server, leases] = looksLikeKea(text)
    ? (["Kea", readKeaLeases(text, problems)] as const)
    : looksLikeDnsmasq(text)
      ? (["dnsmasq", readDnsmasqLeases(text, nowSeconds, problems)] as const)
      : looksLikeDhcpd(text)
        ? (["ISC dhcpd", readDhcpdLeases(text, nowSeconds, problems)] as const)
        : ([undefined, []] as const);
  return { server, leases: leases.map((lease) => ({ server: {}, lease })), problems: problems.all() };
}
