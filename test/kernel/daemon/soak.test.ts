/**
 * Random attaching, detaching, killing and deleting by hand, and in the end desired is observed and nothing has leaked.
 * Here for some seconds; `npm run soak` does it for half an hour over 50 ports. NETLOOM_SOAK_SEED repeats a run's choices.
 */
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell, startNetloom, until } from "../../support/network.ts";
import { randomNumbers } from "../../support/random.ts";
import { Daemon } from "./support.ts";

const SECONDS = Number(process.env["NETLOOM_SOAK_SECONDS"] ?? 20);
const PORTS = Number(process.env["NETLOOM_SOAK_PORTS"] ?? 10);
const SEED = Number(process.env["NETLOOM_SOAK_SEED"] ?? Date.now() % 0x7fffffff);
/** From the last blow to all healed, fights' pauses included. */
const SETTLING_SECONDS = 90;
const FILE = `version: 1
name: soak
uplinks:
  wan: { device: uplink0 }
networks:
  lan: { subnet: 10.9.0.0/24 }
routers:
  edge: { networks: [lan], uplink: wan }
`;

let folder: Folder;
let state: string;
let current: Daemon | undefined;
let ended = false;

beforeAll(() => {
  // Tables of others do not come back when all is flushed.
  shell("nft flush ruleset");
  makeUplink();
  folder = new Folder();
  state = folder.join("state");
});
afterAll(async () => {
  // Tests behind a failed one find the host as it was.
  if (!ended) await takeAllBack();
  folder[Symbol.dispose]();
  removeUplink();
});

const podName = (port: number): string => `soak${port}`;
const targetOf = (port: number): string[] => (port % 3 === 0 ? ["--tap", `stap${port}`] : ["--netns", podName(port)]);
const isPod = (port: number): boolean => port % 3 !== 0;

/** What somebody else breaks; a thing that is not there (any more) breaks nothing. */
function breakage(port: number, choice: number): string {
  const device = isPod(port) ? `$(ip -o link | grep -o 'soak${port}-eth0' | head -1)` : `stap${port}`;
  const blows = [
    `ip link delete ${device}`,
    `ip link set ${device} nomaster`,
    `ip link set ${device} down`,
    `ip -n ${podName(port)} address flush dev eth0`,
    `ip -n ${podName(port)} route flush dev eth0`,
    "nft flush ruleset",
    "ip address flush dev lan",
    "ip link set lan down",
    "echo 0 >/proc/sys/net/ipv4/conf/lan/forwarding",
    "ip link delete lan",
  ];
  return blows[choice % blows.length]!;
}

function tryShell(line: string): void {
  try {
    shell(line);
  } catch {
    // It is not there at this moment.
  }
}

async function takeAllBack(): Promise<void> {
  await current?.kill();
  for (let port = 0; port < PORTS; port++) await netloom(["detach", ...targetOf(port), "--state", state]);
  await netloom(["destroy", folder.join("soak.yaml"), "--state", state]);
  for (let port = 0; port < PORTS; port++) if (isPod(port)) tryShell(`ip netns delete ${podName(port)}`);
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function residentKilobytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

test(`${SECONDS} s over ${PORTS} ports, seed ${SEED}`, { timeout: 1000 * (SECONDS + 300) }, async () => {
  const random = randomNumbers(SEED);
  const file = folder.write("soak.yaml", FILE);
  const words = (...given: readonly string[]): string[] => [...given, "--state", state];
  for (let port = 0; port < PORTS; port++) if (isPod(port)) shell(`ip netns add ${podName(port)}`);
  const before = hostSnapshot();
  let daemon = await Daemon.start(state);
  current = daemon;
  await done(words("apply", file));
  const attached = new Set<number>();
  const counts = { attached: 0, detached: 0, broken: 0, cut: 0, killed: 0 };
  /** A bridge that somebody has just deleted is not there for a moment. */
  const insist = async (...order: readonly string[]): Promise<void> => {
    let said = "";
    const succeeds = async (): Promise<boolean> => {
      const { code, stderr } = await netloom(words(...order));
      said = stderr;
      return code === 0;
    };
    await until(order.join(" "), succeeds, SETTLING_SECONDS).catch((cause: unknown) => {
      throw new Error(`${said}\n${daemon.process.stderr.slice(-4000)}`, { cause });
    });
  };
  const attach = async (port: number): Promise<void> => {
    await insist("attach", "lan", ...targetOf(port));
    attached.add(port);
    counts.attached++;
  };
  // On a slow machine longer: until everything has happened once.
  const isOver = (end: number): boolean => performance.now() > end && Object.values(counts).every((count) => count > 0);
  for (const end = performance.now() + 1000 * SECONDS; !isOver(end); ) {
    const port = random(PORTS);
    const choice = random(100);
    if (choice < 35) {
      if (!attached.has(port)) await attach(port);
      else {
        await insist("detach", ...targetOf(port));
        attached.delete(port);
        counts.detached++;
      }
    } else if (choice < 80) {
      tryShell(breakage(port, random(10)));
      counts.broken++;
      await sleep(random(300));
    } else if (choice < 92) {
      // Cut off in the middle: the same command again gets over it.
      const order = attached.has(port) ? ["detach", ...targetOf(port)] : ["attach", "lan", ...targetOf(port)];
      const running = startNetloom(words(...order));
      await sleep(100 + random(400));
      await running.stop("SIGKILL");
      await insist(...order);
      if (!attached.delete(port)) attached.add(port);
      counts.cut++;
    } else {
      await daemon.kill();
      if (random(2) === 0) tryShell(breakage(port, random(10)));
      current = daemon = await Daemon.start(state);
      counts.killed++;
    }
  }
  for (let port = 0; port < PORTS; port++) if (!attached.has(port)) await attach(port);

  const seen = async (): Promise<string> => {
    const { code, stdout, stderr } = await netloom(words("status"));
    return code === 0 ? "" : `${stdout}${stderr}`;
  };
  let complaint = "";
  await until("desired is observed", async () => (complaint = await seen()) === "", SETTLING_SECONDS).catch(
    (cause: unknown) => {
      throw new Error(`${complaint}${daemon.process.stderr.slice(-4000)}`, { cause });
    },
  );
  for (let port = 0; port < PORTS; port++)
    if (isPod(port)) shell(`nsenter --net=/run/netns/${podName(port)} ping -q -c 1 -w 30 10.9.0.1`);
  // A namespace or two of sockets each, and no more however often they came and went.
  expect(descriptorsOf(daemon.pid)).toBeLessThan(60 + 10 * PORTS);
  expect(residentKilobytes(daemon.pid)).toBeLessThan(400_000);
  for (let port = 0; port < PORTS; port++) await insist("detach", ...targetOf(port));
  await insist("destroy", file);
  await daemon[Symbol.asyncDispose]();
  const after = hostSnapshot().filter((line) => !line.startsWith("process "));
  expect(after).toEqual(before.filter((line) => !line.startsWith("process ")));
  for (let port = 0; port < PORTS; port++) if (isPod(port)) shell(`ip netns delete ${podName(port)}`);
  ended = true;
});
