/**
 * `netloom dhcp serve` beside Kea (memfile), ISC dhcpd and dnsmasq: new leases and renewals per second, latency, start
 * and memory. The servers take turns; each line has the median, the range, and netloom's share of the peer's.
 *
 * What the figures are, and are not. Server and load have a CPU each; all else that runs on the machine takes from
 * both, which the CPU time for one dialogue tells less of than the number per second. The link is a veth pair: what its
 * softirq costs is on the CPU of who sends. The load's requests have right checksums, no client identifier and 7 wishes,
 * and come from one relay; renewals are REQUESTs as in REBINDING, through the relay. netloom and dhcpd sync leases to
 * disk before they answer, Kea and dnsmasq do not; dhcpd does not write a renewal in the first quarter of a lease. Kea
 * runs with one thread, as its package does. Servers log nothing or to nowhere. A second of load warms each server up.
 * What is lost is repeated after a second, as clients would much later. At 200/s an exchange of two messages is timed,
 * not the whole dialogue; the disk's own times are taken between the servers' turns, so what else uses the disk hits
 * them by chance. Slow peers get few dialogues and a small pool, which flatters dhcpd.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { decimal, list, oneOf, readCommandLine, text, whole } from "./support/command-line.ts";
import { MOST_IN_FLIGHT } from "./support/dhcp-load.ts";
import { DHCPD, DNSMASQ, KEA, netloom, type Peer } from "./support/dhcp-peers.ts";
import { RunningServer, World } from "./support/dhcp-world.ts";
import { Figures, percentile } from "./support/figures.ts";
import { moveTo } from "./support/program.ts";
import { syncLatencies } from "./support/sync-latency.ts";

const SERVER_CPU = "0";
const LOAD_CPU = "1";
const START_LIMIT_MILLISECONDS = 10_000;
const WARM_UP_SECONDS = 1;
/** Addresses and dialogues of one run. */
const ROOM = { fast: 400_000, slow: 4000 };
const PACE_PER_SECOND = 200;
const PACED_DIALOGUES = 600;
const MEMORY_LEASES = 150_000;

const PEERS: Readonly<Record<string, (program: readonly string[]) => Peer>> = {
  netloom,
  kea: () => KEA,
  dhcpd: () => DHCPD,
  dnsmasq: () => DNSMASQ,
};
const PEER_NAMES = Object.keys(PEERS);
const MEASURES = ["dora", "renewal", "latency", "memory"];

const options = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/dhcp.ts",
    what: `\`netloom dhcp serve\` beside Kea, ISC dhcpd and dnsmasq: new leases and renewals per second, CPU time for each,
latency, start and memory. Three minutes on an idle machine; one claim, some seconds:
--peers netloom,kea --leases 50000 --measure dora --rounds 1`,
    needs: `root, two CPUs, the sandbox, iproute2, util-linux, and of those who are measured
kea-dhcp4-server, isc-dhcp-server, dnsmasq-base.`,
  },
  {
    peers: { what: "who is measured", fallback: PEER_NAMES.join(","), read: list(oneOf(PEER_NAMES)) },
    leases: {
      what: "leases of an earlier run that the server has to begin with",
      fallback: "0,10000,50000",
      read: list(whole(0)),
    },
    measure: { what: "the start is told with each of them", fallback: MEASURES.join(","), read: list(oneOf(MEASURES)) },
    rounds: { what: "of each measurement; slow peers (dhcpd, dnsmasq) have one", fallback: "3", read: whole(1) },
    seconds: { what: "of each measurement", fallback: "1.5", read: decimal(0.1) },
    "in-flight": {
      what: "dialogues under way at one time; with more, Kea's socket overflows",
      fallback: "64",
      read: whole(1, MOST_IN_FLIGHT),
    },
    "on-link": {
      what: "clients on the server's own link instead of behind a relay (no renewals)",
      isSwitch: true,
    },
    folder: { what: "on the disk where leases are kept", fallback: tmpdir(), read: text },
    program: { what: "how netloom is started", fallback: resolve("bin/netloom"), read: (given) => given.split(" ") },
  },
);
const peers = options.peers.flatMap((name) => PEERS[name]?.(options.program) ?? []);
const measures = new Set(options.measure);
// On the link a renewal is answered to an address that no kernel here has.
if (options["on-link"]) measures.delete("renewal");
const { rounds, seconds, "in-flight": inFlight } = options;

