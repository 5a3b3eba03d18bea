/** Leases of whatever server wrote the file. */
import type { Lease } from "../../protocol/dhcp4/server/lease.ts";
import { type Problem, Problems } from "../problem.ts";
import { looksLikeDhcpd, readDhcpdLeases } from "./dhcpd.ts";
import { looksLikeDnsmasq, readDnsmasqLeases } from "./dnsmasq.ts";
import { looksLikeKea, readKeaLeases } from "./kea.ts";
import { looksLikePortable, type PlacedLease, readPortable } from "./portable.ts";

export interface ReadLeases<Kept> {
  /** Who wrote the file; undefined: it is none that is known, or none that can be read. */
  readonly server: "dnsmasq" | "ISC dhcpd" | "Kea" | "netloom" | undefined;
  readonly leases: readonly PlacedLease<Kept>[];
  readonly problems: readonly Problem[];
}

/** Nothing is thrown, whatever the text. @param nowSeconds since 1970 */
export function readLeases(text: string, nowSeconds: number): ReadLeases<Lease> {
  const problems = new Problems();
  const [server, placed] = looksLikePortable(text)
    ? (["netloom", readPortable(text, problems)] as const)
    : looksLikeKea(text)
      ? (["Kea", place(readKeaLeases(text, problems))] as const)
      : looksLikeDnsmasq(text)
        ? (["dnsmasq", place(readDnsmasqLeases(text, nowSeconds, problems))] as const)
        : looksLikeDhcpd(text)
          ? (["ISC dhcpd", place(readDhcpdLeases(text, nowSeconds, problems))] as const)
          : ([undefined, undefined] as const);
  if (placed === undefined) return { server: undefined, leases: [], problems: problems.all() };
  return { server, leases: placed, problems: problems.all() };
}

/** None of these files tells whose server it was. */
export function place<Kept>(leases: readonly Kept[] | undefined): PlacedLease<Kept>[] | undefined {
  return leases?.map((lease) => ({ server: {}, lease }));
}
