/** A datagram socket that goes from one peer to the next. */
import { afterAll, expect, test } from "vitest";
import { type IpAddress, parseIp } from "../../../src/base/address.ts";
import { bindSocket, connectSocket, DatagramSocket, openSocket, reconnectSocket } from "../../../src/kernel/native.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../../src/kernel/socket-address.ts";
import { assertSameDescriptors, openDescriptors, until } from "./support.ts";

const SOCK_DGRAM = 2;
const NO_PEER = new Uint8Array(0);
const PORT = 5399;
const descriptors = openDescriptors();

function unexpected(error: Error): never {
  throw error;
}

afterAll(() => assertSameDescriptors(descriptors));

/** A server that keeps what it is asked, and who asked. What it sends is there when `tell` returns. */
function openServer(family: number, address: IpAddress) {
  const asked: { readonly words: string; readonly from: Uint8Array }[] = [];
  const descriptor = openSocket({ family, type: SOCK_DGRAM, protocol: 0 });
  bindSocket(descriptor, encodeSocketAddress({ address, port: PORT }));
  const socket = new DatagramSocket({
    descriptor,
    onDatagrams: (datagrams) => {
      for (const { buffer, offset, length, peer } of datagrams)
        asked.push({ words: Buffer.from(buffer.subarray(offset, offset + length)).toString(), from: peer.slice() });
    },
    onError: unexpected,
  });
  const tell = (peer: Uint8Array, words: string): void => {
    expect(socket.send([{ payload: Buffer.from(words), peer }])).toBe(1);
  };
  return { asked, tell, [Symbol.dispose]: () => socket.close() };
}

async function turns(family: number, text: string): Promise<void> {
  const address = parseIp(text);
  using server = openServer(family, address);
  const to = encodeSocketAddress({ address, port: PORT });
  const descriptor = openSocket({ family, type: SOCK_DGRAM, protocol: 0 });
  connectSocket(descriptor, to);
  const heard: string[] = [];
  using client = new DatagramSocket({
    descriptor,
    onDatagrams: (datagrams) => {
      for (const { buffer, offset, length } of datagrams)
        heard.push(Buffer.from(buffer.subarray(offset, offset + length)).toString());
    },
    onError: unexpected,
  });
  const { asked, tell } = server;
  for (let turn = 0; turn < 4; turn++) {
    client.send([{ payload: Buffer.from("question"), peer: NO_PEER }]);
    await until("it is asked", () => asked.length === turn + 1);
    tell(asked[turn]!.from, `answer ${turn}`);
    await until("it is answered", () => heard.length === turn + 1);
    // Nothing is read between these two.
    tell(asked[turn]!.from, `late ${turn}`);
    reconnectSocket(descriptor, to);
    tell(asked[turn]!.from, `later ${turn}`);
  }
  expect(heard).toEqual(["answer 0", "answer 1", "answer 2", "answer 3"]);
  expect(new Set(asked.map(({ from }) => from.join())).size).toBeGreaterThan(1);
}

test("IPv4: another port each time; what came to the last one is gone", () => turns(AF_INET, "127.0.0.1"));
test("IPv6: another port each time; what came to the last one is gone", () => turns(AF_INET6, "::1"));

test("an error that waited at the socket is not the next peer's", async () => {
  using server = openServer(AF_INET, parseIp("127.0.0.1"));
  const descriptor = openSocket({ family: AF_INET, type: SOCK_DGRAM, protocol: 0 });
  // Nobody is there, as the kernel says at once.
  connectSocket(descriptor, encodeSocketAddress({ address: parseIp("127.0.0.1"), port: 1 }));
  using client = new DatagramSocket({ descriptor, onDatagrams: () => {}, onError: () => {} });
  client.send([{ payload: Buffer.from("nobody"), peer: NO_PEER }]);
  reconnectSocket(descriptor, encodeSocketAddress({ address: parseIp("127.0.0.1"), port: PORT }));
  expect(client.send([{ payload: Buffer.from("somebody"), peer: NO_PEER }])).toBe(1);
  await until("it is asked", () => server.asked.some(({ words }) => words === "somebody"));
});
