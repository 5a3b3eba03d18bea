/**
 * A DNS resolver without I/O: questions, what servers answer, and the time in; questions to servers and answers out.
 *
 * What somebody asks is a flight: all who ask the same meanwhile join it. A flight asks servers one inquiry after the
 * other, the configured ones or those of the zones from the root down, and is bounded in time and in the number of
 * messages, whatever servers say. Its answer is put into the cache. When it takes too long, or fails, what the cache
 * still has is told (RFC 8767); what failed is not asked again at once (RFC 9520).
 */
import { decodeDnsMessage } from "../../../wire/dns/codec.ts";
import { EXTENDED_ERROR } from "../../../wire/dns/extended-error.ts";
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import { DNS_TYPE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { AnswerCache, FoundResponse } from "../cache/answer-cache.ts";
import type { QuestionFlags } from "../cache/question-key.ts";
import type { DnsServerConfig } from "../config.ts";
import type { ResolvedAnswer, ResolverOutput, UpstreamEvent } from "../exchange.ts";
import { newCounters } from "./counters.ts";
import { deniedAbove } from "./denied-above.ts";
import { Delegations } from "./delegations.ts";
import { Effort } from "./effort.ts";
import { Failures } from "./failures.ts";
import { type Flight, questionKey } from "./flight.ts";
import { Inquiries } from "./inquiries.ts";
import type { InquiryResult } from "./inquiry.ts";
import type { LocalNames } from "./local-names.ts";
import { resolveFully } from "./lookup.ts";
import { canonicalName } from "./names.ts";
import { type Piece, readPiece } from "./piece.ts";
import type { RandomBits } from "./random.ts";
import { emptiedSeconds, isRebindingAllowed, leadsInside } from "./rebinding.ts";
import { emptyResponseOf, isTruncated, responseOf } from "./response.ts";
import { ROOT_SERVERS } from "./root-servers.ts";
import { Routes } from "./routes.ts";
import { Servers } from "./servers.ts";
import { describeServer, type ResolverStats } from "./stats.ts";
import { Timers } from "./timers.ts";
import { errorOf, isDecision } from "./verdict.ts";
import type { Failure, World } from "./world.ts";

const MOST_FLIGHTS = 2000;
const MOST_TOKENS = 1000;
/** When all places are taken, one that has been in work for so long makes room. */
const ROOM_SECONDS = 2;
/** Kept answers that lead to a name that is answered here; more of them are asked for each time. */
const MOST_LEADING_HERE = 1000;
/** RFC 8767 §5: client response timer. */
const STALE_AFTER_SECONDS = 1.8;
/** RFC 8767 §5: query resolution timer; nobody waits longer. */
const PATIENCE_SECONDS = 12;

interface Ready {
  readonly flight: Flight;
  readonly result: InquiryResult;
}

export class DnsResolver {
  readonly #config: DnsServerConfig;
  readonly #cache: AnswerCache;
  readonly #timers = new Timers();
  readonly #counters = newCounters();
  readonly #failures = new Failures();
  readonly #flights = new Map<string, Flight>();
  readonly #servers: Servers;
  readonly #inquiries: Inquiries;
  readonly #world: World;
  #local: LocalNames | undefined;
  /** Names whose kept answers lead to one that is answered here. */
  readonly #leadingHere = new Set<string>();
  /** Times that such names have changed. */
  #localChanges = 0;
  #now = 0;
  #ready: Ready[] = [];
  #answers: ResolvedAnswer[] = [];

  /** @param random for ids, letters' case and the choice among servers: nobody may guess it */
  constructor(config: DnsServerConfig, cache: AnswerCache, random: RandomBits) {
    this.#config = config;
    this.#cache = cache;
    const routes = new Routes(config, (name) => this.#local?.has(name) === true);
    this.#servers = new Servers(routes.upstreams());
    this.#inquiries = new Inquiries(this.#servers, this.#timers, random, this.#counters, config);
    this.#world = {
      routes,
      servers: this.#servers,
      delegations: new Delegations(config.rootServers ?? ROOT_SERVERS),
      counters: this.#counters,
      known: (question, flags) => this.#known(question, flags),
      keep: (question, flags, piece) => {
        if (this.#isAllowed(question, piece) && this.#mayBeKept(question, piece, this.#localChanges))
          this.#cache.store(question, flags, responseOf(question, flags, piece), this.#now);
      },
      measure: (request) => this.#inquiries.measureOnly(request, this.#now),
      now: () => this.#now,
    };
  }

  /** Aliases that lead to such a name from outside end with what is answered here. To be called before the first question. */
  setLocalNames(local: LocalNames): void {
    this.#local = local;
  }

  /** Names that are answered here have other records: what leads to one of them is found anew. */
  forgetLeadingHere(): void {
    this.#localChanges++;
    for (const name of this.#leadingHere) this.#cache.remove(name);
    this.#leadingHere.clear();
  }

  /**
   * Ask. The answer comes with this output or a later one, whatever servers do: SERVFAIL after some seconds when there
   * is none. Never throws.
   * @param token named with the answer
   */
  resolve(question: DnsQuestion, flags: QuestionFlags, token: number, nowSeconds: number): ResolverOutput {
    this.#now = nowSeconds;
    const asked = { ...question, name: canonicalName(question.name) };
    if (isMetaType(asked.type)) {
      this.#answers.push({ tokens: [token], message: emptyResponseOf(asked, flags, RESPONSE_CODE.NOTIMP) });
      return this.#take();
    }
    const cached = this.#cache.find(asked, flags, nowSeconds);
    const known = cached?.stale === false ? cached.message : this.#deniedAbove(asked, flags);
    if (known !== undefined) this.#answers.push({ tokens: [token], message: known });
    else this.#join(asked, flags, token, cached);
    this.#run();
    return this.#take();
  }

  #deniedAbove(question: DnsQuestion, flags: QuestionFlags): Uint8Array | undefined {
    if (!this.#cache.hasCheckedDenials) return undefined;
    return deniedAbove(question, flags, this.#world.routes, (above) => {
      const found = this.#cache.find(above, flags, this.#now);
      return found?.stale === false ? found.message : undefined;
    });
  }

  /** Ask anew what is still known, before it ends; nobody is answered. */
  refresh(question: DnsQuestion, flags: QuestionFlags, nowSeconds: number): ResolverOutput {
    this.#now = nowSeconds;
    const asked = { ...question, name: canonicalName(question.name) };
    const key = questionKey(asked, flags);
    const isWorthwhile = !this.#flights.has(key) && !this.#failures.isTooEarly(key, nowSeconds);
    if (isWorthwhile && this.#flights.size < MOST_FLIGHTS / 2) {
      this.#counters.refreshed++;
      const flight = this.#newFlight(key, asked, flags);
      this.#advance(flight, flight.work.next());
      this.#run();
    }
    return this.#take();
  }

  /** What a server answered, or that it cannot be asked. Never throws, whatever the answer holds. */
  handle(event: UpstreamEvent, nowSeconds: number): ResolverOutput {
    this.#now = nowSeconds;
    this.#inquiries.handle(event, nowSeconds);
    this.#run();
    return this.#take();
  }

  /** When `handleDeadline` wants to be called; undefined: nothing is waited for. */
  nextDeadline(): number | undefined {
    return this.#timers.next();
  }

  handleDeadline(nowSeconds: number): ResolverOutput {
    this.#now = nowSeconds;
    for (let run = this.#timers.takeDue(nowSeconds); run !== undefined; run = this.#timers.takeDue(nowSeconds)) {
      run(nowSeconds);
      this.#run();
    }
    return this.#take();
  }

  /** Forget that questions failed and who the servers of zones are: of all, or of one name. The cache is its owner's. */
  forget(name?: string): void {
    if (name === undefined) {
      this.#world.delegations.clear();
      this.#failures.clear();
      return;
    }
    const zone = canonicalName(name).replace(/\.$/, "");
    this.#world.delegations.forget(zone);
    this.#failures.forgetAll((key) => key.startsWith(`${zone}|`));
  }

  stats(): ResolverStats {
    const { badAnswers, ...counters } = this.#counters;
    return {
      ...counters,
      badAnswers: { ...badAnswers },
      inWork: this.#flights.size,
      openQueries: this.#inquiries.openQueries,
      zones: this.#world.delegations.count,
      upstreams: Array.from(this.#servers.configured(), describeServer),
    };
  }

  #join(question: DnsQuestion, flags: QuestionFlags, token: number, stale: FoundResponse | undefined): void {
    const key = questionKey(question, flags);
    const inFlight = this.#flights.get(key);
    if (inFlight !== undefined) {
      this.#counters.coalesced++;
      if (inFlight.tellsStale && stale !== undefined) this.#tellStale([token], stale);
      else if (inFlight.tokens.length < MOST_TOKENS) this.#wait(inFlight, token, stale);
      else this.#tellFailure([token], question, flags);
      return;
    }
    const isTooEarly = this.#failures.isTooEarly(key, this.#now);
    if (isTooEarly || !this.#makeRoom()) {
      const error = isTooEarly ? EXTENDED_ERROR.CACHED_ERROR : undefined;
      if (stale === undefined) this.#tellFailure([token], question, flags, error);
      else this.#tellStale([token], stale);
      return;
    }
    const flight = this.#newFlight(key, question, flags);
    if (stale !== undefined && this.#isHopeless(flight)) {
      flight.tellsStale = true;
      this.#tellStale([token], stale);
    } else this.#wait(flight, token, stale);
    this.#advance(flight, flight.work.next());
  }

  #wait(flight: Flight, token: number, stale: FoundResponse | undefined): void {
    flight.tokens.push(token);
    if (stale === undefined) return;
    const at = Math.max(this.#now, flight.beganAt + STALE_AFTER_SECONDS);
    flight.staleTimer ??= this.#timers.set(at, () => this.#onSlow(flight));
  }

  /** Whether an answer is hardly to be expected, judged by how it went lately. */
  #isHopeless({ key, question }: Flight): boolean {
    const { upstreams, mayIterate } = this.#world.routes.of(question.name);
    const isCutOff = !mayIterate && this.#servers.areAllDead(upstreams);
    return isCutOff || this.#failures.hasFailed(key, this.#now);
  }

  #newFlight(key: string, question: DnsQuestion, flags: QuestionFlags): Flight {
    this.#counters.questions++;
    const task = { question, flags, effort: new Effort(), depth: 0 };
    const flight: Flight = {
      key,
      question,
      flags,
      work: resolveFully(this.#world, task),
      beganAt: this.#now,
      localChanges: this.#localChanges,
      tokens: [],
      tellsStale: false,
      isDone: false,
      patience: undefined,
      staleTimer: undefined,
    };
    flight.patience = this.#timers.set(this.#now + PATIENCE_SECONDS, () =>
      this.#finish(flight, { failed: "it took too long", silent: true }),
    );
    this.#flights.set(key, flight);
    return flight;
  }

  /** @returns whether one more question may be worked on */
  #makeRoom(): boolean {
    if (this.#flights.size < MOST_FLIGHTS) return true;
    this.#counters.overloaded++;
    const oldest: Flight = this.#flights.values().next().value!;
    if (this.#now - oldest.beganAt < ROOM_SECONDS) return false;
    this.#end(oldest);
    this.#tellOld(oldest, undefined);
    return true;
  }

  /** Goes on with all that has what it waited for. */
  #run(): void {
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      const { flight, result } = next;
      if (!flight.isDone) this.#advance(flight, flight.work.next(result));
    }
  }

  #advance(flight: Flight, step: IteratorResult<Parameters<Inquiries["ask"]>[0], Piece | Failure>): void {
    if (step.done === true) this.#finish(flight, step.value);
    else this.#inquiries.ask(step.value, (result) => this.#ready.push({ flight, result }), this.#now);
  }

  #end(flight: Flight): void {
    flight.isDone = true;
    this.#timers.cancel(flight.patience);
    this.#timers.cancel(flight.staleTimer);
    this.#flights.delete(flight.key);
  }

  #finish(flight: Flight, result: Piece | Failure): void {
    if (flight.isDone) return;
    this.#end(flight);
    const { question, flags, tokens, key } = flight;
    if (this.#local?.has(question.name) === true) {
      // It is ours since it was asked for: what others say of it does not count any more.
      this.#answers.push({ tokens, message: this.#local.answer(question) });
      return;
    }
    if ("failed" in result) {
      this.#failures.note(key, this.#now);
      if (isDecision(result.verdict)) this.#cache.remove(question.name);
      this.#tellOld(flight, errorOf(result));
      return;
    }
    const isAllowed = this.#isAllowed(question, result);
    if (!isAllowed) this.#counters.rebinding++;
    const message = isAllowed
      ? responseOf(question, flags, result)
      : emptyResponseOf(question, flags, RESPONSE_CODE.NOERROR);
    if (isTruncated(message)) {
      // No message holds it all, and each who asks would have it fetched again.
      this.#failures.note(key, this.#now);
      this.#tellOld(flight, undefined);
      return;
    }
    this.#failures.forget(key);
    if (this.#mayBeKept(question, result, flight.localChanges))
      this.#cache.store(question, flags, message, this.#now, isAllowed ? undefined : emptiedSeconds(result.records));
    if (tokens.length === 0) return;
    // As everybody after these will see it: with the limits of TTLs.
    const kept = this.#cache.find(question, flags, this.#now);
    this.#answers.push({ tokens, message: kept?.stale === false ? kept.message : message });
  }

  /** There is nothing new. */
  #tellOld({ question, flags, tokens }: Flight, error: number | undefined): void {
    this.#counters.failed++;
    if (tokens.length === 0) return;
    const old = this.#cache.find(question, flags, this.#now);
    if (old === undefined) this.#tellFailure(tokens, question, flags, error);
    else this.#tellStale(tokens, old);
  }

  /**
   * What leads to names that are answered here has to be found again when these change.
   * @param localChanges those at the time when it was asked for
   */
  #mayBeKept({ name }: DnsQuestion, { aliases, records, last }: Piece, localChanges: number): boolean {
    const local = this.#local;
    if (local?.has(name) === true) return false;
    if (aliases === 0 || local === undefined) return true;
    if (localChanges !== this.#localChanges) return false;
    if (!local.has(last) && !records.some((record) => local.has(canonicalName(record.name)))) return true;
    if (this.#leadingHere.size >= MOST_LEADING_HERE) return false;
    this.#leadingHere.add(name);
    return true;
  }

  #isAllowed({ name }: DnsQuestion, { records }: Piece): boolean {
    return isRebindingAllowed(name, this.#config.rebindingAllowed) || !leadsInside(records);
  }

  #onSlow(flight: Flight): void {
    const { question, flags, tokens } = flight;
    const stale = this.#cache.find(question, flags, this.#now);
    if (flight.isDone || stale === undefined) return;
    flight.tellsStale = true;
    flight.tokens = [];
    this.#tellStale(tokens, stale);
  }

  #tellStale(tokens: readonly number[], { message }: FoundResponse): void {
    this.#counters.staleServed += tokens.length;
    const isDenial = (message[3]! & 15) === RESPONSE_CODE.NXDOMAIN;
    const error = isDenial ? EXTENDED_ERROR.STALE_NXDOMAIN_ANSWER : EXTENDED_ERROR.STALE_ANSWER;
    this.#answers.push({ tokens, message, error });
  }

  #tellFailure(tokens: readonly number[], question: DnsQuestion, flags: QuestionFlags, error?: number): void {
    const message = emptyResponseOf(question, flags, RESPONSE_CODE.SERVFAIL);
    this.#answers.push({ tokens, message, ...(error === undefined ? {} : { error }) });
  }

  #known(question: DnsQuestion, flags: QuestionFlags): Piece | undefined {
    const isLocal = this.#local?.has(question.name) === true;
    const found = isLocal ? undefined : this.#cache.find(question, flags, this.#now);
    const bytes = isLocal ? this.#local?.answer(question) : found?.message;
    if (bytes === undefined || found?.stale === true) return undefined;
    const message = decodeDnsMessage(bytes);
    return message instanceof Malformed ? undefined : readPiece(message, question, () => true);
  }

  #take(): ResolverOutput {
    const { queries, ended } = this.#inquiries.take();
    const answers = this.#answers;
    this.#answers = [];
    return { queries, ended, answers };
  }
}

/** Types that no record has (RFC 6895 §3.1), save for ANY. */
function isMetaType(type: number): boolean {
  return type === DNS_TYPE.OPT || (type >= 128 && type < DNS_TYPE.ANY);
}
