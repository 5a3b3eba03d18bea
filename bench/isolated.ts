/**
 * Networks with the same subnet in a namespace each, with a DHCP server each, in one daemon: what it costs at rest, how
 * long the apply takes, and whether a network is slower among so many than alone.
 *
 * Two daemons run: one with a single network, one with all. After each has been started anew, as after a boot, it is
 * measured at rest; then the single network and one of the many take turns with the same clients. Clients come back to
 * the addresses that they have: a new address waits for its probe, in every network alike. All requests come on the
 * network's own link, all leases are synced to disk. The daemons are on one CPU, the clients on the other.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ipv4Address, MacAddress } from "../src/base/address.ts";
import { closeDescriptor, openNamespace } from "../src/kernel/native.ts";
import { observe } from "../src/kernel/observe.ts";
import { decimal, readCommandLine, text, whole } from "./support/command-line.ts";
import { Daemon } from "./support/daemon.ts";
import { DhcpLoad } from "./support/dhcp-load.ts";
import { Figures, percentile } from "./support/figures.ts";
import { moveTo } from "./support/program.ts";

const DAEMON_CPU = "0";
const LOAD_CPU = "1";
const SERVER = { address: "10.0.0.1" as Ipv4Address };
/** A daemon that has worked gives memory back after 5 s of quiet. */
const QUIET = { share: 0.01, milliseconds: 3000, leastMilliseconds: 12_000, limitMilliseconds: 90_000 };
const IN_FLIGHT = 64;
const CLIENTS = 4000;
const PACE_PER_SECOND = 200;
const PACED_DIALOGUES = 400;
/** The goal: resident memory of the daemon, and what each network may add. */
const GOAL = { mebibytes: 80, kibibytesEach: 50 };

const options = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/isolated.ts",
    what: `Networks with the same subnet and a DHCP server in a namespace each, in one daemon, beside a daemon with a single
one: memory, CPU and descriptors at rest, leases per second, latency, and how soon a deleted bridge is back.`,
    needs: "root, two CPUs, the sandbox, iproute2, procps and util-linux.",
  },
  {
    count: { what: "networks of the second daemon", fallback: "1000", read: whole(2) },
    "per-file": {
      what: "of them in one file: after a change the daemon looks at the whole file",
      fallback: "50",
      read: whole(1),
    },
    rounds: { what: "of exchanges", fallback: "5", read: whole(1) },
    idle: { what: "seconds of rest", fallback: "20", read: decimal(0.1) },
    folder: { what: "where leases are kept", fallback: tmpdir(), read: text },
  },
);
const { count, "per-file": perFile, rounds, idle: idleSeconds } = options;

interface NetworkFile {
  readonly source: string;
  readonly text: string;
}

function networkFile(folder: string, prefix: string, first: number, end: number): NetworkFile {
  const text = [
    "version: 1",
    `name: ${prefix}${first}`,
    "networks:",
    ...Array.from({ length: end - first }, (_, i) => `${prefix}-${first + i}`).map(
      (name) =>
        `  ${name}: { namespace: ${name}, device: lan, subnet: 10.0.0.0/16, dhcp: { range: 10.0.1.0-10.0.255.254 } }`,
    ),
    "",
  ].join("\n");
  return { source: join(folder, `${prefix}${first}.yaml`), text };
}

/** Clients in a namespace of their own, on the network of a namespace. */
class Clients implements Disposable {
  readonly #name: string;
  readonly #namespace: number;
  readonly #interfaceIndex: number;
  readonly #serverMac: MacAddress;

  constructor(network: string) {
    this.#name = `load-${network}`;
    execFileSync("bash", [
      "-e",
      "-c",
      `ip netns add ${this.#name}
       ip -n ${network} link add clients type veth peer name eth0 netns ${this.#name}
       nsenter --net=/run/netns/${this.#name} sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
       nsenter --net=/run/netns/${network} sysctl -qw net.ipv6.conf.clients.disable_ipv6=1
       ip -n ${network} link set clients master lan up
       ip -n ${this.#name} link set eth0 up`,
    ]);
    this.#namespace = openNamespace(`/run/netns/${this.#name}`);
    const show = (namespace: string, link: string): string =>
      execFileSync("ip", ["-n", namespace, "-oneline", "link", "show", link], { encoding: "utf8" });
    this.#interfaceIndex = Number.parseInt(show(this.#name, "eth0"), 10);
    this.#serverMac = (/link\/ether (\S+)/.exec(show(network, "lan"))?.[1] ?? "") as MacAddress;
  }

