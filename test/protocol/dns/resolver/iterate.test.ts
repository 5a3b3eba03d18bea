import { describe, expect, test } from "vitest";
import { DNS_TYPE, RESPONSE_CODE } from "../../../../src/wire/dns/types.ts";
import {
  type Answerer,
  authorityOf,
  DnsWorld,
  record,
  records,
  reply,
  resolverOf,
  texts,
  upstream,
} from "../../../support/dns-world.ts";

const ROOT = "192.0.2.1";
const ORG = "192.0.2.2";
const EXAMPLE = "192.0.2.3";
const OTHER = "192.0.2.4";
const soa = (zone: string): string => `${zone} 300 SOA ns.${zone}. admin.${zone}. 1 2 3 4 60`;

const ROOT_ZONE = [
  ". 300 SOA a.root. admin.root. 1 2 3 4 60",
  "org 86400 NS ns.nic.org.",
  `ns.nic.org 86400 A ${ORG}`,
  "net 86400 NS ns.nic.org.",
];
const ORG_ZONE = [
  soa("org"),
  "example.org 3600 NS ns1.example.org.",
  `ns1.example.org 3600 A ${EXAMPLE}`,
  "hosted.org 3600 NS ns.provider.net.",
  "broken.org 3600 NS ns.broken.org.",
];
const NET_ZONE = [soa("net"), "provider.net 3600 NS ns1.provider.net.", `ns1.provider.net 3600 A ${OTHER}`];
const EXAMPLE_ZONE = [
  soa("example.org"),
  "www.example.org 300 A 192.0.2.80",
  "www.example.org 300 AAAA 2001:db8::80",
  "alias.example.org 300 CNAME www.example.org.",
  "away.example.org 300 CNAME www.hosted.org.",
  "loop-a.example.org 300 CNAME loop-b.example.org.",
  "loop-b.example.org 300 CNAME loop-a.example.org.",
  "a.b.c.example.org 300 A 192.0.2.81",
];
const HOSTED_ZONE = [soa("hosted.org"), "www.hosted.org 300 A 192.0.2.90"];
const PROVIDER_ZONE = [soa("provider.net"), `ns.provider.net 3600 A ${OTHER}`, `ns1.provider.net 3600 A ${OTHER}`];

/** One server of several zones: the longest that the name is in answers. */
function several(zones: Readonly<Record<string, readonly string[]>>): Answerer {
  const answerers = Object.entries(zones).map(([zone, texts]) => ({ zone, answer: authorityOf(zone, texts) }));
  return (query, sent) => {
    const name = query.question.name.toLowerCase();
    const found = answerers
      .filter(({ zone }) => name === zone || name.endsWith(`.${zone}`))
      .toSorted((a, b) => b.zone.length - a.zone.length)[0];
    return found?.answer(query, sent) ?? [{ message: reply(query, { responseCode: RESPONSE_CODE.REFUSED }) }];
  };
}

function internet(changes: Readonly<Record<string, Answerer>> = {}): DnsWorld {
  return new DnsWorld(
    { mode: "recursive", rootServers: [upstream(ROOT)] },
    {
      [ROOT]: authorityOf("", ROOT_ZONE),
      [ORG]: several({ org: ORG_ZONE, net: NET_ZONE }),
      [EXAMPLE]: authorityOf("example.org", EXAMPLE_ZONE),
      [OTHER]: several({ "hosted.org": HOSTED_ZONE, "provider.net": PROVIDER_ZONE }),
      ...changes,
    },
  );
}

