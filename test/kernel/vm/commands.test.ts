import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startKeeper } from "../../../src/services/keeper/start.ts";
import { machine, processesNamed, until } from "./support.ts";

const NETLOOM = [process.execPath, join(import.meta.dirname, "../../../dist/netloom.cjs")] as const;

let folder: string;
let state: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-commands-"));
  state = join(folder, "state");
  mkdirSync(state);
  const client = await startKeeper(state, NETLOOM);
  await client.putServices("file", [machine(folder, "one", "echo"), machine(folder, "two", "poweroff")]);
  const log = join(state, "vm/one/console.log");
  await until("the guest says that it is ready", () => readFileSync(log, "utf8").includes("ready"));
  await until("the second has ended", async () => {
    const found = (await client.status()).services.find((service) => service.name === "VM two");
    return found?.state === "exited";
  });
});

afterAll(async () => {
  await (await startKeeper(state, NETLOOM)).stop();
  rmSync(folder, { recursive: true, force: true });
});

function netloom(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(NETLOOM[0], [NETLOOM[1], ...words, "--state", state], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("vm list", () => {
  test("as a table", () => {
    const { status, stdout } = netloom("vm", "list");
    expect(status).toBe(0);
    expect(stdout).toMatch(/^NAME +STATE +PID +ACCELERATOR +REBOOTS +REMARK\n/);
    expect(stdout).toMatch(/\none +running +\d+ +tcg +0 +TCG: the machine asks for it\n/);
    expect(stdout).toMatch(/\ntwo +exited +- +tcg +0 +the guest shut itself down\n/);
  });

  test("as data", () => {
    expect(JSON.parse(netloom("vm", "list", "--json").stdout)).toMatchObject([
      { name: "one", state: "running", details: { accelerator: "tcg", reboots: 0 } },
      { name: "two", state: "exited", reason: "the guest shut itself down", details: { exitCode: 0 } },
    ]);
  });
});

describe("vm console", () => {
  test("shows what the guest wrote, also of one that ended", () => {
    expect(netloom("vm", "console", "one").stdout).toContain("ready\n");
    expect(JSON.parse(netloom("vm", "console", "two", "--json").stdout)).toEqual({
      name: "two",
      log: expect.stringContaining("bye\n"),
    });
  });

  test("attaches the terminal; Ctrl-C goes to the guest and Ctrl-] leaves", async () => {
    const command = [...NETLOOM, "vm", "console", "one", "--attach", "--state", state].join(" ");
    const terminal = spawn("script", ["-qec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
    let shown = "";
    terminal.stdout.on("data", (piece: Buffer) => {
      shown += piece.toString();
    });
    const ended = new Promise<number | null>((resolve) => {
      terminal.once("exit", resolve);
    });
    await until("it is connected", () => shown.includes("Ctrl-] leaves"));
    terminal.stdin.write("one\u0003two");
    await until("the guest has answered", () => shown.includes("one\u0003two"));
    terminal.stdin.write("\u001d");
    expect(await ended).toBe(0);
  });

  test("says so when another terminal is attached, and attaches after it has left", async () => {
    const words = [NETLOOM[1], "vm", "console", "one", "--attach", "--state", state];
    const first = spawn(NETLOOM[0], words, { stdio: ["pipe", "pipe", "pipe"] });
    let said = "";
    first.stderr.on("data", (piece: Buffer) => {
      said += piece.toString();
    });
    const ended = new Promise<number | null>((resolve) => {
      first.once("exit", resolve);
    });
    await until("the first is connected", () => said.includes("Ctrl-] leaves"));
    expect(netloom("vm", "console", "one", "--attach")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`another terminal is attached: process ${first.pid} (vm console --attach)`),
    });
    first.kill("SIGKILL");
    await ended;
    const second = spawnSync(NETLOOM[0], words, { input: "again", encoding: "utf8" });
    expect(second).toMatchObject({ status: 0, stdout: expect.stringContaining("again") });
  });

  test("passes piped input on and shows the answer", () => {
    const words = [NETLOOM[1], "vm", "console", "one", "--attach", "--state", state];
    const output = execFileSync(NETLOOM[0], words, {
      input: "hello",
      encoding: "utf8",
      stdio: ["pipe", "pipe", "ignore"],
    });
    expect(output).toContain("hello");
  });

  test("of a guest that is not known, or that does not run", () => {
    expect(netloom("vm", "console", "three")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("It knows one, two."),
    });
    expect(netloom("vm", "console", "two", "--attach")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("The guest does not run"),
    });
  });
});

describe("wrong use", () => {
  test.each([
    [["vm", "console"], "NAME is missing"],
    [["vm", "console", "one", "--attach", "--json"], "exclude each other"],
    [["vm", "stop", "one", "--powerdown", "soon"], "--powerdown soon: not a number"],
    [["vm", "stop"], "NAME is missing"],
    [["vm", "stop", "one", "--all"], "exclude each other"],
    [["vm", "nothing"], "there is no such command"],
  ])("%j is told", (words, reason) => {
    expect(netloom(...words)).toMatchObject({ status: 2, stderr: expect.stringContaining(reason) });
  });
});

describe("vm stop", () => {
  test("ends a guest, through the keeper and without one", async () => {
    expect(netloom("vm", "stop", "three")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("no applied file has a machine of that name"),
    });
    expect(netloom("vm", "stop", "--all")).toMatchObject({ status: 0, stdout: "VM one is stopped.\n" });
    expect(processesNamed("qemu-system-x86")).toEqual([]);
    expect(JSON.parse(netloom("vm", "list", "--json").stdout)).toMatchObject([
      { name: "one", state: "stopped" },
      { name: "two" },
    ]);

    const client = await startKeeper(state, NETLOOM);
    await client.putServices("file", [machine(folder, "one", "echo")]);
    process.kill((await client.status()).pid, "SIGKILL");
    await until("the keeper is gone", async () => (await client.statusIfRunning()) === undefined);
    expect(netloom("vm", "list").stdout).toMatch(/\none +running .*nobody watches it: the keeper does not run\n/);
    expect(netloom("vm", "stop", "one", "--json")).toMatchObject({
      status: 0,
      stdout: '{"name":"one","state":"stopped"}\n',
    });
    expect(processesNamed("qemu-system-x86")).toEqual([]);
    expect(netloom("vm", "list").stdout).toMatch(/\none +stopped .*it was told to stop\n/);
    expect(netloom("vm", "stop", "--all")).toMatchObject({ status: 0, stdout: "No guest runs.\n" });
  });
});
