import { execFileSync } from "node:child_process";
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  endProcess,
  findProcesses,
  identityOf,
  isAlive,
  type StartedProcess,
  startDetached,
  waitForEnd,
} from "../../../src/kernel/process.ts";
import { until } from "./support.ts";

let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-process-"));
  log = join(folder, "log");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function shell(
  script: string,
  more: { namespacePath?: string; descriptors?: readonly number[] } = {},
): Promise<StartedProcess> {
  return startDetached({ program: "sh", arguments: ["-c", script], workingFolder: folder, logFile: log, ...more });
}

describe("a detached process", () => {
  test("leads a session of its own in its folder, without input, with its output in the log", async () => {
    const { identity, ended } = await shell("cut -d' ' -f6 /proc/$$/stat; pwd; cat; echo trouble >&2; exit 3");
    expect(await ended).toEqual({ exitCode: 3 });
    expect(readFileSync(log, "utf8")).toBe(`${identity.pid}\n${folder}\ntrouble\n`);
    expect(isAlive(identity)).toBe(false);
  });

  test("runs in another namespace under the id that was told, with the descriptors that were passed", async () => {
    execFileSync("ip", ["netns", "add", "pod1"]);
    writeFileSync(join(folder, "in"), "passed\n");
    const descriptor = openSync(join(folder, "in"), "r");
    try {
      const { identity, ended } = await shell("echo $$; ip -o link | wc -l; cat <&3", {
        namespacePath: "/run/netns/pod1",
        descriptors: [descriptor],
      });
      expect(await ended).toEqual({ exitCode: 0 });
      expect(readFileSync(log, "utf8")).toBe(`${identity.pid}\n1\npassed\n`);
    } finally {
      closeSync(descriptor);
      execFileSync("ip", ["netns", "del", "pod1"]);
    }
  });

  test("that cannot be run is an error by name", async () => {
    const request = { program: "/nowhere/program", arguments: [], workingFolder: folder, logFile: log };
    await expect(startDetached(request)).rejects.toThrow("start /nowhere/program: spawn /nowhere/program ENOENT");
  });
});

describe("ending a process", () => {
  test("one that listens to SIGTERM", async () => {
    const { identity, ended } = await shell("exec sleep 60");
    expect(await endProcess(identity, 60_000)).toBe("SIGTERM");
    expect(await ended).toEqual({ signal: "SIGTERM" });
    expect(await endProcess(identity, 5000)).toBeUndefined();
  });

  test("one that does not", async () => {
    const { identity, ended } = await shell("trap '' TERM; echo deaf; while :; do sleep 0.1; done");
    await until("the trap is set", () => readFileSync(log, "utf8").includes("deaf"));
    expect(await endProcess(identity, 100)).toBe("SIGKILL");
    expect(await ended).toEqual({ signal: "SIGKILL" });
  });

  test("another process that got the same id is neither taken for it nor signalled", async () => {
    const { identity } = await shell("exec sleep 60");
    const earlier = { pid: identity.pid, startTicks: identity.startTicks - 1 };
    expect(isAlive(earlier)).toBe(false);
    expect(await endProcess(earlier, 100)).toBeUndefined();
    expect(isAlive(identity)).toBe(true);
    await endProcess(identity, 1000);
  });

  test("waiting has a limit", async () => {
    const { identity } = await shell("exec sleep 60");
    expect(await waitForEnd(identity, 50)).toBe(false);
    await endProcess(identity, 1000);
    expect(await waitForEnd(identity, 50)).toBe(true);
  });
});

test("a process is found by its words, also when its name holds blanks and parentheses", async () => {
  execFileSync("cp", ["/bin/sleep", join(folder, "a) (b Z 1")]);
  const { identity } = await startDetached({
    program: join(folder, "a) (b Z 1"),
    arguments: ["60.25"],
    workingFolder: folder,
    logFile: log,
  });
  await until("the program runs", () => findProcesses((words) => words[1] === "60.25").length > 0);
  expect(findProcesses((words) => words[1] === "60.25")).toEqual([identity]);
  expect(identityOf(identity.pid)).toEqual(identity);
  await endProcess(identity, 1000);
});
