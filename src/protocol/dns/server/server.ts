/**
 * A DNS server without its sockets: queries, answers of other servers and the time in; replies and questions to other
 * servers out. What the zones know is told first, then what the cache holds; the rest is the resolver's.
 *
 * It takes what the cache's hot path leaves: first questions, questions over TCP, odd ones. What zones answer goes into
 * the cache, so that the hot path answers it the next time, and out of it when the name changes.
 */
import { contains, type IpAddress } from "../../../base/address.ts";
import { DNS_HEADER_BYTES, decodeDnsMessage } from "../../../wire/dns/codec.ts";
import { EXTENDED_ERROR } from "../../../wire/dns/extended-error.ts";
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_CLASS, DNS_OPCODE, DNS_TYPE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { AnswerCache } from "../cache/answer-cache.ts";
import { UDP_REPLY_BYTES } from "../cache/extension.ts";
import type { DnsServerConfig, DnsZoneConfig } from "../config.ts";
import type { ResolverOutput, UpstreamEvent, UpstreamQuery } from "../exchange.ts";
import type { LocalNames } from "../resolver/local-names.ts";
import { selfAndAncestors } from "../resolver/names.ts";
import { minimalAnswer } from "../zone/zone.ts";
import { type ZoneAnswer, Zones } from "../zone/zones.ts";
import {
  bare,
  encodeHeader,
  encodeReply,
  plainRequest,
  refusedType,
  type Request,
  requestOf,
  type Told,
} from "./reply.ts";
import { Counters, type DnsServerStats } from "./stats.ts";

interface Reply {
  readonly token: number;
  readonly message: Uint8Array;
}

export interface DnsServerOutput {
  readonly replies: readonly Reply[];
  readonly queries: readonly UpstreamQuery[];
  /** Questions whose sockets can be closed. */
  readonly ended: readonly number[];
}

/** Who asks other servers. */
export interface QuestionResolver {
  resolve(question: DnsQuestion, flags: QuestionFlags, token: number, nowSeconds: number): ResolverOutput;
  /** For the cache alone. */
  refresh(question: DnsQuestion, flags: QuestionFlags, nowSeconds: number): ResolverOutput;
  handle(event: UpstreamEvent, nowSeconds: number): ResolverOutput;
  nextDeadline(): number | undefined;
  handleDeadline(nowSeconds: number): ResolverOutput;
  setLocalNames(local: LocalNames): void;
  forgetLeadingHere(): void;
}

interface QuestionFlags {
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

export interface DnsClient {
  readonly address: IpAddress;
  readonly transport: "udp" | "tcp";
}

interface Waiting {
  readonly request: Request;
  /** The way through our zones to the name that is asked for. */
  readonly aliases: readonly DnsRecord[];
}

/** More are told SERVFAIL at once. */
const MOST_WAITING = 20_000;
/** Of a query: OPT, a signature, the SOA of IXFR. To read hundreds of others would take long, and nobody means them. */
const MOST_RECORDS = 4;
/** Times what the asker takes. */
const FAR_TOO_LONG = 4;
/** Room for one reply at a time. */
const REPLY = new Uint8Array(UDP_REPLY_BYTES);
const NOTHING: DnsServerOutput = { replies: [], queries: [], ended: [] };

export class DnsServer {
  readonly #config: DnsServerConfig;
  readonly #cache: AnswerCache;
  readonly #resolver: QuestionResolver;
  readonly #zones: Zones;
  readonly #domains: ReadonlySet<string>;
  /** By token. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #counters = new Counters();

  constructor(config: DnsServerConfig, parts: { readonly cache: AnswerCache; readonly resolver: QuestionResolver }) {
    this.#config = config;
    this.#cache = parts.cache;
    this.#resolver = parts.resolver;
    this.#zones = new Zones(config);
    this.#domains = new Set(config.domains.map(({ domain }) => domain.toLowerCase()));
    parts.resolver.setLocalNames({
      has: (name) => this.#zones.has(name),
      answer: (question) => encodeReply(plainRequest(question), this.#localAnswer(question)),
    });
  }

  /**
   * @param query is read again when its reply is made: it must not change until then
   * @param token names it in the replies; it may come in a later output. What is no query has no reply.
   */
  handle(query: Uint8Array, client: DnsClient, token: number, nowSeconds: number): DnsServerOutput {
    // A reply to a response would be answered in turn.
    if (query.length < DNS_HEADER_BYTES || (query[2]! & 0x80) !== 0) {
      this.#counters.add("dropped");
      return NOTHING;
    }
    this.#counters.add(client.transport);
    const told = (responseCode: number): DnsServerOutput => {
      this.#counters.reply(responseCode);
      return { ...NOTHING, replies: [{ token, message: encodeHeader(query, responseCode) }] };
    };
    const { allow } = this.#config;
    const allowed = allow === undefined || allow.some((prefix) => contains(prefix, client.address));
    if (allowed && ((query[2]! >>> 3) & 15) !== DNS_OPCODE.QUERY) return told(RESPONSE_CODE.NOTIMP);
    const message = recordCount(query) > MOST_RECORDS ? undefined : decodeDnsMessage(query);
    if (message === undefined || message instanceof Malformed)
      return told(allowed ? RESPONSE_CODE.FORMERR : RESPONSE_CODE.REFUSED);
    const request = requestOf(message, client.transport, token, query);
    if (!allowed)
      return this.#reply(request, { ...bare(RESPONSE_CODE.REFUSED, false), error: EXTENDED_ERROR.PROHIBITED });
    return this.#answer(message, request, nowSeconds);
  }

