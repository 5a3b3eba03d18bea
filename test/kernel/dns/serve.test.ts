/**
 * `netloom dns serve` as a person runs it, asked by dig and by raw sockets; the server that it asks is the test itself,
 * over UDP, TCP and TLS.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { DnsService } from "../../../src/services/dns/server.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import type { DnsMessage } from "../../../src/wire/dns/message.ts";
import { DNS_TYPE } from "../../../src/wire/dns/types.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { encodeFrame, FrameReader } from "../../../src/services/dns/frames.ts";
import { queryMessage } from "../../protocol/dns/records.ts";
import { Folder, Running, shell, startNetloom, until } from "../../support/network.ts";

const LISTEN = ["127.0.0.53", "::1"];
const UPSTREAM = "127.0.0.2";
const TLS_PORT = 8853;
const OUTSIDER = "127.0.0.9";

let folder: Folder;
let server: Running;
/** Names that were asked upstream, with the transport. */
let asked: string[] = [];
let isSilent = false;
const closing: (() => void)[] = [];

/** Every name has the address 192.0.2.1 and a long text. */
function answerTo(query: DnsMessage): DnsMessage {
  const { name, type } = query.question;
  const common = { name, type, class: 1, ttlSeconds: 300 };
  const text = Array.from({ length: 8 }, () => Uint8Array.of(200, ...new Uint8Array(200).fill(0x78)));
  const data = type === DNS_TYPE.A ? Uint8Array.of(192, 0, 2, 1) : Buffer.concat(text);
  return {
    ...query,
    response: true,
    recursionAvailable: true,
    answers: [{ ...common, data }],
    additionals: [],
  };
}

function reply(bytes: Uint8Array, transport: string, limitBytes?: number): Uint8Array | undefined {
  const query = decodeDnsMessage(bytes);
  if (query instanceof Malformed) throw new Error(`netloom asked badly: ${query.reason}`);
  asked.push(`${transport} ${query.question.name.toLowerCase()}`);
  return isSilent ? undefined : encodeDnsMessage(answerTo(query), limitBytes);
}

function serveStream(transport: string): (socket: Socket) => void {
  return (socket) => {
    const reader = new FrameReader(65_535);
    socket.on("error", () => undefined);
    socket.on("data", (piece: Buffer) => {
      for (const query of reader.read(piece) ?? []) {
        const message = reply(query, transport);
        if (message !== undefined) socket.write(encodeFrame(message));
      }
    });
  };
}

async function startUpstream(): Promise<void> {
  const udp = createSocket("udp4", (bytes, from) => {
    const message = reply(bytes, "udp", 1232);
    if (message !== undefined) udp.send(message, from.port, from.address);
  });
  udp.bind(53, UPSTREAM);
  const tcp = createServer(serveStream("tcp")).listen(53, UPSTREAM);
  shell(`cd ${folder.path}
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out certificate.pem \
      -days 2 -subj /CN=dns.example -addext subjectAltName=DNS:dns.example 2>openssl.log`);
  const secrets = { key: readFileSync(folder.join("key.pem")), cert: readFileSync(folder.join("certificate.pem")) };
  const tls = createTlsServer(secrets, serveStream("tls")).listen(TLS_PORT, UPSTREAM);
  // Of clients that do not trust us.
  tls.on("tlsClientError", () => undefined);
  await Promise.all([udp, tcp, tls].map((listener) => once(listener, "listening")));
  closing.push(
    () => udp.close(),
    () => tcp.close(),
    () => tls.close(),
  );
}

async function dig(...words: string[]): Promise<string> {
  const common = ["+timeout=10", "+tries=1", "+nocookie"];
  const { stdout, stderr } = await new Running(["dig", `@${LISTEN[0]}`, ...common, ...words]).ended();
  return stdout + stderr;
}

const short = async (...words: string[]): Promise<string[]> =>
  (await dig("+short", ...words)).split("\n").filter((line) => line !== "");
const status = (output: string): string | undefined => /status: (\w+)/.exec(output)?.[1];

