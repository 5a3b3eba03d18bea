/** A tap for an ordinary user, with real users: the sandbox has one only. */
import { chmodSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EMPTY } from "../../src/state/desired.ts";
import type { OwnershipRecord } from "../../src/state/step.ts";
import { carryOut } from "../kernel/transition/carry-out.ts";
import { json, shell } from "../support/network.ts";
import { bindingOf, makePod, makePodNetwork, removePod } from "../kernel/transition/pods.ts";

const OWNER = 1234;
let record: OwnershipRecord;

beforeAll(async () => {
  makePodNetwork();
  makePod("pod1", ["address add 192.0.2.5/24 dev eth0"]);
  const tapOwner = { uid: OWNER, gid: OWNER };
  const { desired } = await bindingOf("pod1", { profile: "modern", features: { dummy: true }, tapOwner });
  ({ record } = await carryOut(desired));
  chmodSync("/dev/net/tun", 0o666);
}, 120_000);

afterAll(async () => {
  await carryOut(EMPTY, record);
  removePod("pod1");
  shell("ip link delete br-pods");
}, 120_000);

/** What attaching to the pod's tap without privilege comes to. */
function attachAs(user: number): string {
  return shell(
    `nsenter --net=/run/netns/pod1 setpriv --reuid ${user} --regid ${user} --clear-groups busybox tunctl -t tap0 2>&1 >/dev/null && echo attached || true`,
  ).trim();
}

test("the tap belongs to the user, who may attach to it without privilege; others may not", () => {
  expect(json("ip -n pod1 -j -d link show dev tap0")).toMatchObject([
    { linkinfo: { info_kind: "tun", info_data: { type: "tap", user: OWNER, group: OWNER } } },
  ]);
  expect(attachAs(OWNER)).toBe("attached");
  expect(attachAs(OWNER + 1)).toContain("Operation not permitted");
});
