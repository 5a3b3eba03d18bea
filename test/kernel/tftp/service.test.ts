/** The TFTP service in this process: bad networks, limits, namespaces. */
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { TftpService, type TftpServiceOptions, type TftpTransfer } from "../../../src/services/tftp.ts";
import { decodeTftp, encodeTftp } from "../../../src/wire/tftp.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { Running, shell, until } from "../../support/network.ts";
import { randomNumbers } from "../../support/random.ts";
import { BadNetwork, getFile, type Place } from "../../support/tftp-client.ts";

const PORT = 6969;
const PLACE: Place = { address: "127.0.0.1", port: PORT };
const FILE = randomBytes(300_001);

let folder: string;

beforeAll(() => {
  shell("ip link set lo up");
  folder = mkdtempSync(join(tmpdir(), "netloom-tftp-"));
  writeFileSync(join(folder, "file"), FILE);
});

afterAll(() => rmSync(folder, { recursive: true }));

function serve(options: Partial<TftpServiceOptions> = {}): TftpService {
  const listen = [{ address: parseIp("127.0.0.1"), port: PORT }];
  return new TftpService({ listen, root: folder, logger: SILENT, ...options });
}

describe("a network that loses, doubles and reorders", () => {
  test.each([
    ["window 1", { blksize: "4096" }],
    ["window 16", { blksize: "1468", windowsize: "16" }],
    ["window 64", { blksize: "512", windowsize: "64" }],
  ])("brings the right bytes, %s", async (_, options) => {
    await using service = serve();
    using network = await BadNetwork.open(PLACE, randomNumbers(7));
    const { data } = await getFile(network.place, "file", options);
    expect(data.equals(FILE)).toBe(true);
    expect(network.lost + network.doubled + network.late).toBeGreaterThan(0);
    expect(service.stats()).toMatchObject({ refused: 0, failed: 0 });
  });
});

test("more blocks than 16 bits count", async () => {
  const long = randomBytes(66_000 * 8 + 5);
  writeFileSync(join(folder, "long"), long);
  await using _service = serve();
  const { data } = await getFile(PLACE, "long", { blksize: "8", windowsize: "64" });
  expect(data.equals(long)).toBe(true);
});

/** A client that says what it is told to. */
async function raw(): Promise<{
  readonly port: number;
  send(packet: Uint8Array, port?: number): void;
  next(): Promise<{ bytes: Buffer; port: number }>;
  close(): void;
}> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const arrived: { bytes: Buffer; port: number }[] = [];
  socket.on("message", (bytes, { port }) => arrived.push({ bytes, port }));
  return {
    port: socket.address().port,
    send: (packet, port = PORT) => socket.send(packet, port, "127.0.0.1"),
    async next() {
      await until("a packet of the server", () => arrived.length > 0);
      return arrived.shift()!;
    },
    close: () => socket.close(),
  };
}

const request = (kind: "read" | "write", file: string, options: Readonly<Record<string, string>> = {}): Uint8Array =>
  encodeTftp({ kind, file, mode: "octet", options: new Map(Object.entries(options)) });

