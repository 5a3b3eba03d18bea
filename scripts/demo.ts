/**
 * The demo: a real guest takes over the network of a pod, declared in one file. Runs inside the sandbox, through
 * bin/netloom as a user would, and fails when anything that it promises does not happen.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hostSnapshot } from "../test/support/host-snapshot.ts";

const ROOT = join(import.meta.dirname, "..");
const NETLOOM = join(ROOT, "bin", "netloom");
const FILE = "examples/vm-in-a-pod.yaml";
const CONSOLE_SECONDS = 40;

const bold = (text: string): string => (process.stdout.isTTY ? `\u001b[1m${text}\u001b[0m` : text);
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const headline = (text: string): void => say(`\n${bold(text)}`);

interface Check {
  readonly what: string;
  readonly good: boolean;
}
const checks: Check[] = [];

function check(what: string, good: boolean): void {
  checks.push({ what, good });
  say(`  ${good ? "ok  " : "FAIL"}  ${what}`);
}

function ip(...words: string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "inherit"] });
}

function ipJson(...words: string[]): Record<string, unknown>[] {
  return JSON.parse(execFileSync("ip", ["-j", ...words], { encoding: "utf8" })) as Record<string, unknown>[];
}

/** Run the program as a user would, output shown; false when it fails. */
function netloom(...words: string[]): boolean {
  say(`$ netloom ${words.join(" ")}`);
  try {
    execFileSync(NETLOOM, words, { stdio: ["ignore", "inherit", "inherit"], cwd: ROOT });
    return true;
  } catch {
    // It said why on standard error.
    return false;
  }
}

/** What stands in for the machine's surroundings: a device, a host beyond it, its name server. */
async function makeOutside(): Promise<{ close(): Promise<void> }> {
  ip("netns", "add", "outside");
  ip("link", "add", "uplink0", "mtu", "1450", "type", "veth", "peer", "name", "eth0", "netns", "outside");
  // IPv6 addresses that finish their duplicate detection later would look like something left behind.
  ip("link", "set", "uplink0", "addrgenmode", "none");
  ip("-n", "outside", "link", "set", "eth0", "addrgenmode", "none");
  ip("address", "add", "198.51.100.2/24", "dev", "uplink0");
  ip("link", "set", "uplink0", "up");
  ip("-n", "outside", "link", "set", "lo", "up");
  ip("-n", "outside", "link", "set", "eth0", "mtu", "1450", "up");
  ip("-n", "outside", "address", "add", "198.51.100.1/24", "dev", "eth0");
  ip("route", "add", "default", "via", "198.51.100.1");
  writeFileSync("/etc/resolv.conf", "search example.org\nnameserver 198.51.100.1\n");
  const names = spawn(
    "nsenter",
    ["--net=/run/netns/outside", "--", process.execPath, join(ROOT, "scripts/demo/outside-names.ts")],
    { stdio: "ignore" },
  );
  return {
    async close() {
      const ended = once(names, "exit");
      names.kill();
      await ended;
    },
  };
}

/** Follow the guest's console until it has told everything; its lines. */
async function followConsole(path: string): Promise<string[]> {
  const deadline = Date.now() + CONSOLE_SECONDS * 1000;
  let shown = 0;
  while (Date.now() < deadline) {
    const lines = existsSync(path) ? readFileSync(path, "utf8").replaceAll("\r", "").split("\n") : [];
    for (; shown < lines.length - 1; shown++) {
      if (/^(udhcpc: |GUEST (?!event|lease))/.test(lines[shown] ?? "")) say(`  ${lines[shown]}`);
    }
    if (lines.some((line) => line.startsWith("GUEST done"))) return lines;
    await sleep(50);
  }
  say(`  (the guest did not finish within ${CONSOLE_SECONDS} s)`);
  return [];
}

/** What the guest says of itself, by word: "GUEST address 192.0.2.1/24". */
function told(lines: readonly string[], word: string): string[] {
  return lines.flatMap((line) =>
    line.startsWith(`GUEST ${word} `) ? [line.slice(`GUEST ${word} `.length).trim()] : [],
  );
}

