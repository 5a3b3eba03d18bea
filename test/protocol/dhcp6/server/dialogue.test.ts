/** What RFC 8415 demands of a server, message by message. */
import { describe, expect, test } from "vitest";
import { macFromBytes, parseIpv6, parseMac } from "../../../../src/base/address.ts";
import { fromHex } from "../../../../src/base/bytes.ts";
import type { Dhcp6ServerConfig } from "../../../../src/protocol/dhcp6/server/config.ts";
import type { Dhcp6MessageType, Dhcp6Option } from "../../../../src/wire/dhcp6/message.ts";
import { DHCP6_OPTION, linkLayerDuid, optionsOf } from "../../../../src/wire/dhcp6/options.ts";
import {
  asks,
  bind,
  CLIENT_ADDRESS,
  CLIENT_MAC,
  CONFIG,
  ia,
  open,
  OUR_DUID,
  packetOf,
  prefix,
  RAPID,
  replyOf,
  type Said,
  say,
  SERVER_DUID,
  SERVER_MAC,
  start,
  startWith,
  STATELESS,
  statusOf,
  told,
} from "./world.ts";

const OTHER_MAC = parseMac("52:54:00:00:00:18");
const macOf = (number: number) => macFromBytes(Uint8Array.of(2, 0, 0, 0, number >> 8, number & 255));
const codesOf = (message: { options: readonly Dhcp6Option[] }): number[] => message.options.map(({ code }) => code);
const NO_ADDRESS = "status 2";
const NO_BINDING = "status 3";
const NOT_ON_LINK = "status 4";
const NO_PREFIX = "status 6";

describe("SOLICIT (RFC 8415 §18.3.1)", () => {
  test("is answered by ADVERTISE with address, prefix and what the client asks for; nothing is held", () => {
    const server = start();
    const output = say(server, "SOLICIT", [ia("address", 7), ia("prefix", 8), asks(23, 24, 31, 56)]);
    const reply = replyOf(output);
    expect(reply).toMatchObject({ type: "ADVERTISE", transactionId: 0xabcdef });
    expect(codesOf(reply)).toEqual([2, 1, 7, 3, 25, 23, 24, 31, 56]);
    expect(optionsOf(reply.options, 2)[0]).toEqual(SERVER_DUID);
    expect(told(reply)).toEqual([
      expect.stringMatching(/^7: 2001:db8:1::1[0-7] 3000\/4000$/),
      expect.stringMatching(/^8: 2001:db8:100:\w*:?:\/56 3000\/4000$/),
    ]);
    expect(output.leases).toEqual([]);
    expect([...server.leases()]).toEqual([]);
  });

  test("T1 and T2 are half and four fifths of the preferred lifetime (§21.4)", () => {
    const [data] = optionsOf(replyOf(say(start(), "SOLICIT", [ia("address", 7)])).options, 3);
    const view = new DataView(data!.buffer, data!.byteOffset);
    expect([view.getUint32(4), view.getUint32(8)]).toEqual([1500, 2400]);
  });

  test("what nobody asks for is not told", () => {
    expect(codesOf(replyOf(say(start(), "SOLICIT", [ia("address", 7)])))).toEqual([2, 1, 7, 3]);
  });

  test("two associations get two addresses; a client keeps each", () => {
    const server = start();
    const both = [ia("address", 1), ia("address", 2)];
    const [first, second] = told(replyOf(say(server, "SOLICIT", both)));
    expect(first!.slice(3)).not.toBe(second!.slice(3));
    expect(told(replyOf(say(server, "REQUEST", both)))).toEqual([first, second]);
  });

  test("two associations and one address: it is told to one of them", () => {
    const range = { first: parseIpv6("2001:db8:1::10"), last: parseIpv6("2001:db8:1::10") };
    const both = [ia("address", 1), ia("address", 2)];
    const lines = told(replyOf(say(start({ range }), "SOLICIT", both)));
    expect(lines).toEqual(["1: 2001:db8:1::10 3000/4000", `2: ${NO_ADDRESS}`]);
  });

  test("with rapid commit, where it is allowed: REPLY at once, with the option", () => {
    const output = say(start({ rapidCommit: true }), "SOLICIT", [RAPID, ia("address", 7)]);
    expect(replyOf(output).type).toBe("REPLY");
    expect(codesOf(replyOf(output))).toContain(DHCP6_OPTION.rapidCommit);
    expect(output.leases).toMatchObject([{ state: "leased", kind: "address", mac: CLIENT_MAC, endSeconds: 4000 }]);
    expect(replyOf(say(start(), "SOLICIT", [RAPID, ia("address", 7)])).type).toBe("ADVERTISE");
  });

  test("rapid commit where nothing can be given: ADVERTISE that says so (§18.3.9)", () => {
    const wishes = [RAPID, ia("address", 7), ia("prefix", 8), ia("temporary", 9)];
    const reply = replyOf(say(startWith({ ...STATELESS, rapidCommit: true }), "SOLICIT", wishes));
    expect(reply.type).toBe("ADVERTISE");
    expect(told(reply)).toEqual([`7: ${NO_ADDRESS}`, `8: ${NO_PREFIX}`, `9: ${NO_ADDRESS}`]);
  });

  test("a wished address is given when it is free, a wished length of prefix is not a prefix", () => {
    const server = start();
    expect(told(replyOf(say(server, "SOLICIT", [ia("address", 7, "2001:db8:1::13")])))).toEqual([
      "7: 2001:db8:1::13 3000/4000",
    ]);
    expect(told(replyOf(say(server, "SOLICIT", [ia("prefix", 8, "::/60")])))[0]).toMatch(/\/56 3000\/4000$/);
    expect(told(replyOf(say(server, "SOLICIT", [ia("address", 7, "2001:db8:2::13")])))[0]).toMatch(/2001:db8:1::1/);
  });
});

