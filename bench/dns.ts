/**
 * `netloom dns serve` beside unbound (one thread), dnsmasq and BIND: answers per second from the cache, of names of its
 * own and through an upstream, CPU time for each, latency at a steady rate, and memory. The servers take turns; each
 * line has the median, the range, and netloom's share of the peer's.
 *
 * What the figures are, and are not. The server has one CPU, dnsperf (one thread, over the loopback interface) the
 * other, with the upstream for what is not in the cache: a dnsmasq that knows each name by a wildcard. What the kernel
 * does for a datagram is paid by who sends it. dnsperf itself stops at about 300,000 questions a second. All servers
 * have an allow-list, EDNS is on, nothing is logged, and all have been asked each name before what is measured of the
 * cache and of own names begins. Of memory the whole resident set is told, a quiet quarter of a minute after 100,000
 * names were asked.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { decimal, list, oneOf, readCommandLine, whole } from "./support/command-line.ts";
import { BIND, type DnsPeer, DNSMASQ, localName, netloom, UNBOUND, upstream } from "./support/dns-peers.ts";
import { Figures, percentile } from "./support/figures.ts";
import { moveTo, Program } from "./support/program.ts";

const SERVER_CPU = "0";
const LOAD_CPU = "1";
const PORT = 5301;
const UPSTREAM_PORT = 5300;
const DOMAIN = "bench.example";
const LOCAL_DOMAIN = "local.example";
const NAMES = 1000;
const MEMORY_NAMES = 100_000;
const COLD_NAMES = 300_000;
const PACE_PER_SECOND = 10_000;
const WARM_UP_SECONDS = "1";
const LONGEST_SECONDS = "60";
/** A garbage collector looks back. */
const QUIET_MILLISECONDS = 15_000;
const START_LIMIT_MILLISECONDS = 10_000;

const PEERS: Readonly<Record<string, (program: readonly string[]) => DnsPeer>> = {
  netloom,
  unbound: () => UNBOUND,
  dnsmasq: () => DNSMASQ,
  bind: () => BIND,
};
const PEER_NAMES = Object.keys(PEERS);
const MEASURES = ["cache", "local", "cold", "latency", "memory"];

const options = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/dns.ts",
    what: `\`netloom dns serve\` beside unbound, dnsmasq and BIND: answers per second from the cache, of names of its own and
through an upstream, CPU time for each, latency, and memory. Two minutes on an idle machine; one claim, some seconds:
--peers netloom,unbound --measure cache --rounds 3`,
    needs: `two CPUs, the sandbox, iproute2, util-linux, dnsperf, dnsmasq-base (the upstream), and of those who are
measured unbound and bind9.`,
  },
  {
    peers: { what: "who is measured", fallback: PEER_NAMES.join(","), read: list(oneOf(PEER_NAMES)) },
    measure: { what: "what is measured", fallback: MEASURES.join(","), read: list(oneOf(MEASURES)) },
    rounds: { what: "of each measurement; of memory one", fallback: "5", read: whole(1) },
    seconds: { what: "of each measurement", fallback: "2", read: decimal(0.1) },
    "in-flight": { what: "questions that dnsperf has open", fallback: "100", read: whole(1) },
    program: { what: "how netloom is started", fallback: resolve("bin/netloom"), read: (given) => given.split(" ") },
  },
);
const seconds = String(options.seconds);
const peers = options.peers.flatMap((name) => PEERS[name]?.(options.program) ?? []);
const measures = new Set(options.measure);
const figures = new Figures("netloom");
const folder = mkdtempSync(join(tmpdir(), "netloom-bench-"));

function questions(name: string, names: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, names.map((one) => `${one} A\n`).join(""));
  return path;
}

const many = (count: number, name: (index: number) => string): string[] =>
  Array.from({ length: count }, (_, index) => name(index));

interface Load {
  readonly perSecond: number;
  readonly completed: number;
  readonly lost: number;
  readonly output: string;
}

function load(port: number, file: string, words: readonly string[], inFlight = options["in-flight"]): Load {
  const command = ["-c", LOAD_CPU, "dnsperf", "-s", "127.0.0.1", "-p", String(port), "-d", file, "-e", "-T", "1"];
  const output = execFileSync("taskset", [...command, "-q", String(inFlight), ...words], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    maxBuffer: 2 ** 28,
  });
  const read = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  return {
    perSecond: read(/Queries per second:\s+([\d.]+)/),
    completed: read(/Queries completed:\s+(\d+)/),
    lost: read(/Queries lost:\s+(\d+)/),
    output,
  };
}

