/** A worker thread that sends one frame as often as it can for a while, then says how many were taken. */
import { parentPort, workerData } from "node:worker_threads";

import { PacketSocket } from "../../../src/kernel/native.ts";

const { namespace, interfaceIndex, frame, milliseconds } = workerData as {
  namespace: number;
  interfaceIndex: number;
  frame: Uint8Array;
  milliseconds: number;
};
const frames = Array.from({ length: 64 }, () => frame);
const socket = new PacketSocket({
  namespace,
  interfaceIndex,
  filter: [{ code: 0x06, jt: 0, jf: 0, k: 0 }],
  onFrames: () => undefined,
  onError: (error) => {
    throw error;
  },
});
const end = performance.now() + milliseconds;
let sent = 0;
while (performance.now() < end) sent += socket.send(frames);
socket.close();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
parentPort?.postMessage(sent);
