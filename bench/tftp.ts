/**
 * `netloom tftp serve` beside tftpd-hpa, dnsmasq and atftpd: megabytes (10^6) in a second. The servers take turns; each
 * line has the median, the range, and netloom's share of the peer's.
 *
 * What the figures are, and are not. All goes over the loopback device, in blocks of 1468 bytes. Server and clients have
 * a CPU each. With a window of one block the figure is that of wake-ups between the two, not of work. A server that
 * knows no windows takes part in "1" and in "many", there with a window of one block. The clients are one process of our
 * own; how much of their CPU they had to use is told, and near 100 % they are the limit. The kernel's work for a packet
 * up to the receiver's queue is on the CPU of who sends. Every file was in the page cache. The first transfer of each
 * server is compared byte by byte.
 */
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IpAddress, parseIp } from "../src/base/address.ts";
import { messageOf } from "../src/base/errors.ts";
import { list, oneOf, readCommandLine, whole } from "./support/command-line.ts";
import { Figures } from "./support/figures.ts";
import { moveTo, Program } from "./support/program.ts";
import { download, untilServed } from "./support/tftp-load.ts";
import { isThere, NETLOOM, TFTP_PEERS, type TftpPeer } from "./support/tftp-peers.ts";

const SMALL_BYTES = 2 ** 20;
const CLIENTS = 50;
const MANY_WINDOW = 16;
const BLOCK_BYTES = 1468;
const START_MILLISECONDS = 5000;

const PEER_NAMES = TFTP_PEERS.map(({ name }) => name);
const MOST_WINDOW = 65_535;

const options = readCommandLine(
  {
    command: "unshare --net --mount --pid --fork --kill-child --mount-proc node bench/tftp.ts",
    what: `\`netloom tftp serve\` beside tftpd-hpa, dnsmasq and atftpd: megabytes (10^6) in a second, and CPU time for one.
Two minutes on an idle machine.`,
    needs: `root, two CPUs, namespaces of its own (tftpd-hpa wants more users than the sandbox has), iproute2, util-linux,
and of those who are measured tftpd-hpa, dnsmasq-base, atftpd; who is not there is left out. Of tftpd-hpa and atftpd
only one can be installed: TFTPD_HPA=PATH or ATFTPD=PATH names the other's program.`,
  },
  {
    peers: { what: "who is measured", fallback: PEER_NAMES.join(","), read: list(oneOf(PEER_NAMES)) },
    measure: {
      what: `windows of one client with the large file; many: ${CLIENTS} clients with 1 MiB each, window ${MANY_WINDOW}`,
      fallback: "1,16,64,many",
      read: list((given) => (given === "many" ? given : String(whole(1, MOST_WINDOW)(given)))),
    },
    rounds: { what: "of each measurement", fallback: "5", read: whole(1) },
    size: { what: "MiB of the large file", fallback: "64", read: whole(1) },
    cpus: { what: "of the server and of the clients", fallback: "0,1", read: list((given) => String(whole(0)(given))) },
  },
);
const LARGE_BYTES = options.size * 2 ** 20;
const [serverCpu = "0", clientCpu = "1"] = options.cpus;

/** Ctrl-C or SIGTERM: what has been measured by then is told. */
const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => interrupt.abort());

interface Contestant {
  readonly peer: TftpPeer;
  readonly address: IpAddress;
  readonly program: Program;
}

/** @returns undefined when it does not serve */
async function start(peer: TftpPeer, folder: string, number: number): Promise<Contestant | undefined> {
  const address = parseIp(`127.0.0.${number}`);
  const command = peer.command(folder, address);
  const program = new Program(command, { cpu: serverCpu });
  try {
    await untilServed(address, "tiny", START_MILLISECONDS);
  } catch (error) {
    process.stderr.write(`${peer.name} does not serve: ${messageOf(error)}\n`);
    await program[Symbol.asyncDispose]();
    return undefined;
  }
  return { peer, address, program };
}

async function compare({ peer, address }: Contestant, digest: string): Promise<void> {
  const hash = createHash("sha256");
  const keep = (data: Uint8Array): void => void hash.update(data);
  await download({ server: address, file: "large", blockBytes: BLOCK_BYTES, windowBlocks: MANY_WINDOW, keep });
  if (hash.digest("hex") !== digest) throw new Error(`${peer.name} gave other bytes`);
}