moveTo(LOAD_CPU);
const folder = mkdtempSync(join(options.folder, "netloom-bench-"));
using world = new World();
const figures = new Figures("netloom");

async function withServer(peer: Peer, held: number, work: (server: RunningServer) => Promise<void>): Promise<void> {
  const room = peer.isSlow ? ROOM.slow : ROOM.fast;
  const settings = { peer, held, room, folder, cpu: SERVER_CPU, inFlight, onLink: options["on-link"] };
  const server = await RunningServer.start(world, settings, START_LIMIT_MILLISECONDS);
  const measure = `ms from start to first lease, ${held} held`;
  figures.add(peer.name, { measure, value: server?.startMilliseconds ?? Number.POSITIVE_INFINITY, isLessBetter: true });
  if (server === undefined) return;
  try {
    await work(server);
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

async function throughput(peer: Peer, held: number): Promise<void> {
  await withServer(peer, held, async (server) => {
    const { load } = server;
    for (const kind of ["dora", "renewal"] as const) {
      if (!measures.has(kind) && kind === "renewal") continue;
      // The pool of a slow one is shared by warming up, measuring, and what is under way at the end.
      const dialogues = (peer.isSlow ? ROOM.slow : ROOM.fast) / 4;
      await load.saturate(kind, { seconds: WARM_UP_SECONDS, dialogues });
      const cpuBefore = server.program.cpuSeconds();
      const { done, perSecond, repeated, refused } = await load.saturate(kind, { seconds, dialogues });
      const cpuMicroseconds = ((server.program.cpuSeconds() - cpuBefore) * 1e6) / done;
      const name = kind === "dora" ? "new lease" : "renewal";
      if (!measures.has(kind)) continue;
      figures.add(peer.name, { measure: `${name}s/s, ${held} held`, value: perSecond });
      const measure = `µs of CPU for a ${name}, ${held} held`;
      figures.add(peer.name, { measure, value: cpuMicroseconds, isLessBetter: true });
      if (repeated + refused > 0)
        process.stderr.write(`${peer.name}, ${name}s: ${repeated} repeated after a second, ${refused} refused\n`);
    }
  });
}

async function latency(peer: Peer): Promise<void> {
  await withServer(peer, 0, async ({ load }) => {
    await load.saturate("dora", { seconds: WARM_UP_SECONDS, dialogues: ROOM.slow / 4 });
    const bounds = { seconds: (2 * PACED_DIALOGUES) / PACE_PER_SECOND, dialogues: PACED_DIALOGUES };
    const { exchanges } = await load.pace(PACE_PER_SECOND, bounds);
    for (const [name, share] of [
      ["median", 0.5],
      ["p99", 0.99],
    ] as const) {
      const measure = `ms of an exchange at ${PACE_PER_SECOND} clients/s, ${name}`;
      figures.add(peer.name, { measure, value: percentile(exchanges, share), isLessBetter: true });
    }
  });
}

async function memory(peer: Peer): Promise<void> {
  await withServer(peer, MEMORY_LEASES, async (server) => {
    await server.load.saturate("dora", { seconds: WARM_UP_SECONDS, dialogues: ROOM.slow / 4 });
    const measure = `MiB resident, ${MEMORY_LEASES} held`;
    figures.add(peer.name, { measure, value: server.program.residentBytes() / 2 ** 20, isLessBetter: true });
  });
}

async function disk(): Promise<void> {
  const times = await syncLatencies(folder, { perSecond: PACE_PER_SECOND, count: PACED_DIALOGUES / 2 });
  figures.note(
    `fdatasync here: median ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms`,
  );
}

try {
  for (let round = 0; round < rounds; round++) {
    const turn = peers.filter((peer) => round === 0 || !peer.isSlow);
    if (measures.has("dora") || measures.has("renewal"))
      for (const held of options.leases) for (const peer of turn) await throughput(peer, held);
    if (measures.has("latency")) {
      await disk();
      for (const peer of turn) await latency(peer);
    }
  }
  if (measures.has("memory")) for (const peer of peers.filter(({ isSlow }) => !isSlow)) await memory(peer);
  process.stdout.write(`${figures.format()}\n`);
} finally {
  rmSync(folder, { recursive: true });
}