beforeAll(async () => {
  shell("ip link set lo up");
  folder = new Folder();
  await startUpstream();
  folder.write("hosts", "192.0.2.77 printer.lan printer # by the door\n2001:db8::77 printer.lan\nnonsense\n");
  const secure = `tls://${UPSTREAM}#${TLS_PORT}`;
  const domains = [`secure.example=${secure}/dns.example`, `forged.example=${secure}/other.example`];
  server = startNetloom(
    [
      ...`dns serve --listen ${LISTEN.join(",")} --forward ${UPSTREAM} --hosts ${folder.join("hosts")}`.split(" "),
      ...`--allow 127.0.0.1,127.0.0.53,::1 --domain ${domains.join(" --domain ")}`.split(" "),
    ],
    { NODE_EXTRA_CA_CERTS: folder.join("certificate.pem") },
  );
  await server.firstLine();
});

afterAll(async () => {
  await server.stop();
  for (const close of closing) close();
  folder[Symbol.dispose]();
});

describe("dns serve", () => {
  test("asks once, and answers from then on by itself, in the asker's spelling and also when nobody is there", async () => {
    asked = [];
    const first = await dig("www.example.org");
    expect(first).toMatch(/^www\.example\.org\.\s+300\s+IN\s+A\s+192\.0\.2\.1$/m);
    expect(first).toMatch(/EDNS: version: 0, flags:; udp: 1232/);
    isSilent = true;
    try {
      expect(await dig("WWW.example.ORG")).toMatch(/^WWW\.example\.ORG\.\s+\d+\s+IN\s+A\s+192\.0\.2\.1$/m);
      expect(await dig("+noedns", "www.example.org")).not.toMatch(/EDNS/);
      expect(await short("@::1", "www.example.org")).toEqual(["192.0.2.1"]);
      expect(await short("+tcp", "www.example.org")).toEqual(["192.0.2.1"]);
    } finally {
      isSilent = false;
    }
    expect(asked).toEqual(["udp www.example.org"]);
  });

  test("a long answer is fetched over TCP, and told over TCP when the asker takes less", async () => {
    asked = [];
    const output = await dig("+bufsize=512", "long.example.org", "TXT");
    expect(output).toMatch(/Truncated, retrying in TCP/);
    expect(output).toMatch(/SERVER: .* \(TCP\)/);
    expect(output).toMatch(/rcvd: 1\d{3}/);
    expect(asked).toEqual(["udp long.example.org", "tcp long.example.org"]);
    expect(await dig("+ignore", "long.example.org", "TXT")).toMatch(/flags: qr tc/);
  });

  test("an outsider is refused over both transports, whatever the cache holds", async () => {
    expect(status(await dig("kept.example.org"))).toBe("NOERROR");
    for (const transport of ["+notcp", "+tcp"])
      expect(status(await dig("-b", OUTSIDER, transport, "kept.example.org"))).toBe("REFUSED");
  });

  test("outsiders who connect by the hundred take no place of who is answered", async () => {
    const client = connect({ host: LISTEN[0]!, port: 53, localAddress: "127.0.0.1" });
    await once(client, "connect");
    const question = encodeFrame(encodeDnsMessage(queryMessage("kept.example.org")));
    const outsiders = Array.from({ length: 300 }, (_, index) =>
      connect({ host: LISTEN[0]!, port: 53, localAddress: `127.0.9.${1 + (index % 20)}`, allowHalfOpen: true }),
    );
    try {
      // Each stays after it was refused, or was closed.
      await Promise.all(
        outsiders.map(async (socket) => {
          socket.on("error", () => undefined).resume();
          await once(socket, "connect");
          socket.write(question);
          await once(socket, "end").catch(() => undefined);
        }),
      );
      client.write(question);
      const [piece] = (await once(client, "data")) as [Buffer];
      expect(piece.readUInt16BE(2)).toBe(queryMessage("kept.example.org").id);
    } finally {
      for (const socket of [client, ...outsiders]) socket.destroy();
    }
  });

  test("an outsider who goes on after the refusal is not listened to", async () => {
    const socket = connect({ host: LISTEN[0]!, port: 53, localAddress: OUTSIDER, allowHalfOpen: true });
    const question = encodeFrame(encodeDnsMessage(queryMessage("kept.example.org")));
    socket.on("error", () => undefined).resume();
    const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
    await once(socket, "connect");
    const going = setInterval(() => socket.write(question), 50);
    try {
      await closed;
    } finally {
      clearInterval(going);
      socket.destroy();
    }
  });

  test("without --allow strangers are refused, until this host is in their network", async () => {
    const [place, stranger] = ["127.0.0.54", "203.0.113.9"];
    shell("ip route add local 203.0.113.0/24 dev lo");
    const near = startNetloom(["dns", "serve", "--listen", place, "--forward", UPSTREAM]);
    try {
      await near.firstLine();
      const ask = async (address: string): Promise<string> =>
        (await new Running(["dig", `@${place}`, "-b", address, "+timeout=5", "kept.example.org"]).ended()).stdout;
      expect(status(await ask("127.0.0.1"))).toBe("NOERROR");
      const refused = await ask(stranger);
      expect(status(refused)).toBe("REFUSED");
      expect(refused).toContain("EDE: 18 (Prohibited)");
      shell("ip address add 203.0.113.1/24 dev lo");
      await until("the network", async () => status(await ask(stranger)) === "NOERROR");
    } finally {
      const { stderr } = await near.stop();
      expect(stderr.split("\n").filter((line) => line.includes(`${stranger} and others`))).toHaveLength(1);
      shell("ip address flush to 203.0.113.0/24 dev lo; ip route flush table local root 203.0.113.0/24");
    }
  });

  test("names of the hosts file are told without asking anybody, as they are after SIGHUP", async () => {
    asked = [];
    expect(server.stderr).toContain("line 3: nonsense is no address");
    expect(await short("printer.lan")).toEqual(["192.0.2.77"]);
    expect(await short("printer.lan", "AAAA")).toEqual(["2001:db8::77"]);
    expect(await short("-x", "192.0.2.77")).toEqual(["printer.lan."]);
    writeFileSync(folder.join("hosts"), "192.0.2.78 printer.lan scanner.lan\n");
    server.child.kill("SIGHUP");
    await until("the new names", async () => (await short("printer.lan"))[0] === "192.0.2.78");
    expect(await short("scanner.lan")).toEqual(["192.0.2.78"]);
    expect(asked).toEqual([]);
    expect(await short("printer")).toEqual(["192.0.2.1"]);
  });

  test("many questions on one connection are all answered, also when the asker has sent his last", async () => {
    const socket = connect(53, LISTEN[0]);
    await once(socket, "connect");
    const common = { opcode: 0, responseCode: 0, answers: [], authorities: [], additionals: [] };
    const flags = { response: false, authoritative: false, truncated: false, recursionDesired: true };
    const unset = { recursionAvailable: false, authenticData: false, checkingDisabled: false };
    const queries = Array.from({ length: 200 }, (_, id) =>
      encodeFrame(
        encodeDnsMessage({
          ...common,
          ...flags,
          ...unset,
          id,
          question: { name: `n${id % 5}.example.org`, type: DNS_TYPE.A, class: 1 },
        }),
      ),
    );
    const bytes = Buffer.concat(queries);
    socket.write(bytes.subarray(0, 1001));
    setImmediate(() => socket.end(bytes.subarray(1001)));
    const reader = new FrameReader(65_535);
    const ids: number[] = [];
    socket.on("data", (piece: Buffer) => {
      for (const message of reader.read(piece) ?? []) ids.push((message[0]! << 8) | message[1]!);
    });
    await once(socket, "close");
    expect(ids.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, id) => id));
  });

  test("an address that nobody has is told, unless it is about to come", async () => {
    const cache = {
      bytes: 100_000,
      minimumTtlSeconds: 0,
      maximumTtlSeconds: 60,
      maximumNegativeSeconds: 60,
      staleSeconds: 0,
    };
    const config = { mode: "forward-only" as const, upstreams: [], domains: [], zones: [], mixedCase: false, cache };
    for (const address of ["203.0.113.9", "2001:db8::9"].map(parseIp)) {
      const options = { listen: [{ address, port: 53 }], config, logger: SILENT };
      expect(() => new DnsService(options)).toThrow(
        `listen on ${address} port 53 over UDP: no interface has this address`,
      );
      await using service = new DnsService({ ...options, isAhead: true });
      expect(service.stats().received).toBe(0);
    }
  });

  test("over TLS only who has the right certificate is asked", async () => {
    asked = [];
    const answers = await Promise.all(["a", "b", "c"].map((name) => short(`${name}.secure.example`)));
    expect(answers).toEqual([["192.0.2.1"], ["192.0.2.1"], ["192.0.2.1"]]);
    expect(asked.toSorted()).toEqual(["tls a.secure.example", "tls b.secure.example", "tls c.secure.example"]);
    expect(status(await dig("www.forged.example"))).toBe("SERVFAIL");
    expect(asked.some((line) => line.includes("forged"))).toBe(false);
  });
});