describe("REQUEST (§18.3.2)", () => {
  test("the lease is told to be kept before the REPLY is sent, with all that a restart has to know", () => {
    const name: Dhcp6Option = { code: DHCP6_OPTION.clientName, data: fromHex("01 03 766d31 00") };
    const output = say(start(), "REQUEST", [ia("address", 7, "2001:db8:1::12"), name, asks(39)], { now: 1000.5 });
    expect(told(replyOf(output))).toEqual(["7: 2001:db8:1::12 3000/4000"]);
    expect(output.leases).toEqual([
      {
        kind: "address",
        address: "2001:db8:1::12",
        length: 128,
        state: "leased",
        client: expect.any(String),
        mac: CLIENT_MAC,
        hostName: "vm1",
        startSeconds: 1000,
        endSeconds: 5001,
      },
    ]);
    // RFC 4704 §6: the server changes no DNS, and has overridden that the client wished it.
    expect(optionsOf(replyOf(output).options, 39)[0]).toEqual(fromHex("06 03 766d31 00"));
  });

  test("an address of another link: NotOnLink, and the rest of the message is dealt with", () => {
    const reply = replyOf(say(start(), "REQUEST", [ia("address", 7, "2001:db8:9::1"), ia("address", 8)]));
    expect(told(reply)).toEqual([`7: ${NOT_ON_LINK}`, expect.stringMatching(/^8: 2001:db8:1::1/)]);
  });

  test("what another client has is not given: the client gets another one", () => {
    const server = start();
    const address = bind(server, OTHER_MAC);
    const [given] = told(replyOf(say(server, "REQUEST", [ia("address", 7, address)])));
    expect(given).toMatch(/3000\/4000$/);
    expect(given).not.toContain(`${address} `);
  });

  test("when all are given: NoAddrsAvail and NoPrefixAvail, until one ends or is given back", () => {
    const server = start();
    const given = new Set(Array.from({ length: 8 }, (_, i) => bind(server, macOf(i))));
    expect(given.size).toBe(8);
    for (let i = 0; i < 4; i++) say(server, "REQUEST", [ia("prefix", 1)], { mac: macOf(i) });
    const both = [ia("address", 7), ia("prefix", 8)];
    const refused = say(server, "REQUEST", both);
    expect(told(replyOf(refused))).toEqual([`7: ${NO_ADDRESS}`, `8: ${NO_PREFIX}`]);
    expect(refused.events).toContainEqual({ event: "exhausted", kind: "address" });
    expect(told(replyOf(say(server, "REQUEST", both, { now: 3999 })))[0]).toBe(`7: ${NO_ADDRESS}`);
    expect(told(replyOf(say(server, "REQUEST", both, { now: 4001 })))).toEqual([
      expect.stringMatching(/^7: .* 3000\/4000$/),
      expect.stringMatching(/^8: .*\/56 3000\/4000$/),
    ]);
  });

  test("unicast, which nobody was allowed: UseMulticast (§18.4)", () => {
    const server = start();
    const output = say(server, "REQUEST", [ia("address", 7)], { destination: CONFIG.linkAddress });
    expect(statusOf(replyOf(output))).toBe(5);
    expect([...server.leases()]).toEqual([]);
  });
});

