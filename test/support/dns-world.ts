/** Servers and a clock around a resolver, without sockets: what each server answers, and how late, is a function. */
import { parseIp } from "../../src/base/address.ts";
import { AnswerCache } from "../../src/protocol/dns/cache/answer-cache.ts";
import type { QuestionFlags } from "../../src/protocol/dns/cache/question-key.ts";
import type { DnsServerConfig, DnsUpstream } from "../../src/protocol/dns/config.ts";
import type { ResolverOutput, UpstreamEvent, UpstreamQuery } from "../../src/protocol/dns/exchange.ts";
import { DnsResolver } from "../../src/protocol/dns/resolver/resolver.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../src/wire/dns/codec.ts";
import { formatExtendedError } from "../../src/wire/dns/extended-error.ts";
import type { DnsMessage, DnsRecord } from "../../src/wire/dns/message.ts";
import { formatRecord, parseRecordData } from "../../src/wire/dns/text.ts";
import { DNS_TYPE, formatDnsType, parseDnsType, RESPONSE_CODE } from "../../src/wire/dns/types.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { randomNumbers } from "./random.ts";

/** What comes back, and after how many seconds (default 0.01). */
export type Reply = { readonly after?: number } & (
  | { readonly message: DnsMessage | Uint8Array }
  | { readonly failed: string; readonly isCutOff?: boolean }
);
/** Of one server; nothing at all is silence. */
export type Answerer = (query: DnsMessage, sent: UpstreamQuery) => readonly Reply[];

export function upstream(text: string): DnsUpstream {
  const [address = "", port = "53"] = text.split("#");
  return { address: parseIp(address), port: Number(port) };
}

export const CONFIG: DnsServerConfig = {
  mode: "forward-only",
  upstreams: [],
  domains: [],
  zones: [],
  mixedCase: false,
  cache: {
    bytes: 1_000_000,
    minimumTtlSeconds: 0,
    maximumTtlSeconds: 86_400,
    maximumNegativeSeconds: 3600,
    staleSeconds: 86_400,
  },
};

/** "www.example.org 300 A 192.0.2.1"; names are in full. */
export function record(text: string): DnsRecord {
  const [name = "", ttl = "", type = "", ...data] = text.split(" ");
  const number = parseDnsType(type);
  if (number === undefined) throw new Error(`${text}: no such type`);
  const wire = parseRecordData(number, data.join(" "), "");
  return { name: name === "." ? "" : name, type: number, class: 1, ttlSeconds: Number(ttl), data: wire };
}

export function records(texts: readonly string[]): DnsRecord[] {
  return texts.map(record);
}

/** A response to the query, with what is told. */
export function reply(query: DnsMessage, parts: Partial<DnsMessage> = {}): DnsMessage {
  const { extension, ...rest } = query;
  return {
    ...rest,
    response: true,
    authenticData: false,
    ...(extension === undefined ? {} : { extension: { ...extension, options: [] } }),
    ...parts,
  };
}

/** A server that resolves for others and knows all of this. */
export function resolverOf(texts: readonly string[], options: { readonly after?: number } = {}): Answerer {
  const all = records(texts);
  return (query) => {
    const { name, type } = query.question;
    const answers = all.filter((each) => each.name === name.toLowerCase() && each.type === type);
    const authorities = answers.length > 0 ? [] : all.filter((each) => each.type === DNS_TYPE.SOA);
    const exists = all.some((each) => each.name === name.toLowerCase());
    const responseCode = exists ? RESPONSE_CODE.NOERROR : RESPONSE_CODE.NXDOMAIN;
    return [{ ...options, message: reply(query, { recursionAvailable: true, answers, authorities, responseCode }) }];
  };
}

/** The authority of a zone: what is below an NS record that is not the zone's own is another's. */
export function authorityOf(
  zone: string,
  texts: readonly string[],
  options: { readonly after?: number } = {},
): Answerer {
  const all = records(texts);
  const isIn = (name: string, domain: string): boolean =>
    domain === "" || name === domain || name.endsWith(`.${domain}`);
  return (query) => {
    const name = query.question.name.toLowerCase();
    const { type } = query.question;
    const say = (parts: Partial<DnsMessage>): Reply[] => [{ ...options, message: reply(query, parts) }];
    if (!isIn(name, zone)) return say({ responseCode: RESPONSE_CODE.REFUSED });
    const cuts = all.filter((each) => each.type === DNS_TYPE.NS && each.name !== zone && isIn(name, each.name));
    if (cuts.length > 0 && !(type === DNS_TYPE.DS && cuts[0]!.name === name)) {
      const targets = new Set(cuts.map((cut) => formatRecord(cut).split(/\s+/).at(-1)!.replace(/\.$/, "")));
      return say({ authorities: cuts, additionals: all.filter((each) => targets.has(each.name)) });
    }
    const own = all.filter((each) => each.name === name);
    const alias = own.filter((each) => each.type === DNS_TYPE.CNAME);
    const answers = own.filter((each) => each.type === type);
    const soa = all.filter((each) => each.type === DNS_TYPE.SOA);
    const exists = all.some((each) => isIn(each.name, name));
    if (answers.length > 0) return say({ authoritative: true, answers });
    if (alias.length > 0) return say({ authoritative: true, answers: alias });
    const responseCode = exists ? RESPONSE_CODE.NOERROR : RESPONSE_CODE.NXDOMAIN;
    return say({ authoritative: true, authorities: soa, responseCode });
  };
}

