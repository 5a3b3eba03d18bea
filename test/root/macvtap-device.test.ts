/** The device of a macvtap, where another namespace has a macvtap with the same interface index. */
import { closeSync, existsSync, fstatSync, readdirSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { findMacvtap, openMacvtap } from "../../src/kernel/macvtap.ts";
import { shell } from "../support/network.ts";

/** Unlikely to be anybody's. */
const INDEX = 47_911;
const NODE = `/dev/tap${INDEX}`;

beforeEach(() => {
  for (const name of ["one", "two"]) {
    shell(`ip netns add ${name}
      ip -n ${name} link add parent0 type veth peer name parent1
      ip -n ${name} link set parent0 up
      ip -n ${name} link add macvtap0 index ${INDEX} link parent0 type macvtap mode bridge
      ip -n ${name} link set macvtap0 up`);
  }
});
afterEach(() => {
  shell("ip netns delete one; ip netns delete two");
});

/** As sysfs shows it inside. */
function numberIn(namespace: string): string {
  const script = "mount -t sysfs sysfs /sys && cat /sys/class/net/macvtap0/tap*/dev";
  return shell(`nsenter --net=/run/netns/${namespace} unshare --mount sh -c '${script}'`).trim();
}

const deviceOf = (descriptor: number): bigint => fstatSync(descriptor, { bigint: true }).rdev;

test("each namespace's own is opened, though one name stands for both", async () => {
  expect(numberIn("one")).not.toBe(numberIn("two"));
  const found = await Promise.all(["one", "two"].map((name) => findMacvtap(name, "macvtap0")));
  expect(found.map(({ major, minor }) => `${major}:${minor}`)).toEqual([numberIn("one"), numberIn("two")]);
  // The node is at most one's.
  const owners = found.filter(({ path }) => path !== undefined);
  expect(owners.length).toBe(existsSync(NODE) ? 1 : 0);
  const folders = readdirSync("/dev");
  const opened = [
    ...(await openMacvtap({ namespace: "one", interfaceName: "macvtap0" })),
    ...(await openMacvtap({ namespace: "two", interfaceName: "macvtap0" })),
  ];
  try {
    expect(deviceOf(opened[0]!)).not.toBe(deviceOf(opened[1]!));
    if (existsSync(NODE)) {
      const node = statSync(NODE, { bigint: true }).rdev;
      expect(opened.map((descriptor) => deviceOf(descriptor) === node)).toEqual(found.map(({ path }) => path === NODE));
    }
    expect(readdirSync("/dev")).toEqual(folders);
  } finally {
    opened.forEach((descriptor) => closeSync(descriptor));
  }
});

test("one descriptor for each pair of queues, all of one device", async () => {
  const opened = await openMacvtap({ namespace: "two", interfaceName: "macvtap0", queues: 3 });
  expect(new Set(opened.map(deviceOf)).size).toBe(1);
  expect(opened).toHaveLength(3);
  opened.forEach((descriptor) => closeSync(descriptor));
});

test("an interface that is no macvtap, or not there", async () => {
  for (const interfaceName of ["parent0", "nowhere"]) {
    await expect(openMacvtap({ namespace: "one", interfaceName })).rejects.toMatchObject({ code: "no-macvtap" });
  }
});
