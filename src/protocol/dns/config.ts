/** What a DNS server is told: whom it asks, what it knows by itself, whom it answers. */
import type { IpAddress, Prefix } from "../../base/address.ts";
import type { DnsRecord } from "../../wire/dns/message.ts";

/** A server that is asked. */
export interface DnsUpstream {
  readonly address: IpAddress;
  /** Usually 53, with TLS 853. */
  readonly port: number;
  /** Asked over TLS (RFC 7858), with the name that its certificate has to have. */
  readonly tlsName?: string;
  /** Asked from the network on which it is answered, not from where the server itself is: the same address there is another's. */
  readonly onNetwork?: true;
}

/** A zone that the server is the authority for. */
export interface DnsZoneConfig {
  /** No final dot: "lan.example", "50.168.192.in-addr.arpa". */
  readonly name: string;
  /** Names in full. SOA and NS are made where they are missing. */
  readonly records: readonly DnsRecord[];
}

export interface DnsServerConfig {
  /**
   * forward-first: ask the upstreams, and when they fail resolve from the root servers by oneself; forward-only: never
   * by oneself; recursive: always by oneself.
   */
  readonly mode: "forward-first" | "forward-only" | "recursive";
  /** Of equal rank: the quickest is preferred, the others are tried from time to time. */
  readonly upstreams: readonly DnsUpstream[];
  /** Who is asked for names in and below a domain; the longest domain counts. Asked whatever the mode. */
  readonly domains: readonly { readonly domain: string; readonly upstreams: readonly DnsUpstream[] }[];
  /** Absent: the root servers of the internet. */
  readonly rootServers?: readonly DnsUpstream[];
  readonly zones: readonly DnsZoneConfig[];
  /** Who is answered; others get REFUSED. Absent: everybody. */
  readonly allow?: readonly Prefix[];
  /** Answers from outside with private addresses are emptied, save for names in and below these; absent: no such protection. */
  readonly rebindingAllowed?: readonly string[];
  /** Questions to upstreams in mIxEd case, which the answer has to repeat (0x20). */
  readonly mixedCase: boolean;
  readonly cache: DnsCacheLimits;
}

export interface DnsCacheLimits {
  readonly bytes: number;
  readonly minimumTtlSeconds: number;
  readonly maximumTtlSeconds: number;
  /** Of "no such name" and "no such record" (RFC 2308 §5). */
  readonly maximumNegativeSeconds: number;
  /** How long what has ended is still told while nobody answers (RFC 8767); 0: never. */
  readonly staleSeconds: number;
}
