/** What a resolver counts. */

/** Why an answer from a server was not taken. */
export type BadAnswer = "malformed" | "id" | "question" | "case";

export interface ResolverCounters {
  /** Questions that were worked on; those that others had just asked are not among them. */
  questions: number;
  coalesced: number;
  failed: number;
  /** Refused because too many were in work. */
  overloaded: number;
  /** Asked again over TCP. */
  truncated: number;
  staleServed: number;
  refreshed: number;
  /** Answers that were emptied because they led into the inside. */
  rebinding: number;
  /** `bailiwick` counts records that the asked server has no say in. */
  readonly badAnswers: Record<BadAnswer | "bailiwick", number>;
}

export function newCounters(): ResolverCounters {
  return {
    questions: 0,
    coalesced: 0,
    failed: 0,
    overloaded: 0,
    truncated: 0,
    staleServed: 0,
    refreshed: 0,
    rebinding: 0,
    badAnswers: { malformed: 0, id: 0, question: 0, case: 0, bailiwick: 0 },
  };
}
