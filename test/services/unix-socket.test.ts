import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { sendDescriptors } from "../../src/kernel/native.ts";
import { connectDescriptorSocket, connectUnixSocket, shortSocketPath } from "../../src/kernel/unix-socket.ts";

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

test("a descriptor travels over a socket whose own descriptor is in sight", async () => {
  const path = join(folder, "socket");
  const server = createServer((peer) => peer.pipe(peer));
  server.listen({ path });
  await once(server, "listening");
  const before = readdirSync("/proc/self/fd").length;
  const { socket, descriptor } = connectDescriptorSocket(path);
  socket.write("one ");
  sendDescriptors(descriptor, [0], new TextEncoder().encode("two"));
  let heard = "";
  for await (const piece of socket) {
    heard += String(piece);
    if (heard === "one two") break;
  }
  expect(heard).toBe("one two");
  expect(() => connectDescriptorSocket(join(folder, "nobody"))).toThrow("ENOENT");
  server.close();
  await once(server, "close");
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before);
});

test("the descriptor behind a long path is closed again", async () => {
  const before = readdirSync("/proc/self/fd").length;
  await expect(connectUnixSocket(join(folder, "y".repeat(200), "socket"))).rejects.toThrow("ENOENT");
  mkdirSync(join(folder, "y".repeat(200)));
  await expect(connectUnixSocket(join(folder, "y".repeat(200), "socket"))).rejects.toThrow("ENOENT");
  expect(readdirSync("/proc/self/fd")).toHaveLength(before);
});