interface Due {
  readonly at: number;
  readonly event: UpstreamEvent;
}

/** The answer to one question. */
export interface Told {
  readonly message: DnsMessage;
  readonly at: number;
  /** The name of its extended error. */
  readonly error?: string;
}

export class DnsWorld {
  readonly cache: AnswerCache;
  readonly resolver: DnsResolver;
  /** By address, or address#port where that is not 53. */
  readonly servers = new Map<string, Answerer>();
  /** What was asked: "192.0.2.1 udp www.example.org A". */
  readonly log: string[] = [];
  readonly sent: { readonly query: UpstreamQuery; readonly message: DnsMessage }[] = [];
  readonly answers = new Map<number, Told>();
  readonly open = new Set<number>();
  now = 1000;
  #due: Due[] = [];
  #tokens = 0;

  constructor(config: Partial<DnsServerConfig>, servers: Readonly<Record<string, Answerer>> = {}, seed = 1) {
    const whole = { ...CONFIG, ...config };
    const random = randomNumbers(seed);
    this.cache = new AnswerCache(whole.cache, [1, 2]);
    this.resolver = new DnsResolver(whole, this.cache, (bits) => random(2 ** bits));
    for (const [address, answerer] of Object.entries(servers)) this.servers.set(address, answerer);
  }

  /** @returns the question's token */
  begin(name: string, type = "A", flags: Partial<QuestionFlags> = {}): number {
    const token = ++this.#tokens;
    const question = { name, type: parseDnsType(type) ?? 0, class: 1 };
    const asked = { dnssecOk: false, checkingDisabled: false, ...flags };
    this.take(this.resolver.resolve(question, asked, token, this.now));
    return token;
  }

  /** Ask, and let time pass until the answer is there. */
  ask(name: string, type = "A", flags: Partial<QuestionFlags> = {}): Told {
    const token = this.begin(name, type, flags);
    for (let step = 0; step < 1000 && !this.answers.has(token); step++) this.#step(Number.POSITIVE_INFINITY);
    const told = this.answers.get(token);
    if (told === undefined) throw new Error(`${name}: no answer`);
    return told;
  }

  /** As `ask`, the answer's records as text. */
  lookup(name: string, type = "A", flags: Partial<QuestionFlags> = {}): string[] {
    return texts(this.ask(name, type, flags).message);
  }

  pass(seconds: number): void {
    const end = this.now + seconds;
    while (this.#step(end));
    this.now = end;
  }

  take(output: ResolverOutput): void {
    for (const query of output.queries) this.#send(query);
    for (const query of output.ended) this.open.delete(query);
    this.#due = this.#due.filter(({ event }) => this.open.has(event.query));
    for (const { tokens, message, error } of output.answers) {
      const decoded = decodeDnsMessage(message);
      if (decoded instanceof Malformed) throw new Error(`answer: ${decoded.reason}`);
      for (const token of tokens) {
        if (this.answers.has(token)) throw new Error(`token ${token} is answered twice`);
        const reason = error === undefined ? {} : { error: formatExtendedError(error) };
        this.answers.set(token, { message: decoded, at: this.now, ...reason });
      }
    }
  }

  #send(query: UpstreamQuery): void {
    const message = decodeDnsMessage(query.message);
    if (message instanceof Malformed) throw new Error(`question: ${message.reason}`);
    this.open.add(query.query);
    this.sent.push({ query, message });
    const { address, port } = query.server;
    const key = port === 53 ? address : `${address}#${port}`;
    this.log.push(`${key} ${query.transport} ${message.question.name} ${formatDnsType(message.question.type)}`);
    for (const given of this.servers.get(key)?.(message, query) ?? []) {
      const at = this.now + (given.after ?? 0.01);
      if ("failed" in given) {
        const { failed: reason, isCutOff = false } = given;
        this.#due.push({ at, event: { query: query.query, kind: "failed", reason, isCutOff } });
        continue;
      }
      const bytes = given.message instanceof Uint8Array ? given.message : encodeDnsMessage(given.message);
      this.#due.push({ at, event: { query: query.query, kind: "answer", message: bytes } });
    }
  }

  /** The next thing that happens. @returns whether there was one */
  #step(end: number): boolean {
    const first = this.#due.reduce<Due | undefined>((a, b) => (a === undefined || b.at < a.at ? b : a), undefined);
    const deadline = this.resolver.nextDeadline() ?? Number.POSITIVE_INFINITY;
    const at = Math.min(first?.at ?? Number.POSITIVE_INFINITY, deadline);
    if (at > end || at === Number.POSITIVE_INFINITY) return false;
    this.now = Math.max(this.now, at);
    if (first === undefined || deadline < first.at) {
      this.take(this.resolver.handleDeadline(this.now));
      return true;
    }
    this.#due.splice(this.#due.indexOf(first), 1);
    this.take(this.resolver.handle(first.event, this.now));
    return true;
  }
}

/** Answers as "www.example.org 300 A 192.0.2.1". */
export function texts({ answers }: DnsMessage): string[] {
  return answers.map((each) => {
    const [name = "", ttl = "", , type = "", ...data] = formatRecord(each).split(/\s+/);
    return [name.replace(/\.$/, ""), ttl, type, ...data.map((word) => word.replace(/\.$/, ""))].join(" ");
  });
}
