/**
 * The resolver among hostile servers: whatever they answer nothing throws, every question is answered once and in time,
 * with few messages, and what is told is well formed.
 */
import { toHex } from "../../../src/base/bytes.ts";
import { parseIp } from "../../../src/base/address.ts";
import { AnswerCache } from "../../../src/protocol/dns/cache/answer-cache.ts";
import type { DnsServerConfig } from "../../../src/protocol/dns/config.ts";
import type { ResolverOutput, UpstreamEvent, UpstreamQuery } from "../../../src/protocol/dns/exchange.ts";
import { DnsResolver } from "../../../src/protocol/dns/resolver/resolver.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import type { DnsRecord } from "../../../src/wire/dns/message.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { CONFIG, record, reply, upstream } from "../../support/dns-world.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const OWNERS = [".", "org", "example.org", "www.example.org", "a.b.c.example.org", "net", "ns.net", "x.ns.net"];
const NAMES = OWNERS.map((owner) => (owner === "." ? "" : owner));
const RECORDS: readonly DnsRecord[] = OWNERS.flatMap((owner) =>
  [
    "A 192.0.2.7",
    "A 10.0.0.1",
    "AAAA 2001:db8::7",
    "NS ns.net.",
    "NS ns.example.org.",
    "NS x.ns.net.",
    "CNAME a.b.c.example.org.",
    "CNAME x.ns.net.",
    "CNAME www.example.org.",
    "DNAME net.",
    "DNAME example.org.",
    "SOA ns.net. ns.net. 1 2 3 4 60",
    "RRSIG A 8 2 300 20300101000000 20200101000000 1 org. AAEC",
    "HTTPS 1 . ipv4hint=10.0.0.1",
  ].map((data) => record(`${owner} ${data.length} ${data}`)),
);
const MODES: readonly DnsServerConfig["mode"][] = ["recursive", "forward-first", "forward-only"];
const TYPES = [1, 28, 5, 2, 43, 255, 65];
const FLAGS = { dnssecOk: true, checkingDisabled: false };
/** Beyond the 60 of one question: servers that are measured. */
const MOST_QUERIES = 70;

