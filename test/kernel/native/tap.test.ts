import { readSync } from "node:fs";

import { afterAll, beforeAll, expect, test } from "vitest";

import {
  closeDescriptor,
  createNamespace,
  deleteNamespace,
  openNamespace,
  openTap,
  PacketSocket,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, inside, ip, openDescriptors, thrownBy } from "./support.ts";

const descriptors = openDescriptors();
let namespace: number;

beforeAll(() => {
  createNamespace("t-tap");
  namespace = openNamespace("/run/netns/t-tap");
});

afterAll(async () => {
  closeDescriptor(namespace);
  deleteNamespace("t-tap");
  await assertSameDescriptors(descriptors);
});

const details = (name: string): unknown => JSON.parse(ip("-n", "t-tap", "-d", "-j", "link", "show", name));
const names = (): string[] => ip("-n", "t-tap", "-o", "link").match(/(?<=^\d+: )[^:@]+/gm) ?? [];

test("a tap appears in its namespace with its owner and goes with its descriptor", () => {
  const tap = openTap({ namespace, name: "tap0", mode: "tap", owner: 0, group: 0 });
  expect(details("tap0")).toMatchObject([
    {
      linkinfo: {
        info_kind: "tun",
        info_data: { type: "tap", pi: false, persist: false, user: "root", group: "root" },
      },
    },
  ]);
  expect(ip("-o", "link")).not.toContain("tap0");
  closeDescriptor(tap);
  expect(names()).not.toContain("tap0");
});

test("a persistent tap stays until it is deleted, whoever opens and closes it", () => {
  const options = { namespace, name: "tap0", mode: "tap" } as const;
  closeDescriptor(openTap({ ...options, persist: true }));
  expect(details("tap0")).toMatchObject([{ linkinfo: { info_data: { persist: true } } }]);
  closeDescriptor(openTap(options));
  expect(names()).toContain("tap0");
  ip("-n", "t-tap", "link", "del", "tap0");
  expect(names()).not.toContain("tap0");
});

test("several queues and the virtio header", () => {
  const options = { namespace, name: "tap0", mode: "tap", multiQueue: true, vnetHeader: true } as const;
  const queues = [openTap(options), openTap(options), openTap(options)];
  expect(details("tap0")).toMatchObject([
    { linkinfo: { info_data: { multi_queue: true, vnet_hdr: true, numqueues: 3 } } },
  ]);
  for (const queue of queues) closeDescriptor(queue);
});

test("a tun is no tap", () => {
  const tun = openTap({ namespace, name: "tun0", mode: "tun" });
  expect(details("tun0")).toMatchObject([{ linkinfo: { info_data: { type: "tun" } } }]);
  expect(thrownBy(() => openTap({ namespace, name: "tun0", mode: "tap" }))).toMatchObject({ errnoName: "EINVAL" });
  closeDescriptor(tun);
});

test("a tap in use is busy and the message names it", () => {
  const tap = openTap({ namespace, name: "tap0", mode: "tap" });
  expect(thrownBy(() => openTap({ namespace, name: "tap0", mode: "tap" }))).toMatchObject({
    errnoName: "EBUSY",
    systemCall: "ioctl(TUNSETIFF)",
    message: "open tap tap0: ioctl(TUNSETIFF): resource busy or locked (EBUSY)",
  });
  closeDescriptor(tap);
});

test("exclusive refuses a device that exists", () => {
  closeDescriptor(openTap({ namespace, name: "tap0", mode: "tap", persist: true }));
  const exclusive = thrownBy(() => openTap({ namespace, name: "tap0", mode: "tap", exclusive: true }));
  expect(exclusive).toMatchObject({ errnoName: "EBUSY" });
  ip("-n", "t-tap", "link", "del", "tap0");
});

test("an owner that no user namespace maps fails and leaves no device behind", () => {
  const refused = thrownBy(() => openTap({ namespace, name: "tap0", mode: "tap", owner: 0xffffffff, persist: true }));
  expect(refused).toMatchObject({ errnoName: "EINVAL", systemCall: "ioctl(TUNSETOWNER)" });
  expect(names()).not.toContain("tap0");
});

test("a name that is too long is refused before the kernel cuts it", () => {
  const refused = thrownBy(() => openTap({ namespace, name: "sixteen-letters-", mode: "tap" }));
  expect(refused).toMatchObject({ code: "ERR_INVALID_ARG_TYPE" });
});

test("a frame sent into the tap's interface is read from the descriptor, byte by byte", () => {
  const tap = openTap({ namespace, name: "tap0", mode: "tap" });
  inside("t-tap", "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
  ip("-n", "t-tap", "link", "set", "tap0", "up");
  const frame = new Uint8Array(60).map((_, index) => index);
  frame.set([0x88, 0xb5], 12);
  const socket = new PacketSocket({
    namespace,
    interfaceIndex: Number.parseInt(ip("-n", "t-tap", "-o", "link", "show", "tap0"), 10),
    filter: [{ code: 0x06, jt: 0, jf: 0, k: 0 }],
    onFrames: () => undefined,
    onError: (error) => {
      throw error;
    },
  });
  expect(socket.send([frame])).toBe(1);
  socket.close();
  const read = new Uint8Array(2048);
  expect(readSync(tap, read)).toBe(60);
  expect(read.subarray(0, 60)).toEqual(frame);
  closeDescriptor(tap);
});
