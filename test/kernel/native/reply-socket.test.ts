import { afterAll, beforeAll, expect, test } from "vitest";

import {
  bindSocket,
  closeDescriptor,
  DatagramSocket,
  openSocket,
  PEER_SLOT_BYTES,
  ReplySocket,
  type SystemCallError,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, ip, openDescriptors, Pair, thrownBy, until } from "./support.ts";

const descriptors = openDescriptors();
let pair: Pair;

beforeAll(() => {
  pair = new Pair("t-reply");
  ip("-n", pair.leftName, "address", "add", "192.0.2.1/24", "dev", "left");
  ip("-n", pair.rightName, "address", "add", "192.0.2.2/24", "dev", "right");
});

afterAll(async () => {
  pair[Symbol.dispose]();
  await assertSameDescriptors(descriptors);
});

function ipv4Address(address: readonly number[], port: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new Uint16Array(bytes.buffer)[0] = 2;
  bytes.set([port >> 8, port & 255, ...address], 2);
  return bytes;
}

function openAt(namespace: number, address: Uint8Array): number {
  const descriptor = openSocket({ namespace, family: 2, type: 2, protocol: 17 });
  bindSocket(descriptor, address);
  return descriptor;
}

const clientAddress = ipv4Address([192, 0, 2, 1], 4001);
const serverAddress = ipv4Address([192, 0, 2, 2], 4002);

/** A server that hands each batch to `onBatch`, and a client that keeps what it hears. */
function talk(onBatch: (socket: ReplySocket, count: number) => void) {
  const errors: SystemCallError[] = [];
  const heard: number[][] = [];
  const server = new ReplySocket({
    descriptor: openAt(pair.right, serverAddress),
    batch: 4,
    datagramBytes: 8,
    receiveBufferBytes: 100_000,
    onBatch: (count) => onBatch(server, count),
    onError: (error) => errors.push(error),
  });
  const client = new DatagramSocket({
    descriptor: openAt(pair.left, clientAddress),
    onDatagrams: (datagrams) => {
      for (const { buffer, offset, length } of datagrams) heard.push([...buffer.subarray(offset, offset + length)]);
    },
    onError: (error) => {
      throw error;
    },
  });
  const ask = (...payloads: number[][]): number =>
    client.send(payloads.map((bytes) => ({ payload: Uint8Array.from(bytes), peer: serverAddress })));
  const close = (): void => {
    server.close();
    client.close();
  };
  return { server, errors, heard, ask, close };
}

test("a batch of queries is answered from one buffer, each sender from its slot", async () => {
  const out = new Uint8Array(100);
  const seen: { length: number; peer: Uint8Array; raw: Uint8Array }[] = [];
  const { server, errors, heard, ask, close } = talk((socket, count) => {
    for (let slot = 0; slot < count; slot++) {
      const start = slot * PEER_SLOT_BYTES;
      seen.push({ length: socket.length(slot), peer: socket.peer(slot), raw: socket.peers.slice(start, start + 16) });
      const offset = 10 * slot;
      for (let index = 0; index < 3; index++) out[offset + index] = socket.buffer[slot * socket.slotBytes + index]! + 1;
      socket.setReply(slot, offset, 3, slot);
    }
    expect(socket.sendReplies(out, count)).toBe(count);
  });
  const queries = [1, 2, 3, 4, 5, 6].map((number) => [number, number, number]);
  expect(ask(...queries)).toBe(6);
  await until("six replies", () => heard.length === 6);
  expect(heard).toEqual(queries.map((bytes) => bytes.map((byte) => byte + 1)));
  expect(seen[0]).toEqual({ length: 3, peer: clientAddress, raw: clientAddress });
  expect(ask([9, 9, 9, 9, 9, 9, 9, 9, 9])).toBe(1);
  await until("the long one", () => seen.length === 7);
  expect(seen[6]?.length).toBe(0);
  const late = Uint8Array.of(7);
  expect(server.send([{ payload: late, peer: clientAddress }])).toBe(1);
  await until("the late reply", () => heard.some((bytes) => bytes.length === 1));
  expect(errors).toEqual([]);
  close();
});

test("replies out of bounds are refused and the others go", async () => {
  let sent: number | undefined;
  const { errors, heard, ask, close } = talk((socket) => {
    const out = Uint8Array.of(1, 2, 3);
    socket.setReply(0, 0, 4, 0);
    socket.setReply(1, 2, 1, 0);
    socket.setReply(2, 0xffff_ffff, 1, 0);
    socket.setReply(3, 0, 1, 4);
    sent = socket.sendReplies(out, 4);
  });
  ask([0]);
  await until("the good reply", () => heard.length === 1);
  expect(sent).toBe(1);
  expect(heard).toEqual([[3]]);
  expect(errors.map((error) => error.errnoName)).toEqual(["EINVAL", "EINVAL", "EINVAL"]);
  close();
});

test("a socket that its own batch closed sends nothing, and a bad one leaves no descriptor", async () => {
  let sent: number | undefined;
  const { ask, close } = talk((socket) => {
    socket.setReply(0, 0, 1, 0);
    socket.close();
    sent = socket.sendReplies(Uint8Array.of(1), 1);
  });
  ask([0]);
  await until("the batch", () => sent !== undefined);
  expect(sent).toBe(0);
  close();
  const before = openDescriptors();
  const bad = {
    batch: 2000,
    datagramBytes: 8,
    receiveBufferBytes: 100_000,
    onBatch: (): void => undefined,
    onError: (): void => undefined,
  };
  expect(thrownBy(() => new ReplySocket({ ...bad, descriptor: openAt(pair.right, serverAddress) }))).toMatchObject({
    errnoName: "EINVAL",
  });
  expect(openDescriptors()).toEqual(before);
  const closed = openAt(pair.right, serverAddress);
  closeDescriptor(closed);
  expect(thrownBy(() => new ReplySocket({ ...bad, descriptor: closed }))).toMatchObject({ errnoName: "EBADF" });
});
