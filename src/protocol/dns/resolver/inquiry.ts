/** One question to servers of equal rank, until one of them gives an answer that can be used. */
import type { DnsMessage, DnsQuestion } from "../../../wire/dns/message.ts";
import type { DnsUpstream } from "../config.ts";
import type { UpstreamQuery } from "../exchange.ts";
import type { Asked } from "./check.ts";
import type { Effort } from "./effort.ts";
import type { ServerRecord } from "./servers.ts";
import type { Timer } from "./timers.ts";

export interface InquiryRequest {
  /** Requests with the same key are one while they are in flight. */
  readonly key: string;
  readonly servers: readonly DnsUpstream[];
  readonly question: DnsQuestion;
  readonly recursionDesired: boolean;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
  /** Whether the servers beside the chosen one are measured from time to time. */
  readonly measured: boolean;
  /** Whether nobody else can be asked: a server may be slow then because it has to ask others. */
  readonly patient: boolean;
  readonly effort: Effort;
  /** Why an answer without fault is of no use, so that another server is asked; undefined: it is of use. */
  readonly unusable: (message: DnsMessage, server: DnsUpstream) => string | undefined;
}

export type InquiryResult =
  | { readonly message: DnsMessage; readonly server: DnsUpstream }
  /**
   * `silent`: nobody said anything at all; `servfail`: a server said that it failed; `verdict`: why a server says that
   * there shall be no answer (RFC 8914).
   */
  | {
      readonly failed: string;
      readonly silent: boolean;
      readonly servfail: boolean;
      readonly verdict?: number | undefined;
    };

export type Done = (result: InquiryResult, now: number) => void;

/** Once that many messages for one question were answered wrongly, it is asked over TCP. */
export const MOST_BAD_ANSWERS = 3;
/** Times that one server is asked the same. */
const MOST_TRIES = 3;
const MOST_ATTEMPTS = 8;

export interface Attempt {
  readonly query: number;
  readonly inquiry: Inquiry;
  readonly record: ServerRecord;
  readonly transport: UpstreamQuery["transport"];
  readonly withExtension: boolean;
  readonly asked: Asked;
  readonly sentAt: number;
  /** Only made to know the server better: it does not keep the inquiry waiting. */
  measuring: boolean;
  timer: Timer | undefined;
  /** Nobody waits for it any more; should its answer come, it is taken. */
  isOverdue: boolean;
}

export class Inquiry {
  readonly request: InquiryRequest;
  /** Who is told of the result; undefined: told already. */
  waiting: Done[] | undefined = [];
  attempts: readonly Attempt[] = [];
  attemptsMade = 0;
  badAnswers = 0;
  /** What the last server said that was of no use. */
  lastReason: string | undefined;
  saidServfail = false;
  /** A server said that there shall be no answer, and why (RFC 8914). */
  verdict: number | undefined;
  /** Keys of the servers that were asked, one for each time. */
  readonly #tried: string[] = [];
  /** Keys of those that were told to be of no use for this question. */
  readonly #excluded: string[] = [];

  constructor(request: InquiryRequest) {
    this.request = request;
  }

  get isDone(): boolean {
    return this.waiting === undefined;
  }

  /** Whether an attempt is still waited for. */
  get isWaiting(): boolean {
    for (const { measuring, isOverdue } of this.attempts) if (!measuring && !isOverdue) return true;
    return false;
  }

  get mayTryAgain(): boolean {
    return this.attemptsMade < Math.min(MOST_ATTEMPTS, 2 * this.request.servers.length + 1);
  }

  /** The attempt that is only measuring this server. */
  measuringOf(record: ServerRecord): Attempt | undefined {
    for (const attempt of this.attempts) if (attempt.measuring && attempt.record === record) return attempt;
    return undefined;
  }

  isCandidate(record: ServerRecord): boolean {
    return !this.#excluded.includes(record.key) && this.triesOf(record) < MOST_TRIES;
  }

  exclude(record: ServerRecord): void {
    this.#excluded.push(record.key);
  }

  triesOf({ key }: ServerRecord): number {
    let tries = 0;
    for (const tried of this.#tried) if (tried === key) tries++;
    return tries;
  }

  noteTry({ key }: ServerRecord): void {
    this.#tried.push(key);
  }
}