describe("clients that are odd", () => {
  test("a request that comes again gets the same transfer, another one from the same port its own", async () => {
    await using service = serve();
    const client = await raw();
    client.send(request("read", "file", { blksize: "1024" }));
    const first = await client.next();
    client.send(request("read", "file", { blksize: "1024" }));
    const second = await client.next();
    expect(second).toEqual(first);
    expect(service.stats().running).toBe(1);
    client.send(request("read", "file", { blksize: "600" }));
    await until("the other transfer", () => service.stats().failed === 1 && service.stats().running === 1);
    // An error of the first one would pass for the answer to the second request.
    let answer = await client.next();
    // The first one may have repeated itself before that.
    while (answer.port === first.port) {
      expect(answer).toEqual(first);
      answer = await client.next();
    }
    expect(decodeTftp(answer.bytes)).toMatchObject({ kind: "option-acknowledge" });
    client.close();
  });

  test("who closes his port is not waited for", async () => {
    await using service = serve();
    const client = await raw();
    client.send(request("read", "file", { windowsize: "4" }));
    const { port } = await client.next();
    client.send(encodeTftp({ kind: "acknowledge", block: 0 }), port);
    await client.next();
    client.close();
    await until("the end of the transfer", () => service.stats().running === 0, 10);
    expect(service.transfers()).toMatchObject([{ state: "failed", error: "the client has closed its port" }]);
  });

  test("more than its share, or than there is, is refused; the others are served", async () => {
    await using service = serve({ limits: { transfersOfClient: 1 } });
    const [first, second] = [await raw(), await raw()];
    first.send(request("read", "file", { blksize: "1024" }));
    await first.next();
    second.send(request("read", "file"));
    expect(decodeTftp((await second.next()).bytes)).toMatchObject({ kind: "error", code: 0 });
    expect(service.stats()).toMatchObject({ running: 1, refused: 1 });
    first.close();
    second.close();
  });

  test("made-up clients do not keep out others, and those on their way stay", async () => {
    await using service = serve({ limits: { transfers: 2 } });
    const [served, ...others] = [await raw(), await raw(), await raw(), await raw()] as const;
    served.send(request("read", "file", { blksize: "1024" }));
    const { port } = await served.next();
    // On a slow machine one comes twice.
    const fetch = async (block: number): Promise<void> => {
      served.send(encodeTftp({ kind: "acknowledge", block: block - 1 }), port);
      for (let got = 0; got !== block; ) {
        const packet = decodeTftp((await served.next()).bytes);
        if ("block" in packet) got = packet.block;
        else expect(packet).toMatchObject({ kind: "option-acknowledge" });
      }
    };
    await fetch(1);
    await fetch(2);
    for (const other of others) {
      other.send(request("read", "file", { blksize: "1024" }));
      expect(decodeTftp((await other.next()).bytes)).toMatchObject({ kind: "option-acknowledge" });
    }
    expect(service.stats()).toMatchObject({ running: 2, refused: 0, failed: 2 });
    await fetch(3);
    for (const client of [served, ...others]) client.close();
  });

  test("what is no request is not answered", async () => {
    await using service = serve();
    const client = await raw();
    for (const packet of [Buffer.from("00040001", "hex"), Buffer.from("0001ff", "hex"), Buffer.alloc(0)])
      client.send(packet);
    client.send(request("read", "nothing"));
    expect(decodeTftp((await client.next()).bytes)).toMatchObject({ kind: "error", code: 1 });
    expect(service.stats()).toMatchObject({ requests: 1, ignored: 3 });
    client.close();
  });

  test("the server ends: its clients are told", async () => {
    const service = serve();
    const client = await raw();
    client.send(request("read", "file", { blksize: "1024" }));
    await client.next();
    await service.close();
    expect(decodeTftp((await client.next()).bytes)).toMatchObject({ kind: "error", message: "the server ends" });
    client.close();
  });
});

test("what the server's own firewall refuses for a while is only late", async () => {
  await using service = serve();
  const client = await raw();
  client.send(request("read", "file", { windowsize: "4" }));
  const { port } = await client.next();
  shell(`nft -f - <<'END'
    table inet netloom_test { chain out { type filter hook output priority 0; udp dport ${client.port} drop; }; }
END`);
  try {
    client.send(encodeTftp({ kind: "acknowledge", block: 0 }), port);
    await until("packets that are refused", () => Number(service.transfers()[0]?.resentPackets) > 0);
    expect(service.stats()).toMatchObject({ running: 1, failed: 0 });
  } finally {
    shell("nft delete table inet netloom_test");
  }
  expect(decodeTftp((await client.next()).bytes)).toMatchObject({ kind: "data" });
  client.close();
});

