/**
 * SIGKILL at every place of a change. NETLOOM_CRASH_AT=N kills the program at the Nth place that it passes: before the
 * journal, after it, before every step, after the last one, after the record.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostSnapshot, namespaceSnapshot, withoutNumbers } from "../../support/host-snapshot.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell, startNetloom, until } from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";

const TWO_PODS = `version: 1
name: crash
uplinks:
  wan: { device: uplink0 }
networks:
  lan: { subnet: 192.168.50.0/24 }
routers:
  edge: { networks: [lan], uplink: wan, nat: masquerade }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 192.168.50.10 }] }
  pod2: { kind: namespace, nics: [{ network: lan }] }
`;
const HOST_ENDS = ["pod1-eth0", "pod2-eth0"];
/** More places than any change here has: a guard against a program that never gets through. */
const MOST_PLACES = 100;
/** The place where the journal is written and nothing else done yet. */
const AFTER_JOURNAL = 2;

function crashAt(place: number): Record<string, string> {
  return { NETLOOM_CRASH_AT: String(place) };
}

/** Run with a kill at the place. @returns false: it came to its end before. @throws when it failed by itself */
async function killed(words: readonly string[], place: number): Promise<boolean> {
  const { code, signal, stderr } = await netloom(words, crashAt(place));
  if (signal === "SIGKILL") return true;
  if (code !== 0) throw new Error(`netloom ${words.join(" ")} ended with ${code} at place ${place}: ${stderr}`);
  return false;
}

/** Kill the command so many milliseconds after its journal was written. */
async function killAfter(words: readonly string[], journal: string, milliseconds: number): Promise<void> {
  const before = existsSync(journal) ? statSync(journal).mtimeMs : 0;
  const running = startNetloom(words);
  const written = () => (statSync(journal, { throwIfNoEntry: false })?.mtimeMs ?? 0) !== before;
  while (!written() && running.running) await sleep(1);
  await sleep(milliseconds);
  await running.stop("SIGKILL");
}

describe("apply and destroy", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("killed at any place: the same command resumes, destroy restores", { timeout: 240_000 }, async () => {
    using folder = new Folder();
    const file = folder.write("crash.yaml", TWO_PODS);
    const state = folder.join("state");
    const words = (command: string) => [command, file, "--state", state];
    const before = hostSnapshot();
    const applied = () => withoutNumbers(hostSnapshot(), HOST_ENDS);
    const expectNothingLeft = (place: string) => {
      expect(hostSnapshot(), `${place}`).toEqual(before);
      expect(readdirSync(state), `${place}`).toEqual([]);
    };
    await done(words("apply"));
    const undisturbed = applied();
    expect(undisturbed.filter((line) => line.includes("192.168.50.10"))).not.toEqual([]);
    await done(words("destroy"));
    expectNothingLeft("undisturbed");

    let places = 0;
    let destroyPlace = 0;
    for (let place = 1; place < MOST_PLACES && (await killed(words("apply"), place)); place++) {
      places = place;
      // Every other one is resumed and compared with what an undisturbed run makes; those between are taken back.
      if (place % 2 === 0) {
        await done(words("apply"));
        expect(applied(), `resumed after a kill at place ${place}`).toEqual(undisturbed);
      }
      destroyPlace++;
      if (!(await killed(words("destroy"), destroyPlace))) destroyPlace = 0;
      await done(words("destroy"));
      expectNothingLeft(`applied with a kill at place ${place}, destroyed with one at ${destroyPlace}`);
    }
    await done(words("destroy"));
    expectNothingLeft("at the end");
    // Journal, record and a place before each of its 18 steps at least.
    expect(places).toBeGreaterThan(20);
    expect(places).toBeLessThan(MOST_PLACES - 1);
  });
});

describe("destroy when all but its journal is forgotten", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("what was before is known from the journal alone", async () => {
    using folder = new Folder();
    const file = folder.write("crash.yaml", TWO_PODS);
    const state = folder.join("state");
    const words = (command: string) => [command, file, "--state", state];
    const unit = join(state, "units/crash");
    const before = hostSnapshot();
    await done(words("apply"));
    expect(await killed(words("destroy"), AFTER_JOURNAL)).toBe(true);
    const journal = readFileSync(join(unit, "journal.json"));
    await done(words("destroy"));
    mkdirSync(unit, { recursive: true });
    writeFileSync(join(unit, "journal.json"), journal);
    await done(words("destroy"));
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });
});

