/** What HTTP clients get of a folder: on the loopback, with Node's own client. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../support/network.ts";
import { parseIpv4 } from "../../../src/base/address.ts";
import { BootHttpServer } from "../../../src/services/netboot/http-server.ts";
import type { StandIn } from "../../../src/services/tftp/open-transfer.ts";
import type { Transfer } from "../../../src/services/netboot/transfers.ts";

const CONTENT = Buffer.from(Array.from({ length: 700_001 }, (_, i) => (i * 7) % 251));
const address = parseIpv4("127.0.0.1");
const folder = mkdtempSync(join(tmpdir(), "netloom-http-"));
const root = join(folder, "root");
const ended: Transfer[] = [];
const STAND_INS = new Map<string, StandIn>([
  ["boot.ipxe", { text: "#!ipxe\n" }],
  ["other.efi.signed", { file: ["sub", "a file.efi"] }],
  ["secret.efi", { file: ["out"] }],
]);
let server: BootHttpServer;

beforeAll(async () => {
  mkdirSync(join(root, "sub"), { recursive: true });
  writeFileSync(join(folder, "secret"), "secret");
  writeFileSync(join(root, "sub", "a file.efi"), CONTENT);
  writeFileSync(join(root, "empty"), "");
  symlinkSync("../secret", join(root, "out"));
  symlinkSync("sub/a file.efi", join(root, "in"));
  server = await BootHttpServer.open({
    address,
    port: 0,
    root,
    standIn: (parts) => STAND_INS.get(parts.join("/")),
    onTransfer: (transfer) => ended.push(transfer),
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function get(path: string, headers: Readonly<Record<string, string>> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: address, port: server.port, path, method, headers, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) }),
      );
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
const FILE = "/sub/a%20file.efi";

describe("a file", () => {
  test("whole, with its length and what firmware wants to know", async () => {
    const { status, headers, body } = await get(FILE);
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      "content-length": "700001",
      "content-type": "application/efi",
      "accept-ranges": "bytes",
    });
    expect(hash(body)).toBe(hash(CONTENT));
    expect(ended.at(-1)).toMatchObject({ client: "127.0.0.1", file: "sub/a file.efi", bytes: 700_001, state: "done" });
  });

  test("HEAD: all but the file", async () => {
    const { status, headers, body } = await get(FILE, {}, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, "700001", 0]);
  });

  test("by a link that stays inside, by a whole URL, and in other letters", async () => {
    for (const path of ["/in", `http://example.org${FILE}`, "/SUB/A%20FILE.EFI"])
      expect((await get(path)).body.length).toBe(700_001);
  });

  test("an empty one", async () => {
    const { status, headers, body } = await get("/empty");
    expect([status, headers["content-length"], body.length]).toEqual([200, "0", 0]);
  });

  test("one that exists in memory only", async () => {
    expect((await get("/boot.ipxe")).body.toString()).toBe("#!ipxe\n");
  });
});

test("a file by a name that it stands for, told as what it is, and nothing from outside the folder", async () => {
  const { body, headers } = await get("/other.efi.signed");
  expect([body.equals(CONTENT), headers["content-type"]]).toEqual([true, "application/efi"]);
  expect((await get("/secret.efi")).status).toBe(404);
});

describe("ranges", () => {
  test.each([
    ["bytes=0-0", 0, 0],
    ["bytes=100-199", 100, 199],
    ["bytes=699999-", 699_999, 700_000],
    ["bytes=-10", 699_991, 700_000],
    ["bytes=700000-9999999", 700_000, 700_000],
    ["bytes=-9999999", 0, 700_000],
  ])("%s", async (range, first, last) => {
    const { status, headers, body } = await get(FILE, { range });
    expect(status).toBe(206);
    expect(headers["content-range"]).toBe(`bytes ${first}-${last}/700001`);
    expect(body.equals(CONTENT.subarray(first, last + 1))).toBe(true);
  });

  test.each(["bytes=700001-", "bytes=-0"])("nothing of the file: %s", async (range) => {
    const { status, headers, body } = await get(FILE, { range });
    expect([status, headers["content-range"], body.length]).toEqual([416, "bytes */700001", 0]);
  });

  test.each(["bytes=5-2", "bytes=x", "lines=1-2", "bytes=0-1,5-6", "bytes=-"])("not one range: %s", async (range) => {
    const { status, body } = await get(FILE, { range });
    expect([status, body.length]).toEqual([200, 700_001]);
  });

  test("only of the file that the client has a part of", async () => {
    const etag = (await get(FILE, {}, "HEAD")).headers.etag ?? "";
    expect((await get(FILE, { range: "bytes=1-2", "if-range": etag })).status).toBe(206);
    expect((await get(FILE, { range: "bytes=1-2", "if-range": '"another"' })).status).toBe(200);
    expect((await get(FILE, { "if-none-match": etag })).status).toBe(304);
  });

  test("pieces of one file are one transfer to who watches", async () => {
    for (const range of ["bytes=0-9", "bytes=10-19"]) await get("/in", { range });
    expect(server.transfers().filter(({ file, bytes }) => file === "in" && bytes === 20)).toHaveLength(1);
  });
});