describe("uploads", () => {
  test("are refused without a folder", async () => {
    await using _service = serve();
    const client = await raw();
    client.send(request("write", "new"));
    expect(decodeTftp((await client.next()).bytes)).toMatchObject({ kind: "error", code: 2 });
    client.close();
  });

  test("stop at the quota, announced or not, and leave nothing; the last block again is acknowledged again", async () => {
    const uploads = join(folder, "uploads");
    mkdirSync(uploads);
    await using service = serve({ write: { folder: uploads, quotaBytes: 1000 } });
    const client = await raw();
    client.send(request("write", "large", { tsize: "1001" }));
    expect(decodeTftp((await client.next()).bytes)).toMatchObject({ kind: "error", code: 3 });
    const put = async (name: string, sizes: readonly number[]): Promise<unknown> => {
      client.send(request("write", name));
      const { port } = await client.next();
      let said: unknown;
      for (const [i, size] of sizes.entries()) {
        client.send(encodeTftp({ kind: "data", block: i + 1, data: new Uint8Array(size) }), port);
        const packet = decodeTftp((await client.next()).bytes);
        if (packet instanceof Malformed) throw new Error(packet.reason);
        said = packet;
        if (packet.kind === "error") break;
      }
      return said;
    };
    expect(await put("large", [512, 512])).toMatchObject({ kind: "error", code: 3 });
    await until("nothing", () => readdirSync(uploads).length === 0);
    expect(await put("fits", [512, 400])).toMatchObject({ kind: "acknowledge", block: 2 });
    expect(readFileSync(join(uploads, "fits")).length).toBe(912);
    expect(await put("no more", [100])).toMatchObject({ kind: "error", code: 3 });
    await until("nothing but that", () => readdirSync(uploads).join(" ") === "fits");
    expect(service.stats()).toMatchObject({ done: 1, running: 0 });
    client.close();
  });

  test("that the server's end cuts off leave nothing", async () => {
    const uploads = join(folder, "cut");
    mkdirSync(uploads);
    const service = serve({ write: { folder: uploads, quotaBytes: 10_000 } });
    const client = await raw();
    client.send(request("write", "new"));
    const { port } = await client.next();
    client.send(encodeTftp({ kind: "data", block: 1, data: new Uint8Array(512) }), port);
    await client.next();
    await service.close();
    expect(readdirSync(uploads)).toEqual([]);
    client.close();
  });
});

test("many at one time share what is read, and little memory is enough", async () => {
  const transfers: TftpTransfer[] = [];
  await using service = serve({ memoryBytes: 256 * 1024, onTransfer: (transfer) => transfers.push(transfer) });
  const all = Array.from({ length: 40 }, (_, i) =>
    getFile(PLACE, "file", { blksize: String(1000 + (i % 4)), windowsize: "8" }),
  );
  for (const { data } of await Promise.all(all)) expect(data.equals(FILE)).toBe(true);
  await until("the ends of all", () => service.stats().done === 40);
  expect(service.stats().memoryBytes).toBeLessThanOrEqual(256 * 1024);
  expect(transfers.length).toBe(80);
});

test("another namespace, whose path cuts no segments: packets go one by one", async () => {
  shell("ip netns add tftp; ip -n tftp link set lo mtu 1280 up");
  try {
    const inside = serve({ namespacePath: "/run/netns/tftp", mtuBytes: 1500 });
    try {
      const out = join(folder, "out");
      const get = `atftp --option "blksize 1468" --option "windowsize 16" -g -r file -l ${out} 127.0.0.1 ${PORT}`;
      const ended = await new Running(["nsenter", "--net=/run/netns/tftp", "sh", "-c", get]).ended();
      expect(ended.code).toBe(0);
      expect(existsSync(out) && readFileSync(out).equals(FILE)).toBe(true);
    } finally {
      await inside.close();
    }
  } finally {
    shell("ip netns delete tftp");
  }
});

test("all addresses of both families are served at one time; where that is refused nothing stays open", async () => {
  const port = PORT + 1;
  const listen = ["0.0.0.0", "::"].map((address) => ({ address: parseIp(address), port }));
  const namespacePath = "/proc/self/ns/net";
  await using _service = serve({ listen, namespacePath });
  const out = join(folder, "of-all");
  for (const address of ["127.0.0.1", "[::1]"]) {
    await new Running(["curl", "--silent", "--output", out, `tftp://${address}:${port}/file`]).ended();
    expect([address, readFileSync(out).equals(FILE)]).toEqual([address, true]);
    rmSync(out);
  }
  const before = readdirSync("/proc/self/fd").length;
  for (let i = 0; i < 20; i++) expect(() => serve({ listen, namespacePath })).toThrow("another program has this port");
  expect(readdirSync("/proc/self/fd").length).toBeLessThan(before + 20);
});
