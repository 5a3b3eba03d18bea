/** What a network's DNS server tells of itself in the status, plain JSON. */
import type { DnsUpstream } from "../protocol/dns/config.ts";
import type { DnsServiceStats } from "./dns/server.ts";

/** A server that it asks. */
export interface AskedServer {
  /** "9.9.9.9", "9.9.9.9#5353", "tls://9.9.9.9/dns.quad9.net", "192.0.2.53 on the network" */
  readonly server: string;
  readonly asked: number;
  readonly answered: number;
  readonly timeouts: number;
  /** Smoothed; absent: never measured. */
  readonly rttMilliseconds?: number;
  /** It is left alone for a while, as it did not answer. */
  readonly dead: boolean;
}

export interface DnsDetails {
  /** Questions by where the answer came from: own names, the cache, other servers; refused and dropped ones. */
  readonly queries: Readonly<Record<"own" | "cached" | "asked" | "refused" | "dropped", number>>;
  /** By response code, of answers that did not come straight out of the cache. */
  readonly replies: Readonly<Record<string, number>>;
  /** Answers in the cache, and their memory. */
  readonly remembered: number;
  readonly rememberedBytes: number;
  readonly upstreams: readonly AskedServer[];
  /** Answers of other servers that were not believed, by why. */
  readonly badAnswers: Readonly<Record<string, number>>;
}

const DNS_PORT = 53;
const DNS_TLS_PORT = 853;

export function dnsDetails({ answered, refused, dropped, cache, server, resolver }: DnsServiceStats): DnsDetails {
  return {
    queries: {
      own: server.fromZones,
      cached: answered + server.fromCache,
      asked: server.resolved,
      refused,
      dropped: dropped + server.dropped,
    },
    replies: server.replies,
    remembered: cache.entries,
    rememberedBytes: cache.usedBytes,
    upstreams: resolver.upstreams.map(({ server, rttMilliseconds, ...counts }) => ({
      server: serverText(server),
      asked: counts.asked,
      answered: counts.answered,
      timeouts: counts.timeouts,
      ...(rttMilliseconds === undefined ? {} : { rttMilliseconds }),
      dead: counts.dead,
    })),
    badAnswers: resolver.badAnswers,
  };
}

function serverText({ address, port, tlsName, onNetwork }: DnsUpstream): string {
  const usual = port === (tlsName === undefined ? DNS_PORT : DNS_TLS_PORT);
  const place = `${address}${usual ? "" : `#${port}`}`;
  const text = tlsName === undefined ? place : `tls://${place}${tlsName === address ? "" : `/${tlsName}`}`;
  return onNetwork === true ? `${text} on the network` : text;
}
