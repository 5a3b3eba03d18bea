import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { connectUnixSocket, shortSocketPath } from "../../src/kernel/unix-socket.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-socket-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each([10, 250])("a socket in a folder with a name of %i bytes is listened at and connected to", async (length) => {
  const path = join(folder, "x".repeat(length), "socket");
  mkdirSync(join(path, ".."));
  const server = createServer((peer) => peer.end("hello"));
  using short = shortSocketPath(path);
  expect(Buffer.byteLength(short.path)).toBeLessThanOrEqual(107);
  server.listen(short.path);
  await once(server, "listening");
  const socket = await connectUnixSocket(path);
  const [piece] = (await once(socket, "data")) as [Buffer];
  expect(piece.toString()).toBe("hello");
  socket.destroy();
  server.close();
  await once(server, "close");
  expect(readdirSync(join(path, ".."))).toEqual([]);
});

test("the descriptor behind a long path is closed again", async () => {
  const before = readdirSync("/proc/self/fd").length;
  await expect(connectUnixSocket(join(folder, "y".repeat(200), "socket"))).rejects.toThrow("ENOENT");
  mkdirSync(join(folder, "y".repeat(200)));
  await expect(connectUnixSocket(join(folder, "y".repeat(200), "socket"))).rejects.toThrow("ENOENT");
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});