describe("apply and destroy at full speed, steps travelling together", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("killed at any time: the same command resumes, destroy restores", { timeout: 240_000 }, async () => {
    using folder = new Folder();
    const file = folder.write("crash.yaml", TWO_PODS);
    const state = folder.join("state");
    const journal = join(state, "units/crash/journal.json");
    const words = (command: string) => [command, file, "--state", state];
    const before = hostSnapshot();
    const applied = () => withoutNumbers(hostSnapshot(), HOST_ENDS);
    await done(words("apply"));
    const undisturbed = applied();
    await done(words("destroy"));
    for (let i = 0; i < 10; i++) {
      // From the journal to the end it takes some 100 ms.
      const milliseconds = i * 11 + Math.random() * 10;
      await killAfter(words("apply"), journal, milliseconds);
      if (i % 2 === 0) {
        await done(words("apply"));
        expect(applied(), `resumed after ${milliseconds} ms`).toEqual(undisturbed);
        await killAfter(words("destroy"), journal, milliseconds);
      }
      await done(words("destroy"));
      expect(hostSnapshot(), `killed after ${milliseconds} ms`).toEqual(before);
      expect(readdirSync(state)).toEqual([]);
    }
  });
});

describe("apply killed in the middle of writing a file", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  /** In the order in which they come to be: a step has no places of its own where it could be killed. */
  const REMAINS: readonly (readonly [string, string])[] = [
    ["the marker of a folder", "touch /etc/.netns.made-by-netloom"],
    ["a marked folder", "touch /etc/.netns.made-by-netloom; mkdir /etc/netns"],
    ["the file's folder", "touch /etc/.netns.made-by-netloom; mkdir -p /etc/netns/pod1"],
    [
      "a part of the file",
      "touch /etc/.netns.made-by-netloom; mkdir -p /etc/netns/pod1; echo x >/etc/netns/pod1/resolv.conf.netloom-new",
    ],
  ];

  test.each(REMAINS)("leaves %s: destroy takes it away, apply goes on from there", async (_, leave) => {
    using folder = new Folder();
    const file = folder.write("crash.yaml", TWO_PODS);
    const state = folder.join("state");
    const words = (command: string) => [command, file, "--state", state];
    rmdirSync("/etc/netns");
    try {
      const before = [...hostSnapshot(), ...readdirSync("/etc")];
      const { steps } = JSON.parse(await done([...words("plan"), "--json"])) as {
        steps: { after: { kind: string } }[];
      };
      const place = AFTER_JOURNAL + 1 + steps.findIndex(({ after }) => after.kind === "file");
      for (const resumed of [[], ["apply"]]) {
        expect(await killed(words("apply"), place)).toBe(true);
        expect(existsSync("/etc/netns")).toBe(false);
        shell(leave);
        for (const command of resumed) await done(words(command));
        expect(existsSync("/etc/netns/pod1/resolv.conf")).toBe(resumed.length > 0);
        await done(words("destroy"));
        expect([...hostSnapshot(), ...readdirSync("/etc")]).toEqual(before);
        expect(readdirSync(state)).toEqual([]);
      }
    } finally {
      shell("rm -rf /etc/netns /etc/.netns.made-by-netloom; mkdir /etc/netns");
    }
  });

  test("destroy killed before the file's empty folder is gone: it goes when destroyed again", async () => {
    using folder = new Folder();
    const file = folder.write("crash.yaml", TWO_PODS);
    const state = folder.join("state");
    const words = (command: string) => [command, file, "--state", state];
    const before = hostSnapshot();
    await done(words("apply"));
    expect(await killed(words("destroy"), AFTER_JOURNAL)).toBe(true);
    rmSync("/etc/netns/pod1/resolv.conf");
    await done(words("destroy"));
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });
});

