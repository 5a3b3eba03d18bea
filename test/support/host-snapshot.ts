/** Everything that netloom could leave behind, as text lines: compare before and after. */
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Namespaces (named ones and our own) with all that is in them; files of the folders, with their modes; mounts; processes. */
export function hostSnapshot(folders: readonly string[] = ["/etc/netns", "/run/netns"]): string[] {
  const lines: string[] = [];
  const named = existsSync("/run/netns") ? readdirSync("/run/netns").sort() : [];
  for (const name of ["", ...named]) lines.push(...namespaceSnapshot(name));
  for (const folder of folders) lines.push(...fileLines(folder));
  lines.push(...mountLines(), ...processLines());
  return lines;
}

/** Few processes for many questions: a snapshot is taken at every place of the tests that kill. */
const INSIDE = [
  "printf 'link\\naddress\\nroute show table all\\nrule\\nneigh show nud permanent\\n' | ip -o -d -batch -",
  "printf 'route show table all\\nrule\\n' | ip -6 -batch -",
  "tc qdisc show",
  "nft -s list ruleset",
  "cd /proc/sys/net && { grep -rsH . . || [ $? = 2 ]; }",
];
/** Counters, random keys and values that cannot be read. */
const CHANGING = /\/(?:nf_conntrack_count|stable_secret|mc_forwarding|tcp_fastopen_key):/;

/**
 * What is inside one network namespace: links, addresses, routes, rules, neighbours, queues, nft, sysctls.
 * @param name as under /run/netns, or a path; "" is our own
 */
export function namespaceSnapshot(name: string): string[] {
  const script = `set -e -o pipefail; ${INSIDE.join("; ")}`;
  const path = name.includes("/") ? name : `/run/netns/${name}`;
  const text =
    name === "" ? output("bash", ["-c", script]) : output("nsenter", [`--net=${path}`, "--", "bash", "-c", script]);
  return text
    .split("\n")
    .filter((line) => line !== "" && !CHANGING.test(line))
    .map((line) => `${name === "" ? "host" : name}: ${stable(line)}`);
}

/**
 * A snapshot without what is drawn anew each time the same is made: interface indexes, and the MAC addresses
 * that the kernel draws for the links in `randomMacs`.
 */
export function withoutNumbers(snapshot: readonly string[], randomMacs: readonly string[] = []): string[] {
  const macs = new Set(
    snapshot.flatMap((line) => {
      const [, name = "", mac] = /^\S+: \d+: ([^:@]+)[:@].* link\/ether (\S+)/.exec(line) ?? [];
      return mac !== undefined && randomMacs.includes(name) ? [mac] : [];
    }),
  );
  return snapshot
    .map((line) =>
      line
        .replace(/^(\S+: )\d+: /, "$1")
        .replace(/@if\d+/g, "@if")
        .replace(/\b(link-netnsid) \d+/g, "$1")
        .replace(/(?:[0-9a-f]{2}:){5}[0-9a-f]{2}/g, (mac) => (macs.has(mac) ? "random" : mac)),
    )
    .sort();
}

/** Counters, timers and states that change by themselves are left out. */
function stable(line: string): string {
  return line
    .replace(/\b(valid_lft|preferred_lft) \d+sec/g, "$1 sec")
    .replace(/\bexpires \d+sec/g, "expires sec")
    .replace(/\b(hello|tcn|topology_change|gc)_timer +[\d.]+/g, "$1_timer")
    .replace(/\b(state|mode) (UP|DOWN|UNKNOWN|LOWERLAYERDOWN)\b/g, "$1")
    .replace(
      /<([A-Z0-9_,-]*)>/g,
      (_, flags: string) =>
        `<${flags
          .split(",")
          .filter((flag) => !/^(LOWER_UP|NO-CARRIER|M-DOWN)$/.test(flag))
          .join(",")}>`,
    )
    .replace(/ (tentative|dadfailed|linkdown|dead)\b/g, "");
}

/** Files below a folder: path, mode, content. A folder that does not exist has no lines. */
export function fileLines(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const lines = [`folder ${folder}`];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    const status = lstatSync(path);
    if (status.isDirectory()) lines.push(...fileLines(path));
    else {
      const regular = status.isFile() && status.size < 1024 * 1024;
      const content = regular && !folder.startsWith("/run/netns") ? readFileSync(path, "utf8") : "";
      lines.push(`file ${path} ${status.mode.toString(8)} ${content}`);
    }
  }
  return lines;
}

/** `ip netns add`, and netloom like it, makes /run/netns itself a mount once and for all. */
function mountLines(): string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" ")[4])
    .filter((path) => path !== undefined && path !== "/run/netns")
    .map((path) => `mount ${path}`)
    .sort();
}

/** Every process but the test runner with its helpers. */
function processLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((id) => {
      try {
        const words = readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return words === "" || /vitest|esbuild|tinypool/.test(words) ? [] : [`process ${words}`];
      } catch {
        // It ended while we looked.
        return [];
      }
    })
    .sort();
}

function output(program: string, words: readonly string[]): string {
  return execFileSync(program, words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 64 * 1024 * 1024,
  });
}