  #answer(message: DnsMessage, request: Request, nowSeconds: number): DnsServerOutput {
    const { question } = request;
    const name = question.name.toLowerCase();
    const resolvable = this.#isResolvable(name);
    const fail = (responseCode: number): DnsServerOutput => this.#reply(request, bare(responseCode, resolvable));
    if ((message.extension?.version ?? 0) > 0) return fail(RESPONSE_CODE.BADVERS);
    if (question.class !== DNS_CLASS.IN) return fail(RESPONSE_CODE.REFUSED);
    const refused = refusedType(question.type);
    if (refused !== undefined) return fail(refused);

    const asked: DnsQuestion = { ...question, name };
    const local = this.#zones.answer(asked);
    if (local !== undefined) return this.#answerLocally(local, { request, asked, nowSeconds });
    if (!resolvable) return fail(RESPONSE_CODE.REFUSED);
    if (question.type === DNS_TYPE.ANY)
      return this.#reply(request, { ...bare(RESPONSE_CODE.NOERROR, true), answers: [minimalAnswer(name)] });
    return this.#resolve(request, asked, [], nowSeconds);
  }

  /** Whether anybody may be asked about the name. */
  #isResolvable(name: string): boolean {
    const { mode, upstreams } = this.#config;
    if (mode !== "forward-only" || upstreams.length > 0) return true;
    for (const domain of selfAndAncestors(name)) if (this.#domains.has(domain)) return true;
    return false;
  }