test("a lease that ends after 2106 is kept as one for ever, and told as it is", () => {
  const validSeconds = 0xffff_fffe;
  const output = say(start({ validSeconds }), "REQUEST", [ia("address", 1)], { now: 1_800_000_000 });
  expect(told(replyOf(output))).toEqual([expect.stringMatching(/3000\/4294967294$/)]);
  expect(output.leases).toMatchObject([{ endSeconds: 0xffff_ffff }]);
});

describe("RENEW and REBIND (§18.3.4, §18.3.5)", () => {
  test.for(["RENEW", "REBIND"] as const)("%s: the same address for a new time", (type) => {
    const server = start();
    const address = bind(server);
    const output = say(server, type, [ia("address", 1, address)], { now: 2000 });
    expect(told(replyOf(output))).toEqual([`1: ${address} 3000/4000`]);
    expect(output.leases).toMatchObject([{ address, startSeconds: 0, endSeconds: 6000 }]);
  });

  test("what the client must not use any longer is told with no time left", () => {
    const server = start();
    const address = bind(server);
    const named = ["2001:db8:9::1", address, "2001:db8:1::99"];
    expect(told(replyOf(say(server, "RENEW", [ia("address", 1, ...named)])))).toEqual([
      `1: ${address} 3000/4000`,
      "1: 2001:db8:9::1 0/0",
      "1: 2001:db8:1::99 0/0",
    ]);
  });

  test.for(["RENEW", "REBIND"] as const)("%s of a client that is not known: it keeps what is free", (type) => {
    const output = say(start(), type, [ia("address", 1, "2001:db8:1::15"), ia("prefix", 2, "2001:db8:100:200::/56")]);
    expect(told(replyOf(output))).toEqual(["1: 2001:db8:1::15 3000/4000", "2: 2001:db8:100:200::/56 3000/4000"]);
    expect(output.leases).toHaveLength(2);
  });

  test("where other servers are: NoBinding to RENEW, silence to REBIND", () => {
    const server = start({ authoritative: false });
    const association = ia("address", 1, "2001:db8:1::15");
    expect(told(replyOf(say(server, "RENEW", [association])))).toEqual([`1: ${NO_BINDING}`]);
    expect(say(server, "REBIND", [association]).frames).toEqual([]);
    bind(server);
    expect(told(replyOf(say(server, "REBIND", [association])))).toHaveLength(2);
  });

  test("who comes back after its lease has ended gets the same address, as long as nobody else has it", () => {
    const server = start();
    const address = bind(server);
    expect(bind(server, CLIENT_MAC, 100_000)).toBe(address);
  });
});

describe("CONFIRM (§18.3.3)", () => {
  test.for<[string, string[], number]>([
    ["all of the link", ["2001:db8:1::10", "2001:db8:1::99"], 0],
    ["one of another link", ["2001:db8:1::10", "2001:db8:2::10"], 4],
  ])("%s", ([, addresses, status]) => {
    expect(statusOf(replyOf(say(start(), "CONFIRM", [ia("address", 1, ...addresses)])))).toBe(status);
  });

  test("without an address: silence", () => {
    expect(say(start(), "CONFIRM", [ia("address", 1)]).frames).toEqual([]);
  });
});

