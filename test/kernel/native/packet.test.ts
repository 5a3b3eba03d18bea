import { Worker } from "node:worker_threads";

import { afterAll, beforeAll, expect, test } from "vitest";

import {
  type BpfInstruction,
  bindSocket,
  closeDescriptor,
  DatagramSocket,
  openSocket,
  PacketSocket,
  type SystemCallError,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, ip, openDescriptors, Pair, thrownBy, until } from "./support.ts";

const EXPERIMENT = 0x88b5;
const IPV4 = 0x0800;
const descriptors = openDescriptors();
let pair: Pair;
let leftIndex: number;
let rightIndex: number;

beforeAll(() => {
  pair = new Pair("t-packet");
  leftIndex = pair.index("left");
  rightIndex = pair.index("right");
});

afterAll(async () => {
  pair[Symbol.dispose]();
  await assertSameDescriptors(descriptors);
});

/** Passes one EtherType: ldh [12]; jeq; ret all; ret none. */
function onlyEtherType(etherType: number): BpfInstruction[] {
  return [
    { code: 0x28, jt: 0, jf: 0, k: 12 },
    { code: 0x15, jt: 0, jf: 1, k: etherType },
    { code: 0x06, jt: 0, jf: 0, k: 0xffffffff },
    { code: 0x06, jt: 0, jf: 0, k: 0 },
  ];
}

/** A broadcast of 60 bytes; the last says which it is. */
function frameOf(number: number, etherType = EXPERIMENT, length = 60): Uint8Array {
  const frame = new Uint8Array(length);
  frame.fill(0xff, 0, 6);
  frame.set([2, 0, 0, 0, 0, 1, etherType >> 8, etherType & 255], 6);
  frame[length - 1] = number;
  return frame;
}

interface Seen {
  bytes: Uint8Array;
  packetType: number;
  checksumNotReady: boolean;
  vlanTag: number | undefined;
  truncated: boolean;
}

/** A packet socket that keeps a copy of all it sees. */
function listen(side: "left" | "right", options: { etherType?: number; batch?: number; frameBytes?: number } = {}) {
  const { etherType = EXPERIMENT, ...sizes } = options;
  const frames: Seen[] = [];
  const batches: number[] = [];
  const errors: SystemCallError[] = [];
  const socket = new PacketSocket({
    namespace: side === "left" ? pair.left : pair.right,
    interfaceIndex: side === "left" ? leftIndex : rightIndex,
    filter: onlyEtherType(etherType),
    ...sizes,
    onFrames: (received) => {
      batches.push(received.length);
      for (const { buffer, offset, length, ...rest } of received) {
        frames.push({ ...rest, bytes: buffer.slice(offset, offset + length) });
      }
    },
    onError: (error) => errors.push(error),
  });
  return { socket, frames, batches, errors };
}

test("frames arrive whole and in order, our own do not come back", async () => {
  const left = listen("left");
  const right = listen("right");
  const sent = Array.from({ length: 150 }, (_, number) => frameOf(number));
  expect(right.socket.send(sent)).toBe(150);
  await until("150 frames", () => left.frames.length === 150);
  expect(left.frames.map((frame) => frame.bytes)).toEqual(sent);
  expect(left.frames[0]).toMatchObject({ packetType: 1, checksumNotReady: false, truncated: false });
  expect(left.batches[0]).toBe(64);
  expect(right.frames.length).toBe(0);
  left.socket.close();
  right.socket.close();
});

test("the filter keeps other frames away", async () => {
  const left = listen("left");
  const right = listen("right");
  right.socket.send([frameOf(1, 0x88b6), frameOf(2), frameOf(3, 0x0806), frameOf(4)]);
  await until("two frames", () => left.frames.length === 2);
  expect(left.frames.map((frame) => frame.bytes[59])).toEqual([2, 4]);
  left.socket.close();
  right.socket.close();
});

