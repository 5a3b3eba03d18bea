/** Who has waited is told the same, whether the answer comes from the cache's own path or is read and written anew. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseIp } from "../../../../src/base/address.ts";
import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import type { QuestionFlags } from "../../../../src/protocol/dns/cache/question-key.ts";
import type { ResolverOutput } from "../../../../src/protocol/dns/exchange.ts";
import { DnsServer, type QuestionResolver } from "../../../../src/protocol/dns/server/server.ts";
import { encodeDnsMessage } from "../../../../src/wire/dns/codec.ts";
import type { DnsMessage, DnsQuestion } from "../../../../src/wire/dns/message.ts";
import { config, decoded, queryMessage, records } from "../records.ts";

const CLIENT = { address: parseIp("192.0.2.10"), transport: "udp" } as const;
const NOTHING: ResolverOutput = { queries: [], ended: [], answers: [] };
const NAME = "www.example.org";

/** Knows one answer, and tells it at the deadline. */
class OneAnswer implements QuestionResolver {
  readonly #cache: AnswerCache;
  readonly #isKept: boolean;
  readonly #answer: DnsMessage;
  readonly #waiting: { question: DnsQuestion; flags: QuestionFlags; token: number }[] = [];

  constructor(cache: AnswerCache, isKept: boolean, answer: DnsMessage) {
    this.#cache = cache;
    this.#isKept = isKept;
    this.#answer = answer;
  }

  resolve(question: DnsQuestion, flags: QuestionFlags, token: number): ResolverOutput {
    this.#waiting.push({ question, flags, token });
    return NOTHING;
  }

  handleDeadline(nowSeconds: number): ResolverOutput {
    return {
      ...NOTHING,
      answers: this.#waiting.splice(0).map(({ question, flags, token }) => {
        const message = encodeDnsMessage({ ...this.#answer, question });
        if (this.#isKept) this.#cache.store(question, flags, message, nowSeconds);
        return { tokens: [token], message };
      }),
    };
  }

  refresh(): ResolverOutput {
    return NOTHING;
  }

  handle(): ResolverOutput {
    return NOTHING;
  }

  nextDeadline(): undefined {
    return undefined;
  }

  setLocalNames(): void {}

  forgetLeadingHere(): void {}
}

function replyTo(query: Uint8Array, answer: DnsMessage, isKept: boolean): { reply: DnsMessage; bytes: number } {
  const settings = config();
  const cache = new AnswerCache(settings.cache, [1, 2]);
  const server = new DnsServer(settings, { cache, resolver: new OneAnswer(cache, isKept, answer) });
  expect(server.handle(query, CLIENT, 1, 100).replies).toEqual([]);
  const { replies } = server.handleDeadline(100);
  expect(replies.map(({ token }) => token)).toEqual([1]);
  expect(server.stats()).toMatchObject({ waiting: 0 });
  const { message } = replies[0]!;
  return { reply: decoded(message), bytes: message.length };
}

const flag = fc.boolean();
const spelled = fc.constantFrom(NAME, NAME.toUpperCase(), "wWw.eXample.Org");
const asked = fc.record({
  id: fc.nat(0xffff),
  authenticData: flag,
  checkingDisabled: flag,
  extension: fc.option(
    fc.record({
      udpPayloadBytes: fc.constantFrom(0, 512, 700, 1232, 4096, 65_535),
      version: fc.constant(0),
      dnssecOk: flag,
      options: fc.constantFrom([], [{ code: 10, data: new Uint8Array(8) }]),
    }),
    { nil: undefined },
  ),
});
const told = fc.oneof(
  fc
    .nat(60)
    .map((count) => Array.from({ length: count + 1 }, (_, i) => `${NAME} ${60 + i} A 192.0.2.${i}`).join("\n"))
    .map((text) => ({ responseCode: 0, answers: records(text), authorities: [] })),
  fc.constantFrom(0, 3).map((responseCode) => ({
    responseCode,
    answers: [],
    authorities: records("example.org 60 SOA ns.example.org. admin.example.org. 1 2 3 4 60"),
  })),
  fc.constant({
    responseCode: 0,
    answers: records(`${NAME} 60 CNAME cdn.example.net.\ncdn.example.net 30 A 192.0.2.9`),
    authorities: [],
  }),
);

test("property: kept or not, the reply says the same", () => {
  fc.assert(
    fc.property(spelled, asked, told, flag, (name, { extension, ...flags }, parts, authenticData) => {
      const query = queryMessage(name, { ...flags, ...(extension === undefined ? {} : { extension }) });
      const answer = { ...queryMessage(NAME), ...parts, response: true, recursionAvailable: true, authenticData };
      const [kept, passed] = [true, false].map((isKept) => replyTo(encodeDnsMessage(query), answer, isKept));
      // Names beyond the question are spelled as they came.
      expect(kept!.reply).toEqual({ ...passed!.reply, answers: kept!.reply.answers });
      const lower = ({ answers }: DnsMessage): unknown[] =>
        answers.map((record) => ({ ...record, name: record.name.toLowerCase(), data: [...record.data] }));
      expect(lower(kept!.reply)).toEqual(lower(passed!.reply));
      const limit = Math.min(1232, Math.max(512, extension?.udpPayloadBytes ?? 0));
      expect(Math.max(kept!.bytes, passed!.bytes)).toBeLessThanOrEqual(limit);
      expect(kept!.reply).toMatchObject({ id: flags.id, question: { name } });
    }),
    { numRuns: 300 },
  );
});
