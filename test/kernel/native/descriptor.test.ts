import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, expect, test } from "vitest";

import {
  bindSocket,
  closeDescriptor,
  connectSocket,
  fdatasync,
  lockDescriptor,
  openSocket,
  sendDescriptors,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, openDescriptors, rejectionOf, thrownBy, until } from "./support.ts";

const AF_UNIX = 1;
const STREAM = 1;
const DATAGRAM = 2;
const descriptors = openDescriptors();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-descriptor-"));
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await assertSameDescriptors(descriptors);
});

const payload = Uint8Array.of(1, 2, 3);

/** A sockaddr_un (unix(7)). */
const unixAddress = (path: string): Uint8Array => Buffer.from(`\u0001\0${path}\0`, "latin1");
const unixSocket = (type: number): number => openSocket({ family: AF_UNIX, type, protocol: 0 });

/** Takes one message with its descriptors, writes into each and tells what has come. */
const RECEIVER = `
import os, socket, sys
end = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
end.bind(sys.argv[1])
payload, descriptors, flags, sender = socket.recv_fds(end, 100, 10)
for number in descriptors: os.write(number, b"x")
print(payload.hex(), len(descriptors))
`;

test("descriptors arrive at another program with their payload, and work; ours stay open", async () => {
  const path = join(folder, "receiver");
  const receiver = spawn("python3", ["-c", RECEIVER, path], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const output = text(receiver.stdout);
    await until("the receiver's socket", () => existsSync(path));
    const ours = unixSocket(DATAGRAM);
    connectSocket(ours, unixAddress(path));
    const file = openSync(join(folder, "passed"), "w");
    sendDescriptors(ours, [file, file], payload);
    expect(await output).toBe("010203 2\n");
    writeSync(file, "y");
    closeSync(file);
    closeDescriptor(ours);
    expect(readFileSync(join(folder, "passed"), "utf8")).toBe("xxy");
  } finally {
    receiver.kill();
    if (receiver.exitCode === null && receiver.signalCode === null) await once(receiver, "exit");
  }
});

test("a peer that is gone is told", async () => {
  const path = join(folder, "server");
  const server = createServer().listen(path);
  await once(server, "listening");
  const ours = unixSocket(STREAM);
  connectSocket(ours, unixAddress(path));
  const closed = once(server, "close");
  server.once("connection", (connection) => {
    connection.destroy();
    server.close();
  });
  await closed;
  expect(thrownBy(() => sendDescriptors(ours, [ours], payload))).toMatchObject({ errnoName: "EPIPE" });
  closeDescriptor(ours);
});

test("a full queue, a wrong descriptor and too many are told", () => {
  const [ours, theirs] = [unixSocket(DATAGRAM), unixSocket(DATAGRAM)];
  const address = unixAddress(join(folder, "full"));
  bindSocket(theirs, address);
  connectSocket(ours, address);
  const full = thrownBy(() => {
    for (;;) sendDescriptors(ours, [ours], new Uint8Array(4096));
  });
  expect(full).toMatchObject({ errnoName: "EAGAIN" });
  expect(thrownBy(() => sendDescriptors(ours, [9999], payload))).toMatchObject({ errnoName: "EBADF" });
  const tooMany = Array.from({ length: 254 }, () => 0);
  expect(thrownBy(() => sendDescriptors(ours, tooMany, payload))).toMatchObject({ code: "ERR_INVALID_ARG_VALUE" });
  closeDescriptor(theirs);
  closeDescriptor(ours);
  expect(thrownBy(() => closeDescriptor(ours))).toMatchObject({
    errnoName: "EBADF",
    message: `close descriptor ${ours}: close: bad file descriptor (EBADF)`,
  });
});

test("syncing: many at once, a descriptor closed meanwhile, what cannot be synced", async () => {
  const files = Array.from({ length: 20 }, (_, number) => openSync(join(folder, `log-${number}`), "a"));
  const syncs = files.map((file) => {
    writeSync(file, "record");
    const sync = fdatasync(file);
    closeSync(file);
    return sync;
  });
  expect(await Promise.all(syncs)).toEqual(files.map(() => undefined));
  const socket = unixSocket(STREAM);
  expect(await rejectionOf(fdatasync(socket))).toMatchObject({ errnoName: "EINVAL", systemCall: "fdatasync" });
  closeDescriptor(socket);
  expect(await rejectionOf(fdatasync(socket))).toMatchObject({ errnoName: "EBADF" });
});

test("a lock has one holder and ends with its descriptor", () => {
  const path = join(folder, "lock");
  const first = openSync(path, "a");
  const second = openSync(path, "a");
  expect(lockDescriptor(first)).toBe(true);
  expect(lockDescriptor(second)).toBe(false);
  closeSync(first);
  expect(lockDescriptor(second)).toBe(true);
  closeSync(second);
  expect(thrownBy(() => lockDescriptor(second))).toMatchObject({ errnoName: "EBADF" });
});