/** What pod1 has, as others in the pod still read it there. */
function podIdentity(): Record<string, string> {
  const [link] = ipJson("-n", "pod1", "address", "show", "dev", "eth0");
  const [address] = (link?.["addr_info"] ?? []) as { local: string; prefixlen: number }[];
  const [gateway] = ipJson("address", "show", "dev", "lan") as { addr_info: { local: string }[] }[];
  const resolver = readFileSync("/etc/netns/pod1/resolv.conf", "utf8");
  const entry = (keyword: string): string => new RegExp(`^${keyword} (.*)$`, "m").exec(resolver)?.[1] ?? "";
  return {
    address: `${address?.local}/${address?.prefixlen}`,
    MAC: String(link?.["address"]),
    MTU: String(link?.["mtu"]),
    gateway: gateway?.addr_info[0]?.local ?? "",
    "name server": entry("nameserver"),
    search: entry("search"),
    "host name": "pod1",
  };
}

function guestIdentity(lines: readonly string[]): Record<string, string> {
  const resolver = told(lines, "resolv");
  const entry = (keyword: string): string =>
    resolver.find((line) => line.startsWith(`${keyword} `))?.slice(keyword.length + 1) ?? "";
  return {
    address: told(lines, "address")[0] ?? "",
    MAC: told(lines, "mac")[0] ?? "",
    MTU: told(lines, "mtu")[0] ?? "",
    gateway: /^default via (\S+)/m.exec(told(lines, "route").join("\n"))?.[1] ?? "",
    "name server": entry("nameserver"),
    search: entry("search"),
    "host name": told(lines, "hostname")[0] ?? "",
  };
}

function compareIdentities(lines: readonly string[]): void {
  const pod = podIdentity();
  const guest = guestIdentity(lines);
  say(`  ${"".padEnd(12)}  ${"pod1 had".padEnd(22)}  the guest got`);
  for (const [what, value] of Object.entries(pod)) {
    say(`  ${what.padEnd(12)}  ${value.padEnd(22)}  ${guest[what] ?? ""}`);
  }
  check(
    "the guest has everything that the pod had",
    Object.entries(pod).every(([what, value]) => value !== "" && guest[what] === value),
  );
}

function checkReach(lines: readonly string[]): void {
  const reached = (word: string, target: string): boolean =>
    told(lines, word).some((line) => line.startsWith(`${target} ok`));
  for (const [target, who] of [
    ["192.168.50.1", "its gateway"],
    ["192.168.50.2", "the other pod"],
    ["198.51.100.1", "a host beyond the uplink"],
  ] as const) {
    check(`the guest reaches ${who} (${target})`, reached("ping", target));
    check(`  and so with packets that fill the MTU, in one piece`, reached("ping-full", target));
  }
  check("the guest resolves outside.example.org", reached("resolve", "outside.example.org"));
}

const started = performance.now();
headline("The surroundings: a device uplink0 (MTU 1450) and a host with a name server beyond it");
const outside = await makeOutside();
const before = hostSnapshot(["/etc/netns", "/run/netns"]);

headline("What will be done");
netloom("plan", FILE);

headline("Do it");
const applied = netloom("apply", FILE);
check("applied and verified", applied);
if (applied) {
  netloom("status");
  headline("The guest's console");
  const lines = await followConsole("/run/netloom/vm/vm1/console.log");
  headline("Side by side");
  compareIdentities(lines);
  headline("What the guest reaches");
  checkReach(lines);
}

headline("Take it all back");
check("destroyed", netloom("destroy", FILE));
const after = hostSnapshot(["/etc/netns", "/run/netns"]);
const left = after.filter((line) => !before.includes(line));
const lost = before.filter((line) => !after.includes(line));
check(
  "links, addresses, routes, rules, sysctls, namespaces, files and processes are as before",
  left.length + lost.length === 0,
);
for (const line of left) say(`        left: ${line}`);
for (const line of lost) say(`        lost: ${line}`);

await outside.close();
rmSync("/run/netloom", { recursive: true, force: true });
const failed = checks.filter(({ good }) => !good).length;
headline(
  `${checks.length - failed} of ${checks.length} checks passed in ${((performance.now() - started) / 1000).toFixed(1)} s`,
);
process.exitCode = failed === 0 ? 0 : 1;