describe("apply with a guest", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("killed after the guest has started: the guest goes on, and is the same when resumed", {
    timeout: 240_000,
  }, async () => {
    using folder = new Folder();
    writeBootDisk(folder.join("echo.img"), "echo");
    const vm = `  vm1: { kind: vm, in: pod1, image: echo.img, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }\n`;
    const file = folder.write("crash.yaml", `${TWO_PODS}${vm}`);
    const state = folder.join("state");
    const words = (command: string) => [command, file, "--state", state];
    const before = hostSnapshot();
    const { steps } = JSON.parse(await done([...words("plan"), "--json"])) as { steps: { after: { kind: string } }[] };
    const kernelSteps = steps.filter(({ after }) => after.kind !== "vm" && after.kind !== "dhcp-single").length;
    // Before the journal, after it, before each step, before the services, after them, before the verification, at the end.
    const afterServices = kernelSteps + 4;
    for (const place of [afterServices - 1, afterServices, afterServices + 1, afterServices + 2]) {
      expect(await killed(words("apply"), place)).toBe(true);
      const guests = processesNamed("qemu-system-x86");
      expect(guests).toHaveLength(place < afterServices ? 0 : 1);
      await done(words("apply"));
      const resumed = processesNamed("qemu-system-x86");
      expect(resumed).toHaveLength(1);
      if (guests.length > 0) expect(resumed).toEqual(guests);
      const status = JSON.parse(await done(["status", "--json", "--state", state])) as {
        units: unknown[];
        keeper: { services: unknown[] };
      };
      expect(status.units).toMatchObject([{ name: "crash", state: "applied", drift: [] }]);
      expect(status.keeper.services).toMatchObject([
        { name: "DHCP on tap0 in pod1", state: "running" },
        { name: "VM vm1", state: "running" },
      ]);
      await done(words("destroy"));
      expect(hostSnapshot(), `after a kill at place ${place}`).toEqual(before);
      expect(readdirSync(state)).toEqual([]);
    }
    // Not resumed but taken back, the guest with it.
    expect(await killed(words("apply"), afterServices)).toBe(true);
    expect(processesNamed("qemu-system-x86")).toHaveLength(1);
    await done(words("destroy"));
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });
});

const POD_LINES = [
  "address add 192.0.2.5/24 dev eth0",
  "address add 2001:db8::5/64 dev eth0",
  "route add 203.0.113.0/24 via 192.0.2.9",
  "route add default via 192.0.2.1",
];

/** Start `bind` with a kill at the place, or none. @returns undefined when it was killed before the guest may start */
async function bindUntilServing(
  words: readonly string[],
  place?: number,
): Promise<ReturnType<typeof startNetloom> | undefined> {
  const bound = startNetloom(words, place === undefined ? {} : crashAt(place));
  await until("bind serves or ends", () => bound.stdout.includes("\n") || !bound.running);
  if (bound.stdout.includes("\n")) return bound;
  const { signal, code, stderr } = await bound.ended();
  if (signal === "SIGKILL" && place !== undefined) return undefined;
  throw new Error(`bind ended with ${code ?? signal} at place ${place}: ${stderr}`);
}