describe("nothing else", () => {
  test.each([
    "/",
    "/sub",
    "/sub/",
    "/nothing",
    "/out",
    "/../secret",
    "/sub/../../secret",
    "/%2e%2e/secret",
    "/..%2fsecret",
    "/sub/%2e%2e/%2e%2e/secret",
    "/%00",
    "/%zz",
    "/sub/a%20file.efi/x",
  ])("%s", async (path) => {
    const { status, body } = await get(path);
    expect([status, body.length]).toEqual([404, 0]);
  });

  test("no other method", async () => {
    const { status, headers } = await get(FILE, {}, "PUT");
    expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
  });
});

describe("a transfer that does not end well", () => {
  /** Reads the beginning of the answer and leaves the rest. */
  function begin(path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ host: address, port: server.port, path, agent: false }, (response) => {
        response.once("data", () => {
          response.pause();
          resolve(response);
        });
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  }
  const latest = (file: string) => ended.findLast((transfer) => transfer.file === file);

  test("the client goes away", async () => {
    writeFileSync(join(root, "large"), Buffer.alloc(24 * 1024 * 1024));
    const response = await begin("/large");
    expect(server.transfers().find(({ file }) => file === "large")).toMatchObject({ state: "running" });
    response.destroy();
    await until("word of it", () => latest("large") !== undefined);
    expect(latest("large")).toMatchObject({ state: "failed", error: "the client broke it off" });
  });

  test("the file becomes shorter: the client sees that it is not whole", async () => {
    writeFileSync(join(root, "shrinking"), Buffer.alloc(24 * 1024 * 1024));
    const response = await begin("/shrinking");
    truncateSync(join(root, "shrinking"), 1024 * 1024);
    const failed = new Promise((resolve) => response.once("error", resolve));
    response.resume();
    await failed;
    await until("word of it", () => latest("shrinking") !== undefined);
    expect(latest("shrinking")).toMatchObject({ state: "failed", error: "the file became shorter" });
  });
});

describe("a client that wants too much", () => {
  const REQUEST = `GET /wanted HTTP/1.1\r\nHost: ${address}\r\n\r\n`;
  const wanted = () => server.transfers().filter(({ file, state }) => file === "wanted" && state === "running");

  function open(localAddress = "127.0.0.3"): Socket {
    const socket = connect({ host: address, port: server.port, localAddress });
    // What the server ends may end with a reset.
    socket.on("error", () => undefined);
    return socket;
  }

  test("of what it asks for in one packet one file is open at a time", async () => {
    writeFileSync(join(root, "wanted"), Buffer.alloc(24 * 1024 * 1024));
    const socket = open();
    socket.write(REQUEST.repeat(20));
    await until("the first file", () => wanted().length > 0);
    await sleep(200);
    expect(wanted()).toHaveLength(1);
    socket.destroy();
    await until("the end of it", () => wanted().length === 0);
  });

  test("is cut off when it asks for more than anybody needs before it has an answer", async () => {
    const socket = open();
    socket.write(REQUEST.repeat(40));
    await once(socket.resume(), "close");
    expect(socket.bytesRead).toBeLessThan(24 * 1024 * 1024);
  });

  test("has no more than its share of the connections", async () => {
    const sockets = Array.from({ length: 128 }, () => open());
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    await once(open(), "close");
    const other = open("127.0.0.4");
    other.write(REQUEST.replace("wanted", "in"));
    const [beginning] = (await once(other, "data")) as [Buffer];
    expect(beginning.toString("latin1")).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of [...sockets, other]) socket.destroy();
  });
});

test("a second server of the port is refused with a word on how to find the first", async () => {
  const options = { address, port: server.port, root, standIn: () => undefined, onTransfer: () => undefined };
  await expect(BootHttpServer.open(options)).rejects.toMatchObject({ code: "address-in-use" });
});
