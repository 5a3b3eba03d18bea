/**
 * The long run of the fuzzers: so many packets, shared by all targets in turns, each target with one life from the first
 * packet to the last. It fails when something throws, answers wrongly or too much, or when what the targets keep grows.
 *
 * The seed is told first; with it a run gives the same packets again, also with --only. Exit status 0 or 1, and 2 for a
 * wrong option.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { list, oneOf, readCommandLine, whole } from "../../bench/support/command-line.ts";
import { randomNumbers } from "../support/random.ts";
import type { FuzzRun, FuzzTarget } from "./target.ts";
import { DHCP4 } from "./targets/dhcp4.ts";
import { DHCP4_CLIENT } from "./targets/dhcp4-client.ts";
import { DHCP4_SERVER } from "./targets/dhcp4-server.ts";
import { PROXY_DHCP } from "./targets/proxy-dhcp.ts";
import { DHCP6_CLIENT } from "./targets/dhcp6-client.ts";
import { DHCP6_SERVER } from "./targets/dhcp6-server.ts";
import { DNS_RESOLVER } from "./targets/dns-resolver.ts";
import { DNS_SERVER } from "./targets/dns-server.ts";
import { GUEST_IP6 } from "./targets/guest-ip6.ts";
import { ROUTER } from "./targets/router.ts";
import { TFTP } from "./targets/tftp.ts";

const TARGETS: readonly FuzzTarget[] = [
  DHCP4,
  DHCP4_SERVER,
  PROXY_DHCP,
  DHCP4_CLIENT,
  GUEST_IP6,
  DHCP6_SERVER,
  ROUTER,
  DHCP6_CLIENT,
  DNS_RESOLVER,
  DNS_SERVER,
  TFTP,
];
/** Packets of one target before it is the next one's turn. */
const TURN_PACKETS = 5000;
const PROGRESS_MILLISECONDS = 10_000;
/** By then everything is compiled and every table has its size. */
const WARM_SHARE = 0.1;
const MOST_GROWTH_BYTES = 8 * 1024 * 1024;

interface Contestant {
  readonly name: string;
  readonly run: FuzzRun;
  packets: number;
  milliseconds: number;
}

const TARGET_NAMES = TARGETS.map(({ name }) => name);

const {
  packets,
  seed,
  only: chosen,
} = readCommandLine(
  {
    command: "npm run fuzz --",
    what: `Hostile packets against all that reads packets. It fails when something throws, answers wrongly or too much, or when
what is kept grows; then it exits with 1, and its seed, told first, gives the same packets again.`,
    needs: "nothing but the checkout: no rights, no network. Ten million take some minutes.",
  },
  {
    packets: { what: "shared by all targets", fallback: "10000000", read: whole(1) },
    seed: {
      what: "of the random numbers; without it another one each time",
      fallback: "",
      read: (given) => (given === "" ? Date.now() % 0x7fffffff : whole(0)(given)),
    },
    only: { what: "targets that take part", fallback: TARGET_NAMES.join(","), read: list(oneOf(TARGET_NAMES)) },
  },
);

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** @returns what went wrong */
function turn(contestant: Contestant, count: number): string | undefined {
  const began = performance.now();
  for (let i = 0; i < count; i++) {
    try {
      contestant.run.next();
    } catch (error) {
      const reason = error instanceof Error ? error.stack : String(error);
      return `${contestant.name}, packet ${contestant.packets + i}: ${contestant.run.input()}\n${reason}`;
    }
  }
  contestant.packets += count;
  contestant.milliseconds += performance.now() - began;
  return undefined;
}

function fuzzAll(contestants: readonly Contestant[]): string | undefined {
  const began = performance.now();
  let done = 0;
  let told = began;
  let warmBytes: number | undefined;
  for (let next = 0; done < packets; next++) {
    const count = Math.min(TURN_PACKETS, packets - done);
    const problem = turn(contestants[next % contestants.length]!, count);
    if (problem !== undefined) return problem;
    done += count;
    if (warmBytes === undefined && done >= packets * WARM_SHARE) warmBytes = heapBytes();
    if (performance.now() - told < PROGRESS_MILLISECONDS) continue;
    told = performance.now();
    say(`${done} packets, ${Math.round((done / (told - began)) * 1000)}/s`);
  }
  const seconds = (performance.now() - began) / 1000;
  const endBytes = heapBytes();
  for (const { name, packets: own, milliseconds } of contestants)
    say(`${name}: ${own} packets, ${Math.round((own / milliseconds) * 1000)}/s`);
  const growth = endBytes - (warmBytes ?? endBytes);
  say(`${done} packets in ${seconds.toFixed(0)} s; heap ${mebibytes(endBytes - growth)}, then ${mebibytes(endBytes)}`);
  if (growth > MOST_GROWTH_BYTES) return `the heap has grown by ${mebibytes(growth)}`;
  for (const { run, packets: own } of contestants) if (own > 0) run.end(own);
  return undefined;
}

say(`seed ${seed}: ${packets} packets`);
// A stream of its own for each, so that it is the same whoever else takes part.
const contestants = TARGETS.flatMap((target, index): Contestant[] =>
  chosen.includes(target.name)
    ? [{ name: target.name, run: target.start(randomNumbers(seed + index)), packets: 0, milliseconds: 0 }]
    : [],
);
const problem = fuzzAll(contestants);
if (problem !== undefined) say(`FAILED, seed ${seed}, ${problem}`);
process.exitCode = problem === undefined ? 0 : 1;