describe("bind and unbind", () => {
  beforeAll(makePodNetwork);
  afterAll(() => shell("ip link delete br-pods"));

  /**
   * @param offset every other kill is resumed, those between are undone: which come first
   * @param stride 2: at every other place only, which suffices for bindings of mostly the same steps
   */
  async function killEverywhere(
    pod: string,
    how: string,
    offset: 0 | 1,
    stride: 1 | 2 = 1,
  ): Promise<{ whileBinding: number; all: number }> {
    using folder = new Folder();
    const state = folder.join("state");
    const target = ["--netns", pod, "--interface", "eth0", "--state", state];
    const bind = ["bind", ...target, ...how.split(" "), "--foreground", "--json"];
    const unbind = ["unbind", ...target];
    makePod(pod, POD_LINES);
    try {
      const before = namespaceSnapshot(pod);
      const bound = () => withoutNumbers(namespaceSnapshot(pod), ["tap0"]);
      const expectRestored = (place: string) => {
        expect(namespaceSnapshot(pod), `${pod}: ${place}`).toEqual(before);
        expect(readdirSync(state), `${pod}: ${place}`).toEqual([]);
      };
      const first = await bindUntilServing(bind);
      // The kernel numbers macvtaps for the whole machine, where others may make some as well.
      const toldBy = (running: typeof first) => running?.stdout.replace(/"device":\{[^}]*\}/, "");
      const line = toldBy(first);
      const undisturbed = bound();
      expect(undisturbed).not.toEqual(withoutNumbers(before));
      expect((await first?.stop())?.code).toBe(0);
      expectRestored("undisturbed");

      let whileBinding = 0;
      let unbindPlace = 0;
      for (let place = stride === 1 ? 1 : 1 + offset, kills = 1; place < MOST_PLACES; place += stride, kills++) {
        const serving = await bindUntilServing(bind, place);
        if (serving === undefined) {
          whileBinding = place;
          if (kills % 2 === offset) {
            await done(unbind);
            expectRestored(`unbound after a kill at place ${place}`);
            continue;
          }
          const again = await bindUntilServing(bind);
          expect(toldBy(again)).toBe(line);
          expect(bound(), `${pod}: bound after a kill at place ${place}`).toEqual(undisturbed);
          expect((await again?.stop())?.code).toBe(0);
          expectRestored(`resumed after a kill at place ${place}`);
          continue;
        }
        // Killed while it gives the pod back.
        const { code, signal } = await serving.stop();
        if (signal === null) {
          expect(code).toBe(0);
          expectRestored("at the end");
          return { whileBinding, all: place - 1 };
        }
        unbindPlace++;
        if (!(await killed(unbind, unbindPlace))) unbindPlace = 0;
        await done(unbind);
        expectRestored(`killed at place ${place}, then unbind at place ${unbindPlace}`);
      }
      throw new Error(`${pod}: not through after ${MOST_PLACES} kills`);
    } finally {
      removePod(pod);
    }
  }

  test("killed at any place: bind resumes, unbind restores", { timeout: 240_000 }, async () => {
    const [modern, legacy] = await Promise.all([
      killEverywhere("modern1", "--binding bridge --profile modern", 0),
      killEverywhere("legacy1", "--binding bridge --profile legacy", 1),
    ]);
    // Journal, record and one place before each step at least, both ways.
    expect(modern.whileBinding).toBeGreaterThan(15);
    expect(modern.all).toBeGreaterThan(30);
    expect(legacy.whileBinding).toBeGreaterThan(12);
    expect(legacy.all).toBeGreaterThan(24);
  });

  test("masquerade and macvtap as well", { timeout: 240_000 }, async () => {
    const [masquerade, macvtap] = await Promise.all([
      killEverywhere("hide1", "--binding masquerade", 0, 2),
      killEverywhere("mvtap1", "--binding macvtap", 1, 2),
    ]);
    expect(masquerade.whileBinding).toBeGreaterThan(15);
    expect(masquerade.all).toBeGreaterThan(30);
    expect(macvtap.whileBinding).toBeGreaterThan(12);
    expect(macvtap.all).toBeGreaterThan(24);
  });

  test("killed at any time, steps travelling together", { timeout: 240_000 }, async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const target = ["--netns", "pod1", "--interface", "eth0", "--state", state];
    const bind = ["bind", ...target, "--foreground", "--json"];
    const journal = join(state, "units/bind-pod1-eth0/journal.json");
    makePod("pod1", POD_LINES);
    try {
      const before = namespaceSnapshot("pod1");
      const bound = () => withoutNumbers(namespaceSnapshot("pod1"), ["tap0"]);
      const first = await bindUntilServing(bind);
      const undisturbed = bound();
      await first?.stop();
      for (let i = 0; i < 10; i++) {
        // From the journal to the end it takes some 60 ms.
        const milliseconds = i * 6 + Math.random() * 6;
        await killAfter(bind, journal, milliseconds);
        if (i % 2 === 0) {
          const again = await bindUntilServing(bind);
          expect(bound(), `bound again after ${milliseconds} ms`).toEqual(undisturbed);
          await again?.stop("SIGKILL");
          await killAfter(["unbind", ...target], journal, milliseconds);
        }
        await done(["unbind", ...target]);
        expect(namespaceSnapshot("pod1"), `killed after ${milliseconds} ms`).toEqual(before);
        expect(readdirSync(state)).toEqual([]);
      }
    } finally {
      removePod("pod1");
    }
  });
});
