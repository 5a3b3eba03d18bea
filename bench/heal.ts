/**
 * How long something of ours is away: from the command that deletes it to the moment that the kernel shows it again,
 * put back by a daemon in a process of its own.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { observe } from "../src/kernel/observe.ts";
import type { ObservedNamespace } from "../src/state/snapshot.ts";
import { readCommandLine, whole } from "./support/command-line.ts";
import { Daemon } from "./support/daemon.ts";

const { ROUNDS: rounds } = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/heal.ts",
    what: `Milliseconds from the command that deletes something of ours until the kernel shows it again, put back by a daemon:
an address, a route, a bridge, the nft ruleset, a kernel parameter, a namespace. There is no peer that does this.`,
    needs: "the sandbox, iproute2 and nftables.",
  },
  { ROUNDS: { what: "of each damage, some 3 s", fallback: "11", read: whole(1), place: "one" } },
);
const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));
const FILE = `version: 1
name: bench
uplinks:
  wan: { device: uplink0 }
networks:
  bench: { subnet: 192.168.60.0/24 }
routers:
  edge: { networks: [bench], uplink: wan, nat: masquerade }
machines:
  pod: { kind: namespace, nics: [{ network: bench, address: 192.168.60.10 }] }
`;

function shell(script: string): string {
  return execFileSync("bash", ["-e", "-c", script], { encoding: "utf8" });
}

async function look(name: string): Promise<ObservedNamespace | null> {
  return (await observe({ namespaces: [{ name }], files: [] })).namespaces[name] ?? null;
}

const bridge = async (): Promise<number> => (await look(""))?.links.find((link) => link.name === "bench")?.index ?? -1;

interface Case {
  readonly name: string;
  readonly damage: string;
  readonly whole: () => boolean | Promise<boolean>;
}

const PARAMETER = "/proc/sys/net/ipv6/conf/bench/disable_ipv6";
const CASES: readonly Case[] = [
  {
    name: "address",
    damage: "ip address flush dev bench",
    whole: async () => (await look(""))?.addresses.some(({ address }) => address === "192.168.60.1") === true,
  },
  {
    name: "route in a namespace",
    damage: "ip -n pod route delete default",
    whole: async () => (await look("pod"))?.routes.some(({ destination }) => destination.length === 0) === true,
  },
  {
    name: "bridge, its port and address",
    damage: "ip link delete bench",
    whole: async () => {
      const index = await bridge();
      const host = await look("");
      return (
        host?.addresses.some(({ linkIndex }) => linkIndex === index) === true &&
        host.links.some(({ masterIndex }) => masterIndex === index)
      );
    },
  },
  {
    name: "nft ruleset",
    damage: "nft flush ruleset",
    whole: () => shell("nft list tables").includes("netloom_bench"),
  },
  {
    name: "parameter without an event",
    damage: `echo 0 >${PARAMETER}`,
    whole: () => readFileSync(PARAMETER, "utf8") === "1\n",
  },
  {
    name: "namespace with all in it",
    damage: "ip netns delete pod",
    whole: async () => (await look("pod"))?.routes.some(({ destination }) => destination.length === 0) === true,
  },
];

async function healOnce({ damage, whole }: Case): Promise<number> {
  shell(damage);
  const start = performance.now();
  while (!(await whole())) await sleep(1);
  return performance.now() - start;
}

shell(`ip link add uplink0 type veth peer name uplink1
  ip address add 198.51.100.2/24 dev uplink0
  ip link set uplink0 up; ip link set uplink1 up
  ip route add default via 198.51.100.1`);
const daemon = new Daemon(join(folder, "state"));
try {
  await daemon.start();
  const client = await daemon.client();
  const source = join(folder, "bench.yaml");
  writeFileSync(source, FILE);
  await client.call("apply", { source, text: FILE });
  await sleep(1000);
  process.stdout.write(`milliseconds until it is back, ${rounds} rounds\n`);
  process.stdout.write(`${"".padEnd(32)}${"median".padStart(8)}${"least".padStart(8)}${"most".padStart(8)}\n`);
  for (const what of CASES) {
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push(await healOnce(what));
      // So rarely that it is no fight.
      await sleep(2600);
    }
    times.sort((a, b) => a - b);
    const cells = [times[times.length >> 1], times[0], times.at(-1)].map((time) => (time ?? 0).toFixed(0).padStart(8));
    process.stdout.write(`${what.name.padEnd(32)}${cells.join("")}\n`);
  }
  await client.call("destroy", { source });
} finally {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}