test("a tag that the kernel took out is told, a frame longer than the slot is marked", async () => {
  const left = listen("left", { frameBytes: 100 });
  const right = listen("right");
  const plain = frameOf(7);
  const tagged = new Uint8Array(64);
  tagged.set(plain.subarray(0, 12));
  tagged.set([0x81, 0x00, 0x60, 0x2a], 12);
  tagged.set(plain.subarray(12), 16);
  right.socket.send([tagged, frameOf(8, EXPERIMENT, 200), plain]);
  await until("three frames", () => left.frames.length === 3);
  expect(left.frames[0]).toMatchObject({ bytes: plain, vlanTag: 0x602a, truncated: false });
  expect(left.frames[1]).toMatchObject({ vlanTag: undefined, truncated: true });
  expect(left.frames[1]?.bytes.length).toBe(100);
  expect(left.frames[2]).toMatchObject({ bytes: plain, vlanTag: undefined });
  left.socket.close();
  right.socket.close();
});

/** struct sockaddr_in */
function ipv4Address(address: readonly number[], port: number): Uint8Array {
  const bytes = Uint8Array.of(0, 0, port >> 8, port & 255, ...address, 0, 0, 0, 0, 0, 0, 0, 0);
  new Uint16Array(bytes.buffer)[0] = 2;
  return bytes;
}

test("a checksum that the sender's kernel left open is told; UDP goes both ways with its peers", async () => {
  ip("-n", pair.leftName, "address", "add", "192.0.2.1/24", "dev", "left");
  ip("-n", pair.rightName, "address", "add", "192.0.2.2/24", "dev", "right");
  const sniffer = listen("left", { etherType: IPV4 });
  const received: { text: string; peer: Uint8Array; truncated: boolean }[] = [];
  const open = (namespace: number, address: Uint8Array, datagramBytes: number): DatagramSocket => {
    const descriptor = openSocket({ namespace, family: 2, type: 2, protocol: 17 });
    bindSocket(descriptor, address);
    return new DatagramSocket({
      descriptor,
      datagramBytes,
      onDatagrams: (datagrams) => {
        for (const { buffer, offset, length, peer, truncated } of datagrams) {
          const text = new TextDecoder().decode(buffer.subarray(offset, offset + length));
          received.push({ text, peer: peer.slice(), truncated });
        }
      },
      onError: (error) => {
        throw error;
      },
    });
  };
  const leftAddress = ipv4Address([192, 0, 2, 1], 4001);
  const rightAddress = ipv4Address([192, 0, 2, 2], 4002);
  const left = open(pair.left, leftAddress, 2048);
  const right = open(pair.right, rightAddress, 5);
  const payload = new TextEncoder().encode("question");
  expect(right.send([{ payload, peer: leftAddress }])).toBe(1);
  await until("the question", () => received.length === 1);
  expect(received[0]).toEqual({ text: "question", peer: rightAddress, truncated: false });
  expect(left.send([{ payload: new TextEncoder().encode("answer"), peer: rightAddress }])).toBe(1);
  await until("the answer", () => received.length === 2);
  expect(received[1]).toEqual({ text: "answe", peer: leftAddress, truncated: true });
  await until("the frame", () => sniffer.frames.length === 1);
  expect(sniffer.frames[0]).toMatchObject({ checksumNotReady: true, packetType: 0 });
  left.close();
  right.close();
  sniffer.socket.close();
});

test("a datagram that cannot go is told and the others go", async () => {
  const left = listen("left");
  const right = listen("right");
  expect(right.socket.send([frameOf(1), new Uint8Array(9000), frameOf(3)])).toBe(2);
  expect(right.errors).toMatchObject([
    {
      errnoName: "EMSGSIZE",
      message: `send on packet socket on interface ${rightIndex}: sendmmsg: message too long (EMSGSIZE)`,
    },
  ]);
  await until("two frames", () => left.frames.length === 2);
  expect(left.frames.map((frame) => frame.bytes[59])).toEqual([1, 3]);
  left.socket.close();
  right.socket.close();
});