describe("RELEASE and DECLINE (§18.3.7, §18.3.8)", () => {
  test("a released address is free for others, and kept for its client as long as there are others", () => {
    const server = start();
    const address = bind(server);
    const output = say(server, "RELEASE", [ia("address", 1, address)], { now: 10 });
    expect(statusOf(replyOf(output))).toBe(0);
    expect(output.leases).toMatchObject([{ address, state: "released", endSeconds: 10 }]);
    expect(bind(server, CLIENT_MAC, 20)).toBe(address);
  });

  test("a declined address is nobody's for ten minutes", () => {
    const server = start();
    const address = bind(server);
    const output = say(server, "DECLINE", [ia("address", 1, address)], { now: 10 });
    expect(statusOf(replyOf(output))).toBe(0);
    expect(output.leases).toMatchObject([{ address, state: "declined", client: "", endSeconds: 610 }]);
    expect(bind(server, CLIENT_MAC, 20)).not.toBe(address);
    for (let i = 0; i < 6; i++) expect(bind(server, macOf(i), 20)).not.toBe(address);
    expect(told(replyOf(say(server, "REQUEST", [ia("address", 1)], { mac: macOf(9), now: 600 })))).toEqual([
      `1: ${NO_ADDRESS}`,
    ]);
    expect(bind(server, macOf(9), 611)).toBe(address);
  });

  test.for(["RELEASE", "DECLINE"] as const)(
    "%s of what is another client's: NoBinding, and nothing changes",
    (type) => {
      const server = start();
      const address = bind(server, OTHER_MAC);
      const output = say(server, type, [ia("address", 1, address)]);
      expect(statusOf(replyOf(output))).toBe(0);
      expect(told(replyOf(output))).toEqual([`1: ${NO_BINDING}`]);
      expect(output.leases).toEqual([]);
      expect([...server.leases()]).toMatchObject([{ address, state: "leased", mac: OTHER_MAC }]);
    },
  );
});

describe("INFORMATION-REQUEST (§18.3.6)", () => {
  test("settings, and when to ask again, also for who tells no identifier", () => {
    const reply = replyOf(say(startWith(STATELESS), "INFORMATION-REQUEST", [asks(23, 24, 32)], { client: "none" }));
    expect(reply.type).toBe("REPLY");
    expect(codesOf(reply)).toEqual([2, 23, 24, 32]);
    expect(optionsOf(reply.options, 32)[0]).toEqual(fromHex("00000fa0"));
  });

  test("with an association: silence", () => {
    expect(say(start(), "INFORMATION-REQUEST", [ia("address", 1)]).frames).toEqual([]);
  });
});

describe("temporary addresses", () => {
  test("do not tell whose they are, and last like others", () => {
    const server = start({ range: { first: parseIpv6("2001:db8:1::1:0"), last: parseIpv6("2001:db8:1::ffff:ffff") } });
    const first = told(replyOf(say(server, "REQUEST", [ia("temporary", 1)])));
    expect(first).toEqual([expect.stringMatching(/^1: 2001:db8:1::\w+:\w+ 3000\/4000$/)]);
    expect(told(replyOf(say(server, "RENEW", [ia("temporary", 1)])))).toEqual(first);
    const other = start({ range: { first: parseIpv6("2001:db8:1::1:0"), last: parseIpv6("2001:db8:1::ffff:ffff") } });
    say(other, "REQUEST", [ia("temporary", 9)]);
    expect(told(replyOf(say(other, "REQUEST", [ia("temporary", 1)])))).not.toEqual(first);
  });
});

describe("the same client", () => {
  const range = { first: parseIpv6("2001:db8:1::"), last: parseIpv6("2001:db8:1:0:ffff:ffff:ffff:ffff") };

  test("gets the same address and prefix from a server that has lost its leases", () => {
    const told1 = told(replyOf(say(start({ range }), "REQUEST", [ia("address", 1), ia("prefix", 2)])));
    const again = start({ range });
    bind(again, OTHER_MAC);
    expect(told(replyOf(say(again, "REQUEST", [ia("address", 1), ia("prefix", 2)])))).toEqual(told1);
  });

  test("gets the same from one that was restarted", () => {
    const [before, after] = [start(), start()];
    const given = Array.from({ length: 8 }, (_, i) => bind(before, macOf(i)));
    for (const lease of before.leases()) expect(after.restore(lease)).toBe(true);
    expect(Array.from({ length: 8 }, (_, i) => bind(after, macOf(7 - i), 9)).toReversed()).toEqual(given);
    const narrow = start({ range: { first: parseIpv6("2001:db8:1::10"), last: parseIpv6("2001:db8:1::10") } });
    expect([...before.leases()].filter((lease) => narrow.restore(lease))).toHaveLength(1);
  });
});

