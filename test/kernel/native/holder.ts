/**
 * Opens one of everything, leaves it open with requests under way, and then does what its first argument (or
 * workerData) says: "wait", "exit", "throw" in a callback, "end" after closing all.
 */
import { closeSync, openSync } from "node:fs";
import { isMainThread, parentPort, workerData } from "node:worker_threads";

import {
  bindSocket,
  closeDescriptor,
  DatagramSocket,
  fdatasync,
  NetlinkEvents,
  netlinkExchange,
  openSocket,
  PacketSocket,
} from "../../../src/kernel/native.ts";

const task = isMainThread ? process.argv[2] : String(workerData);
const NETLINK = { family: 16, type: 3, protocol: 0 } as const;
const rethrow = (error: Error): never => {
  throw error;
};

const packets = new PacketSocket({
  interfaceIndex: 1,
  filter: [{ code: 0x06, jt: 0, jf: 0, k: 0xffffffff }],
  onFrames: () => undefined,
  onError: rethrow,
});
const events = new NetlinkEvents({
  groups: [1],
  onMessages: () => undefined,
  onOverrun: () => undefined,
  onError: rethrow,
});
const address = new Uint8Array(16);
new Uint16Array(address.buffer)[0] = 2;
address.set([127, 0, 0, 1], 4);
const udp = openSocket({ family: 2, type: 2, protocol: 0 });
bindSocket(udp, address);
const datagrams = new DatagramSocket({ descriptor: udp, onDatagrams: () => undefined, onError: rethrow });

// Four exchanges keep every thread of the queue busy, two more wait.
const netlink = openSocket(NETLINK);
const timeoutMilliseconds = task === "end" ? 50 : 60_000;
const exchanges = Array.from({ length: 6 }, () =>
  netlinkExchange({ fd: netlink, receive: new Uint8Array(65536), minimumDatagrams: 1, timeoutMilliseconds }),
);
const file = openSync("/proc/self/exe", "r");
const syncs = Array.from({ length: 50 }, () => fdatasync(file));
// By Node, which else closes that number again when the thread ends: another thread may have it by then.
closeSync(file);
closeDescriptor(netlink);

if (task === "exit") process.exit(0);
if (task === "end") {
  packets.close();
  events.close();
  datagrams.close();
}
if (task === "throw") {
  const request = new Uint8Array(16);
  new Uint32Array(request.buffer)[0] = 16;
  new Uint16Array(request.buffer).set([1, 5], 2);
  const socket = openSocket(NETLINK);
  const reader = new DatagramSocket({
    descriptor: socket,
    onDatagrams: () => {
      throw new Error("thrown by a callback");
    },
    onError: rethrow,
  });
  const kernel = new Uint8Array(12);
  new Uint16Array(kernel.buffer)[0] = 16;
  reader.send([{ payload: request, peer: kernel }]);
}
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage("ready");
await Promise.all([...exchanges, ...syncs]);
