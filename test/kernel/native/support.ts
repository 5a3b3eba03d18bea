/** What the addon's tests share: running `ip`, catching what is thrown, waiting, counting descriptors. */
import { execFileSync } from "node:child_process";
import { readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { closeDescriptor, createNamespace, deleteNamespace, openNamespace } from "../../../src/kernel/native.ts";

// Loads the addon, which keeps one descriptor for its workers: from here on the count must not change.
closeDescriptor(openNamespace("/proc/self/ns/net"));

/** The output of one command. */
export function run(program: string, ...words: string[]): string {
  return execFileSync(program, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

/** The output of one `ip` command. */
export function ip(...words: string[]): string {
  return run("ip", ...words);
}

/** The output of a command inside a named namespace. */
export function inside(namespace: string, program: string, ...words: string[]): string {
  return run("nsenter", `--net=/run/netns/${namespace}`, "--", program, ...words);
}

/** What the call throws; fails when it throws nothing. */
export function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (thrown) {
    return thrown;
  }
  throw new Error("nothing was thrown");
}

/** What the promise is rejected with; fails when it is fulfilled. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error(`fulfilled with ${String(value)}`);
}

/** Waits up to ten seconds for a condition. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain for: ${what}`);
    await sleep(2);
  }
}

/** The open descriptors of this process, as /proc shows them, without the one that reads them. */
export function openDescriptors(): string[] {
  const found: string[] = [];
  for (const number of readdirSync("/proc/self/fd")) {
    try {
      const target = readlinkSync(`/proc/self/fd/${number}`);
      // Node opens it for the programs that the tests start and closes it when it finds the time; the addon never does.
      if (target !== "/dev/null") found.push(`${number} ${target}`);
    } catch (error) {
      // The folder's own descriptor is closed by now.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
  return found.sort();
}

/** Fails when the open descriptors do not become those of before: packet sockets are closed by a worker, a moment later. */
export async function assertSameDescriptors(before: readonly string[]): Promise<void> {
  const end = performance.now() + 2000;
  for (;;) {
    const now = openDescriptors();
    const more = now.filter((descriptor) => !before.includes(descriptor));
    const less = before.filter((descriptor) => !now.includes(descriptor));
    if (more.length + less.length === 0) return;
    if (performance.now() > end)
      throw new Error(`descriptors left open: ${more.join(", ")}; closed: ${less.join(", ")}`);
    await sleep(5);
  }
}

/** Two named namespaces, joined by the veth "left" in the first and "right" in the second, IPv6 off, both up. */
export class Pair implements Disposable {
  readonly leftName: string;
  readonly rightName: string;
  readonly left: number;
  readonly right: number;

  constructor(name: string) {
    this.leftName = `${name}-left`;
    this.rightName = `${name}-right`;
    for (const side of [this.leftName, this.rightName]) {
      createNamespace(side);
      inside(side, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1");
    }
    this.left = openNamespace(`/run/netns/${this.leftName}`);
    this.right = openNamespace(`/run/netns/${this.rightName}`);
    ip("-n", this.leftName, "link", "add", "left", "type", "veth", "peer", "name", "right", "netns", this.rightName);
    ip("-n", this.leftName, "link", "set", "left", "up");
    ip("-n", this.rightName, "link", "set", "right", "up");
  }

  /** The interface's index in its namespace. */
  index(side: "left" | "right"): number {
    const text = ip("-n", side === "left" ? this.leftName : this.rightName, "-o", "link", "show", side);
    return Number.parseInt(text, 10);
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.left);
    closeDescriptor(this.right);
    deleteNamespace(this.leftName);
    deleteNamespace(this.rightName);
  }
}
