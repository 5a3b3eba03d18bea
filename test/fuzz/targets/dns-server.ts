/**
 * A DNS server with zones before a resolver that knows nothing: nothing throws, every query has one reply at most, which
 * is well formed, no longer than its asker takes, and the same from the cache's hot path as by the long way.
 */
import { parseIp } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { AnswerCache } from "../../../src/protocol/dns/cache/answer-cache.ts";
import type { ResolverOutput } from "../../../src/protocol/dns/exchange.ts";
import { DnsServer, type QuestionResolver } from "../../../src/protocol/dns/server/server.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import { formatRecordData } from "../../../src/wire/dns/text.ts";
import { formatDnsType } from "../../../src/wire/dns/types.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { config, queryMessage, records, zone } from "../../protocol/dns/records.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const ZONES = [
  zone(
    "lan.example",
    `www A 192.0.2.1
     www AAAA 2001:db8::1
     alias CNAME www
     far CNAME www.example.org.
     round CNAME round
     @ MX 10 www
     *.wild TXT "${"long ".repeat(40)}"
     sub NS ns.sub
     ns.sub A 192.0.2.2`,
  ),
  zone("2.0.192.in-addr.arpa", "1 PTR www.lan.example."),
];
const NAMES = ["www", "alias", "far", "round", "x.wild", "y.sub", "pc", "nobody"].map((name) => `${name}.lan.example`);
const OTHERS = ["lan.example", "1.2.0.192.in-addr.arpa", "x.localhost", "", "www.example.org", "WWW.LAN.EXAMPLE"];
const TYPES = ["A", "AAAA", "CNAME", "MX", "TXT", "NS", "SOA", "PTR", "ANY", "AXFR", "OPT", "HTTPS", "DS", "TYPE65280"];
const EXTENSION = {
  udpPayloadBytes: 1232,
  version: 0,
  dnssecOk: true,
  options: [{ code: 10, data: new Uint8Array(8) }],
};
/** Whatever is in a response may be in a query. */
const BAGGAGE = records(
  'a.example 60 SOA a. b. 1 2 3 4 5\nb.a.example 60 SRV 1 2 3 a.example.\nc.a.example 60 TXT "text"',
);
const SEEDS = [...NAMES, ...OTHERS].flatMap((name, i) =>
  TYPES.map((type, k) =>
    encodeDnsMessage(
      queryMessage(`${name} ${type}`, {
        checkingDisabled: k % 5 === 0,
        ...((i + k) % 3 === 0 ? { extension: EXTENSION } : {}),
        ...((i + k) % 7 === 0 ? { answers: BAGGAGE, additionals: BAGGAGE } : {}),
      }),
    ),
  ),
);
const TELLING = [0, 1, 2, 3, 4, 5, 6, 12, 16, 28, 33, 35, 41, 46, 63, 64, 0x7f, 0x80, 0xc0, 0xff];
const CLIENT = parseIp("192.0.2.10");
const NOTHING: ResolverOutput = { queries: [], ended: [], answers: [] };

class NoResolver implements QuestionResolver {
  waiting: number[] = [];
  setLocalNames(): void {}

  forgetLeadingHere(): void {}
  refresh(): ResolverOutput {
    return NOTHING;
  }
  resolve(_question: object, _flags: object, token: number): ResolverOutput {
    this.waiting.push(token);
    return NOTHING;
  }
  handle(): ResolverOutput {
    return this.handleDeadline();
  }
  nextDeadline(): undefined {
    return undefined;
  }
  /** SERVFAIL to all. */
  handleDeadline(): ResolverOutput {
    const message = encodeDnsMessage(queryMessage("www.example.org", { id: 0, response: true, responseCode: 2 }));
    const tokens = this.waiting;
    this.waiting = [];
    return { ...NOTHING, answers: [{ tokens, message }] };
  }
}

