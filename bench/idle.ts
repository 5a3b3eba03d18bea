/**
 * What a daemon costs that has nothing to do: CPU time over a while, and resident memory, with 0, 100 and 1,000
 * networks. Each is a bridge with its parameters and address, and a pod in a namespace of its own on it.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { list, readCommandLine, whole } from "./support/command-line.ts";
import { Daemon } from "./support/daemon.ts";

const NETWORKS_PER_FILE = 10;
/** A bridge lets a new port through after twice 15 s, which are events as well. */
const SETTLE_MILLISECONDS = 35_000;

const { SECONDS: seconds, COUNTS: counts } = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/idle.ts",
    what: `CPU time and resident memory of a daemon that has nothing to do, with so many networks, each a bridge and a pod in
a namespace of its own; and how long the apply took. There is no peer: the figure is netloom's own.`,
    needs: "the sandbox and iproute2.",
  },
  {
    SECONDS: { what: "of rest that are measured", fallback: "60", read: whole(1), place: "one" },
    COUNTS: { what: "of networks, one run for each", fallback: "0,100,1000", read: list(whole(0)), place: "rest" },
  },
);

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

async function measure(count: number): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));
  const daemon = new Daemon(join(folder, "state"));
  await daemon.start();
  const client = await daemon.client();
  const files: { source: string; text: string }[] = [];
  for (let first = 0; first < count; first += NETWORKS_PER_FILE) {
    const text = networkFile(first, Math.min(count, first + NETWORKS_PER_FILE));
    files.push({ source: join(folder, `idle${first}.yaml`), text });
  }
  const began = performance.now();
  for (const file of files) await client.call("apply", file);
  const applySeconds = (performance.now() - began) / 1000;
  // A fresh one, as after a boot: applying has left its garbage.
  await daemon.start();
  try {
    await sleep(SETTLE_MILLISECONDS + count * 20);
    const before = daemon.program.cpuSeconds();
    await sleep(seconds * 1000);
    const share = (daemon.program.cpuSeconds() - before) / seconds;
    const memory = daemon.program.residentBytes() / 2 ** 20;
    for (const { source } of files) await client.call("destroy", { source });
    return [String(count), `${(share * 100).toFixed(3)} %`, `${memory.toFixed(1)} MiB`, `${applySeconds.toFixed(1)} s`];
  } finally {
    await daemon[Symbol.asyncDispose]();
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