async function untilServed(file: string): Promise<void> {
  const end = performance.now() + START_LIMIT_MILLISECONDS;
  while (load(PORT, file, ["-n", "1", "-l", "1", "-t", "0.2"], 1).completed === 0) {
    if (performance.now() > end) throw new Error("a server does not answer");
    await sleep(50);
  }
}

function throughput(peer: DnsPeer, server: Program, name: string, file: string, words: readonly string[]): void {
  const cpuBefore = server.cpuSeconds();
  const { perSecond, completed, lost } = load(PORT, file, words);
  const cpuMicroseconds = ((server.cpuSeconds() - cpuBefore) * 1e6) / completed;
  figures.add(peer.name, { measure: `answers/s, ${name}`, value: perSecond });
  figures.add(peer.name, { measure: `µs of CPU for one, ${name}`, value: cpuMicroseconds, isLessBetter: true });
  if (lost > 0) process.stderr.write(`${peer.name}, ${name}: ${lost} lost\n`);
}

function latency(peer: DnsPeer, file: string): void {
  const { output } = load(PORT, file, ["-l", seconds, "-Q", String(PACE_PER_SECOND), "-v"]);
  const times = Array.from(output.matchAll(/^> \S+ \S+ \S+ ([\d.]+)$/gm), ([, seconds]) => Number(seconds) * 1e6);
  const sorted = times.toSorted((a, b) => a - b);
  for (const [name, share] of [
    ["median", 0.5],
    ["p99", 0.99],
  ] as const) {
    const measure = `µs at ${PACE_PER_SECOND} questions/s, ${name}`;
    figures.add(peer.name, { measure, value: percentile(sorted, share), isLessBetter: true });
  }
}

const cached = questions(
  "cached",
  many(NAMES, (index) => `host${index}.${DOMAIN}`),
);
const local = questions(
  "local",
  many(NAMES, (index) => localName({ localDomain: LOCAL_DOMAIN }, index)),
);

async function round(peer: DnsPeer, number: number): Promise<void> {
  const task = { folder: join(folder, peer.name), port: PORT, upstreamPort: UPSTREAM_PORT, localDomain: LOCAL_DOMAIN };
  await using server = new Program(peer.prepare({ ...task, localNames: NAMES }), { cpu: SERVER_CPU });
  await untilServed(cached);
  const timed = ["-l", seconds];
  load(PORT, cached, ["-n", "2", "-l", LONGEST_SECONDS]);
  load(PORT, cached, ["-l", WARM_UP_SECONDS]);
  if (measures.has("cache")) throughput(peer, server, `${NAMES} names from the cache`, cached, timed);
  if (measures.has("latency")) latency(peer, cached);
  load(PORT, local, ["-n", "2", "-l", LONGEST_SECONDS]);
  if (measures.has("local")) throughput(peer, server, `${NAMES} names of its own`, local, timed);
  if (measures.has("cold")) {
    const names = questions(
      "cold",
      many(COLD_NAMES, (index) => `r${number}-${index}.${DOMAIN}`),
    );
    throughput(peer, server, "through the upstream", names, ["-n", "1", "-l", seconds]);
  }
  if (measures.has("memory") && number === 0) {
    const names = questions(
      "memory",
      many(MEMORY_NAMES, (index) => `memory${index}.${DOMAIN}`),
    );
    load(PORT, names, ["-n", "1", "-l", LONGEST_SECONDS]);
    await sleep(QUIET_MILLISECONDS);
    const measure = `MiB resident, ${MEMORY_NAMES} names asked`;
    figures.add(peer.name, { measure, value: server.residentBytes() / 2 ** 20, isLessBetter: true });
  }
}

execFileSync("ip", ["link", "set", "lo", "up"]);
moveTo(LOAD_CPU);
try {
  await using _upstream = new Program(upstream({ folder, upstreamPort: UPSTREAM_PORT }, DOMAIN), { cpu: LOAD_CPU });
  for (let number = 0; number < options.rounds; number++) for (const peer of peers) await round(peer, number);
  process.stdout.write(`${figures.format()}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
