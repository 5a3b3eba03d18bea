import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT } from "../support/guest-image.ts";

function vmtest(...words: string[]): { status: number | null; output: string; errors: string } {
  const result = spawnSync(join(CHECKOUT, "scripts", "vmtest.sh"), words, { encoding: "utf8", timeout: 170_000 });
  return { status: result.status, output: result.stdout, errors: result.stderr };
}

test("a guest has every kernel module, this machine's files, and gives back status, output and results", () => {
  const folder = mkdtempSync(join(tmpdir(), "vmtest-"));
  try {
    const result = vmtest(
      "-w",
      folder,
      "-M",
      "dummy",
      "--",
      "bash",
      "-c",
      "ip link add dummy7 type dummy && ip link add vlan7 link dummy7 type vlan id 7 &&" +
        ` readlink -f /proc/self/cwd && echo kept >${folder}/result && echo overwritten >/etc/hostname; exit 7`,
    );
    expect(result).toMatchObject({ status: 7, output: `${process.cwd()}\n` });
    expect(readFileSync(join(folder, "result"), "utf8")).toBe("kept\n");
    expect(readFileSync("/etc/hostname", "utf8")).not.toBe("overwritten\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a guest that takes too long is ended", () => {
  const result = vmtest("-t", "2", "--", "sleep", "1000");
  expect(result.status).toBe(124);
  expect(result.errors).toContain("the time limit of 2 s is over");
});
