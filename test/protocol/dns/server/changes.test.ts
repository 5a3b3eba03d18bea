/** Zones and hosts that change: what is told afterwards is what a server says that has never heard of anything else. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type IpAddress, parseIp } from "../../../../src/base/address.ts";
import { AnswerCache } from "../../../../src/protocol/dns/cache/answer-cache.ts";
import type { DnsZoneConfig } from "../../../../src/protocol/dns/config.ts";
import { DnsResolver } from "../../../../src/protocol/dns/resolver/resolver.ts";
import { DnsServer } from "../../../../src/protocol/dns/server/server.ts";
import { encodeDnsMessage } from "../../../../src/wire/dns/codec.ts";
import { DNS_TYPE } from "../../../../src/wire/dns/types.ts";
import { randomNumbers } from "../../../support/random.ts";
import { config, decoded, described, query, records, zone } from "../records.ts";

const CLIENT = { address: parseIp("192.0.2.10"), transport: "udp" } as const;
const NOW = 100;

const HOSTS = ["pc.lan.example", "x.y.lan.example", "pc.corp.example", "host.example.net", "www.lan.example"];
/** Each host has its own: which name an address of two has depends on who had it first. */
const addressesOf = (host: string): IpAddress[] =>
  [`10.0.0.${2 + HOSTS.indexOf(host)}`, `10.0.1.${HOSTS.indexOf(host)}`, `2001:db8::${HOSTS.indexOf(host)}`].map(
    parseIp,
  );
/** What may be given under one name, nothing included. */
const CHOICES: readonly (readonly DnsZoneConfig[])[] = [
  [
    zone("lan.example", "www 300 A 10.0.0.1"),
    zone("lan.example", "www 300 A 10.0.0.9\n@ 300 MX 10 pc\nalias 300 CNAME pc\naway 300 CNAME host.example.net."),
    zone("lan.example", "* 300 TXT wild\npc 300 A 10.0.0.7"),
  ],
  [zone("y.lan.example", "x 300 A 10.0.0.8"), zone("y.lan.example", "@ 300 TXT text")],
  [zone("corp.example", "pc 300 AAAA 2001:db8::9")],
  [zone("0.0.10.in-addr.arpa", "2 300 PTR two.example.")],
];
const OUTSIDE = records(
  `www.example.org 300 CNAME pc.lan.example.
   ftp.example.org 300 CNAME host.example.net.
   host.example.net 300 A 198.51.100.1
   pc.corp.example 300 A 198.51.100.2
   pc.lan.example 300 A 198.51.100.3
   x.y.lan.example 300 TXT outside
   deep.example.org 300 CNAME ftp.example.org.`,
);
const SOA = records(". 300 SOA ns.example. admin.example. 1 2 3 4 300").map((soa) => ({ ...soa, name: "" }));
const NAMES = [
  ...HOSTS,
  "lan.example",
  "y.lan.example",
  "alias.lan.example",
  "away.lan.example",
  "nobody.lan.example",
  "www.example.org",
  "ftp.example.org",
  "deep.example.org",
  "2.0.0.10.in-addr.arpa",
  "3.0.0.10.in-addr.arpa",
];
const QUESTIONS = NAMES.flatMap((name) => ["A", "AAAA", "TXT", "PTR"].map((type) => `${name} ${type}`));

/** A server, and one outside that knows all of OUTSIDE. */
class World {
  readonly #cache: AnswerCache;
  readonly server: DnsServer;

  constructor(zones: readonly DnsZoneConfig[]) {
    const settings = config({ zones });
    const random = randomNumbers(1);
    this.#cache = new AnswerCache(settings.cache, [1, 2]);
    const resolver = new DnsResolver(settings, this.#cache, (bits) => random(2 ** bits));
    this.server = new DnsServer(settings, { cache: this.#cache, resolver });
  }

  ask(question: string): string[] {
    let output = this.server.handle(query(question), CLIENT, 1, NOW);
    while (output.replies.length === 0) {
      const { query: number, message } = output.queries[0]!;
      const sent = decoded(message);
      const { name, type } = sent.question;
      const own = OUTSIDE.filter((record) => record.name === name);
      const answers = own.filter((record) => record.type === type || record.type === DNS_TYPE.CNAME);
      const parts = answers.length > 0 ? { answers } : { authorities: SOA, responseCode: own.length > 0 ? 0 : 3 };
      const reply = { ...sent, response: true, recursionAvailable: true, authenticData: false, ...parts };
      output = this.server.handleUpstream({ query: number, kind: "answer", message: encodeDnsMessage(reply) }, NOW);
    }
    return described(decoded(output.replies[0]!.message));
  }

  /** What the cache says by itself. */
  hot(question: string): string[] | undefined {
    const [out, asked] = [new Uint8Array(1232), query(question)];
    const length = this.#cache.answer(asked, 0, asked.length, out, 0, NOW);
    return length === 0 ? undefined : described(decoded(out.subarray(0, length)));
  }
}

type Change =
  | { readonly kind: "zones"; readonly zones: readonly DnsZoneConfig[] }
  | { readonly kind: "host"; readonly host: string; readonly addresses: readonly IpAddress[] };

const zones = fc
  .tuple(...CHOICES.map((choices) => fc.option(fc.constantFrom(...choices), { nil: undefined })))
  .map((chosen) => chosen.flatMap((each) => each ?? []));
const change: fc.Arbitrary<Change> = fc.oneof(
  zones.map((all): Change => ({ kind: "zones", zones: all })),
  fc
    .constantFrom(...HOSTS)
    .chain((host) => fc.subarray(addressesOf(host)).map((addresses): Change => ({ kind: "host", host, addresses }))),
);

test("property: nothing of what was is told after a change, from the cache or otherwise", () => {
  fc.assert(
    fc.property(
      zones,
      fc.array(fc.tuple(change, fc.subarray(QUESTIONS, { minLength: 1 })), { minLength: 1, maxLength: 6 }),
      (first, steps) => {
        const world = new World(first);
        const hosts = new Map<string, readonly IpAddress[]>();
        let now: readonly DnsZoneConfig[] = first;
        for (const question of QUESTIONS) world.ask(question);
        for (const [step, asked] of steps) {
          if (step.kind === "zones") world.server.setZones((now = step.zones));
          else {
            hosts.set(step.host, step.addresses);
            world.server.setHost(step.host, step.addresses);
          }
          for (const question of asked) {
            const fresh = new World(now);
            for (const [host, addresses] of hosts) fresh.server.setHost(host, addresses);
            const expected = { question, told: fresh.ask(question) };
            const hot = world.hot(question);
            if (hot !== undefined) expect({ question, told: hot }).toEqual(expected);
            expect({ question, told: world.ask(question) }).toEqual(expected);
          }
        }
      },
    ),
    { numRuns: 25 },
  );
});
