import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseMac } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { connectUnixSocket } from "../../../src/kernel/unix-socket.ts";
import { VmFolder } from "../../../src/services/vm/folder.ts";
import { VmService } from "../../../src/services/vm/machine.ts";
import { QmpClient } from "../../../src/services/vm/qmp-client.ts";
import type { VmObject } from "../../../src/state/object/vm.ts";
import { machine, processesNamed, until } from "./support.ts";

let folder: string;
let started: VmService[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-vm-"));
  started = [];
});

afterEach(async () => {
  for (const service of started) await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function guestOf(object: VmObject, stateFolder = folder): VmService {
  const created = new VmService(object, stateFolder, SILENT);
  started.push(created);
  return created;
}

const consoleOf = (name: string, stateFolder = folder): string => {
  const path = new VmFolder(stateFolder, name).file("consoleLog");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
};
const pidOf = (guest: VmService): number => Number(guest.report().details["pid"]);
const qemuCount = (): number => processesNamed("qemu-system-x86").length;

describe("a guest", () => {
  test("starts in a session of its own, answers, writes its console, and leaves nothing when stopped", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    expect(guest.report()).toMatchObject({ state: "running", details: { accelerator: "tcg", reboots: 0 } });
    await until("the guest says that it is ready", () => consoleOf("one").includes("ready"));
    const fields = readFileSync(`/proc/${pidOf(guest)}/stat`, "utf8")
      .replace(/.*\) /, "")
      .split(" ");
    expect(Number(fields[3])).toBe(pidOf(guest));
    expect(statSync(join(folder, "vm/one")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "vm/one/qmp.sock")).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, "vm/one/console.sock")).mode & 0o777).toBe(0o600);
    await guest.stop();
    expect(guest.report()).toMatchObject({ state: "stopped", reason: "it was told to stop" });
    expect(readdirSync(folder)).toEqual(["one.img"]);
    expect(qemuCount()).toBe(0);
  });

  test("runs inside its namespace on taps that it gets by descriptor, with the MTU of the NIC", async () => {
    execFileSync("ip", ["netns", "add", "pod1"]);
    try {
      execFileSync("ip", ["-n", "pod1", "tuntap", "add", "tap0", "mode", "tap"]);
      execFileSync("ip", ["-n", "pod1", "link", "set", "tap0", "up"]);
      const nic = {
        id: "nic0",
        tapKey: "link/tap0",
        tapName: "tap0",
        macAddress: parseMac("02:00:00:00:00:01"),
        mtuBytes: 1450,
      };
      const guest = guestOf(machine(folder, "one", "echo", { namespace: "pod1", nics: [nic] }));
      await guest.start();
      const inode = statSync("/run/netns/pod1").ino;
      expect(readlinkSync(`/proc/${pidOf(guest)}/ns/net`)).toBe(`net:[${inode}]`);
      const link = (): string => execFileSync("ip", ["-n", "pod1", "-o", "link", "show", "tap0"], { encoding: "utf8" });
      expect(link()).toContain("LOWER_UP");

      const second = guestOf(machine(folder, "two", "echo", { namespace: "pod1", nics: [nic] }));
      await expect(second.start()).rejects.toThrow(
        `plug VM two into tap0: open tap tap0: ioctl(TUNSETIFF): resource busy or locked (EBUSY); VM one (process ${pidOf(guest)}) has it`,
      );
      await guest.stop();
      expect(link()).toContain("NO-CARRIER");
    } finally {
      for (const guest of started) await guest.stop();
      execFileSync("ip", ["netns", "del", "pod1"]);
    }
  });

  test("has a tap of several queues to itself, though the kernel would give another the rest of them", async () => {
    execFileSync("ip", ["tuntap", "add", "tap0", "mode", "tap", "multi_queue"]);
    try {
      const nic = {
        id: "nic0",
        queues: 2,
        tapKey: "link/tap0",
        tapName: "tap0",
        macAddress: parseMac("02:00:00:00:00:01"),
      };
      const guest = guestOf(machine(folder, "one", "echo", { nics: [nic] }));
      const second = guestOf(machine(folder, "two", "echo", { nics: [nic] }));
      await guest.start();
      await expect(second.start()).rejects.toThrow(
        `plug VM two into tap0: it is busy: VM one (process ${pidOf(guest)}) has it`,
      );
      expect(qemuCount()).toBe(1);
      await guest.stop();
      await second.start();
      expect(second.report()).toMatchObject({ state: "running" });
    } finally {
      for (const guest of started) await guest.stop();
      execFileSync("ip", ["link", "delete", "tap0"]);
    }
  });

  test("runs beside a second one", async () => {
    const guests = [guestOf(machine(folder, "one", "echo")), guestOf(machine(folder, "two", "echo"))];
    await Promise.all(guests.map((guest) => guest.start()));
    expect(qemuCount()).toBe(2);
    await guests[0]!.stop();
    expect(guests[1]!.report().state).toBe("running");
    expect(qemuCount()).toBe(1);
  });

  test("goes on in the same process when it reboots", async () => {
    const guest = guestOf(machine(folder, "one", "rebooting"));
    await guest.start();
    const pid = pidOf(guest);
    await until("two reboots", () => Number(guest.report().details["reboots"]) >= 2);
    expect(guest.report()).toMatchObject({ state: "running", details: { pid } });
    await until("its third boot", () => (consoleOf("one").match(/up/g)?.length ?? 0) >= 3);
  });

  test("that shuts itself down is reported so", async () => {
    const guest = guestOf(machine(folder, "one", "poweroff"));
    await guest.start();
    await until("its end", () => guest.report().state !== "running");
    expect(guest.report()).toMatchObject({
      state: "exited",
      reason: "the guest shut itself down",
      details: { exitCode: 0 },
    });
    expect(consoleOf("one")).toContain("bye");
  });

  test("that is killed is reported so, and can be started again", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    process.kill(pidOf(guest), "SIGKILL");
    await until("its end", () => guest.report().state !== "running");
    expect(guest.report()).toMatchObject({
      state: "killed",
      reason: "QEMU was killed by SIGKILL",
      details: { signal: "SIGKILL" },
    });
    await guest.start();
    expect(guest.report()).toMatchObject({ state: "running", details: { reboots: 0 } });
  });

  test("whose QEMU hangs is killed all the same", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    process.kill(pidOf(guest), "SIGSTOP");
    await guest.stop();
    expect(qemuCount()).toBe(0);
  });

  test("whose QEMU hangs is reported so until it answers again, also by a keeper that finds it hanging", async () => {
    const object = machine(folder, "one", "echo");
    const guest = guestOf(object);
    await guest.start();
    const pid = pidOf(guest);
    process.kill(pid, "SIGSTOP");
    guest.tend();
    await until("the silence is told", () => /its QEMU hangs: /.test(guest.report().reason ?? ""));
    await guest.release();
    const next = guestOf(object);
    await next.resume();
    expect(next.report()).toMatchObject({
      state: "failed",
      reason: expect.stringContaining(`process ${pid} runs but does not answer`),
    });
    process.kill(pid, "SIGCONT");
    next.tend();
    await until("it is well again", () => next.report().state === "running");
    expect(next.report()).toMatchObject({ details: { pid } });
    expect(next.report().reason).toBeUndefined();
  });

  test("that is paused is reported so", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    await guest.release();
    const qmp = await QmpClient.open(new VmFolder(folder, "one").file("qmpSocket"), 60_000);
    await qmp.execute("stop");
    qmp.close();
    const next = guestOf(guest.object);
    await next.resume();
    next.tend();
    await until("the pause is told", () => next.report().reason !== undefined);
    expect(next.report()).toMatchObject({ state: "running", reason: "QEMU says that it is not running: paused" });
  });

  test("that floods its console is reported so, and its log stays bounded", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    await until("the guest says that it is ready", () => consoleOf("one").includes("ready"));
    const log = new VmFolder(folder, "one").file("consoleLog");
    appendFileSync(log, Buffer.alloc(9 * 1024 * 1024, "x"));
    guest.tend();
    expect(statSync(log).size).toBe(0);
    expect(statSync(`${log}.1`).size).toBeGreaterThan(9 * 1024 * 1024);
    expect(guest.report()).toMatchObject({
      state: "running",
      reason: expect.stringContaining("it floods its console"),
      details: { consoleOverflows: 1 },
    });
  });

  test("that does not shut down when asked is ended after the time it was given", async () => {
    const guest = guestOf(machine(folder, "one", "echo"));
    await guest.start();
    await until("the guest says that it is ready", () => consoleOf("one").includes("ready"));
    const asked = performance.now();
    await guest.halt(1);
    expect(performance.now() - asked).toBeGreaterThan(1000);
    expect(guest.report().state).toBe("stopped");
    expect(qemuCount()).toBe(0);
    expect(consoleOf("one")).toContain("ready");
  });

  test("that QEMU refuses tells QEMU's reason and leaves no process", async () => {
    const guest = guestOf(machine(folder, "one", "echo", { image: "/nowhere/disk.img" }));
    await expect(guest.start()).rejects.toThrow(/start VM one: .*\/nowhere\/disk\.img.*No such file/);
    expect(guest.report()).toMatchObject({ state: "failed" });
    expect(qemuCount()).toBe(0);
  });

  test("in a namespace that is not there tells so", async () => {
    const guest = guestOf(machine(folder, "one", "echo", { namespace: "gone" }));
    await expect(guest.start()).rejects.toThrow("/run/netns/gone");
    expect(qemuCount()).toBe(0);
  });

  test("works in a state folder with a long name, console included", async () => {
    const long = join(folder, "x".repeat(150));
    mkdirSync(long);
    const guest = guestOf(machine(folder, "one", "echo"), long);
    await guest.start();
    await until("the guest says that it is ready", () => consoleOf("one", long).includes("ready"));
    const console = await connectUnixSocket(new VmFolder(long, "one").file("consoleSocket"));
    let heard = "";
    console.on("data", (piece) => {
      heard += piece.toString();
    });
    console.write("hello");
    await until("the guest answers", () => heard.includes("hello"));
    console.destroy();
    await guest.stop();
    expect(qemuCount()).toBe(0);
  });
});

