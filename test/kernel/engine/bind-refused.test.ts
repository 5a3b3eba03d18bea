/** When bind cannot go on or is not alone: another bind, a pod that vanishes, a step that fails, names that are taken, wrong use. */
import { existsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostSnapshot, namespaceSnapshot } from "../../support/host-snapshot.ts";
import { done, failOnce, netloom, nftInFront } from "../../support/network.ts";
import { makePod, removePod } from "../transition/pods.ts";
import { BindHost, BindScene, end, PLAIN } from "./bind-scene.ts";
import { TapGuest } from "./tap-guest.ts";

let host: BindHost;
let scene: BindScene;

beforeAll(() => {
  host = new BindHost();
});
afterAll(() => host[Symbol.dispose]());
beforeEach(() => {
  scene = new BindScene();
});
afterEach(() => scene[Symbol.dispose]());

describe("while a bind runs", () => {
  test("a second one, and unbind, are refused and change nothing", async () => {
    await scene.withPod(PLAIN, async () => {
      const { running, line } = await scene.bind("pod1", "modern");
      const bound = namespaceSnapshot("pod1");
      for (const words of [scene.bindWords("pod1", "modern"), ["unbind", ...scene.options("/run/netns/pod1")]]) {
        const { code, stderr } = await netloom(words);
        expect(code).toBe(1);
        expect(stderr).toContain(`held by process ${running.child.pid} (bind eth0 in pod1)`);
        expect(namespaceSnapshot("pod1")).toEqual(bound);
      }
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      await guest.lease(scene.folder);
      await end(running);
    });
  });

  test("another pod is bound beside it from the same state folder", async () => {
    makePod("pod2", ["address add 192.0.2.7/24 dev eth0"]);
    try {
      const before = namespaceSnapshot("pod2");
      await scene.withPod(PLAIN, async () => {
        const first = await scene.bind("pod1", "modern");
        const second = await scene.bind("pod2", "legacy");
        expect(second.line.addresses).toEqual(["192.0.2.7/24"]);
        const status = JSON.parse(await done(["status", "--json", "--state", scene.state])) as { units: unknown[] };
        expect(status.units).toMatchObject([
          { name: "bind-pod1-eth0", state: "applied" },
          { name: "bind-pod2-eth0", state: "applied" },
        ]);
        await end(first.running);
        expect(namespaceSnapshot("pod2")).not.toEqual(before);
        await end(second.running);
      });
      expect(namespaceSnapshot("pod2")).toEqual(before);
    } finally {
      removePod("pod2");
    }
  });

  test.each([
    ["SIGTERM afterwards", "SIGTERM"],
    ["SIGKILL, then unbind", "SIGKILL"],
  ] as const)("the namespace vanishes; %s", async (_, signal) => {
    const before = hostSnapshot();
    makePod("pod1", PLAIN);
    const { running } = await scene.bind("pod1", "modern");
    removePod("pod1");
    const { code, stderr } = await running.stop(signal);
    if (signal === "SIGTERM") {
      expect(stderr).not.toContain("    at ");
      expect(code).toBe(0);
    }
    await done(["unbind", ...scene.options("pod1")]);
    scene.expectEmptyState();
    expect(hostSnapshot()).toEqual(before);
    // A new pod of that name is another one.
    makePod("pod1", PLAIN);
    try {
      const untouched = namespaceSnapshot("pod1");
      await end((await scene.bind("pod1", "modern")).running);
      expect(namespaceSnapshot("pod1")).toEqual(untouched);
    } finally {
      removePod("pod1");
    }
  });

  test("the namespace is replaced by another of its name, which is not touched", async () => {
    makePod("pod1", PLAIN);
    const { running } = await scene.bind("pod1", "modern");
    await running.stop("SIGKILL");
    removePod("pod1");
    const other = ["link set eth0 down", "link set eth0 address 0a:58:c0:00:02:09", "link set eth0 up"];
    await scene.withPod([...other, "address add 192.0.2.9/24 dev eth0"], async (before) => {
      await done(["unbind", ...scene.options("pod1")]);
      expect(namespaceSnapshot("pod1")).toEqual(before);
    });
  });
});