interface Round {
  readonly megabytesPerSecond: number;
  readonly millisecondsOfMegabyte: number;
  readonly failed: number;
  readonly clientShare: number;
  readonly gaps: number;
  readonly silences: number;
}

async function measure({ address, program }: Contestant, what: string): Promise<Round> {
  const isMany = what === "many";
  const windowBlocks = isMany ? MANY_WINDOW : Number(what);
  const one = { server: address, file: isMany ? "small" : "large", blockBytes: BLOCK_BYTES, windowBlocks };
  const serverBefore = program.wholeCpuSeconds();
  const before = process.cpuUsage();
  const began = performance.now();
  const settled = await Promise.allSettled(Array.from({ length: isMany ? CLIENTS : 1 }, () => download(one)));
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(before);
  const results = settled.filter((result) => result.status === "fulfilled").map(({ value }) => value);
  const bytes = results.reduce((sum, result) => sum + result.bytes, 0);
  if (bytes !== results.length * (isMany ? SMALL_BYTES : LARGE_BYTES)) throw new Error(`${bytes} bytes came`);
  return {
    millisecondsOfMegabyte: ((program.wholeCpuSeconds() - serverBefore) * 1000) / (bytes / 1e6),
    megabytesPerSecond: bytes / 1e6 / seconds,
    failed: settled.length - results.length,
    clientShare: (user + system) / 1e6 / seconds,
    gaps: results.reduce((sum, { gaps }) => sum + gaps, 0),
    silences: results.reduce((sum, { silences }) => sum + silences, 0),
  };
}

const TITLES: Readonly<Record<string, string>> = { many: `${CLIENTS} x 1 MiB, window ${MANY_WINDOW}, MB/s` };

async function run(folder: string): Promise<void> {
  const large = randomBytes(LARGE_BYTES);
  writeFileSync(join(folder, "large"), large);
  writeFileSync(join(folder, "small"), large.subarray(0, SMALL_BYTES));
  writeFileSync(join(folder, "tiny"), "tiny");
  const digest = createHash("sha256").update(large).digest("hex");
  const chosen = TFTP_PEERS.filter((peer) => options.peers.includes(peer.name) && isThere(peer));
  const contestants: Contestant[] = [];
  const figures = new Figures(NETLOOM);
  const shares = new Map<string, number>();
  try {
    for (const [number, peer] of chosen.entries()) {
      const contestant = await start(peer, folder, number + 2);
      if (contestant !== undefined) contestants.push(contestant);
    }
    for (const contestant of contestants) await compare(contestant, digest);
    rounds: for (let round = 0; round < options.rounds; round++) {
      for (const what of options.measure) {
        for (const contestant of contestants) {
          const { name, knowsWindows, isOneProcess } = contestant.peer;
          if (interrupt.signal.aborted) break rounds;
          if (!knowsWindows && what !== "1" && what !== "many") continue;
          const { millisecondsOfMegabyte, megabytesPerSecond, failed, clientShare, gaps, silences } = await measure(
            contestant,
            what,
          );
          const title = TITLES[what] ?? `${options.size} MiB, window ${what}, MB/s`;
          figures.add(name, { measure: title, value: megabytesPerSecond });
          const costTitle = `${title.replace("MB/s", "")}ms of server CPU for a MB`;
          if (isOneProcess)
            figures.add(name, { measure: costTitle, value: millisecondsOfMegabyte, isLessBetter: true });
          shares.set(`${title}: ${name}`, Math.max(shares.get(`${title}: ${name}`) ?? 0, clientShare));
          if (failed > 0) figures.note(`${title}: ${name}: ${failed} of the transfers failed`);
          if (gaps + silences > 0) figures.note(`${title}: ${name}: ${gaps} gaps, ${silences} silences`);
        }
      }
    }
  } finally {
    for (const { program } of contestants) await program[Symbol.asyncDispose]();
  }
  for (const [title, share] of shares)
    figures.note(`${title}: clients used ${(100 * share).toFixed(0)} % of their CPU`);
  process.stdout.write(`${figures.format()}\n`);
}

moveTo(clientCpu);
// tftpd-hpa does not start on a host that has nothing but the loopback device.
const SETUP = "ip link set lo up; ip link add b0 type bridge; ip address add 192.0.2.1/24 dev b0; ip link set b0 up";
execFileSync("sh", ["-ec", SETUP]);
const folder = mkdtempSync(join(tmpdir(), "netloom-bench-tftp-"));
try {
  await run(folder);
} finally {
  rmSync(folder, { recursive: true });
}
