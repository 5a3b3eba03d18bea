/**
 * `netloom dns serve` that resolves by itself, on a host without any network: NSD serves the root, a top-level domain and
 * a zone on addresses of the loopback interface, the test itself another zone, whose server lies.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import type { DnsMessage } from "../../../src/wire/dns/message.ts";
import { DNS_TYPE, RESPONSE_CODE } from "../../../src/wire/dns/types.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { record, reply, texts } from "../../support/dns-world.ts";
import { Folder, Running, shell, startNetloom, until } from "../../support/network.ts";

const ROOT = "192.0.2.1";
const TLD = "192.0.2.2";
const ZONE = "192.0.2.3";
const LIAR = "192.0.2.4";
const RESOLVER = "192.0.2.53";
const FORWARDER = "192.0.2.54";
const ADDRESSES = [ROOT, TLD, ZONE, LIAR, RESOLVER, FORWARDER];
/** In the program's way to the real name. */
const FORGED = "203.0.113.66";

const SOA = "IN SOA ns.nic.test. admin.nic.test. 1 3600 600 86400 60";
const ZONES: readonly { readonly address: string; readonly zone: string; readonly lines: readonly string[] }[] = [
  {
    address: ROOT,
    zone: ".",
    lines: ["IN NS a.root.", `a.root. IN A ${ROOT}`, "test. IN NS ns.nic.test.", `ns.nic.test. IN A ${TLD}`],
  },
  {
    address: TLD,
    zone: "test.",
    lines: [
      "IN NS ns.nic.test.",
      `ns.nic.test. IN A ${TLD}`,
      "example.test. IN NS ns.example.test.",
      `ns.example.test. IN A ${ZONE}`,
      "liar.test. IN NS ns.liar.test.",
      `ns.liar.test. IN A ${LIAR}`,
      // A server whose name is in another zone.
      "other.test. IN NS ns.example.test.",
    ],
  },
  {
    address: ZONE,
    zone: "example.test.",
    lines: [
      "IN NS ns.example.test.",
      `ns.example.test. IN A ${ZONE}`,
      "www.example.test. IN A 192.0.2.80",
      "late.example.test. IN A 192.0.2.81",
      "last.example.test. IN A 192.0.2.82",
      "alias.example.test. IN CNAME www.other.test.",
      ...Array.from({ length: 120 }, (_, i) => `many.example.test. IN A 192.0.2.${i + 1}`),
    ],
  },
  { address: ZONE, zone: "other.test.", lines: ["IN NS ns.example.test.", "www.other.test. IN A 192.0.2.90"] },
];

const folder = new Folder();
const running: Running[] = [];
let liar: Socket | undefined;

function startNsd(address: string): Running {
  const own = ZONES.filter((each) => each.address === address);
  const zones = own.map(({ zone, lines }, i) => {
    const file = folder.write(
      `${address}-${i}.zone`,
      [`$TTL 300`, `${zone} ${SOA}`, ...lines, ""].join("\n").replace("\nIN NS", `\n${zone} IN NS`),
    );
    return `zone:\n  name: "${zone}"\n  zonefile: "${file}"\n`;
  });
  const server = [
    `ip-address: ${address}`,
    "server-count: 1",
    'username: ""',
    'chroot: ""',
    'database: ""',
    'pidfile: ""',
  ];
  const files = [`zonesdir: "${folder.path}"`, 'xfrdfile: ""', 'zonelistfile: ""', 'logfile: "/dev/stderr"'];
  const text = [
    "server:",
    ...[...server, ...files].map((line) => `  ${line}`),
    "remote-control:",
    "  control-enable: no",
    ...zones,
  ];
  const child = new Running(["nsd", "-d", "-c", folder.write(`${address}.conf`, `${text.join("\n")}\n`)]);
  running.push(child);
  return child;
}

/** Ask over UDP as a client does; silence: undefined. */
async function ask(
  server: string,
  name: string,
  recursionDesired = true,
  seconds = 10,
): Promise<DnsMessage | undefined> {
  const socket = createSocket("udp4");
  try {
    const question = { name, type: DNS_TYPE.A, class: 1 };
    const flags = { truncated: false, recursionAvailable: false, authenticData: false, checkingDisabled: false };
    const sections = { answers: [], authorities: [], additionals: [] };
    const query = {
      id: 4711,
      response: false,
      opcode: 0,
      authoritative: false,
      responseCode: 0,
      recursionDesired,
      question,
    };
    socket.send(encodeDnsMessage({ ...query, ...flags, ...sections }), 53, server);
    const signal = AbortSignal.timeout(1000 * seconds);
    const [bytes] = (await once(socket, "message", { signal })) as [Uint8Array];
    const message = decodeDnsMessage(bytes);
    if (message instanceof Malformed) throw new Error(message.reason);
    return message;
  } catch (error) {
    if (error instanceof Error && error.name === "AbortError") return undefined;
    throw error;
  } finally {
    socket.close();
  }
}

