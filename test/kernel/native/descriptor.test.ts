import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import {
  closeDescriptor,
  fdatasync,
  lockDescriptor,
  openSocketPair,
  receiveDescriptors,
  sendDescriptors,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, openDescriptors, rejectionOf, thrownBy } from "./support.ts";

const STREAM = 1;
const SEQUENCED = 5;
const descriptors = openDescriptors();
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-descriptor-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
  assertSameDescriptors(descriptors);
});

const payload = Uint8Array.of(1, 2, 3);

test("descriptors arrive with their payload, close-on-exec, and work", () => {
  const [ours, theirs] = openSocketPair(STREAM);
  const file = openSync(join(folder, "passed"), "w");
  sendDescriptors(ours, [file, file], payload);
  closeSync(file);
  const received = receiveDescriptors(theirs);
  expect(received?.payload).toEqual(payload);
  expect(received?.descriptors.length).toBe(2);
  for (const descriptor of received?.descriptors ?? []) {
    expect(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8")).toMatch(/flags:\s+0?2[0-7]{6}/);
    writeSync(descriptor, "x");
    closeDescriptor(descriptor);
  }
  expect(readFileSync(join(folder, "passed"), "utf8")).toBe("xx");
  expect(receiveDescriptors(theirs)).toBe(undefined);
  closeDescriptor(ours);
  expect(receiveDescriptors(theirs)).toEqual({ payload: new Uint8Array(0), descriptors: [] });
  closeDescriptor(theirs);
});

test("a payload that does not fit is an error and its descriptors are closed", () => {
  const [ours, theirs] = openSocketPair(SEQUENCED);
  const before = openDescriptors();
  sendDescriptors(ours, [ours, theirs], new Uint8Array(100));
  expect(thrownBy(() => receiveDescriptors(theirs, 10))).toMatchObject({ errnoName: "EMSGSIZE" });
  expect(openDescriptors()).toEqual(before);
  closeDescriptor(ours);
  closeDescriptor(theirs);
});

test("a peer that is gone is told", () => {
  const [ours, theirs] = openSocketPair(STREAM);
  closeDescriptor(theirs);
  expect(thrownBy(() => sendDescriptors(ours, [ours], payload))).toMatchObject({ errnoName: "EPIPE" });
  closeDescriptor(ours);
});

test("a full queue, a wrong descriptor and too many are told", () => {
  const [ours, theirs] = openSocketPair(SEQUENCED);
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
  const [left, right] = openSocketPair(STREAM);
  expect(await rejectionOf(fdatasync(left))).toMatchObject({ errnoName: "EINVAL", systemCall: "fdatasync" });
  closeDescriptor(left);
  closeDescriptor(right);
  expect(await rejectionOf(fdatasync(left))).toMatchObject({ errnoName: "EBADF" });
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
