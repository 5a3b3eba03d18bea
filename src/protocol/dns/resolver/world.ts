/** What a question that is being worked on can see and ask. */
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import type { QuestionFlags } from "../cache/question-key.ts";
import type { ResolverCounters } from "./counters.ts";
import type { Delegations } from "./delegations.ts";
import type { Effort } from "./effort.ts";
import type { InquiryRequest, InquiryResult } from "./inquiry.ts";
import type { Piece } from "./piece.ts";
import type { Routes } from "./routes.ts";
import type { Servers } from "./servers.ts";

export interface World {
  readonly routes: Routes;
  readonly servers: Servers;
  readonly delegations: Delegations;
  readonly counters: ResolverCounters;
  /** What is known already. */
  known(question: DnsQuestion, flags: QuestionFlags): Piece | undefined;
  keep(question: DnsQuestion, flags: QuestionFlags, piece: Piece): void;
  /** Dead servers are asked, too, in case they are back; nobody waits for them. */
  measure(request: InquiryRequest): void;
  now(): number;
}

/** Work that asks servers on its way: each request is answered before it goes on. */
export type Work<Result> = Generator<InquiryRequest, Result, InquiryResult>;

export interface Failure {
  readonly failed: string;
  /** Nobody else is to be asked, and why (RFC 8914). */
  readonly verdict?: number | undefined;
  /** A server that was asked said that it failed, which has many reasons. */
  readonly servfail?: boolean;
  /** Whether nobody said anything at all; absent: that is not the reason. */
  readonly silent?: boolean;
}

/** One question of a client's, or one that came up on the way. */
export interface Task {
  readonly question: DnsQuestion;
  readonly flags: QuestionFlags;
  readonly effort: Effort;
  /** How many questions it has come up through. */
  readonly depth: number;
}
