/** One question that is being worked on, and who waits for it. */
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import type { QuestionFlags } from "../cache/question-key.ts";
import type { Piece } from "./piece.ts";
import type { Timer } from "./timers.ts";
import type { Failure, Work } from "./world.ts";

export interface Flight {
  readonly key: string;
  readonly question: DnsQuestion;
  readonly flags: QuestionFlags;
  readonly work: Work<Piece | Failure>;
  readonly beganAt: number;
  /** How often names that are answered here had changed by then. */
  readonly localChanges: number;
  /** Who is told; they were told something older already once it is empty. */
  tokens: number[];
  /** What has run out is told at once: the wait for something newer was too long. */
  tellsStale: boolean;
  isDone: boolean;
  /** The end of all patience. */
  patience: Timer | undefined;
  /** When what has run out is told. */
  staleTimer: Timer | undefined;
}

export function questionKey({ name, type, class: dnsClass }: DnsQuestion, flags: QuestionFlags): string {
  return `${name}|${type}|${dnsClass}|${(flags.dnssecOk ? 1 : 0) + (flags.checkingDisabled ? 2 : 0)}`;
}
