/** What people do wrong, and full or unfit disks: clear words, nothing half-done, nobody else's network touched. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, netloom } from "../../support/network.ts";

let folder: Folder;
let state: string;

beforeEach(() => {
  folder = new Folder();
  state = join(folder.path, "state");
});
afterEach(() => folder[Symbol.dispose]());

function networkFile(place: string, network: string, third: number): string {
  mkdirSync(join(folder.path, place), { recursive: true });
  const path = join(folder.path, place, "office.yaml");
  writeFileSync(path, `version: 1\nnetworks: { ${network}: { subnet: 10.9.${third}.0/24 } }\n`);
  return path;
}

const links = (): string => execFileSync("ip", ["-br", "link"], { encoding: "utf8" });

test("destroy and confirm of another file of the same base name are refused and touch nothing", async () => {
  const mine = networkFile("mine", "lan1", 1);
  const other = networkFile("other", "lan2", 2);
  await done(["apply", mine, "--state", state]);
  const refused = await netloom(["destroy", other, "--state", state]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(mine);
  const unconfirmed = await netloom(["confirm", other, "--state", state]);
  expect(unconfirmed.code).toBe(1);
  expect(unconfirmed.stderr).toContain(`confirm ${other}: it is not applied`);
  expect(unconfirmed.stderr).toContain(`netloom confirm ${mine}`);
  expect(links()).toContain("lan1");
  await done(["destroy", mine, "--state", state]);
  expect(links()).not.toContain("lan1");
});

test("a file that was moved is destroyed by the path that it had", async () => {
  const file = networkFile("mine", "lan1", 1);
  await done(["apply", file, "--state", state]);
  renameSync(file, `${file}.old`);
  await done(["destroy", file, "--state", state]);
  expect(links()).not.toContain("lan1");
});

test.for(["destroy", "apply"])(
  "what a kill in the middle of `ip netns` leaves of a namespace of ours: %s gets over it",
  async (command) => {
    const before = hostSnapshot();
    const file = join(folder.path, "pods.yaml");
    writeFileSync(file, "version: 1\nmachines: { pod9: { kind: namespace, nics: [] } }\n");
    await done(["apply", file, "--state", state]);
    execFileSync("umount", ["/run/netns/pod9"]);
    expect(existsSync("/run/netns/pod9")).toBe(true);
    await done([command, file, "--state", state]);
    if (command === "apply") await done(["destroy", file, "--state", state]);
    expect(existsSync("/run/netns/pod9")).toBe(false);
    expect(hostSnapshot()).toEqual(before);
  },
);

test("a disk that fills up in the middle of apply: all is undone", async () => {
  const before = hostSnapshot();
  mkdirSync(state);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8k", "tmpfs", state]);
  try {
    const failed = await netloom(["apply", networkFile("mine", "lan1", 1), "--state", state]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("no space is left on the disk");
    expect(links()).not.toContain("lan1");
  } finally {
    execFileSync("umount", [state]);
  }
  expect(hostSnapshot()).toEqual(before);
});

test.for([
  ["", 2, "--state is empty"],
  ["/proc/netloom", 1, "state folder /proc/netloom"],
  ["/proc/version", 1, "it is not a folder"],
] as const)("a state folder %o is refused", async ([place, code, words]) => {
  const refused = await netloom(["apply", networkFile("mine", "lan1", 1), "--state", place]);
  expect(refused).toMatchObject({ code });
  expect(refused.stderr).toContain(words);
  expect(links()).not.toContain("lan1");
});