test("a link that goes down is told once and serves again when it is up", async () => {
  const left = listen("left");
  const right = listen("right");
  ip("-n", pair.leftName, "link", "set", "left", "down");
  await until("the error", () => left.errors.length > 0);
  expect(left.errors).toMatchObject([{ errnoName: "ENETDOWN", systemCall: "recvmmsg" }]);
  expect(left.socket.send([frameOf(1), frameOf(2)])).toBe(0);
  expect(left.errors).toMatchObject([{ systemCall: "recvmmsg" }, { errnoName: "ENETDOWN", systemCall: "sendmmsg" }]);
  ip("-n", pair.leftName, "link", "set", "left", "up");
  await until("the carrier", () => ip("-n", pair.rightName, "link", "show", "right").includes("LOWER_UP"));
  right.socket.send([frameOf(3)]);
  await until("the frame", () => left.frames.length === 1);
  expect(left.errors.length).toBe(2);
  left.socket.close();
  right.socket.close();
});

test("the callback may close its socket; nothing comes afterwards", async () => {
  const right = listen("right");
  let batches = 0;
  const socket = new PacketSocket({
    namespace: pair.left,
    interfaceIndex: leftIndex,
    filter: onlyEtherType(EXPERIMENT),
    batch: 2,
    onFrames: () => {
      batches += 1;
      socket.close();
    },
    onError: (error) => {
      throw error;
    },
  });
  const behind = listen("left");
  right.socket.send(Array.from({ length: 10 }, (_, number) => frameOf(number)));
  await until("the other socket's frames", () => behind.frames.length === 10);
  expect(batches).toBe(1);
  socket.close();
  expect(thrownBy(() => socket.send([frameOf(1)]))).toMatchObject({ code: "closed" });
  behind.socket.close();
  right.socket.close();
});

test("a flood leaves the event loop its timers", async () => {
  const left = listen("left", { batch: 8 });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  const flood = new Worker(new URL("./flood.ts", import.meta.url), {
    execArgv: [],
    workerData: { namespace: pair.right, interfaceIndex: rightIndex, frame: frameOf(1), milliseconds: 500 },
  });
  const sent = await new Promise<number>((resolve, reject) => {
    flood.once("message", resolve);
    flood.once("error", reject);
  });
  clearInterval(timer);
  expect(sent).toBeGreaterThan(1000);
  expect(left.frames.length).toBeGreaterThan(500);
  expect(ticks).toBeGreaterThan(10);
  expect(Math.max(...left.batches)).toBe(8);
  left.socket.close();
  await flood.terminate();
});

test("what cannot be opened leaves no descriptor", () => {
  const before = openDescriptors();
  const open = (interfaceIndex: number, filter: BpfInstruction[]): (() => unknown) => {
    const nothing = (): void => undefined;
    return () =>
      new PacketSocket({ namespace: pair.left, interfaceIndex, filter, onFrames: nothing, onError: nothing });
  };
  expect(thrownBy(open(9999, onlyEtherType(EXPERIMENT)))).toMatchObject({ errnoName: "ENODEV", systemCall: "bind" });
  expect(thrownBy(open(leftIndex, []))).toMatchObject({ errnoName: "EINVAL" });
  expect(thrownBy(open(leftIndex, [{ code: 0xffff, jt: 0, jf: 0, k: 0 }]))).toMatchObject({ errnoName: "EINVAL" });
  const file = openSocket({ family: 2, type: 2, protocol: 0 });
  const nothing = (): void => undefined;
  const badBatch = { descriptor: file, batch: 5000, onDatagrams: nothing, onError: nothing };
  expect(thrownBy(() => new DatagramSocket(badBatch))).toMatchObject({ errnoName: "EINVAL" });
  expect(thrownBy(() => closeDescriptor(file))).toMatchObject({ errnoName: "EBADF" });
  expect(openDescriptors()).toEqual(before);
});
