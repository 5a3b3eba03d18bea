import { execFileSync } from "node:child_process";
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
  test.each(["bridge", "veth", "dummy", "vxlan", "ifb", "vlan", "ipvlan", "bond", "vrf", "wireguard", "no-such-kind"])(
    "%s: the answer agrees with making one, and nothing is made",
    async (kind) => {
      const links = execFileSync("ip", ["link"], { encoding: "utf8" });
      const found = await hasLinkKind(kind);
      expect(execFileSync("ip", ["link"], { encoding: "utf8" })).toBe(links);
      const further: Record<string, string[]> = {
        vxlan: ["id", "1", "dstport", "4789"],
        vlan: ["id", "1"],
        vrf: ["table", "7"],
      };
      const below = kind === "vlan" || kind === "ipvlan" ? ["link", "below"] : [];
      execFileSync("ip", ["link", "add", "below", "type", "bridge"]);
      const made = succeeds("ip", "link", "add", "probe", ...below, "type", kind, ...(further[kind] ?? []));
      if (made) execFileSync("ip", ["link", "delete", "probe"]);
      execFileSync("ip", ["link", "delete", "below"]);
      expect(found).toBe(made);
    },
  );

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

test("a process without privilege is told what it lacks", () => {
  expect(missingCapabilities()).toEqual([]);
  const script = `import { requirePrivilege } from ${JSON.stringify(new URL("../../../src/kernel/features.ts", import.meta.url))};
    try { requirePrivilege(); } catch (error) { console.log(error.code, error.message); }`;
  const words = ["--bounding-set=-net_admin", "--", process.execPath, "--input-type=module", "-e", script];
  const output = execFileSync("setpriv", words, { encoding: "utf8" });
  expect(output).toContain("no-privilege");
  expect(output).toContain("CAP_NET_ADMIN");
  expect(output).not.toContain("CAP_SYS_ADMIN");
});
