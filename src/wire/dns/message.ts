/**
 * DNS messages (RFC 1035 §4.1) with EDNS (RFC 6891), as values.
 *
 * Names are text as in `wire/domain-name.ts`: no final dot, the root is "", other bytes as \DDD; their case is kept.
 * Data of a record is its wire form with names written out in full, so that it can be copied from message to message.
 */

/** One question; every other number of them is malformed. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface DnsRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  /** 0 to 2^31 - 1 (RFC 2181 §8). */
  readonly ttlSeconds: number;
  /** RDATA without compression. */
  readonly data: Uint8Array;
}

/** The OPT pseudo record. */
export interface DnsExtension {
  readonly udpPayloadBytes: number;
  readonly version: number;
  /** DO: the sender wants DNSSEC records (RFC 3225). */
  readonly dnssecOk: boolean;
  readonly options: readonly { readonly code: number; readonly data: Uint8Array }[];
}

export interface DnsMessage {
  readonly id: number;
  readonly response: boolean;
  /** 0 query, 4 notify, 5 update. */
  readonly opcode: number;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  /** AD (RFC 4035 §3.2.3). */
  readonly authenticData: boolean;
  /** CD (RFC 4035 §3.2.2). */
  readonly checkingDisabled: boolean;
  /** 12 bits with EDNS, else 4. */
  readonly responseCode: number;
  readonly question: DnsQuestion;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  /** Without the OPT pseudo record. */
  readonly additionals: readonly DnsRecord[];
  readonly extension?: DnsExtension;
}