  /** The same clients each time. */
  load(): DhcpLoad {
    return new DhcpLoad({
      namespace: this.#namespace,
      interfaceIndex: this.#interfaceIndex,
      path: { serverAddress: SERVER.address, serverMac: this.#serverMac, relay: undefined },
      inFlight: IN_FLIGHT,
    });
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#namespace);
    execFileSync("ip", ["netns", "delete", this.#name]);
  }
}

async function apply(daemon: Daemon, files: readonly NetworkFile[]): Promise<number> {
  const client = await daemon.client();
  const began = performance.now();
  for (const file of files) await client.call("apply", file);
  return (performance.now() - began) / 1000;
}

/** Until it does nothing, or nothing but what it does for ever. */
async function untilQuiet(daemon: Daemon): Promise<void> {
  const began = performance.now();
  for (let share = 1; performance.now() - began < QUIET.limitMilliseconds; ) {
    const before = daemon.program.cpuSeconds();
    await sleep(QUIET.milliseconds);
    share = (daemon.program.cpuSeconds() - before) / (QUIET.milliseconds / 1000);
    if (share < QUIET.share && performance.now() - began > QUIET.leastMilliseconds) return;
  }
}

/** How long a bridge of a network is away that somebody deletes. */
async function healing(network: string): Promise<number> {
  execFileSync("ip", ["-n", network, "link", "delete", "lan"]);
  const began = performance.now();
  const isBack = async (): Promise<boolean> => {
    const { namespaces } = await observe({ namespaces: [{ name: network }], files: [] });
    return namespaces[network]?.addresses.some(({ address }) => address === SERVER.address) === true;
  };
  while (!(await isBack())) await sleep(5);
  return performance.now() - began;
}

/** Resident memory at rest, after a start as after a boot. */
async function atRest(name: string, daemon: Daemon, applySeconds: number): Promise<number> {
  await untilQuiet(daemon);
  const applied = daemon.program.residentBytes() / 2 ** 20;
  const startMilliseconds = await daemon.start();
  await daemon.client();
  await untilQuiet(daemon);
  const before = daemon.program.cpuSeconds();
  await sleep(idleSeconds * 1000);
  const share = ((daemon.program.cpuSeconds() - before) / idleSeconds) * 100;
  const resident = daemon.program.residentBytes() / 2 ** 20;
  process.stdout.write(
    `${name}: applied in ${applySeconds.toFixed(1)} s, after it ${applied.toFixed(1)} MiB resident; started anew in ` +
      `${startMilliseconds.toFixed(0)} ms: ${resident.toFixed(1)} MiB, ${share.toFixed(3)} % of a CPU, ` +
      `${daemon.program.descriptors()} descriptors, ${daemon.program.threads()} threads\n`,
  );
  return resident;
}

async function exchanges(name: string, clients: Clients, figures: Figures): Promise<void> {
  using load = clients.load();
  const { perSecond } = await load.saturate("dora", { seconds: 10, dialogues: CLIENTS });
  figures.add(name, { measure: "leases/s", value: perSecond });
  using paced = clients.load();
  const { exchanges: times } = await paced.pace(PACE_PER_SECOND, { seconds: 10, dialogues: PACED_DIALOGUES });
  for (const [measure, part] of [
    ["p50", 0.5],
    ["p99", 0.99],
  ] as const)
    figures.add(name, {
      measure: `ms of an exchange at ${PACE_PER_SECOND}/s, ${measure}`,
      value: percentile(times, part),
      isLessBetter: true,
    });
}

moveTo(LOAD_CPU);
const folder = mkdtempSync(join(options.folder, "netloom-bench-"));
const [alone, among] = [new Daemon(join(folder, "alone"), DAEMON_CPU), new Daemon(join(folder, "among"), DAEMON_CPU)];
const single = [networkFile(folder, "solo", 0, 1)];
const many: NetworkFile[] = [];
for (let first = 0; first < count; first += perFile)
  many.push(networkFile(folder, "tenant", first, Math.min(count, first + perFile)));
try {
  await alone.start();
  await among.start();
  const one = await atRest("1 network", alone, await apply(alone, single));
  const all = await atRest(`${count} networks`, among, await apply(among, many));
  const each = ((all - one) * 1024) / (count - 1);
  const goal = GOAL.mebibytes + (GOAL.kibibytesEach * count) / 1024;
  process.stdout.write(
    `${each.toFixed(1)} KiB for each network more; the goal for ${count} is ${goal.toFixed(0)} MiB: ` +
      `${all <= goal ? "reached" : "missed"}\n`,
  );
  const figures = new Figures("alone");
  {
    using solo = new Clients("solo-0");
    using tenant = new Clients(`tenant-${count >> 1}`);
    // New addresses wait for their probe: that is not what is measured.
    for (const clients of [solo, tenant]) {
      using load = clients.load();
      await load.saturate("dora", { seconds: 120, dialogues: CLIENTS });
    }
    for (let round = 0; round < rounds; round++) {
      await exchanges("alone", solo, figures);
      await exchanges(`among ${count}`, tenant, figures);
    }
  }
  for (let round = 0; round < rounds; round++) {
    const measure = "ms until a deleted bridge is back";
    figures.add("alone", { measure, value: await healing("solo-0"), isLessBetter: true });
    figures.add(`among ${count}`, { measure, value: await healing(`tenant-${round}`), isLessBetter: true });
  }
  process.stdout.write(`${figures.format()}\n`);
  for (const [daemon, files] of [
    [alone, single],
    [among, many],
  ] as const) {
    const client = await daemon.client();
    const began = performance.now();
    for (const { source } of files) await client.call("destroy", { source });
    process.stdout.write(`destroyed in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
  }
} finally {
  await Promise.all([alone, among].map((daemon) => daemon[Symbol.asyncDispose]()));
  rmSync(folder, { recursive: true });
}
