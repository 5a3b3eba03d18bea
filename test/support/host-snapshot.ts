/** Everything that netloom could leave behind, as text lines: compare before and after. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Namespaces (named ones and our own) with links, addresses, routes, rules, neighbours, nft, sysctls; files; processes. */
export function hostSnapshot(folders: readonly string[] = ["/etc/netns"]): string[] {
  const lines: string[] = [];
  const named = existsSync("/run/netns") ? readdirSync("/run/netns").sort() : [];
  for (const name of ["", ...named]) lines.push(...namespaceSnapshot(name));
  for (const folder of folders) lines.push(...fileLines(folder));
  lines.push(...processLines());
  return lines;
}

/** What `ip`, `nft` and /proc/sys/net show inside one namespace; "" is our own. */
export function namespaceSnapshot(name: string): string[] {
  const inside = (program: string, ...words: string[]): string =>
    name === "" ? output(program, words) : output("nsenter", [`--net=/run/netns/${name}`, "--", program, ...words]);
  const commands = [
    ["ip", "-o", "-d", "link"],
    ["ip", "-o", "address"],
    ["ip", "route", "show", "table", "all"],
    ["ip", "-6", "route", "show", "table", "all"],
    ["ip", "rule"],
    ["ip", "-6", "rule"],
    ["ip", "neigh", "show", "nud", "permanent"],
    ["nft", "-s", "list", "ruleset"],
  ] as const;
  const text = commands.flatMap(([program, ...words]) => inside(program, ...words).split("\n"));
  const sysctls = inside("sh", "-c", SYSCTLS).split("\n");
  return [...text.map(stable), ...sysctls]
    .filter((line) => line !== "")
    .map((line) => `${name === "" ? "host" : name}: ${line}`);
}

const SYSCTLS =
  "cd /proc/sys/net && grep -rsH . ipv4/ip_forward ipv4/conf ipv6/conf bridge netfilter 2>/dev/null | grep -vE 'nf_conntrack_count|stable_secret|/mc_forwarding' | sort";

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

function fileLines(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const lines: string[] = [];
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
      lines.push(`folder ${path}`, ...fileLines(path));
    else lines.push(`file ${path} ${existsSync(path) && statSync(path).isFile() ? readFileSync(path, "utf8") : ""}`);
  }
  return lines;
}

function processLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((id) => {
      try {
        const words = readFileSync(`/proc/${id}/cmdline`, "utf8").replaceAll("\0", " ").trim();
        return /qemu-system|netloom/.test(words) && Number(id) !== process.pid && !words.includes("vitest")
          ? [`process ${words}`]
          : [];
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
