/** What a DNS server has done, besides what its cache answered without it. */
import { formatResponseCode } from "../../../wire/dns/types.ts";

interface Counted {
  /** Queries over UDP and over TCP. */
  readonly udp: number;
  readonly tcp: number;
  /** Responses and shreds, which get no reply. */
  readonly dropped: number;
  /** Where answers came from. */
  readonly fromZones: number;
  readonly fromCache: number;
  readonly resolved: number;
  /** Replies that were longer than their askers take. */
  readonly truncated: number;
}

export interface DnsServerStats extends Counted {
  /** By response code: "NOERROR", "NXDOMAIN", … */
  readonly replies: Readonly<Record<string, number>>;
  /** Queries whose answers are being looked for. */
  readonly waiting: number;
}

export class Counters {
  readonly #counted = { udp: 0, tcp: 0, dropped: 0, fromZones: 0, fromCache: 0, resolved: 0, truncated: 0 };
  readonly #replies = new Map<number, number>();

  add(what: keyof Counted): void {
    this.#counted[what]++;
  }

  reply(responseCode: number): void {
    this.#replies.set(responseCode, (this.#replies.get(responseCode) ?? 0) + 1);
  }

  stats(waiting: number): DnsServerStats {
    const replies = Object.fromEntries([...this.#replies].map(([code, count]) => [formatResponseCode(code), count]));
    return { ...this.#counted, replies, waiting };
  }
}