describe("what is kept for a client", () => {
  const hosts = [
    { mac: CLIENT_MAC, address: parseIpv6("2001:db8:1::10"), prefix: prefix("2001:db8:100:300::/56") },
    { duid: fromHex("0002 0000 0009 aabb"), address: parseIpv6("2001:db8:1::beef") },
  ];

  test("an address and a prefix, by an entry each", () => {
    const [first] = hosts;
    const { mac, address, prefix: kept } = first!;
    const server = start({
      hosts: [
        { mac: mac!, address },
        { mac: mac!, prefix: kept! },
      ],
    });
    expect(told(replyOf(say(server, "REQUEST", [ia("address", 1), ia("prefix", 2)])))).toEqual([
      "1: 2001:db8:1::10 3000/4000",
      "2: 2001:db8:100:300::/56 3000/4000",
    ]);
  });

  test("is its, by MAC address or DUID, also outside the range; and nobody else gets it", () => {
    const server = start({ hosts });
    const client: Dhcp6Option = { code: DHCP6_OPTION.clientIdentifier, data: fromHex("0002 0000 0009 aabb") };
    const others = Array.from({ length: 7 }, (_, i) => bind(server, macOf(i)));
    expect(others).not.toContain("2001:db8:1::10");
    const wish = [ia("address", 1, "2001:db8:1::10")];
    expect(told(replyOf(say(server, "REQUEST", wish, { mac: macOf(8) })))).toEqual([`1: ${NO_ADDRESS}`]);
    expect(told(replyOf(say(server, "REQUEST", [ia("address", 1), ia("prefix", 2)])))).toEqual([
      "1: 2001:db8:1::10 3000/4000",
      "2: 2001:db8:100:300::/56 3000/4000",
    ]);
    expect(told(replyOf(say(server, "REQUEST", [ia("address", 1)], { mac: OTHER_MAC, client })))).toEqual([
      "1: 2001:db8:1::beef 3000/4000",
    ]);
  });

  test("goes to the machine's next system, which has another DUID; a second association gets another address", () => {
    const server = start({ hosts });
    bind(server);
    const client: Dhcp6Option = {
      code: DHCP6_OPTION.clientIdentifier,
      data: fromHex("0004 00112233445566778899aabbccddeeff"),
    };
    const [first, second] = told(
      replyOf(say(server, "REQUEST", [ia("address", 5), ia("address", 6)], { client, now: 10 })),
    );
    expect(first).toBe("5: 2001:db8:1::10 3000/4000");
    expect(second).not.toContain("::10 ");
  });

  test("who has had it until now keeps it to the end of the lease, not longer", () => {
    const before = start();
    say(before, "REQUEST", [ia("address", 1, "2001:db8:1::10")], { mac: OTHER_MAC });
    const server = start({ hosts });
    for (const lease of before.leases()) server.restore(lease);
    expect(told(replyOf(say(server, "REQUEST", [ia("address", 1)], { now: 10 })))[0]).not.toContain("::10 ");
    const renewed = told(
      replyOf(say(server, "RENEW", [ia("address", 1, "2001:db8:1::10")], { mac: OTHER_MAC, now: 20 })),
    );
    expect(renewed).toEqual([expect.stringMatching(/3000\/4000$/), "1: 2001:db8:1::10 0/0"]);
    expect(told(replyOf(say(server, "RENEW", [ia("address", 1)], { now: 4001 })))[0]).toContain("::10 ");
    // That its former address is another client's now does not touch what it has.
    expect(told(replyOf(say(server, "RENEW", [ia("address", 1)], { mac: OTHER_MAC, now: 4002 })))).toEqual([
      renewed[0],
    ]);
  });
});

