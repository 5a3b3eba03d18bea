/** A client's question among servers that answer oddly, on the loopback. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { describe, expect, test, vi } from "vitest";
import { parseInvocation } from "../../../src/apps/cli/command.ts";
import { dnsQueryCommand } from "../../../src/apps/cli/commands/dns-query.ts";
import { parseIp } from "../../../src/base/address.ts";
import { NetloomError } from "../../../src/base/errors.ts";
import { askDns } from "../../../src/services/dns/client.ts";
import { encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import type { DnsExtension, DnsMessage } from "../../../src/wire/dns/message.ts";
import { formatDnsType } from "../../../src/wire/dns/types.ts";
import { decoded, described, queryMessage, records } from "../../protocol/dns/records.ts";

const ADDRESS = parseIp("127.0.0.1");
const QUERY = queryMessage("www.example.org");
const ANSWER = { response: true, answers: records("www.example.org 60 A 192.0.2.1") };

/** Answers the questions that come to one port, over UDP and TCP. */
async function serve(udp: (query: DnsMessage) => DnsMessage[], tcp: (query: DnsMessage) => DnsMessage[] = () => []) {
  const streams = createServer((stream) => {
    stream.once("data", (bytes: Uint8Array) => {
      for (const message of tcp(decoded(bytes.slice(2))).map((one) => encodeDnsMessage(one))) {
        // In two pieces, as a network may bring it.
        stream.write(Uint8Array.of(0, message.length, ...message.subarray(0, 7)));
        setImmediate(() => stream.write(message.subarray(7)));
      }
      if (tcp(decoded(bytes.slice(2))).length === 0) stream.end();
    });
  });
  streams.listen(0, ADDRESS);
  await once(streams, "listening");
  const { port } = streams.address() as AddressInfo;
  const socket = createSocket("udp4", (bytes, from) => {
    for (const message of udp(decoded(bytes))) socket.send(encodeDnsMessage(message), from.port, from.address);
  });
  socket.bind(port, ADDRESS);
  await once(socket, "listening");
  return {
    server: { address: ADDRESS, port },
    [Symbol.dispose]() {
      socket.close();
      streams.close();
    },
  };
}

describe("a question", () => {
  test("is answered by its answer, not by others", async () => {
    using world = await serve((query) => [
      { ...query, ...ANSWER, id: query.id ^ 1 },
      { ...query, ...ANSWER, question: { ...query.question, name: "www.example.net" } },
      query,
      { ...query, ...ANSWER },
    ]);
    const { message, transport } = await askDns(QUERY, world.server, false);
    expect([transport, ...described(message)]).toEqual(["udp", "NOERROR rd", "www.example.org. 60 A 192.0.2.1"]);
  });

  test("is asked over TCP when the answer is cut off, or from the beginning", async () => {
    using world = await serve(
      (query) => [{ ...query, response: true, truncated: true }],
      (query) => [{ ...query, ...ANSWER }],
    );
    for (const tcp of [false, true]) {
      const answer = await askDns(QUERY, world.server, tcp);
      expect([answer.transport, answer.message.answers.length, answer.message.truncated]).toEqual(["tcp", 1, false]);
    }
  });

  test.each([
    ["UDP", false, "ECONNREFUSED"],
    ["TCP", true, "ECONNREFUSED"],
  ])("to a closed port fails at once over %s", async (_, tcp, reason) => {
    const world = await serve(() => []);
    world[Symbol.dispose]();
    const failure = await askDns(QUERY, world.server, tcp).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(NetloomError);
    expect((failure as NetloomError).message).toContain(reason);
  });

  test("that a server hangs up on fails", async () => {
    using world = await serve(() => []);
    await expect(askDns(QUERY, world.server, true)).rejects.toThrow("closed without an answer");
  });
});

describe("netloom dns query", () => {
  let answerOptions: DnsExtension["options"] = [];

  /** What it prints, and the questions that it has asked. */
  async function run(...words: string[]) {
    const asked: string[] = [];
    using world = await serve((query) => {
      const { name, type } = query.question;
      asked.push(`${name} ${formatDnsType(type)}${query.extension?.dnssecOk === true ? " DO" : ""}`);
      const extension = { ...query.extension!, options: answerOptions };
      return [{ ...query, ...ANSWER, authenticData: false, extension }];
    });
    using written = vi.spyOn(process.stdout, "write").mockReturnValue(true);
    const server = `${world.server.address}#${world.server.port}`;
    const code = await dnsQueryCommand.run(parseInvocation(dnsQueryCommand, [...words, "--server", server]));
    return { code, asked, server, text: written.mock.calls.map(([text]) => String(text)).join("") };
  }

  test.each([
    [["www.example.org"], "www.example.org A"],
    [["www.example.org.", "aaaa"], "www.example.org AAAA"],
    [[".", "NS", "--dnssec"], " NS DO"],
    [["192.0.2.7"], "7.2.0.192.in-addr.arpa PTR"],
    [["2001:db8::7"], `7.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa PTR`],
    [["x.example.org", "TYPE65280"], "x.example.org TYPE65280"],
  ])("%j asks for %s", async (words, question) => {
    expect((await run(...words)).asked).toEqual([question]);
  });

  test("shows the answer as a piece of a zone file, or as data", async () => {
    const { text, code, server } = await run("www.example.org");
    expect(code).toBe(0);
    expect(text.split("\n").slice(0, 4)).toEqual([
      "; NOERROR, rd",
      "; www.example.org. IN A",
      "; answer",
      "www.example.org. 60 IN A 192.0.2.1",
    ]);
    expect(text).toContain(`from ${server} over udp in `);
    expect(JSON.parse((await run("www.example.org", "--json")).text)).toMatchObject({
      responseCode: "NOERROR",
      answers: [{ name: "www.example.org.", ttlSeconds: 60, class: "IN", type: "A", data: "192.0.2.1" }],
    });
  });

  test("tells why the answer is what it is, in words and without what a terminal would obey", async () => {
    const text = new TextEncoder().encode("\u001b[31mred\n");
    const options = [
      { code: 15, data: Uint8Array.of(0, 3) },
      { code: 15, data: Uint8Array.of(0, 22, ...text) },
      { code: 15, data: Uint8Array.of(1, 0) },
    ];
    answerOptions = options;
    try {
      const shown = (await run("www.example.org")).text;
      expect(shown.split("\n").filter((line) => line.startsWith("; error"))).toEqual([
        "; error: Stale Answer",
        expect.stringMatching(/^; error: No Reachable Authority: .*red/),
        "; error: error 256",
      ]);
      expect(shown).not.toContain("\u001b");
      expect(JSON.parse((await run("www.example.org", "--json")).text)).toMatchObject({
        errors: [
          { code: 3, name: "Stale Answer", text: "" },
          { code: 22, name: "No Reachable Authority" },
          { code: 256 },
        ],
      });
    } finally {
      answerOptions = [];
    }
  });

  test.each([
    [["www.example.org", "FOO"], "FOO: no type"],
    [["a..b"], "an empty label"],
    [["192.0.2.300"], "192.0.2.300"],
  ])("%j is refused", async (words, reason) => {
    await expect(run(...words)).rejects.toThrow(reason);
  });
});
