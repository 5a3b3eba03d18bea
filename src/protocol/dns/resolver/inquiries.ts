/**
 * The questions that are on their way to servers: who is asked next, how long the answer is waited for, what is taken
 * for an answer.
 *
 * A server that does not answer in its usual time is not given up: the next one is asked, and whichever answers first
 * is taken. What does not match is dropped and counted, and the question goes over TCP when that happens too often.
 */
import type { DnsMessage } from "../../../wire/dns/message.ts";
import { RESPONSE_CODE } from "../../../wire/dns/types.ts";
import type { UpstreamEvent, UpstreamQuery } from "../exchange.ts";
import { checkAnswer } from "./check.ts";
import { chooseServer, isToMeasure, serverToMeasure } from "./choose.ts";
import type { ResolverCounters } from "./counters.ts";
import {
  type Attempt,
  type Done,
  Inquiry,
  type InquiryRequest,
  type InquiryResult,
  MOST_BAD_ANSWERS,
} from "./inquiry.ts";
import { mixCase, type RandomBits } from "./random.ts";
import { noteFoldedCase, noteRefusedExtension, type ServerRecord, type Servers, waitSeconds } from "./servers.ts";
import type { Timers } from "./timers.ts";
import { encodeUpstreamQuestion } from "./upstream-query.ts";
import { verdictOf } from "./verdict.ts";

/** In all: well below the usual limit of open files. */
const MOST_ATTEMPTS_OPEN = 3000;
/** Sockets that one inquiry keeps open at a time. */
const MOST_OPEN = 3;
/** A server that resolves for us may have to ask others first. */
const LEAST_WAIT_SECONDS = { resolver: 0.4, authority: 0.15 } as const;
/** A connection is to be made first. */
const STREAM_WAIT_SECONDS = 1.5;
/** The last attempt is waited for at least so long. */
const LAST_WAIT_SECONDS = 1.5;
/** Stub resolvers give up after five seconds. */
const PATIENT_WAIT_SECONDS = 3.5;

interface Way {
  readonly transport: UpstreamQuery["transport"];
  readonly measuring: boolean;
  /** Default: unless the server is known to refuse EDNS. */
  readonly withExtension?: boolean;
}

export class Inquiries {
  readonly #servers: Servers;
  readonly #timers: Timers;
  readonly #random: RandomBits;
  readonly #counters: ResolverCounters;
  readonly #mixedCase: boolean;
  readonly #inquiries = new Map<string, Inquiry>();
  readonly #attempts = new Map<number, Attempt>();
  #lastQuery = 0;
  #queries: UpstreamQuery[] = [];
  #ended: number[] = [];

  constructor(
    servers: Servers,
    timers: Timers,
    random: RandomBits,
    counters: ResolverCounters,
    options: { readonly mixedCase: boolean },
  ) {
    this.#servers = servers;
    this.#timers = timers;
    this.#random = random;
    this.#counters = counters;
    this.#mixedCase = options.mixedCase;
  }

