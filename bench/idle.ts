/**
 * What a daemon costs that has nothing to do: CPU time over a while, and resident memory, with 0, 100 and 1,000
 * networks. Each is a bridge with its parameters and address, and a pod in a namespace of its own on it.
 *
 * Run inside the sandbox: scripts/sandbox.sh node bench/idle.ts [SECONDS] [COUNT...]
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient } from "../src/daemon/client.ts";

const NETWORKS_PER_FILE = 10;
/** A bridge lets a new port through after twice 15 s, which are events as well. */
const SETTLE_MILLISECONDS = 35_000;

const [seconds = 60, ...given] = process.argv.slice(2).map(Number);
const counts = given.length === 0 ? [0, 100, 1000] : given;

/** Several files, as one rule set for a thousand networks is more than nft may send without being root of the machine. */
function networkFile(first: number, end: number): string {
  const all = Array.from({ length: end - first }, (_, i) => first + i);
  const subnet = (i: number): string => `10.${100 + (i >> 8)}.${i & 255}`;
  return [
    "version: 1",
    `name: idle${first}`,
    "uplinks: { wan: { device: uplink0 } }",
    "networks:",
    ...all.map((i) => `  n${i}: { subnet: ${subnet(i)}.0/24 }`),
    "routers:",
    `  edge: { networks: [${all.map((i) => `n${i}`).join(", ")}], uplink: wan, nat: masquerade }`,
    "machines:",
    ...all.map((i) => `  p${i}: { kind: namespace, nics: [{ network: n${i}, address: ${subnet(i)}.10 }] }`),
    "",
  ].join("\n");
}

/** Of all threads, to the nanosecond. */
function cpuSeconds(pid: number): number {
  return readdirSync(`/proc/${pid}/task`)
    .map((thread) => Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e9)
    .reduce((sum, value) => sum + value, 0);
}

function residentMebibytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

async function measure(count: number): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));
  const state = join(folder, "state");
  const start = async () => {
    const child = spawn(resolve("bin/netloom"), ["daemon", "--state", state], { stdio: ["ignore", "pipe", "ignore"] });
    await once(child.stdout, "data");
    return child;
  };
  let daemon = await start();
  const client = await DaemonClient.find(state);
  if (client === undefined || daemon.pid === undefined) throw new Error("the daemon does not answer");
  const files: { source: string; text: string }[] = [];
  for (let first = 0; first < count; first += NETWORKS_PER_FILE) {
    const text = networkFile(first, Math.min(count, first + NETWORKS_PER_FILE));
    files.push({ source: join(folder, `idle${first}.yaml`), text });
  }
  const began = performance.now();
  for (const file of files) await client.call("apply", file);
  const applySeconds = (performance.now() - began) / 1000;
  // A fresh one, as after a boot: applying has left its garbage.
  daemon.kill();
  await once(daemon, "exit");
  daemon = await start();
  try {
    await sleep(SETTLE_MILLISECONDS + count * 20);
    const before = cpuSeconds(daemon.pid ?? 0);
    await sleep(seconds * 1000);
    const share = (cpuSeconds(daemon.pid ?? 0) - before) / seconds;
    const memory = residentMebibytes(daemon.pid ?? 0);
    for (const { source } of files) await client.call("destroy", { source });
    return [String(count), `${(share * 100).toFixed(3)} %`, `${memory.toFixed(1)} MiB`, `${applySeconds.toFixed(1)} s`];
  } finally {
    daemon.kill();
    await once(daemon, "exit");
    rmSync(folder, { recursive: true });
  }
}

execFileSync("bash", [
  "-e",
  "-c",
  `ip link add uplink0 type veth peer name uplink1
   ip address add 198.51.100.2/24 dev uplink0
   ip link set uplink0 up; ip link set uplink1 up`,
]);
for (const name of ["default", "all"]) writeFileSync(`/proc/sys/net/ipv6/conf/${name}/disable_ipv6`, "1");
const line = (cells: readonly string[]): string => cells.map((cell) => cell.padStart(14)).join("");
process.stdout.write(`an idle daemon over ${seconds} s\n${line(["networks", "CPU", "resident", "apply took"])}\n`);
for (const count of counts) process.stdout.write(`${line(await measure(count))}\n`);
