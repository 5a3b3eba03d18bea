/** A pod network on which pods of others are bound, with a state folder for each test. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import { namespaceSnapshot } from "../../support/host-snapshot.ts";
import { Folder, type Running, shell, startNetloom } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";

export const ADDRESS = "address add 192.0.2.5/24 dev eth0";
export const DEFAULT = "route add default via 192.0.2.1";
export const PLAIN = [ADDRESS, DEFAULT];
const HOST_RESOLVER = "nameserver 192.0.2.53\nsearch example.org\n";

interface BindingLine {
  readonly tap: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly addresses: readonly string[];
  readonly qemuArguments: readonly string[];
}

/** The pod network, and name servers of the host's; both go with it. */
export class BindHost implements Disposable {
  readonly #resolver: string;

  constructor() {
    makePodNetwork();
    this.#resolver = readFileSync("/etc/resolv.conf", "utf8");
    writeFileSync("/etc/resolv.conf", HOST_RESOLVER);
  }

  [Symbol.dispose](): void {
    writeFileSync("/etc/resolv.conf", this.#resolver);
    shell("ip link delete br-pods");
  }
}

/** A state folder for the time of a test. */
export class BindScene implements Disposable {
  readonly folder = new Folder();
  readonly state = this.folder.join("state");

  options(pod: string, interfaceName = "eth0"): string[] {
    return ["--netns", pod, "--interface", interfaceName, "--state", this.state];
  }

  bindWords(pod: string, profile: string, more: readonly string[] = [], interfaceName = "eth0"): string[] {
    const binding = ["--binding", "bridge", "--profile", profile, "--foreground", "--json"];
    return ["bind", ...this.options(pod, interfaceName), ...binding, ...more];
  }

  /** Start bind. @returns it once the guest may start, and what it printed */
  async bind(
    pod: string,
    profile: string,
    more: readonly string[] = [],
  ): Promise<{ running: Running; line: BindingLine }> {
    const running = startNetloom(this.bindWords(pod, profile, more));
    return { running, line: JSON.parse(await running.firstLine()) as BindingLine };
  }

  expectEmptyState(): void {
    expect(readdirSync(this.state)).toEqual([]);
  }

  /** A pod for the time of a test; afterwards it is as it was before, and the state folder is empty. */
  async withPod(lines: readonly string[], use: (before: readonly string[]) => Promise<void>): Promise<void> {
    makePod("pod1", lines);
    try {
      const before = namespaceSnapshot("pod1");
      await use(before);
      expect(namespaceSnapshot("pod1")).toEqual(before);
      this.expectEmptyState();
    } finally {
      removePod("pod1");
    }
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
  }
}

/** End bind as a person does. @throws Error when it does not end with 0 */
export async function end(running: Running, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const result = await running.stop(signal);
  expect(result.stderr).not.toMatch(/error|warning/);
  expect(result.code).toBe(0);
}