describe("from the root down", () => {
  test("each server sees no more of the name than it has to, and is not asked to resolve", () => {
    const world = internet();
    expect(world.lookup("www.example.org", "AAAA")).toEqual(["www.example.org 300 AAAA 2001:db8::80"]);
    expect(world.log).toEqual([`${ROOT} udp org A`, `${ORG} udp example.org A`, `${EXAMPLE} udp www.example.org AAAA`]);
    expect(world.sent.every(({ message }) => !message.recursionDesired)).toBe(true);
  });

  test("zones that are known are not asked for again", () => {
    const world = internet();
    world.lookup("www.example.org");
    world.log.length = 0;
    world.lookup("alias.example.org");
    expect(world.log).toEqual([`${EXAMPLE} udp alias.example.org A`]);
    world.pass(3600);
    world.log.length = 0;
    world.lookup("www.example.org");
    expect(world.log).toEqual([`${ORG} udp example.org A`, `${EXAMPLE} udp www.example.org A`]);
  });

  test("a name between others is no end", () => {
    expect(internet().lookup("a.b.c.example.org")).toEqual(["a.b.c.example.org 300 A 192.0.2.81"]);
  });

  test("a server that denies what is between others is asked for the whole name", () => {
    const answer = authorityOf("example.org", EXAMPLE_ZONE);
    const denying: Answerer = (query, sent) =>
      query.question.name === "c.example.org"
        ? [
            {
              message: reply(query, {
                authoritative: true,
                responseCode: 3,
                authorities: records([soa("example.org")]),
              }),
            },
          ]
        : answer(query, sent);
    const world = internet({ [EXAMPLE]: denying });
    expect(world.lookup("a.b.c.example.org")).toHaveLength(1);
  });

  test("aliases are followed within a zone and into others, whose servers have names in third ones", () => {
    const world = internet();
    expect(world.lookup("alias.example.org")).toEqual([
      "alias.example.org 300 CNAME www.example.org",
      "www.example.org 300 A 192.0.2.80",
    ]);
    expect(world.lookup("away.example.org")).toEqual([
      "away.example.org 300 CNAME www.hosted.org",
      "www.hosted.org 300 A 192.0.2.90",
    ]);
    world.log.length = 0;
    expect(world.lookup("www.hosted.org")).toHaveLength(1);
    expect(world.log).toEqual([]);
  });

  test("aliases that lead into themselves end in SERVFAIL", () => {
    const world = internet();
    expect(world.ask("loop-a.example.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.length).toBeLessThan(10);
  });

  test("what there is not is denied with the zone's SOA", () => {
    const world = internet();
    const { message } = world.ask("no.example.org");
    expect(message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
    expect(message.authorities.map(({ type }) => type)).toEqual([DNS_TYPE.SOA]);
    const noData = world.ask("www.example.org", "TXT").message;
    expect([noData.responseCode, noData.answers, noData.authorities.length]).toEqual([0, [], 1]);
    expect(world.ask("nothing.test").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
  });

  test("a DNAME moves all names below it", () => {
    const zone = [...EXAMPLE_ZONE, "old.example.org 300 DNAME example.org."];
    const answer = authorityOf("example.org", zone);
    const moving: Answerer = (query, sent) =>
      query.question.name.endsWith("old.example.org")
        ? [
            {
              message: reply(query, {
                authoritative: true,
                answers: [
                  record("old.example.org 300 DNAME example.org."),
                  record("www.old.example.org 300 CNAME lie.example.net."),
                ],
              }),
            },
          ]
        : answer(query, sent);
    expect(internet({ [EXAMPLE]: moving }).lookup("www.old.example.org")).toEqual([
      "old.example.org 300 DNAME example.org",
      "www.old.example.org 300 CNAME www.example.org",
      "www.example.org 300 A 192.0.2.80",
    ]);
  });

  test("DS is asked of the parent zone", () => {
    const world = internet();
    world.ask("example.org", "DS");
    expect(world.log).toEqual([`${ROOT} udp org A`, `${ORG} udp example.org DS`]);
  });

  test("records of DNSSEC pass unchanged, AD is not claimed", () => {
    const signature = record(
      "www.example.org 300 RRSIG A 8 3 300 20300101000000 20200101000000 1 example.org. AAECAwQFBgcICQ==",
    );
    const signed: Answerer = (query) => [
      {
        message: reply(query, {
          authoritative: true,
          authenticData: true,
          answers: [record("www.example.org 300 A 192.0.2.80"), signature],
        }),
      },
    ];
    const { message } = internet({ [EXAMPLE]: signed }).ask("www.example.org", "A", { dnssecOk: true });
    expect(message.answers[1]).toEqual(signature);
    expect(message.authenticData).toBe(false);
  });
});

describe("servers of a zone that are of no use", () => {
  const twoServers = [
    soa("org"),
    "example.org 3600 NS ns1.example.org.",
    "example.org 3600 NS ns2.example.org.",
    `ns1.example.org 3600 A ${EXAMPLE}`,
    `ns2.example.org 3600 A ${OTHER}`,
  ];
  const good = authorityOf("example.org", EXAMPLE_ZONE);
  const lame: Record<string, Answerer> = {
    "refers upwards": (query) => [{ message: reply(query, { authorities: [record(". 300 NS a.root.")] }) }],
    "refers to itself": (query) => [
      { message: reply(query, { authorities: [record("example.org 300 NS ns9.example.org.")] }) },
    ],
    refuses: (query) => [{ message: reply(query, { responseCode: RESPONSE_CODE.REFUSED }) }],
    "is silent": () => [],
    "knows nothing": (query) => [{ message: reply(query) }],
    "denies for another zone": (query) => [
      { message: reply(query, { responseCode: 3, authorities: [record("net 300 SOA a. b. 1 2 3 4 5")] }) },
    ],
  };

  test.each(Object.keys(lame))("one %s: the other is asked", (name) => {
    for (const [bad, fine] of [
      [EXAMPLE, OTHER],
      [OTHER, EXAMPLE],
    ] as const) {
      const world = internet({ [ORG]: authorityOf("org", twoServers), [bad]: lame[name]!, [fine]: good });
      expect(world.lookup("www.example.org")).toEqual(["www.example.org 300 A 192.0.2.80"]);
    }
  });

  test("none has an address: SERVFAIL without asking for ever", () => {
    const world = internet();
    expect(world.ask("www.broken.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.length).toBeLessThan(20);
  });

  test("the zone has moved: its parent is asked for the new ones", () => {
    const world = internet();
    world.lookup("www.example.org");
    world.servers.set(EXAMPLE, () => [{ failed: "unreachable" }]);
    world.servers.set(OTHER, good);
    world.servers.set(
      ORG,
      authorityOf("org", [soa("org"), "example.org 60 NS ns9.example.org.", `ns9.example.org 60 A ${OTHER}`]),
    );
    expect(world.lookup("alias.example.org")).toHaveLength(2);
  });

  test("addresses of this host, of everybody and of the link are not asked", () => {
    const world = internet({
      [ORG]: authorityOf("org", [
        soa("org"),
        "example.org 60 NS ns1.example.org.",
        ...["127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255", "169.254.0.1"].map(
          (address) => `ns1.example.org 60 A ${address}`,
        ),
        ...["::1", "::", "ff02::fb", "fe80::1", "::ffff:127.0.0.1"].map(
          (address) => `ns1.example.org 60 AAAA ${address}`,
        ),
      ]),
    });
    expect(world.ask("www.example.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(new Set(world.log.map((line) => line.split(" ")[0]))).toEqual(new Set([ROOT, ORG]));
  });

  test("servers that need each other to be found end in SERVFAIL", () => {
    const circle = [soa("org"), "a.org 60 NS ns.b.org.", "b.org 60 NS ns.a.org."];
    const world = internet({ [ORG]: authorityOf("org", circle) });
    expect(world.ask("www.a.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.length).toBeLessThan(20);
  });

  test("a delegation to hundreds of names elsewhere costs few messages (NXNSAttack)", () => {
    const attack: Answerer = (query) => [
      {
        message: reply(query, {
          authorities: Array.from({ length: 300 }, (_, i) => record(`evil.org 60 NS n${i}.victim${i}.net.`)),
        }),
      },
    ];
    const org = several({ org: ORG_ZONE, net: NET_ZONE });
    const world = internet({
      [ORG]: (query, sent) => (query.question.name.endsWith("evil.org") ? attack : org)(query, sent),
    });
    expect(world.ask("x.evil.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.filter((line) => line.includes("victim")).length).toBeLessThanOrEqual(20);
  });

  test("aliases through zones whose servers mostly fail end after some messages", () => {
    const addresses = Array.from({ length: 8 }, (_, i) => `198.51.100.${i}`);
    const org: Answerer = (query) => {
      const zone = query.question.name.split(".").slice(-2).join(".");
      const additionals = addresses.map((address) => record(`ns.${zone} 60 A ${address}`));
      return [{ message: reply(query, { authorities: [record(`${zone} 60 NS ns.${zone}.`)], additionals }) }];
    };
    const world = internet({ [ORG]: org });
    for (const [i, address] of addresses.entries())
      world.servers.set(address, (query) => {
        const zone = Number(/z(\d+)\.org$/.exec(query.question.name)?.[1]);
        const answers = [record(`${query.question.name} 60 CNAME www.z${zone + 1}.org.`)];
        const parts = i === zone % 8 ? { authoritative: true, answers } : { responseCode: RESPONSE_CODE.SERVFAIL };
        return [{ message: reply(query, parts) }];
      });
    expect(world.ask("www.z0.org").message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.length).toBeLessThanOrEqual(60);
  });

  test("referrals that go on and on end", () => {
    const endless: Answerer = (query) => {
      const labels = query.question.name.split(".");
      const zone = labels.slice(-Math.min(labels.length, 30)).join(".");
      return [
        {
          message: reply(query, {
            authorities: [record(`${zone} 60 NS ns.${zone}.`)],
            additionals: [record(`ns.${zone} 60 A ${ORG}`)],
          }),
        },
      ];
    };
    const world = internet({ [ORG]: endless });
    const name = `${"a.".repeat(60)}org`;
    expect(world.ask(name).message.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
    expect(world.log.length).toBeLessThan(70);
  });
});

describe("what a server has no say in is not taken", () => {
  test("records beside the answer", () => {
    const answer = authorityOf("example.org", EXAMPLE_ZONE);
    const poisoning: Answerer = (query, sent) =>
      query.question.name === "www.example.org"
        ? [
            {
              message: reply(query, {
                authoritative: true,
                answers: [record("www.example.org 300 A 192.0.2.80"), record("www.bank.net 300 A 203.0.113.66")],
                authorities: [record("net 300 NS ns.evil.net.")],
                additionals: [record("ns.evil.net 300 A 203.0.113.66"), record("www.bank.net 300 A 203.0.113.66")],
              }),
            },
          ]
        : answer(query, sent);
    const world = internet({ [EXAMPLE]: poisoning, "203.0.113.66": () => expect.unreachable() });
    expect(world.lookup("www.example.org")).toEqual(["www.example.org 300 A 192.0.2.80"]);
    expect(world.resolver.stats().badAnswers.bailiwick).toBe(1);
    expect(world.ask("www.bank.net").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
  });

  test("an alias out of the zone together with what it leads to", () => {
    const answer = authorityOf("example.org", EXAMPLE_ZONE);
    const poisoning: Answerer = (query, sent) =>
      query.question.name === "away.example.org"
        ? [
            {
              message: reply(query, {
                authoritative: true,
                answers: [
                  record("away.example.org 300 CNAME www.hosted.org."),
                  record("www.hosted.org 300 A 203.0.113.66"),
                ],
              }),
            },
          ]
        : answer(query, sent);
    const world = internet({ [EXAMPLE]: poisoning });
    expect(world.lookup("away.example.org").at(-1)).toBe("www.hosted.org 300 A 192.0.2.90");
  });

  test("glue for servers in other zones, referrals to zones elsewhere", () => {
    const org = several({ org: ORG_ZONE, net: NET_ZONE });
    const glued: Answerer = (query, sent) =>
      query.question.name === "hosted.org"
        ? [
            {
              message: reply(query, {
                authorities: [record("hosted.org 60 NS ns.provider.net."), record("net 60 NS ns.evil.org.")],
                additionals: [record("ns.provider.net 60 A 203.0.113.66"), record("ns.evil.org 60 A 203.0.113.66")],
              }),
            },
          ]
        : org(query, sent);
    const world = internet({ [ORG]: glued, "203.0.113.66": () => expect.unreachable() });
    expect(world.lookup("www.hosted.org")).toEqual(["www.hosted.org 300 A 192.0.2.90"]);
  });

  test("what a zone says of its own servers: it could keep itself alive", () => {
    const answer = authorityOf("example.org", EXAMPLE_ZONE);
    const ghost: Answerer = (query, sent) =>
      answer(query, sent).map((given) =>
        "message" in given && !(given.message instanceof Uint8Array)
          ? { ...given, message: { ...given.message, authorities: [record("example.org 999999 NS ns1.example.org.")] } }
          : given,
      );
    const world = internet({ [EXAMPLE]: ghost });
    for (let i = 0; i < 20; i++) {
      world.ask("www.example.org");
      world.pass(301);
    }
    expect(world.log.filter((line) => line.startsWith(ORG)).length).toBeGreaterThan(1);
  });
});

describe("a zone that was taken away", () => {
  /** Sends on to the zone one label further down, for a day. */
  const phoenix: Answerer = (query) => {
    const zone = query.question.name.toLowerCase();
    const authorities = [record(`${zone} 86400 NS ns.${zone}.`)];
    const deep = reply(query, { authorities, additionals: [record(`ns.${zone} 86400 A ${EXAMPLE}`)] });
    const isLast = zone.startsWith("www.");
    return [
      { message: isLast ? reply(query, { authoritative: true, answers: [record(`${zone} 60 A 192.0.2.80`)] }) : deep },
    ];
  };

  test("does not go on through ever new zones below it (phoenix domain)", () => {
    const org = (texts: readonly string[]): Answerer => authorityOf("org", [soa("org"), ...texts]);
    const world = internet({
      [ORG]: org(["example.org 3600 NS ns1.example.org.", `ns1.example.org 3600 A ${EXAMPLE}`]),
      [EXAMPLE]: phoenix,
    });
    expect(world.lookup("www.a.example.org")).toHaveLength(1);
    world.servers.set(ORG, org([]));
    world.pass(3000);
    expect(world.lookup("www.b.a.example.org")).toHaveLength(1);
    world.pass(1000);
    expect(world.ask("www.c.b.a.example.org").message.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
  });
});

test("an alias into a domain that others are asked for is followed there, whatever its own zone says of it", () => {
  const inner = "198.51.100.7";
  const zone = [soa("org"), "www.org 60 CNAME a.corp.org."];
  const world = new DnsWorld(
    {
      mode: "recursive",
      rootServers: [upstream(ROOT)],
      domains: [{ domain: "corp.org", upstreams: [upstream(inner)] }],
    },
    {
      [ROOT]: authorityOf("", ROOT_ZONE),
      [ORG]: (query, sent) =>
        query.question.name === "www.org"
          ? [
              {
                message: reply(query, {
                  authoritative: true,
                  answers: records(["www.org 60 CNAME a.corp.org.", "a.corp.org 60 A 203.0.113.66"]),
                }),
              },
            ]
          : authorityOf("org", zone)(query, sent),
      [inner]: resolverOf(["a.corp.org 60 A 192.0.2.10"]),
    },
  );
  expect(world.lookup("www.org")).toEqual(["www.org 60 CNAME a.corp.org", "a.corp.org 60 A 192.0.2.10"]);
});

test("a host without IPv4 finds servers that only their names tell of, and that have both", () => {
  const six = (address: string): string => `2001:db8::${address.split(".").at(-1)}`;
  const unreachable: Answerer = () => [{ failed: "unreachable" }];
  const both = (texts: readonly string[]): string[] =>
    texts.flatMap((text) => {
      const [, name, address] = /^(\S*ns\S*) \d+ A (\S+)$/.exec(text) ?? [];
      return name === undefined ? [text] : [text, `${name} 3600 AAAA ${six(address!)}`];
    });
  const only = ["198.51.100.1", "198.51.100.2", "198.51.100.3"];
  const four = ["four.org 60 NS ns.four.org.", ...only.map((address) => `ns.four.org 60 A ${address}`)];
  const org = several({ org: [...both(ORG_ZONE), ...four], net: both(NET_ZONE) });
  const other = several({ "hosted.org": HOSTED_ZONE, "provider.net": both(PROVIDER_ZONE) });
  const world = new DnsWorld(
    { mode: "recursive", rootServers: [upstream(ROOT), upstream(six(ROOT))] },
    {
      ...Object.fromEntries([ROOT, ORG, EXAMPLE, OTHER, ...only].map((address) => [address, unreachable])),
      [six(ROOT)]: authorityOf("", both(ROOT_ZONE)),
      [six(ORG)]: org,
      [six(EXAMPLE)]: authorityOf("example.org", EXAMPLE_ZONE),
      [six(OTHER)]: other,
    },
  );
  world.ask("www.four.org");
  expect(world.lookup("www.hosted.org")).toEqual(["www.hosted.org 300 A 192.0.2.90"]);
});

test("an alias of a wildcard into another zone comes with its proof, for who asks for DNSSEC", () => {
  const proof = record("a.example.org 60 NSEC z.example.org. A NSEC");
  const answer = authorityOf("example.org", EXAMPLE_ZONE);
  const world = internet({
    [EXAMPLE]: (query, sent) =>
      answer(query, sent).map((given) =>
        "message" in given && !(given.message instanceof Uint8Array)
          ? { ...given, message: { ...given.message, authorities: [...given.message.authorities, proof] } }
          : given,
      ),
  });
  const { message } = world.ask("away.example.org", "A", { dnssecOk: true });
  expect(texts(message)).toEqual(["away.example.org 300 CNAME www.hosted.org", "www.hosted.org 300 A 192.0.2.90"]);
  expect(message.authorities).toEqual([proof]);
  expect(world.ask("away.example.org").message.authorities).toEqual([]);
});