  /** `done` may be called at once. */
  ask(request: InquiryRequest, done: Done, now: number): void {
    const inFlight = this.#inquiries.get(request.key);
    if (inFlight !== undefined) {
      inFlight.waiting?.push(done);
      return;
    }
    const inquiry = new Inquiry(request);
    inquiry.waiting?.push(done);
    this.#inquiries.set(request.key, inquiry);
    const chosen = this.#tryNext(inquiry, now);
    if (chosen === undefined || !request.measured) return;
    const records = request.servers.map((server) => this.#servers.of(server));
    const other = this.#isFull(0.5) ? undefined : serverToMeasure(records, chosen, now);
    if (other !== undefined && request.effort.takeQuery()) this.#measure(inquiry, other, now);
  }

  /** The question goes to those of the servers that are to be measured; nobody waits for what comes of it. */
  measureOnly(request: InquiryRequest, now: number): void {
    const inquiry = new Inquiry(request);
    inquiry.waiting = undefined;
    for (const server of this.#isFull(0.5) ? [] : request.servers) {
      const record = this.#servers.of(server);
      if (isToMeasure(record, now)) this.#measure(inquiry, record, now);
    }
  }

  handle(event: UpstreamEvent, now: number): void {
    const attempt = this.#attempts.get(event.query);
    if (attempt === undefined) return;
    if (event.kind === "answer") {
      this.#handleAnswer(attempt, event.message, now);
      return;
    }
    // Many servers and walls before them do without TCP: that says nothing of their datagrams.
    if (attempt.transport !== "tcp") this.#servers.noteFailure(attempt.record, now);
    if (event.isCutOff === true) this.#servers.noteCutOff(attempt.record, now);
    this.#end(attempt);
    if (attempt.measuring) return;
    const { inquiry, record, transport } = attempt;
    inquiry.lastReason ??= event.reason;
    // A connection may end with questions on it (RFC 7766 §6.2.1): these are asked again on a new one.
    const triesBefore = { udp: 0, tcp: 2, tls: 1 }[transport];
    if (record.dead || inquiry.triesOf(record) > triesBefore) inquiry.exclude(record);
    this.#goOn(inquiry, now);
  }

  /** What is to be sent, and what can be closed, since the last time. */
  take(): { queries: UpstreamQuery[]; ended: number[] } {
    const output = { queries: this.#queries, ended: this.#ended };
    this.#queries = [];
    this.#ended = [];
    return output;
  }

  get openQueries(): number {
    return this.#attempts.size;
  }

  #handleAnswer(attempt: Attempt, bytes: Uint8Array, now: number): void {
    const { inquiry, record, transport } = attempt;
    const answer = checkAnswer(bytes, attempt.asked);
    if (typeof answer === "string") {
      this.#counters.badAnswers[answer]++;
      // Whoever knows the id is hardly a stranger: a server that does not keep the case is asked in a way without guesses.
      if (++inquiry.badAnswers >= MOST_BAD_ANSWERS || answer === "case" || transport !== "udp")
        this.#leaveDatagrams(attempt, now);
      return;
    }
    this.#servers.noteAnswer(record, transport === "tcp" ? undefined : now - attempt.sentAt);
    this.#end(attempt);
    // Over TCP nobody else can have answered.
    if (transport === "tcp" && !("refusal" in answer) && answer.question.name !== attempt.asked.question.name)
      noteFoldedCase(record, now);
    const code = "refusal" in answer ? answer.refusal : answer.responseCode;
    const saysExtension = !("refusal" in answer) && answer.extension !== undefined;
    if (isAnswerCode(code)) {
      if (saysExtension) record.extensionAt = now;
      // Only a second try goes without it to a server that is not known to refuse it.
      else if (!attempt.withExtension && record.withoutExtensionUntil <= attempt.sentAt)
        noteRefusedExtension(record, now);
    }
    if (inquiry.isDone) return;
    if (attempt.withExtension && refusesExtension(code, saysExtension)) {
      this.#tryServer(inquiry, record, { ...attempt, withExtension: false }, now);
      return;
    }
    if (code === RESPONSE_CODE.SERVFAIL) inquiry.saidServfail = true;
    const reason = "refusal" in answer ? `response code ${answer.refusal}` : this.#fault(inquiry, answer, attempt, now);
    if (reason === undefined) return;
    inquiry.lastReason = reason;
    inquiry.exclude(record);
    this.#goOn(inquiry, now);
  }

  /** Takes the answer, or asks again without datagrams. @returns why it is of no use */
  #fault(inquiry: Inquiry, message: DnsMessage, attempt: Attempt, now: number): string | undefined {
    const { record, transport } = attempt;
    if (message.truncated) {
      if (transport !== "udp") return "truncated";
      this.#counters.truncated++;
      this.#tryServer(inquiry, record, { transport: "tcp", measuring: attempt.measuring }, now);
      return undefined;
    }
    const code = message.responseCode;
    const isAnswer = isAnswerCode(code);
    if (!isAnswer) inquiry.verdict ??= verdictOf(message);
    const reason = isAnswer ? inquiry.request.unusable(message, record.server) : `response code ${code}`;
    if (reason === undefined) this.#finish(inquiry, { message, server: record.server }, now);
    return reason;
  }

