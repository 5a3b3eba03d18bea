/** Helpers of tests that run the program on a host of the sandbox, as a person would. */
import { type ChildProcess, execFileSync, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const PROGRAM = resolve("bin/netloom");

/** How a program ended and what it said. */
export interface Result {
  /** Exit code; null: ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs beside the test. */
export class Running {
  readonly child: ChildProcess;
  readonly #ended: Promise<Result>;
  #stdout = "";
  #stderr = "";

  /** @param descriptors that the program gets as 3, 4, … */
  constructor(
    words: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    descriptors: readonly number[] = [],
  ) {
    const [program = "", ...rest] = words;
    const stdio: StdioOptions = ["ignore", "pipe", "pipe", ...descriptors];
    this.child = spawn(program, rest, { stdio, env: { ...process.env, ...environment } });
    this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(this.child, "close").then(([code, signal]: (number | NodeJS.Signals | null)[]) => ({
      code: typeof code === "number" ? code : null,
      signal: typeof signal === "string" ? signal : null,
      stdout: this.#stdout,
      stderr: this.#stderr,
    }));
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  ended(): Promise<Result> {
    return this.#ended;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Result> {
    if (this.running) this.child.kill(signal);
    return this.#ended;
  }

  /** The first whole line on standard output. @throws Error with what was said when the program ends before */
  async firstLine(): Promise<string> {
    await until(
      () => `the first line of ${this.child.spawnargs.join(" ")}: ${this.#stderr}`,
      () => this.#stdout.includes("\n") || !this.running,
    );
    const end = this.#stdout.indexOf("\n");
    if (end >= 0) return this.#stdout.slice(0, end);
    throw new Error(`it ended without a line: ${(await this.#ended).stderr}`);
  }
}

/** Start bin/netloom; `words` as on the command line. */
export function startNetloom(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  return new Running([PROGRAM, ...words], environment);
}

/** Run bin/netloom to its end, however that is. */
export function netloom(words: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Result> {
  return startNetloom(words, environment).ended();
}

/** Run bin/netloom, which must end with 0. @returns its standard output. @throws Error with what it said otherwise */
export async function done(
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const result = await netloom(words, environment);
  if (result.code !== 0) {
    throw new Error(
      `netloom ${words.join(" ")}: ended with ${result.code ?? result.signal}: ${result.stdout}${result.stderr}`,
    );
  }
  return result.stdout;
}

/** Run lines of shell; the first failure throws with what was said. */
export function shell(script: string): string {
  return execFileSync("bash", ["-e", "-o", "pipefail", "-c", script], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** The objects of a command that prints JSON, without the empty ones of `ip -j`. */
export function json(command: string): Record<string, unknown>[] {
  return (JSON.parse(shell(command) || "[]") as Record<string, unknown>[]).filter(
    (entry) => Object.keys(entry).length > 0,
  );
}

/**
 * Wait for a condition, at most `seconds`: the kernel's configuration lock and a sync to a busy disk alone may take 30.
 * @param what is waited for; a function: with what is known of it at the end
 * @throws Error naming what did not come
 */
export async function until(
  what: string | (() => string),
  condition: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; ) {
    if (await condition()) return;
    await sleep(10);
  }
  throw new Error(`not within ${seconds} s: ${typeof what === "string" ? what : what()}`);
}

/** A folder of the test's own; goes with the scope. */
export class Folder implements Disposable {
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "netloom-engine-"));
  }

  /** Write a file. @returns its path */
  write(name: string, text: string): string {
    const path = this.join(name);
    writeFileSync(path, text);
    return path;
  }

  join(name: string): string {
    return join(this.path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * The host's uplink: uplink0 with 198.51.100.2, and behind it namespace "outside" with 198.51.100.1, which has no way
 * back to any other network. The default route goes there.
 */
export function makeUplink(): void {
  shell(`ip netns add outside
    for name in all default; do nsenter --net=/run/netns/outside sh -c "echo 1 >/proc/sys/net/ipv6/conf/$name/disable_ipv6"; done
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add uplink0 type veth peer name eth0 netns outside
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip -n outside address add 198.51.100.1/24 dev eth0
    ip -n outside link set eth0 up
    ip -n outside link set lo up
    ip address add 198.51.100.2/24 dev uplink0
    ip link set uplink0 up
    ip route add default via 198.51.100.1`);
}

export function removeUplink(): void {
  shell("ip link delete uplink0; ip netns delete outside");
}

/**
 * nft's library in front of the real one, which runs `script` before something is loaded or deleted; when that exits
 * with another status than 0, the load fails with its words.
 * @returns the environment in which it is found
 */
export function nftInFront(folder: Folder, script: string): Record<string, string> {
  const real = shell("ldconfig -p | sed -n 's/.*libnftables.so.1 .*=> //p'").trim();
  const library = folder.join("lib/libnftables.so.1");
  const source = join(import.meta.dirname, "nft-in-front.c");
  shell(`mkdir -p ${folder.join("lib")}; gcc -Wall -shared -fPIC -DREAL='"${real}"' -o ${library} ${source}`);
  return { LD_LIBRARY_PATH: folder.join("lib"), NFT_SCRIPT: folder.write("nft-script", `${script}\ntrue\n`) };
}

/** For {@link nftInFront}: fails the first time, and leaves a file "failed" then. */
export function failOnce(folder: Folder): string {
  return `if [ ! -e ${folder.join("failed")} ]; then
  touch ${folder.join("failed")}
  echo "nft is broken today"
  exit 1
fi`;
}