  #answerLocally(
    local: ZoneAnswer,
    { request, asked, nowSeconds }: { request: Request; asked: DnsQuestion; nowSeconds: number },
  ): DnsServerOutput {
    const { outside } = local;
    const told: Told = { ...local, authenticData: false, recursionAvailable: true };
    if (outside === undefined) {
      this.#counters.add("fromZones");
      if (local.lasting) this.#cache.store(asked, flagsOf(request), encodeReply(plainRequest(asked), told), nowSeconds);
      return this.#reply(request, told);
    }
    // Who does not want recursion, or cannot have it, goes on by himself.
    if (!request.recursionDesired || !this.#isResolvable(outside)) {
      this.#counters.add("fromZones");
      return this.#reply(request, told);
    }
    return this.#resolve(request, { ...asked, name: outside }, local.answers, nowSeconds);
  }

  #localAnswer(question: DnsQuestion): Told {
    const local = this.#zones.answer(question);
    return local === undefined
      ? bare(RESPONSE_CODE.SERVFAIL, true)
      : { ...local, authenticData: false, recursionAvailable: true };
  }

  #resolve(
    request: Request,
    question: DnsQuestion,
    aliases: readonly DnsRecord[],
    nowSeconds: number,
  ): DnsServerOutput {
    const flags = flagsOf(request);
    const found = this.#cache.find(question, flags, nowSeconds);
    if (found !== undefined && !found.stale) {
      this.#counters.add("fromCache");
      return this.#reply(request, new KnownResponse(found.message).toldTo({ request, aliases }));
    }
    if (!request.recursionDesired) return this.#reply(request, bare(RESPONSE_CODE.REFUSED, true));
    if (this.#waiting.size >= MOST_WAITING) return this.#reply(request, bare(RESPONSE_CODE.SERVFAIL, true));
    this.#counters.add("resolved");
    this.#waiting.set(request.token, { request, aliases });
    return this.#pass(this.#resolver.resolve(question, flags, request.token, nowSeconds), nowSeconds);
  }

  handleUpstream(event: UpstreamEvent, nowSeconds: number): DnsServerOutput {
    return this.#pass(this.#resolver.handle(event, nowSeconds), nowSeconds);
  }

  /** Seconds; undefined: nothing is waited for. */
  nextDeadline(): number | undefined {
    return this.#resolver.nextDeadline();
  }

  handleDeadline(nowSeconds: number): DnsServerOutput {
    return this.#pass(this.#resolver.handleDeadline(nowSeconds), nowSeconds);
  }

  /** Asks again for what is asked for often and will soon end in the cache. To be called now and then. */
  refreshPopular(nowSeconds: number): DnsServerOutput {
    const popular = this.#cache.takePopular();
    if (popular.length === 0) return NOTHING;
    const outputs = popular.map(({ question, flags }) =>
      this.#pass(this.#resolver.refresh(question, flags, nowSeconds), nowSeconds),
    );
    return {
      replies: outputs.flatMap(({ replies }) => replies),
      queries: outputs.flatMap(({ queries }) => queries),
      ended: outputs.flatMap(({ ended }) => ended),
    };
  }

  #pass({ answers, queries, ended }: ResolverOutput, nowSeconds: number): DnsServerOutput {
    const replies: Reply[] = [];
    for (const { tokens, message, error } of answers) {
      const response = new KnownResponse(message);
      for (const token of tokens) {
        const waiting = this.#waiting.get(token);
        if (waiting === undefined) continue;
        this.#waiting.delete(token);
        const kept = error === undefined ? this.#replyFromCache(waiting, nowSeconds) : undefined;
        if (kept === undefined) replies.push(...this.#reply(waiting.request, response.toldTo(waiting, error)).replies);
        else replies.push({ token, message: kept });
      }
    }
    return { replies, queries, ended };
  }

  /** What was answered is in the cache by now, as a rule, and need not be read again to be told. */
  #replyFromCache({ request, aliases }: Waiting, nowSeconds: number): Uint8Array | undefined {
    const { datagram } = request;
    if (datagram === undefined || aliases.length > 0) return undefined;
    const replyBytes = this.#cache.answer(datagram, 0, datagram.length, REPLY, 0, nowSeconds);
    if (replyBytes === 0) return undefined;
    this.#counters.reply(REPLY[3]! & 15);
    return REPLY.slice(0, replyBytes);
  }

  #reply(request: Request, told: Told): DnsServerOutput {
    const message = encodeReply(request, told);
    this.#counters.reply(told.responseCode);
    if ((message[2]! & 2) !== 0) this.#counters.add("truncated");
    return { ...NOTHING, replies: [{ token: request.token, message }] };
  }

  /**
   * A name that comes and goes, with its A, AAAA and PTR records; what the zones' own records say of a name comes first.
   * Repeating it changes nothing.
   * @param name in full
   * @param addresses in place of those that it had
   */
  setHost(name: string, addresses: readonly IpAddress[]): void {
    this.setHosts([[name, addresses]]);
  }

  /** The same for many at a time. */
  setHosts(hosts: Iterable<readonly [name: string, addresses: readonly IpAddress[]]>): void {
    /** Others may have been asked about these, so that answers of theirs go through them. */
    const alone = new Set<string>();
    for (const [name, addresses] of hosts) {
      const changed = this.#zones.setHost(name, addresses);
      for (const each of changed) this.#cache.remove(each);
      if (changed.length === 0) continue;
      this.#resolver.forgetLeadingHere();
      if (!this.#zones.isWithinZone(name)) alone.add(name.toLowerCase());
    }
    if (alone.size > 0) this.#cache.removeAbout((name) => alone.has(name), "aliases");
  }

  /** Zones in place of those of the configuration; hosts stay. */
  setZones(zones: readonly DnsZoneConfig[]): void {
    const changed = new Set(this.#zones.setZones(zones));
    if (changed.size === 0) return;
    const isChanged = (name: string): boolean => {
      for (const domain of selfAndAncestors(name)) if (changed.has(domain)) return true;
      return false;
    };
    this.#cache.removeAbout(isChanged, "all");
    this.#resolver.forgetLeadingHere();
  }

  removeHost(name: string): void {
    this.setHost(name, []);
  }

  stats(): DnsServerStats {
    return this.#counters.stats(this.#waiting.size);
  }
}

/** Of all sections, as the header has them. */
function recordCount(query: Uint8Array): number {
  return [6, 8, 10].reduce((sum, offset) => sum + (query[offset]! << 8) + query[offset + 1]!, 0);
}

function flagsOf({ dnssecOk, checkingDisabled }: Request): QuestionFlags {
  return { dnssecOk, checkingDisabled };
}

/** What the cache or the resolver has: read once, however many wait for it. */
class KnownResponse {
  readonly #bytes: Uint8Array;
  #message: DnsMessage | Malformed | undefined;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Behind aliases of ours. */
  toldTo({ request, aliases }: Waiting, error?: number): Told {
    // Who has to come again over TCP anyway is told no part of it: a question of 40 bytes shall not cost 64 KiB of work.
    if (this.#bytes.length > FAR_TOO_LONG * request.limitBytes)
      return { ...bare(this.#bytes[3]! & 15, true), truncated: true };
    this.#message ??= decodeDnsMessage(this.#bytes);
    const response = this.#message;
    if (response instanceof Malformed) return bare(RESPONSE_CODE.SERVFAIL, true);
    const direct = aliases.length === 0;
    return {
      responseCode: response.responseCode,
      truncated: response.truncated,
      authoritative: direct && response.authoritative,
      authenticData: direct && response.authenticData,
      recursionAvailable: true,
      answers: direct ? response.answers : [...aliases, ...response.answers],
      authorities: response.authorities,
      additionals: response.additionals,
      ...(error === undefined ? {} : { error }),
    };
  }
}
