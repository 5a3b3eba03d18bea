import { afterAll, beforeAll, expect, test } from "vitest";

import {
  closeDescriptor,
  createNamespace,
  deleteNamespace,
  hostInteger,
  NETLINK_DATAGRAM_ROOM_BYTES,
  NetlinkEvents,
  netlinkExchange,
  openNamespace,
  openSocket,
  setSocketOption,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, ip, openDescriptors, rejectionOf, until } from "./support.ts";

const NETLINK = { family: 16, type: 3, protocol: 0 } as const;
const descriptors = openDescriptors();
let namespace: number;

beforeAll(() => {
  createNamespace("t-netlink");
  namespace = openNamespace("/run/netns/t-netlink");
});

afterAll(async () => {
  closeDescriptor(namespace);
  deleteNamespace("t-netlink");
  await assertSameDescriptors(descriptors);
});

/** Headers only: type, flags, sequence number. */
function requests(...headers: [type: number, flags: number, sequence: number][]): Uint8Array {
  const bytes = new Uint8Array(headers.length * 16);
  const view = new DataView(bytes.buffer);
  headers.forEach(([type, flags, sequence], index) => {
    view.setUint32(index * 16, 16, true);
    view.setUint16(index * 16 + 4, type, true);
    view.setUint16(index * 16 + 6, flags, true);
    view.setUint32(index * 16 + 8, sequence, true);
  });
  return bytes;
}

const NOOP = 1;
const REQUEST_ACK = 5;
/** RTM_GETLINK with a header of rtgenmsg's size padded to ifinfomsg, dump. */
function dumpLinks(): Uint8Array {
  const bytes = new Uint8Array(32);
  bytes.set(requests([18, 0x301, 1]));
  new DataView(bytes.buffer).setUint32(0, 32, true);
  return bytes;
}

test("many requests go in one write; every acknowledgement comes back, one after the other", async () => {
  const fd = openSocket({ namespace, ...NETLINK });
  const receive = new Uint8Array(1 << 20);
  const send = requests(...Array.from({ length: 100 }, (_, i): [number, number, number] => [NOOP, REQUEST_ACK, i]));
  const lengths = await netlinkExchange({ fd, send, receive, minimumDatagrams: 100, timeoutMilliseconds: 5000 });
  expect(lengths).toEqual(Array.from({ length: 100 }, () => 36));
  const view = new DataView(receive.buffer);
  for (let index = 0; index < 100; index++) expect(view.getUint32(index * 36 + 8, true)).toBe(index);
  closeDescriptor(fd);
});

test("a dump is that of the socket's namespace and goes on in further exchanges", async () => {
  ip("-n", "t-netlink", "link", "add", "name", "only-here", "type", "bridge");
  const fd = openSocket({ namespace, ...NETLINK });
  const receive = new Uint8Array(NETLINK_DATAGRAM_ROOM_BYTES);
  let text = "";
  let type = 0;
  let send: Uint8Array = dumpLinks();
  while (type !== 3) {
    const lengths = await netlinkExchange({ fd, send, receive, minimumDatagrams: 1, timeoutMilliseconds: 5000 });
    expect(lengths.length).toBeGreaterThan(0);
    let offset = 0;
    for (const length of lengths) {
      type = new DataView(receive.buffer).getUint16(offset + 4, true);
      text += Buffer.from(receive.subarray(offset, offset + length)).toString("latin1");
      offset += length;
    }
    send = new Uint8Array(0);
  }
  closeDescriptor(fd);
  expect(text).toContain("only-here");
});

test("what does not come in time is missing, without an error, and the loop goes on meanwhile", async () => {
  const fd = openSocket({ namespace, ...NETLINK });
  const receive = new Uint8Array(NETLINK_DATAGRAM_ROOM_BYTES * 2);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const send = requests([NOOP, REQUEST_ACK, 1]);
  const lengths = await netlinkExchange({ fd, send, receive, minimumDatagrams: 2, timeoutMilliseconds: 200 });
  clearInterval(timer);
  expect(lengths).toEqual([36]);
  expect(ticks).toBeGreaterThan(3);
  closeDescriptor(fd);
});

