/** Guests of a daemon that is a unit of systemd, where systemd's program for scopes is one of ours. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Logger } from "../../../src/base/logger.ts";
import { VmService } from "../../../src/services/vm/machine.ts";
import { machine } from "./support.ts";

const BOOTED = "/run/systemd/system";
const { PATH = "", SYSTEMD_EXEC_PID } = process.env;
let folder: string;
let warnings: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-scope-"));
  warnings = [];
  mkdirSync(BOOTED, { recursive: true });
  process.env["SYSTEMD_EXEC_PID"] = String(process.pid);
});

afterEach(() => {
  rmSync(BOOTED, { recursive: true });
  rmSync(folder, { recursive: true });
  process.env["PATH"] = PATH;
  if (SYSTEMD_EXEC_PID === undefined) delete process.env["SYSTEMD_EXEC_PID"];
  else process.env["SYSTEMD_EXEC_PID"] = SYSTEMD_EXEC_PID;
});

/** A systemd-run of that script, which writes its words into a file first, and a guest started with it. */
async function startWith(script: string, guest: Parameters<typeof machine>[2], image?: string) {
  const program = join(folder, "systemd-run");
  writeFileSync(program, `#!/bin/sh\necho "$@" >>${folder}/words\n${script}\n`);
  chmodSync(program, 0o755);
  process.env["PATH"] = `${folder}:${PATH}`;
  const log: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    error: () => undefined,
  };
  const object = machine(folder, "one", guest, image === undefined ? {} : { image });
  const service = new VmService(object, join(folder, "state"), log);
  return { service, started: await service.start().then(() => undefined, String) };
}

const wordsGiven = (): string[] => readFileSync(join(folder, "words"), "utf8").trimEnd().split("\n");

test("a guest is started in a scope, and is the process that the scope was made for", async () => {
  const { service, started } = await startWith(
    'echo $$ >"$(dirname "$0")/pid"; while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "echo",
  );
  try {
    expect(started).toBeUndefined();
    const pid = readFileSync(join(folder, "pid"), "utf8").trim();
    expect(service.report()).toMatchObject({ state: "running", details: { pid: Number(pid) } });
    expect(wordsGiven()[0]).toContain(
      "--scope --quiet --collect --slice=netloom-guests.slice --description=Virtual machine one of netloom " +
        "--property=Before=netloom-guests.service -- ",
    );
    expect(warnings).toEqual([]);
  } finally {
    await service.stop();
  }
});

test("systemd that does not answer: the guest runs in the daemon's own unit, and a warning says so", async () => {
  const { service, started } = await startWith("echo 'Failed to connect to bus: No such file' >&2; exit 1", "echo");
  try {
    expect(started).toBeUndefined();
    expect(service.report().state).toBe("running");
    expect(wordsGiven()).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining("Failed to connect to bus: No such file")]);
  } finally {
    await service.stop();
  }
});

test("a QEMU that fails by itself fails as it does without systemd", async () => {
  const { service, started } = await startWith(
    'while [ "$1" != -- ]; do shift; done; shift; exec "$@"',
    "echo",
    "/no/such/image",
  );
  expect(started).toContain("Could not open '/no/such/image'");
  expect(service.report().state).toBe("failed");
  await service.stop();
});
