import { constants, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync, writeSync } from "node:fs";

import { afterEach, expect, test } from "vitest";

import {
  closeDescriptor,
  createNamespace,
  deleteNamespace,
  openFileInNamespace,
  openNamespace,
} from "../../../src/kernel/native.ts";
import { assertSameDescriptors, inside, ip, openDescriptors, run, thrownBy } from "./support.ts";

/** Empty as well before anything was ever created. */
const named = (): string[] => {
  try {
    return readdirSync("/run/netns");
  } catch {
    return []; // no such folder
  }
};
const descriptors = openDescriptors();
const ownNamespace = readlinkSync("/proc/self/ns/net");

afterEach(async () => {
  for (const name of named()) if (name.startsWith("t-")) deleteNamespace(name);
  await assertSameDescriptors(descriptors);
  for (const task of readdirSync("/proc/self/task")) {
    const namespace = readlinkSync(`/proc/self/task/${task}/ns/net`);
    if (namespace !== ownNamespace) throw new Error(`thread ${task} is left in ${namespace}`);
  }
});

test("a created namespace is one of ip netns, and new", () => {
  createNamespace("t-a");
  expect(ip("netns", "list").split("\n")).toContain("t-a");
  expect(JSON.parse(ip("-n", "t-a", "-j", "link"))).toMatchObject([{ ifname: "lo", operstate: "DOWN" }]);
  expect(statSync("/run/netns/t-a").ino === statSync("/proc/self/ns/net").ino).toBe(false);
  expect(readFileSync("/proc/self/mountinfo", "utf8")).toMatch(/ \/run\/netns rw.* shared:/);
});

test("ip netns adds beside ours, deletes ours, and we delete its", () => {
  ip("netns", "add", "t-theirs");
  createNamespace("t-ours");
  ip("netns", "del", "t-ours");
  deleteNamespace("t-theirs");
  expect(named().filter((name) => name.startsWith("t-"))).toEqual([]);
});

test("/run/netns is mounted once however many are created", () => {
  for (const name of ["t-1", "t-2", "t-3"]) createNamespace(name);
  const mounts = readFileSync("/proc/self/mountinfo", "utf8").match(/ \/run\/netns /g);
  expect(mounts?.length).toBe(1);
});

test("a name in use is refused and stays as it is", () => {
  createNamespace("t-a");
  const before = statSync("/run/netns/t-a").ino;
  expect(thrownBy(() => createNamespace("t-a"))).toMatchObject({
    code: "namespace-exists",
    message: "create namespace t-a: it exists already",
  });
  expect(statSync("/run/netns/t-a").ino).toBe(before);
});

test("a creation that was killed halfway is told apart and can be deleted", () => {
  createNamespace("t-first");
  writeFileSync("/run/netns/t-broken", "", { mode: 0 });
  expect(thrownBy(() => createNamespace("t-broken"))).toMatchObject({ code: "namespace-broken" });
  deleteNamespace("t-broken");
  createNamespace("t-broken");
  expect(ip("netns", "list").split("\n")).toContain("t-broken");
});

test("names that would leave the folder are refused", () => {
  for (const name of ["", ".", "..", "a/b", "../a", "a\0b", "n".repeat(256)]) {
    expect(thrownBy(() => createNamespace(name))).toMatchObject({ code: "bad-name" });
    expect(thrownBy(() => deleteNamespace(name))).toMatchObject({ code: "bad-name" });
  }
});

test("deleting what is not there says so", () => {
  expect(thrownBy(() => deleteNamespace("t-none"))).toMatchObject({
    code: "system-call",
    errnoName: "ENOENT",
    message: "delete namespace t-none: unlink: no such file or directory (ENOENT)",
  });
});

test("a held namespace outlives its name", () => {
  createNamespace("t-a");
  const held = openNamespace("/run/netns/t-a");
  deleteNamespace("t-a");
  expect(ip("netns", "list").split("\n")).not.toContain("t-a");
  expect(run("nsenter", `--net=/proc/${process.pid}/fd/${held}`, "--", "ip", "-o", "link")).toMatch(/ lo: /);
  closeDescriptor(held);
});

test("what is no network namespace is refused", () => {
  expect(thrownBy(() => openNamespace("/run/netns/t-none"))).toMatchObject({ errnoName: "ENOENT" });
  expect(thrownBy(() => openNamespace("/etc/hosts"))).toMatchObject({ errnoName: "ENOTTY" });
  expect(thrownBy(() => openNamespace("/proc/self/ns/mnt"))).toMatchObject({ errnoName: "EINVAL" });
});

test("a sysctl is written in the namespace that was meant", () => {
  const path = "/proc/sys/net/ipv4/ip_forward";
  const before = readFileSync(path, "utf8");
  createNamespace("t-a");
  const namespace = openNamespace("/run/netns/t-a");
  const file = openFileInNamespace({ namespace, path, flags: constants.O_RDWR });
  writeSync(file, before.startsWith("1") ? "0" : "1");
  closeDescriptor(file);
  closeDescriptor(namespace);
  expect(readFileSync(path, "utf8")).toBe(before);
  expect(inside("t-a", "cat", path)).toBe(before.startsWith("1") ? "0\n" : "1\n");
});

test("a file that cannot be opened there names itself", () => {
  createNamespace("t-a");
  const namespace = openNamespace("/run/netns/t-a");
  const path = "/proc/sys/net/ipv4/conf/none/forwarding";
  expect(thrownBy(() => openFileInNamespace({ namespace, path, flags: constants.O_RDONLY }))).toMatchObject({
    errnoName: "ENOENT",
    message: `open ${path}: open: no such file or directory (ENOENT)`,
  });
  closeDescriptor(namespace);
  const closed = thrownBy(() => openFileInNamespace({ namespace, path: "/etc/hosts", flags: constants.O_RDONLY }));
  expect(closed).toMatchObject({ errnoName: "EBADF", systemCall: "setns" });
});
