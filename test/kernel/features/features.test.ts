import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { findTool, hasLinkKind, missingCapabilities } from "../../../src/kernel/features.ts";

function succeeds(program: string, ...words: string[]): boolean {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    // The exit status is the answer.
    return false;
  }
}

describe("link kinds", () => {
  // Only kinds whose modules make no links of their own on the host when they are loaded.
  test.each(["bridge", "veth", "macvlan", "no-such-kind"])(
    "%s: the answer agrees with making one, and nothing is made",
    async (kind) => {
      const links = execFileSync("ip", ["link"], { encoding: "utf8" });
      const found = await hasLinkKind(kind);
      expect(execFileSync("ip", ["link"], { encoding: "utf8" })).toBe(links);
      execFileSync("ip", ["link", "add", "below", "type", "bridge"]);
      const below = kind === "macvlan" ? ["link", "below"] : [];
      const made = succeeds("ip", "link", "add", "probe", ...below, "type", kind);
      if (made) execFileSync("ip", ["link", "delete", "probe"]);
      execFileSync("ip", ["link", "delete", "below"]);
      expect(found).toBe(made);
    },
  );

  test("dummy: no module is loaded from inside a user namespace, which would make dummy0 on the host", async () => {
    const loaded = existsSync("/sys/module/dummy");
    const loadable = succeeds("modprobe", "--dry-run", "--quiet", "dummy");
    const found = await hasLinkKind("dummy");
    expect(existsSync("/sys/module/dummy")).toBe(loaded);
    if (!loaded && loadable) expect(found).toBe(false);
    else
      expect(found).toBe(
        succeeds("ip", "link", "add", "probe", "type", "dummy") && succeeds("ip", "link", "delete", "probe"),
      );
  });

  test("taps come from their device file", async () => {
    const made = succeeds("ip", "tuntap", "add", "probe", "mode", "tap");
    if (made) execFileSync("ip", ["link", "delete", "probe"]);
    expect(await hasLinkKind("tun")).toBe(made);
  });
});

test("tools are found in the usual places whatever PATH is", () => {
  expect(findTool("sh")).toMatch(/^\/.*\/sh$/);
  expect(findTool("netloom-no-such-tool")).toBeUndefined();
});

test.each([
  [
    "net_admin",
    '"any namespace"',
    "no-privilege change the network: this process lacks CAP_NET_ADMIN (to change links",
  ],
  [
    "net_admin",
    '"own namespace"',
    "no-privilege change the network: this process lacks CAP_NET_ADMIN (to change links",
  ],
  [
    "sys_admin",
    '"any namespace"',
    "no-privilege change the network: this process lacks CAP_SYS_ADMIN (to enter network namespaces)",
  ],
  ["sys_admin", '"own namespace"', "all is there"],
])("a process without %s, for %s, is told what it lacks", (capability, where, told) => {
  expect(missingCapabilities()).toEqual([]);
  const script = `import { requirePrivilege } from ${JSON.stringify(new URL("../../../src/kernel/features.ts", import.meta.url))};
    try { requirePrivilege(${where}); console.log("all is there"); } catch (error) { console.log(error.code, error.message); }`;
  const words = [`--bounding-set=-${capability}`, "--", process.execPath, "--input-type=module", "-e", script];
  expect(execFileSync("setpriv", words, { encoding: "utf8" })).toContain(told);
});