describe.each(["modern", "legacy"])("%s: a step that fails", (profile) => {
  test("all is undone, and the next bind works", async () => {
    await scene.withPod([...PLAIN, "address add 2001:db8::5/64 dev eth0"], async (before) => {
      const { code, stdout, stderr } = await netloom(
        scene.bindWords("pod1", profile),
        nftInFront(scene.folder, failOnce(scene.folder)),
      );
      expect(code).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain("nft is broken today");
      expect(stderr).toContain("everything done so far was undone");
      expect(existsSync(scene.folder.join("failed"))).toBe(true);
      expect(namespaceSnapshot("pod1")).toEqual(before);
      scene.expectEmptyState();
      await end((await scene.bind("pod1", profile)).running);
    });
  });
});

describe("refused, nothing touched", () => {
  test("a tap of that name is there", async () => {
    await scene.withPod([...PLAIN, "tuntap add dev tap0 mode tap"], async (before) => {
      const { code, stderr } = await netloom(scene.bindWords("pod1", "modern"));
      expect(code).toBe(1);
      expect(stderr).toContain("link tap0 in pod1 exists and is not netloom's");
      expect(namespaceSnapshot("pod1")).toEqual(before);
      const { running, line } = await scene.bind("pod1", "modern", ["--tap", "tap7"]);
      expect(line).toMatchObject({
        tap: "tap7",
        qemuArguments: expect.arrayContaining([expect.stringContaining("ifname=tap7")]),
      });
      await end(running);
    });
  });

  test.each([
    ["a bridge of our name", "link add k6t-eth0 type bridge", /link k6t-eth0 in pod1 exists/],
    ["an interface of the pod's later name", "link add eth0-nic type bridge", /link eth0-nic in pod1 exists/],
  ])("%s is there", async (_, line, told) => {
    await scene.withPod([...PLAIN, line], async (before) => {
      const { code, stderr } = await netloom(scene.bindWords("pod1", "modern"));
      expect(code).toBe(1);
      expect(stderr).toMatch(told);
      expect(namespaceSnapshot("pod1")).toEqual(before);
    });
  });

  test("no such namespace, no such path, no such interface", async () => {
    await scene.withPod(PLAIN, async () => {
      const cases: [string[], RegExp][] = [
        [scene.bindWords("nowhere", "modern"), /no network namespace nowhere/],
        [scene.bindWords("/run/netns/nowhere", "modern"), /no network namespace \/run\/netns\/nowhere/],
        [scene.bindWords("/etc/hosts", "modern"), /\/etc\/hosts/],
        [scene.bindWords("pod1", "modern", [], "eth7"), /eth7/],
        [
          scene.bindWords("pod1", "modern", ["--resolv-conf", scene.folder.join("none")]),
          /none: there is no such file/,
        ],
      ];
      for (const [words, told] of cases) {
        const { code, stderr } = await netloom(words);
        expect(stderr).toMatch(told);
        expect(stderr).not.toContain("    at ");
        expect(code).toBe(1);
      }
    });
  });

  test.each([
    ["without --netns", ["bind", "--foreground"], /--netns is missing/],
    ["without --foreground", ["bind", "--netns", "pod1"], /--foreground is missing/],
    [
      "a binding that does not exist",
      ["bind", "--netns", "pod1", "--binding", "slirp", "--foreground"],
      /--binding slirp/,
    ],
    ["a profile that does not exist", ["bind", "--netns", "pod1", "--profile", "old", "--foreground"], /--profile old/],
    [
      "a tap name that the kernel refuses",
      ["bind", "--netns", "pod1", "--tap", "a-name-of-16-byte", "--foreground"],
      /--tap a-name-of-16-byte/,
    ],
  ])("%s: exit code 2", async (_, words, told) => {
    const { code, stderr } = await netloom(words);
    expect(stderr).toMatch(told);
    expect(code).toBe(2);
  });
});