test("many exchanges at once all end; the caller may close its descriptor at once", async () => {
  const exchanges = Array.from({ length: 40 }, async () => {
    const fd = openSocket({ namespace, ...NETLINK });
    const receive = new Uint8Array(NETLINK_DATAGRAM_ROOM_BYTES * 2);
    const send = requests([NOOP, REQUEST_ACK, 1]);
    const promise = netlinkExchange({ fd, send, receive, minimumDatagrams: 1, timeoutMilliseconds: 5000 });
    closeDescriptor(fd);
    return await promise;
  });
  expect(await Promise.all(exchanges)).toEqual(Array.from({ length: 40 }, () => [36]));
});

test("replies that the kernel had to drop are an error", async () => {
  const fd = openSocket({ namespace, ...NETLINK });
  setSocketOption(fd, 1, 8, hostInteger(1));
  const receive = new Uint8Array(1 << 20);
  const send = requests(...Array.from({ length: 200 }, (_, i): [number, number, number] => [NOOP, REQUEST_ACK, i]));
  const exchange = netlinkExchange({ fd, send, receive, minimumDatagrams: 200, timeoutMilliseconds: 2000 });
  expect(await rejectionOf(exchange)).toMatchObject({
    errnoName: "ENOBUFS",
    message: `netlink exchange on socket ${fd}: recvmsg: no buffer space available (ENOBUFS)`,
  });
  closeDescriptor(fd);
});

test("wrong use is refused before anything is sent", async () => {
  const receive = new Uint8Array(1000);
  const small = netlinkExchange({ fd: 0, receive, minimumDatagrams: 1, timeoutMilliseconds: 1 });
  expect(await rejectionOf(small)).toMatchObject({ code: "bad-value" });
  const room = new Uint8Array(NETLINK_DATAGRAM_ROOM_BYTES);
  const closed = netlinkExchange({ fd: 9999, receive: room, minimumDatagrams: 1, timeoutMilliseconds: 1 });
  expect(await rejectionOf(closed)).toMatchObject({ errnoName: "EBADF" });
});

/** The types of the messages in one datagram. */
function messageTypes(messages: Uint8Array): number[] {
  const view = new DataView(messages.buffer, messages.byteOffset, messages.length);
  const types: number[] = [];
  for (let offset = 0; offset < messages.length; offset += (view.getUint32(offset, true) + 3) & ~3) {
    types.push(view.getUint16(offset + 4, true));
  }
  return types;
}

test("events of the groups asked for arrive, those of other namespaces do not", async () => {
  const types: number[] = [];
  const events = new NetlinkEvents({
    namespace,
    groups: [1],
    onMessages: (messages) => types.push(...messageTypes(messages)),
    onOverrun: () => {
      throw new Error("overrun");
    },
    onError: (error) => {
      throw error;
    },
  });
  ip("link", "add", "name", "elsewhere", "type", "bridge");
  ip("link", "del", "elsewhere");
  ip("-n", "t-netlink", "link", "add", "name", "seen", "type", "bridge");
  ip("-n", "t-netlink", "address", "add", "192.0.2.1/24", "dev", "seen");
  ip("-n", "t-netlink", "link", "del", "seen");
  await until("RTM_DELLINK", () => types.includes(17));
  expect(new Set(types)).toEqual(new Set([16, 17]));
  expect(types.filter((type) => type === 17).length).toBe(1);
  events.close();
});

test("lost events are told, and further ones still arrive", async () => {
  let overruns = 0;
  let messages = 0;
  const events = new NetlinkEvents({
    namespace,
    groups: [1],
    receiveBufferBytes: 4096,
    onMessages: () => messages++,
    onOverrun: () => overruns++,
    onError: (error) => {
      throw error;
    },
  });
  // The loop stands still meanwhile.
  for (let round = 0; round < 10; round++) {
    ip("-n", "t-netlink", "link", "add", "name", "many", "type", "bridge");
    ip("-n", "t-netlink", "link", "del", "many");
  }
  await until("the overrun", () => overruns > 0);
  messages = 0;
  ip("-n", "t-netlink", "link", "add", "name", "one-more", "type", "bridge");
  await until("a message after it", () => messages > 0);
  expect(overruns).toBeGreaterThan(0);
  events.close();
});