describe("a guest whose keeper went", () => {
  test("is not taken for another that answers in its place", async () => {
    const other = join(folder, "other");
    mkdirSync(other);
    const guest = guestOf(machine(folder, "one", "echo"));
    const stranger = guestOf(machine(other, "one", "echo"), other);
    await guest.start();
    await stranger.start();
    await guest.release();
    const [ours, theirs] = [new VmFolder(folder, "one"), new VmFolder(other, "one")];
    rmSync(ours.file("qmpSocket"));
    await stranger.release();
    symlinkSync(theirs.file("qmpSocket"), ours.file("qmpSocket"));
    const next = guestOf(guest.object);
    await next.resume();
    expect(next.report()).toMatchObject({ state: "failed", reason: expect.stringContaining("is machine one (") });
  });

  test("keeps running and is taken up by the next one, also without the note of its process", async () => {
    const object = machine(folder, "one", "echo");
    const first = guestOf(object);
    await first.start();
    const pid = pidOf(first);
    await first.release();
    const second = guestOf(object);
    await second.resume();
    expect(second.report()).toMatchObject({ state: "running", details: { pid, accelerator: "tcg" } });
    await second.release();
    rmSync(new VmFolder(folder, "one").file("note"));
    const third = guestOf(object);
    await third.start();
    expect(third.report()).toMatchObject({ state: "running", details: { pid, accelerator: "tcg" } });
    process.kill(pid, "SIGKILL");
    await until("its end", () => third.report().state !== "running");
    expect(third.report()).toMatchObject({ state: "killed", reason: "QEMU was killed or crashed" });
  });

  test("and that died meanwhile is reported, not started again", async () => {
    const object = machine(folder, "one", "echo");
    const first = guestOf(object);
    await first.start();
    await first.release();
    process.kill(pidOf(first), "SIGKILL");
    await until("its end", () => qemuCount() === 0);
    const second = guestOf(object);
    await second.resume();
    expect(second.report()).toMatchObject({ state: "killed", reason: "it ended while nobody watched" });
    expect(qemuCount()).toBe(0);
  });
});
