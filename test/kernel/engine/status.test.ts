/** The exit code of `netloom status`: 1 for whatever is not as it was applied, 0 once it is put right. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell, until } from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";

const FILE = `version: 1
name: told
networks:
  told: { subnet: 192.168.55.0/24 }
machines:
  told1: { kind: namespace, nics: [{ network: told }] }
`;
const GUEST = `  told2: { kind: vm, image: echo.img, memory: 32M, accelerator: tcg, nics: [{ network: told }] }\n`;

beforeAll(makeUplink);
afterAll(removeUplink);

/** A state folder with the file in it, and what was there before. */
function scene(text: string) {
  const folder = new Folder();
  const state = folder.join("state");
  const file = folder.write("told.yaml", text);
  const before = hostSnapshot();
  return {
    folder,
    state,
    record: `${state}/units/told/record.json`,
    words: (command: string): string[] => [command, file, "--state", state],
    async told(): Promise<{ code: number | null; stdout: string }> {
      const { code, stdout } = await netloom(["status", "--state", state]);
      expect((await netloom(["status", "--json", "--state", state])).code).toBe(code);
      return { code, stdout };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await done(["destroy", file, "--state", state]);
      folder[Symbol.dispose]();
      expect(hostSnapshot()).toEqual(before);
    },
  };
}

test("nothing applied, or all as it was applied: 0", async () => {
  await using here = scene(FILE);
  expect(await here.told()).toMatchObject({ code: 0 });
  await done(here.words("apply"));
  const { code, stdout } = await here.told();
  expect(code).toBe(0);
  expect(stdout).not.toContain("Not as it should be");
});

test("drifted: 1 until it is applied again", async () => {
  await using here = scene(FILE);
  await done(here.words("apply"));
  shell("ip address flush dev told");
  expect(await here.told()).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Not as it should be: told is drifted."),
  });
  await done(here.words("apply"));
  expect(await here.told()).toMatchObject({ code: 0 });
});

test("unfinished: 1 until the command is repeated", async () => {
  await using here = scene(FILE);
  expect((await netloom(here.words("apply"), { NETLOOM_CRASH_AT: "4" })).signal).toBe("SIGKILL");
  expect(await here.told()).toMatchObject({ code: 1, stdout: expect.stringContaining("told is unfinished.") });
  await done(here.words("apply"));
  expect(await here.told()).toMatchObject({ code: 0 });
});

test("unknown, and what was set aside then: 1", async () => {
  await using here = scene(FILE);
  await done(here.words("apply"));
  writeFileSync(here.record, "{");
  expect(await here.told()).toMatchObject({ code: 1, stdout: expect.stringContaining("told is unknown.") });
  await done(here.words("apply"));
  expect(await here.told()).toMatchObject({
    code: 1,
    stdout: expect.stringContaining("Not as it should be: told has record.json.corrupt-1 set aside."),
  });
  shell(`rm ${here.record}.corrupt-1`);
  expect(await here.told()).toMatchObject({ code: 0 });
});

test("a guest that was killed, and services that nobody runs: 1; a guest that was stopped: 0", async () => {
  await using here = scene(FILE + GUEST);
  writeBootDisk(here.folder.join("echo.img"), "echo");
  await done(here.words("apply"));
  expect(await here.told()).toMatchObject({ code: 0 });

  await done(["vm", "stop", "told2", "--state", here.state]);
  expect(await here.told()).toMatchObject({ code: 0, stdout: expect.stringMatching(/VM told2 +stopped/) });
  await done(["vm", "run", "told2", "--state", here.state]);

  process.kill(processesNamed("qemu-system-x86")[0]!, "SIGKILL");
  await until("the end is noticed", async () => (await here.told()).stdout.includes("VM told2 was killed."));
  expect(await here.told()).toMatchObject({ code: 1 });
  await done(["vm", "run", "told2", "--state", here.state]);
  expect(await here.told()).toMatchObject({ code: 0 });

  const { stdout } = await netloom(["status", "--json", "--state", here.state]);
  const { keeper } = JSON.parse(stdout) as { keeper: { pid: number } };
  process.kill(keeper.pid, "SIGKILL");
  await until("the keeper has ended", async () => (await here.told()).stdout.includes("keeper: does not run"));
  expect(await here.told()).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/Not as it should be: .*VM told2 does not run/),
  });
  await done(here.words("apply"));
  expect(await here.told()).toMatchObject({ code: 0 });
});
