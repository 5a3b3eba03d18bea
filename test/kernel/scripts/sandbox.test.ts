import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CHECKOUT } from "../../support/guest-image.ts";

const SANDBOX = join(CHECKOUT, "scripts", "sandbox.sh");

function sandbox(command: string, input = ""): { status: number | null; output: string } {
  const result = spawnSync(SANDBOX, ["bash", "-c", command], { encoding: "utf8", input });
  return { status: result.status, output: result.stdout };
}

/** Processes on this side whose command line holds the text. */
function running(text: string): string[] {
  return readdirSync("/proc").filter((entry) => {
    if (!/^\d+$/.test(entry) || entry === String(process.pid)) return false;
    try {
      return readFileSync(`/proc/${entry}/cmdline`, "utf8").includes(text);
    } catch {
      return false; // it ended while we looked
    }
  });
}

test("gives the command's status, output and input", () => {
  expect(sandbox("cat; exit 7", "words")).toEqual({ status: 7, output: "words" });
});

test("has no network but loopback, and sysfs shows the same", () => {
  expect(sandbox("ls /sys/class/net; ip -br link | grep -c .").output).toBe("lo\n1\n");
});

test("keeps named namespaces, /run and /etc to itself", () => {
  const resolver = readFileSync("/etc/resolv.conf", "utf8");
  const result = sandbox(
    "ip netns add sandboxed && ls /run/netns && mkdir -p /etc/netns/sandboxed &&" +
      " echo nameserver 192.0.2.1 >/etc/resolv.conf && cat /etc/resolv.conf && touch /run/sandboxed /run/lock/sandboxed",
  );
  expect(result).toEqual({ status: 0, output: "sandboxed\nnameserver 192.0.2.1\n" });
  expect(readFileSync("/etc/resolv.conf", "utf8")).toBe(resolver);
  for (const path of ["/run/netns/sandboxed", "/etc/netns/sandboxed", "/run/sandboxed", "/run/lock/sandboxed"]) {
    expect(existsSync(path)).toBe(false);
  }
});

test("takes along what was started in a session of its own", () => {
  const { status } = sandbox("setsid sleep 98765.4 & until pgrep -f 98765.4 >/dev/null; do sleep 0.01; done");
  expect(status).toBe(0);
  expect(running("98765.4")).toEqual([]);
});

test("ends with everything in it when it is told to", async () => {
  const child = spawn(SANDBOX, ["bash", "-c", "setsid sleep 98765.6 & echo ready; sleep 98765.6"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  await once(child, "exit");
  // The kernel ends what is in a PID namespace after its first process, not at the same time.
  await expect.poll(() => running("98765.6"), { timeout: 5000 }).toEqual([]);
});
