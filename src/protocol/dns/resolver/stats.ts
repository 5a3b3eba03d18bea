/** What a resolver tells of itself. */
import type { DnsUpstream } from "../config.ts";
import type { ResolverCounters } from "./counters.ts";
import type { ServerRecord } from "./servers.ts";

export interface UpstreamStats {
  readonly server: DnsUpstream;
  readonly asked: number;
  readonly answered: number;
  readonly timeouts: number;
  /** Smoothed; undefined: never measured. */
  readonly rttMilliseconds: number | undefined;
  readonly dead: boolean;
}

export interface ResolverStats extends Readonly<ResolverCounters> {
  /** Questions that are being worked on. */
  readonly inWork: number;
  /** Messages to servers that are waited for. */
  readonly openQueries: number;
  /** Zones whose servers are known. */
  readonly zones: number;
  /** The configured ones. */
  readonly upstreams: readonly UpstreamStats[];
}

export function describeServer({ server, asked, answered, timeouts, rttSeconds, dead }: ServerRecord): UpstreamStats {
  const rttMilliseconds = rttSeconds === undefined ? undefined : Math.round(rttSeconds * 10_000) / 10;
  return { server, asked, answered, timeouts, rttMilliseconds, dead };
}
