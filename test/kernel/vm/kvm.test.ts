import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bootTinyGuest, chooseAccelerator, probeKvm } from "../../../src/services/vm/kvm.ts";
import { Running } from "../../support/network.ts";
import { processesNamed, until } from "./support.ts";

let folder: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-kvm-test-"));
  cache = join(folder, "kvm.json");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe("whether KVM works", () => {
  test("the tiny guest boots where a guest can: under TCG", async () => {
    expect(await bootTinyGuest("tcg", 20_000)).toEqual({ works: true, reason: "" });
  });

  test("a guest that does not end in time is killed and told so", async () => {
    expect(await bootTinyGuest("tcg", 1)).toEqual({
      works: false,
      reason: "a guest did not boot under TCG within 0.001 s",
    });
    expect(processesNamed("qemu-system-x86")).toEqual([]);
  });

  test("is not tried any longer than by whom it is tried for: killed, it leaves no guest and no file", async () => {
    const module = join(import.meta.dirname, "../../../src/services/vm/kvm.ts");
    mkdirSync(join(folder, "tmp"));
    const program = `import { bootTinyGuest } from ${JSON.stringify(module)};
      await bootTinyGuest("tcg", 600_000);`;
    const trial = new Running([process.execPath, "--input-type=module", "-e", program], {
      TMPDIR: join(folder, "tmp"),
    });
    await until("the guest runs", () => processesNamed("qemu-system-x86").length > 0 || !trial.running);
    // As one that hangs.
    for (const pid of processesNamed("qemu-system-x86")) process.kill(pid, "SIGSTOP");
    expect(readdirSync(join(folder, "tmp"))).toEqual([]);
    await trial.stop("SIGKILL");
    await until("the guest has gone with it", () => processesNamed("qemu-system-x86").length === 0);
  });

  test("is known after a trial, which leaves no guest, and decides", async () => {
    const first = await probeKvm(cache);
    expect(await probeKvm(cache)).toEqual(first);
    expect(processesNamed("qemu-system-x86")).toEqual([]);
    const choice = await chooseAccelerator("auto", cache);
    expect(choice.reason).toMatch(first.works ? /^KVM: / : /^TCG: .*\/dev\/kvm/);
    expect(choice.accelerator).toBe(first.works ? "kvm" : "tcg");
  });

  test("is not tried for a machine that wants TCG", async () => {
    expect(await chooseAccelerator("tcg", cache)).toEqual({
      accelerator: "tcg",
      reason: "TCG: the machine asks for it",
    });
    expect(existsSync(cache)).toBe(false);
  });
});

describe.runIf(existsSync("/dev/kvm"))("the answer that is kept", () => {
  const answer = { works: false, reason: "a guest did not boot under /dev/kvm within 2 s" };
  const thisBoot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();

  test("counts for this boot, and a machine that insists on KVM is refused with the reason", async () => {
    writeFileSync(cache, JSON.stringify({ bootId: thisBoot, ...answer }));
    expect(await chooseAccelerator("auto", cache)).toEqual({ accelerator: "tcg", reason: `TCG: ${answer.reason}` });
    await expect(chooseAccelerator("kvm", cache)).rejects.toThrow(`start a guest with KVM: ${answer.reason}`);
  });

  test.each([
    ["of another boot", JSON.stringify({ bootId: "another", works: false, reason: "old" })],
    ["damaged", "{"],
    ["of another shape", JSON.stringify({ bootId: thisBoot, works: "yes" })],
  ])("is not believed when it is %s", async (_, text) => {
    writeFileSync(cache, text);
    const trial = await probeKvm(cache);
    expect(trial.reason).not.toBe("old");
    expect(JSON.parse(readFileSync(cache, "utf8"))).toEqual({ bootId: thisBoot, ...trial });
  });
});
