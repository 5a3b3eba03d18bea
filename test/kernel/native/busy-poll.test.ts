/** A datagram socket that looks for the next datagram without sleep. */
import { performance } from "node:perf_hooks";
import { afterAll, expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { bindSocket, closeDescriptor, connectSocket, DatagramSocket, openSocket } from "../../../src/kernel/native.ts";
import { AF_INET, encodeSocketAddress } from "../../../src/kernel/socket-address.ts";
import { assertSameDescriptors, openDescriptors, thrownBy, until } from "./support.ts";

const SOCK_DGRAM = 2;
const NO_PEER = new Uint8Array(0);
const descriptors = openDescriptors();

afterAll(() => assertSameDescriptors(descriptors));

/** Connected to its own port: what it sends it receives, at once. `onTurn` is told how many it has received. */
function openEcho(port: number, onTurn: (turns: number, echo: DatagramSocket) => void): DatagramSocket {
  const address = encodeSocketAddress({ address: parseIp("127.0.0.1"), port });
  const descriptor = openSocket({ family: AF_INET, type: SOCK_DGRAM, protocol: 0 });
  bindSocket(descriptor, address);
  connectSocket(descriptor, address);
  let turns = 0;
  const echo: DatagramSocket = new DatagramSocket({
    descriptor,
    batch: 4,
    datagramBytes: 64,
    busyPollMicroseconds: 1000,
    onDatagrams: (datagrams) => {
      turns += datagrams.length;
      onTurn(turns, echo);
    },
    onError: (error) => {
      throw error;
    },
  });
  return echo;
}

function say(socket: DatagramSocket): void {
  expect(socket.send([{ payload: Uint8Array.of(1), peer: NO_PEER }])).toBe(1);
}

test("one that never comes to rest keeps neither timers, nor immediates, nor other sockets waiting for ever", async () => {
  const heard = new Set<string>();
  using other = openEcho(5401, () => heard.add("other socket"));
  using busy = openEcho(5400, (turns, echo) => {
    if (turns === 10) {
      say(other);
      setImmediate(() => heard.add("immediate"));
      setTimeout(() => heard.add("timer"), 5);
    }
    if (heard.size < 3) say(echo);
  });
  say(busy);
  await until("all three", () => heard.size === 3);
});

test("what comes at once needs no turn of the event loop for each", async () => {
  const turns = 1000;
  const { nodeTiming } = performance;
  let began = 0;
  let loops: number | undefined;
  using echo = openEcho(5404, (heard, socket) => {
    if (heard === 1) began = nodeTiming.uvMetricsInfo.loopCount;
    if (heard === turns) loops = nodeTiming.uvMetricsInfo.loopCount - began;
    else say(socket);
  });
  say(echo);
  await until("the last turn", () => loops !== undefined);
  expect(loops).toBeLessThan(turns / 2);
});

test("after a pause it hears again, and goes on hearing", async () => {
  let heard = 0;
  using echo = openEcho(5402, (turns) => {
    heard = turns;
  });
  for (let turn = 1; turn <= 200; turn++) {
    say(echo);
    await until(`turn ${turn}`, () => heard === turn);
  }
});

test("it may be closed from its own callback", async () => {
  let last = 0;
  const echo = openEcho(5403, (turns, socket) => {
    last = turns;
    say(socket);
    if (turns === 100) socket.close();
  });
  say(echo);
  await until("the end", () => last === 100);
  await new Promise((resolve) => setTimeout(resolve, 10));
  expect(last).toBe(100);
});

test("longer than a millisecond is refused", () => {
  const descriptor = openSocket({ family: AF_INET, type: SOCK_DGRAM, protocol: 0 });
  const nothing = (): void => undefined;
  const options = { descriptor, busyPollMicroseconds: 1001, onDatagrams: nothing, onError: nothing };
  expect(thrownBy(() => new DatagramSocket(options))).toMatchObject({ errnoName: "EINVAL" });
  expect(thrownBy(() => closeDescriptor(descriptor))).toMatchObject({ errnoName: "EBADF" });
});