async function lookup(server: string, name: string): Promise<string[]> {
  const message = await ask(server, name);
  return message === undefined ? ["silence"] : texts(message).map((line) => line.replace(/ \d+ /, " "));
}

/** Answers of somebody who guesses, then the server's own, with records that are not its business. */
async function startLiar(): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, peer) => {
    const query = decodeDnsMessage(bytes);
    if (query instanceof Malformed) return;
    const { question } = query;
    const say = (parts: Partial<DnsMessage>): void =>
      socket.send(encodeDnsMessage(reply(query, { authoritative: true, ...parts })), peer.port, peer.address);
    const lie = record(`${question.name} 300 A ${FORGED}`);
    say({ id: query.id ^ 1, answers: [lie] });
    say({ question: { ...question, name: "www.example.test" }, answers: [record(`www.example.test 300 A ${FORGED}`)] });
    say({
      answers: [record(`${question.name} 300 A 192.0.2.99`), record(`late.example.test 300 A ${FORGED}`)],
      authorities: [record("example.test 300 NS ns.liar.test.")],
      additionals: [record(`ns.example.test 300 A ${LIAR}`)],
    });
  });
  socket.bind(53, LIAR);
  await once(socket, "listening");
  return socket;
}

async function serve(words: readonly string[]): Promise<Running> {
  const child = startNetloom(["dns", "serve", "--root-hints", folder.join("hints"), ...words]);
  running.push(child);
  await child.firstLine();
  return child;
}

beforeAll(async () => {
  shell(["ip link set lo up", ...ADDRESSES.map((address) => `ip address add ${address}/32 dev lo`)].join("; "));
  folder.write("hints", `. 3600000 NS A.ROOT.\nA.ROOT. 3600000 A ${ROOT}\n`);
  liar = await startLiar();
  for (const address of [ROOT, TLD, ZONE]) startNsd(address);
  for (const { address, zone } of ZONES)
    await until(
      () => `NSD on ${address}: ${running.map(({ stderr }) => stderr).join()}`,
      async () => (await ask(address, zone.replace(/\.$/, ""), false, 0.2))?.authoritative === true,
    );
});

afterAll(async () => {
  await Promise.all(running.map((child) => child.stop()));
  liar?.close();
  shell(ADDRESSES.map((address) => `ip address del ${address}/32 dev lo || true`).join("; "));
  folder[Symbol.dispose]();
});

describe("a name server without network, from the root down and behind a forwarder that dies", () => {
  let resolver: Running;

  test("resolves, follows aliases into other zones, and asks over TCP for what is long", async () => {
    resolver = await serve(["--listen", RESOLVER, "--mode", "recursive"]);
    expect(await lookup(RESOLVER, "www.example.test")).toEqual(["www.example.test A 192.0.2.80"]);
    expect(await lookup(RESOLVER, "alias.example.test")).toEqual([
      "alias.example.test CNAME www.other.test",
      "www.other.test A 192.0.2.90",
    ]);
    expect((await ask(RESOLVER, "no.example.test"))?.responseCode).toBe(RESPONSE_CODE.NXDOMAIN);
    expect((await ask(RESOLVER, "many.example.test"))?.truncated).toBe(true);
  });

  test("drops what does not match and what the server has no say in", async () => {
    expect(await lookup(RESOLVER, "www.liar.test")).toEqual(["www.liar.test A 192.0.2.99"]);
    expect(await lookup(RESOLVER, "late.example.test")).toEqual(["late.example.test A 192.0.2.81"]);
  });

  test("falls back to the root when the forwarder is dead, and tells what it knows when everybody is", async () => {
    const words = ["--listen", FORWARDER, "--mode", "forward-first", "--forward", RESOLVER];
    await serve(words);
    expect(await lookup(FORWARDER, "www.example.test")).toEqual(["www.example.test A 192.0.2.80"]);
    await resolver.stop();
    expect(await lookup(FORWARDER, "last.example.test")).toEqual(["last.example.test A 192.0.2.82"]);
    await Promise.all(running.filter((child) => child.child.spawnfile === "nsd").map((child) => child.stop()));
    expect(await lookup(FORWARDER, "www.example.test")).toEqual(["www.example.test A 192.0.2.80"]);
    expect((await ask(FORWARDER, "late.example.test"))?.responseCode).toBe(RESPONSE_CODE.SERVFAIL);
  });
});