describe("silence (§16)", () => {
  const other: Dhcp6Option = { code: 2, data: linkLayerDuid(OTHER_MAC) };

  test.for<[string, Dhcp6MessageType, Dhcp6Option[], Said]>([
    ["no client identifier", "SOLICIT", [ia("address", 1)], { client: "none" }],
    ["it names a server", "SOLICIT", [OUR_DUID, ia("address", 1)], {}],
    ["it names a server", "REBIND", [OUR_DUID, ia("address", 1)], {}],
    ["an identifier twice", "REQUEST", [OUR_DUID, ia("address", 1)], {}],
    ["it is for another server", "INFORMATION-REQUEST", [other], {}],
    ["not for a server", "REPLY", [], {}],
    ["too many associations", "SOLICIT", Array.from({ length: 17 }, (_, i) => ia("address", i)), {}],
    ["not from a link-local address", "SOLICIT", [], { source: parseIpv6("2001:db8:1::9") }],
    ["not to all servers", "SOLICIT", [], { destination: CONFIG.linkAddress }],
    ["to another node", "SOLICIT", [], { destination: parseIpv6("fe80::2") }],
    ["of a length that none has", "SOLICIT", [], { client: { code: 1, data: new Uint8Array(131) } }],
  ])("%s: %s", ([reason, type, options, said]) => {
    const { frames, leases, events } = say(start(), type, options, said);
    expect([frames, leases]).toEqual([[], []]);
    expect(events.at(-1)).toEqual({ event: "ignored", reason: expect.stringContaining(reason) });
  });

  test("a checksum that is wrong, unless the kernel has left it to the device", () => {
    const { frame, packet } = packetOf("SOLICIT", [ia("address", 1)]);
    packet.payload[6]! ^= 1;
    expect(start().handle(frame, packet, false, 0).frames).toEqual([]);
    expect(start().handle(frame, packet, true, 0).frames).toHaveLength(1);
  });
});

test("an answer goes to the client's MAC and link-local address, from ours, port 547 to 546", () => {
  const { frame, packet, datagram } = open(say(start(), "SOLICIT", [ia("address", 1)]).frames[0]!);
  expect([frame.destination, frame.source]).toEqual([CLIENT_MAC, SERVER_MAC]);
  expect([packet.source, packet.destination]).toEqual([CONFIG.linkAddress, CLIENT_ADDRESS]);
  expect([datagram.sourcePort, datagram.destinationPort]).toEqual([547, 546]);
});

test.for<[string, Partial<Dhcp6ServerConfig>]>([
  [
    "2001:db8:2::1 is not of the link",
    { range: { first: parseIpv6("2001:db8:2::1"), last: parseIpv6("2001:db8:2::2") } },
  ],
  ["begins behind its end", { range: { first: parseIpv6("2001:db8:1::2"), last: parseIpv6("2001:db8:1::1") } }],
  ["has the link's own prefix in it", { delegate: { from: prefix("2001:db8::/32"), length: 56 } }],
  ["54 to 64 are possible", { delegate: { from: prefix("2001:db8:100::/54"), length: 52 } }],
  ["preferred for longer", { preferredSeconds: 5000 }],
  ["is not link-local", { linkAddress: parseIpv6("2001:db8:1::1") }],
  ["neither by DUID nor by MAC address", { hosts: [{ address: parseIpv6("2001:db8:1::9") }] }],
  ["is not 3 to 130 bytes", { hosts: [{ duid: Uint8Array.of(1, 2), address: parseIpv6("2001:db8:1::9") }] }],
  [
    "2001:db8:1::1 is a router's or the server's",
    { hosts: [{ mac: CLIENT_MAC, address: parseIpv6("2001:db8:1::1") }] },
  ],
  ["2001:db8:1:: is a router's or the server's", { hosts: [{ mac: CLIENT_MAC, address: parseIpv6("2001:db8:1::") }] }],
  ["has the link's own prefix in it", { hosts: [{ mac: CLIENT_MAC, prefix: prefix("2001:db8:1::/64") }] }],
  ["is not one of those", { hosts: [{ mac: CLIENT_MAC, prefix: prefix("2001:db8:100::/60") }] }],
])("refused: %s", ([reason, changes]) => {
  expect(() => start(changes)).toThrow(reason);
});
