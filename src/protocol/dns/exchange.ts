/** What passes between the machines of a DNS server and the sockets below them. Time is in seconds, with fractions. */
import type { DnsUpstream } from "./config.ts";

/** A question to another server, to be sent from a source port of its own that nobody can guess. */
export interface UpstreamQuery {
  /** Names it from now on; never used again. */
  readonly query: number;
  readonly server: DnsUpstream;
  /** tls when the server has a tlsName. */
  readonly transport: "udp" | "tcp" | "tls";
  /** With its id, as it goes out; TCP's length is the socket's business. */
  readonly message: Uint8Array;
}

/** What became of one. Whatever comes from that server to that port is told, also what nobody asked for. */
export type UpstreamEvent =
  | { readonly query: number; readonly kind: "answer"; readonly message: Uint8Array }
  /** Refused, unreachable, ended by the other side. Silence is the machine's own business. */
  | {
      readonly query: number;
      readonly kind: "failed";
      readonly reason: string;
      /** This host has no way there, and said so before anything was sent: likely to nobody of that family. */
      readonly isCutOff?: boolean;
    };

export interface ResolverOutput {
  readonly queries: readonly UpstreamQuery[];
  /** Their sockets can be closed: answered, or given up. */
  readonly ended: readonly number[];
  readonly answers: readonly ResolvedAnswer[];
}

/** The answer to all who asked the same. */
export interface ResolvedAnswer {
  /** What `resolve` was called with. */
  readonly tokens: readonly number[];
  /**
   * A whole response, without OPT, its id 0, the question in lower case; SERVFAIL when nobody answered. It is in the
   * cache already where it may be.
   */
  readonly message: Uint8Array;
  /** Of EXTENDED_ERROR: why it is stale or none. */
  readonly error?: number;
}