  /** Somebody answers for the server, or it answers nonsense. */
  #leaveDatagrams(attempt: Attempt, now: number): void {
    const { inquiry, record, transport } = attempt;
    this.#end(attempt);
    if (inquiry.isDone) return;
    if (transport === "udp") {
      this.#tryServer(inquiry, record, { transport: "tcp", measuring: attempt.measuring }, now);
      return;
    }
    inquiry.exclude(record);
    inquiry.lastReason = "answers that do not match";
    this.#goOn(inquiry, now);
  }

  /** Unless an attempt is still waited for the next one is made, or the inquiry has failed. */
  #goOn(inquiry: Inquiry, now: number): void {
    if (!inquiry.isDone && !inquiry.isWaiting) this.#tryNext(inquiry, now);
  }

  #tryNext(inquiry: Inquiry, now: number): ServerRecord | undefined {
    const { request } = inquiry;
    const candidates = request.servers
      .map((server) => this.#servers.of(server))
      .filter((record) => inquiry.isCandidate(record));
    const chosen = chooseServer(candidates, (record) => inquiry.triesOf(record), this.#servers, this.#random, {
      measured: request.measured,
      now,
    });
    if (chosen === undefined || !inquiry.mayTryAgain) {
      this.#fail(inquiry, now);
      return undefined;
    }
    const measuring = inquiry.measuringOf(chosen);
    if (measuring !== undefined) {
      // It is asked already: from now on it is waited for.
      measuring.measuring = false;
      inquiry.attemptsMade++;
      return chosen;
    }
    const { tlsName } = chosen.server;
    const datagrams = inquiry.badAnswers >= MOST_BAD_ANSWERS ? "tcp" : "udp";
    const transport = tlsName === undefined ? datagrams : "tls";
    return this.#tryServer(inquiry, chosen, { transport, measuring: false }, now) ? chosen : undefined;
  }

  #fail(inquiry: Inquiry, now: number): void {
    const { lastReason, saidServfail: servfail, verdict } = inquiry;
    const failed = lastReason ?? (inquiry.attemptsMade === 0 ? "nobody to ask" : "no answer");
    this.#finish(inquiry, { failed, silent: lastReason === undefined, servfail, verdict }, now);
  }

  /** @returns whether it may still be asked */
  #tryServer(inquiry: Inquiry, record: ServerRecord, way: Way, now: number): boolean {
    const { transport, measuring } = way;
    if (!measuring && (this.#isFull(1) || !inquiry.request.effort.takeQuery())) {
      this.#fail(inquiry, now);
      return false;
    }
    const tries = inquiry.triesOf(record);
    inquiry.noteTry(record);
    if (!measuring) inquiry.attemptsMade++;
    const attempt = this.#send(inquiry, record, way, now);
    const least =
      transport === "udp"
        ? LEAST_WAIT_SECONDS[inquiry.request.recursionDesired ? "resolver" : "authority"]
        : STREAM_WAIT_SECONDS;
    const wait = waitSeconds(record, tries, least);
    const isLast = measuring || !inquiry.mayTryAgain;
    const isPatient = inquiry.request.patient && !measuring && !record.dead;
    const lastWait = isPatient ? PATIENT_WAIT_SECONDS : LAST_WAIT_SECONDS;
    attempt.timer = this.#timers.set(now + (isLast ? Math.max(wait, lastWait) : wait), (at) =>
      this.#onSilence(attempt, at),
    );
    return true;
  }

  #isFull(share: number): boolean {
    return this.#attempts.size >= share * MOST_ATTEMPTS_OPEN;
  }

  #measure(inquiry: Inquiry, record: ServerRecord, now: number): void {
    const transport = record.server.tlsName === undefined ? "udp" : "tls";
    this.#tryServer(inquiry, record, { transport, measuring: true }, now);
  }

  #send(inquiry: Inquiry, record: ServerRecord, { transport, measuring, ...way }: Way, now: number): Attempt {
    const { request } = inquiry;
    const withExtension = way.withExtension ?? record.withoutExtensionUntil <= now;
    const exactCase = this.#mixedCase && transport === "udp" && record.foldsCaseUntil <= now;
    const name = this.#mixedCase ? mixCase(request.question.name, this.#random) : request.question.name;
    const asked = { id: this.#random(16), question: { ...request.question, name }, exactCase };
    const query = ++this.#lastQuery;
    const attempt: Attempt = {
      query,
      inquiry,
      record,
      transport,
      withExtension,
      asked,
      sentAt: now,
      measuring,
      timer: undefined,
      isOverdue: false,
    };
    inquiry.attempts = [...inquiry.attempts, attempt];
    this.#attempts.set(query, attempt);
    this.#servers.noteAsked(record, now);
    const { recursionDesired, dnssecOk, checkingDisabled } = request;
    const message = encodeUpstreamQuestion({
      id: asked.id,
      question: asked.question,
      recursionDesired,
      dnssecOk,
      checkingDisabled,
      withExtension,
      padded: transport === "tls",
    });
    this.#queries.push({ query, server: record.server, transport, message });
    return attempt;
  }

  #onSilence(attempt: Attempt, now: number): void {
    const { inquiry, record } = attempt;
    if (attempt.transport !== "tcp") this.#servers.noteSilence(record, attempt.sentAt, now);
    if (attempt.measuring || inquiry.isDone) {
      this.#end(attempt);
      return;
    }
    attempt.isOverdue = true;
    if (inquiry.attempts.length >= MOST_OPEN || this.#isFull(0.5)) {
      const oldest = inquiry.attempts.find(({ isOverdue }) => isOverdue);
      if (oldest !== undefined) this.#end(oldest);
    }
    this.#goOn(inquiry, now);
  }

  #finish(inquiry: Inquiry, result: InquiryResult, now: number): void {
    const { waiting } = inquiry;
    if (waiting === undefined) return;
    inquiry.waiting = undefined;
    this.#inquiries.delete(inquiry.request.key);
    // Who is still in time goes on being measured: it may never answer.
    for (const attempt of inquiry.attempts) {
      if (inquiry.request.measured && !attempt.isOverdue) attempt.measuring = true;
      else this.#end(attempt);
    }
    for (const done of waiting) done(result, now);
  }

  #end(attempt: Attempt): void {
    this.#timers.cancel(attempt.timer);
    const { inquiry } = attempt;
    inquiry.attempts = inquiry.attempts.filter((each) => each !== attempt);
    if (this.#attempts.delete(attempt.query)) this.#ended.push(attempt.query);
  }
}

function isAnswerCode(code: number): boolean {
  return code === RESPONSE_CODE.NOERROR || code === RESPONSE_CODE.NXDOMAIN;
}

/** RFC 6891 §7: FORMERR without OPT from a server that knows no EDNS; others say NOTIMP, or BADVERS to version 0. */
function refusesExtension(code: number, saysExtension: boolean): boolean {
  if (code === RESPONSE_CODE.BADVERS) return true;
  return !saysExtension && (code === RESPONSE_CODE.FORMERR || code === RESPONSE_CODE.NOTIMP);
}

/** Servers of a zone or a group, for a request's key: names have no blanks, so that no two requests have the same. */
export function inquiryKey(
  group: string,
  request: Omit<InquiryRequest, "key" | "servers" | "measured" | "patient" | "effort" | "unusable">,
): string {
  const { question, dnssecOk, checkingDisabled } = request;
  const flags = (dnssecOk ? 1 : 0) + (checkingDisabled ? 2 : 0);
  return `${group} ${question.name}|${question.type}|${question.class}|${flags}`;
}
