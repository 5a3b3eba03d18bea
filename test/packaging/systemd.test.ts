/** The units: no mount namespace for the daemon, guests spared, and a place for guests outside the daemon's unit. */
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { guestScopeWords } from "../../src/kernel/guest-scope.ts";

const folder = join(import.meta.dirname, "../../packaging/systemd");

function readUnit(name: string): Map<string, string[]> {
  const directives = new Map<string, string[]>();
  for (const line of readFileSync(join(folder, name), "utf8").split("\n")) {
    if (line === "" || line.startsWith("#") || /^\[\w+\]$/.test(line)) continue;
    const [, key, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key === undefined || value === undefined) throw new Error(`${name}: not a directive: ${line}`);
    directives.set(key, [...(directives.get(key) ?? []), value]);
  }
  return directives;
}

/** All that systemd.exec(5) says to set up, or imply, a file system namespace. */
const MOUNT_NAMESPACE =
  /^(?:Protect(?:System|Home|Kernel\w+|ControlGroups|Hostname|Clock|Proc)|ProcSubset|Private\w+|DynamicUser|(?:ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|Bind(?:ReadOnly)?Paths|TemporaryFileSystem|Root\w+|Mount\w+|ExtensionImages|ExtensionDirectories|LogNamespace|(?:Network|IPC)NamespacePath|JoinsNamespaceOf|(?:Load|Set)Credential\w*|ImportCredential)$/;

test.each(["netloom.service", "netloom-apply@.service"])(
  "%s shares the host's mounts: no directive gives it a mount namespace",
  (name) => {
    const directives = [...readUnit(name).keys()];
    expect(directives).toContain("SystemCallFilter");
    expect(directives.filter((directive) => MOUNT_NAMESPACE.test(directive))).toEqual([]);
  },
);

describe("systemd-analyze verify", () => {
  /** Its words about our units, installed on a host of nothing else but the targets that they name. */
  function complaints(more = ""): string {
    const root = mkdtempSync(join(tmpdir(), "netloom-units-"));
    try {
      const units = join(root, "etc/systemd/system");
      cpSync(folder, units, { recursive: true });
      appendFileSync(join(units, "netloom.service"), more);
      for (const target of ["sysinit", "basic", "multi-user", "network-pre", "network-online", "shutdown", "umount"])
        copyFileSync(`/lib/systemd/system/${target}.target`, join(units, `${target}.target`));
      mkdirSync(join(root, "usr/bin"), { recursive: true });
      copyFileSync("/bin/true", join(root, "usr/bin/netloom"));
      const paths = readdirSync(folder).map((name) => join(units, name.replace("@.", "@lan.")));
      const words = ["verify", "--man=no", `--root=${root}`, ...paths];
      const { status, stdout, stderr } = spawnSync("systemd-analyze", words, { encoding: "utf8" });
      return `${status} ${stdout}${stderr}`;
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  test("has nothing to say", () => {
    expect(complaints()).toBe("0 ");
  });

  test("would say so", () => {
    expect(complaints("[Service]\nNoSuchDirective=yes\n")).toContain("NoSuchDirective");
    expect(complaints("[Unit]\nRequires=no-such.service\n")).toContain("no-such.service");
  });
});

test("the end of the daemon spares guests, by a restart, a stop and a lack of memory", () => {
  const unit = readUnit("netloom.service");
  expect(unit.get("KillMode")).toEqual(["process"]);
  expect(unit.get("OOMPolicy")).toEqual(["continue"]);
  expect(unit.get("Restart")).toEqual(["on-failure"]);
});

test("what requirePrivilege asks for is in the bounding set", () => {
  const bounding = readUnit("netloom.service").get("CapabilityBoundingSet")?.join(" ").split(" ");
  expect(bounding).toEqual(expect.arrayContaining(["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"]));
});

test("what applies a file at boot never does the daemon's work itself", () => {
  const unit = readUnit("netloom-apply@.service");
  expect(unit.get("AssertPathExists")).toEqual(["/run/netloom/netloom.sock"]);
  expect(unit.get("CapabilityBoundingSet")).toEqual([""]);
});

const unitFacts = { pid: 42, execPid: "42", systemdRun: "/usr/bin/systemd-run", booted: true };

test("guests of a daemon under systemd are started in a scope of the guests' slice, which is shipped", () => {
  const words = guestScopeWords("Virtual machine vm1", unitFacts);
  expect(words[0]).toBe("/usr/bin/systemd-run");
  expect(words).toEqual(expect.arrayContaining(["--scope", "--description=Virtual machine vm1"]));
  expect(words.at(-1)).toBe("--");
  const slice = words.find((word) => word.startsWith("--slice="))?.slice("--slice=".length);
  expect(readUnit(slice ?? "").get("Description")).toHaveLength(1);
});

test.each([
  ["a command that a unit's process started", { execPid: "41" }],
  ["a command outside any unit", { execPid: undefined }],
  ["a container with systemd's programs and another init", { booted: false }],
  ["no systemd-run", { systemdRun: undefined }],
])("%s: guests are started without systemd", (_, change) => {
  expect(guestScopeWords("Virtual machine vm1", { ...unitFacts, ...change })).toEqual([]);
});