class Run implements FuzzRun {
  readonly #random: Random;
  #resolver: DnsResolver;
  #now = 1000;
  #open = new Map<number, UpstreamQuery>();
  #waiting = new Map<number, number>();
  #tokens = 0;
  #sent = 0;
  #answers = 0;
  #last: UpstreamEvent | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#resolver = this.#newResolver();
  }

  #newResolver(): DnsResolver {
    const random = this.#random;
    const config = {
      ...CONFIG,
      mode: MODES[random(MODES.length)]!,
      upstreams:
        random(2) === 0 ? [upstream("198.51.100.1")] : [upstream("198.51.100.1"), upstream("198.51.100.2#5353")],
      domains: random(3) === 0 ? [{ domain: "net", upstreams: [upstream("198.51.100.3")] }] : [],
      rootServers: [upstream("198.51.100.4"), { address: parseIp("2001:db8::4"), port: 53 }],
      mixedCase: random(2) === 0,
      rebindingAllowed: ["org"],
    };
    return new DnsResolver(config, new AnswerCache(config.cache, [1, 2]), (bits) => random(2 ** bits));
  }

  next(): void {
    const random = this.#random;
    if (this.#waiting.size === 0 || random(8) === 0) this.#ask();
    const queries = [...this.#open.values()];
    const query = queries[random(queries.length || 1)];
    const deadline = this.#resolver.nextDeadline();
    if (query !== undefined && random(12) > 0) {
      this.#last = this.#event(query);
      this.#take(this.#resolver.handle(this.#last, this.#now));
    } else if (deadline !== undefined) {
      this.#now = Math.max(this.#now, deadline) + (random(20) === 0 ? random(100) : 0);
      this.#take(this.#resolver.handleDeadline(this.#now));
    }
    const next = this.#resolver.nextDeadline();
    if (deadline !== undefined && random(12) === 0) this.#now += random(100) / 1000;
    if (next !== undefined && next <= this.#now) this.#take(this.#resolver.handleDeadline(this.#now));
    for (const began of this.#waiting.values()) demand(this.#now - began < 130, "a question that is never answered");
    if (random(300) === 0) this.#renew();
  }

  #ask(): void {
    const random = this.#random;
    const question = { name: NAMES[random(NAMES.length)]!, type: TYPES[random(TYPES.length)]!, class: 1 };
    const token = ++this.#tokens;
    this.#waiting.set(token, this.#now);
    this.#take(this.#resolver.resolve(question, FLAGS, token, this.#now));
    if (random(4) === 0) this.#take(this.#resolver.refresh(question, FLAGS, this.#now));
  }

  #event(query: UpstreamQuery): UpstreamEvent {
    const random = this.#random;
    if (random(40) === 0) return { query: query.query, kind: "failed", reason: "refused" };
    const asked = decodeDnsMessage(query.message);
    if (asked instanceof Malformed) throw new Error(`question: ${asked.reason}`);
    const section = (): DnsRecord[] => Array.from({ length: random(5) }, () => RECORDS[random(RECORDS.length)]!);
    const own = (): DnsRecord[] =>
      random(2) === 0 ? section() : [...section(), { ...RECORDS[random(RECORDS.length)]!, name: asked.question.name }];
    const message = encodeDnsMessage(
      reply(asked, {
        authoritative: random(2) === 0,
        truncated: random(30) === 0,
        recursionAvailable: random(2) === 0,
        responseCode: [0, 0, 0, 0, 3, 2, 1, 4, 5][random(9)]!,
        answers: own(),
        authorities: own(),
        additionals: own(),
      }),
    );
    if (random(5) === 0)
      for (let changes = 1 + random(4); changes > 0; changes--) message[random(message.length)] = random(256);
    const cut = random(30) === 0 ? message.slice(0, random(message.length)) : message;
    return { query: query.query, kind: "answer", message: cut };
  }

  #take(output: ResolverOutput): void {
    for (const query of output.queries) {
      demand(!(decodeDnsMessage(query.message) instanceof Malformed), "a malformed question");
      this.#open.set(query.query, query);
    }
    this.#sent += output.queries.length;
    for (const query of output.ended) demand(this.#open.delete(query), "the end of what was not open");
    for (const { tokens, message } of output.answers) {
      const told = decodeDnsMessage(message);
      demand(!(told instanceof Malformed), "a malformed answer");
      demand(told.id === 0 && told.response && told.extension === undefined, "an answer that cannot be kept");
      for (const token of tokens) demand(this.#waiting.delete(token), "an answer to nobody");
      this.#answers += tokens.length;
    }
  }

  /** All ends by itself. */
  #renew(): void {
    for (let steps = 0; steps < 5000; steps++) {
      const deadline = this.#resolver.nextDeadline();
      if (deadline === undefined) break;
      this.#now = Math.max(this.#now, deadline);
      this.#take(this.#resolver.handleDeadline(this.#now));
    }
    demand(this.#waiting.size === 0 && this.#open.size === 0, "something is left open");
    const { inWork, openQueries, questions, refreshed } = this.#resolver.stats();
    demand(inWork === 0 && openQueries === 0, "something is left in work");
    demand(this.#sent <= MOST_QUERIES * (questions + refreshed), "too many questions to servers");
    this.#sent = 0;
    this.#resolver = this.#newResolver();
  }

  input(): string {
    const last = this.#last;
    return last === undefined
      ? "nothing"
      : `${last.query} ${last.kind === "answer" ? toHex(last.message) : last.reason}`;
  }

  end(inputs: number): void {
    this.#renew();
    demand(this.#answers > inputs / 100, "too few questions were answered");
  }
}

export const DNS_RESOLVER: FuzzTarget = { name: "dns-resolver", start: (random) => new Run(random) };