function mutate(seed: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let changes = random(4); changes > 0; changes--) {
    const at = random(bytes.length);
    const kind = random(10);
    if (kind < 4) bytes[at] = TELLING[random(TELLING.length)]!;
    else if (kind < 6) bytes[at] = random(256);
    else if (kind < 8) bytes[at] = bytes[at]! ^ (1 << random(8));
    else if (kind === 8) bytes = bytes.slice(0, at);
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random(at + 1))]).slice(0, 2000);
    if (bytes.length === 0) break;
  }
  return bytes;
}

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #cache: AnswerCache;
  readonly #resolver = new NoResolver();
  readonly #server: DnsServer;
  readonly #out = new Uint8Array(2048);
  #query: Uint8Array = new Uint8Array();
  #token = 0;
  #now = 100;
  #answered = 0;
  #hot = 0;

  constructor(random: Random) {
    this.#random = random;
    const settings = config({ zones: ZONES });
    this.#cache = new AnswerCache(settings.cache, [1, 2]);
    this.#server = new DnsServer(settings, { cache: this.#cache, resolver: this.#resolver });
  }

  next(): void {
    const random = this.#random;
    this.#query = mutate(SEEDS[random(SEEDS.length)]!, random);
    if (random(50) === 0) this.#now += random(100);
    if (random(50) === 0) this.#change();
    const transport = random(4) === 0 ? "tcp" : "udp";
    // It does not look into the options of EDNS, which may be broken.
    const comparable = transport === "udp" && !(decodeDnsMessage(this.#query) instanceof Malformed);
    const hot = comparable ? this.#askHot() : undefined;
    const { replies, queries } = this.#server.handle(
      this.#query,
      { address: CLIENT, transport },
      ++this.#token,
      this.#now,
    );
    demand(queries.length === 0, "a question to another server");
    demand(replies.length <= 1, "more than one reply");
    for (const { token, message } of replies) {
      demand(token === this.#token, "the reply to another query");
      this.#check(message, transport);
      if (hot !== undefined)
        demand(textOf(message) === textOf(hot), `hot path: ${textOf(hot)}; else: ${textOf(message)}`);
    }
    if (hot !== undefined) demand(replies.length === 1, "answered by the hot path alone");
    if (this.#resolver.waiting.length > 100) this.#settle();
  }

  #askHot(): Uint8Array | undefined {
    if (this.#query.length < 12) return undefined;
    const length = this.#cache.answer(this.#query, 0, this.#query.length, this.#out, 0, this.#now);
    if (length === 0) return undefined;
    this.#hot++;
    return this.#out.slice(0, length);
  }

  #check(reply: Uint8Array, transport: "udp" | "tcp"): void {
    demand(reply.length >= 12, "shorter than a header");
    demand(reply[0] === this.#query[0] && reply[1] === this.#query[1], "another id");
    demand((reply[2]! & 0x80) !== 0, "no response");
    demand((this.#query[2]! & 0x80) === 0, "a reply to a response");
    if (reply.subarray(4, 10).every((byte) => byte === 0)) {
      const isExtended = reply[11] === 1;
      demand(reply.length === (isExtended ? 23 : 12) && reply[10] === 0, "a header with something behind it");
      demand(!isExtended || toHex(this.#query).includes("000029"), "EDNS where it was not asked");
      return;
    }
    const [message, query] = [decodeDnsMessage(reply), decodeDnsMessage(this.#query)];
    demand(!(message instanceof Malformed) && !(query instanceof Malformed), "a reply that is malformed");
    const payload = query.extension === undefined ? 512 : Math.max(512, query.extension.udpPayloadBytes);
    demand(transport === "tcp" || reply.length <= Math.min(payload, 1232), "longer than the asker takes");
    demand(JSON.stringify(message.question) === JSON.stringify(query.question), "another question");
    demand(
      (message.extension === undefined) === (query.extension === undefined),
      "EDNS where it was not asked, or not",
    );
    this.#answered++;
    for (const { type, data } of message.answers) formatRecordData(type, data);
  }

  #change(): void {
    const random = this.#random;
    const name = ["pc", "www", "deep.wild", "x.y"][random(4)]!;
    this.#server.setHost(`${name}.lan.example`, random(3) === 0 ? [] : [parseIp(`192.0.2.${random(8)}`)]);
  }

  #settle(): void {
    const { replies } = this.#server.handleDeadline(this.#now);
    demand(this.#server.stats().waiting === 0, "somebody who waits for ever");
    demand(replies.length > 100, "somebody who is not answered");
  }

  input(): string {
    return toHex(this.#query);
  }

  end(inputs: number): void {
    demand(this.#answered > inputs / 5, `only ${this.#answered} of ${inputs} were answered`);
    demand(this.#hot > inputs / 200, `only ${this.#hot} of ${inputs} went the hot path`);
    demand(this.#cache.stats().entries < 1000, "a cache that grows");
  }
}

/** What a reply says, without TTLs: those that come from the cache have run down. */
function textOf(reply: Uint8Array): string {
  const message = decodeDnsMessage(reply);
  if (message instanceof Malformed) return message.reason;
  const { answers, authorities, additionals, extension, ...rest } = message;
  const all = [answers, authorities, additionals].map((section) =>
    section.map(({ name, type, data }) => `${name} ${formatDnsType(type)} ${formatRecordData(type, data)}`),
  );
  return JSON.stringify([rest, all, extension]);
}

export const DNS_SERVER: FuzzTarget = { name: "dns-server", start: (random) => new Run(random) };
