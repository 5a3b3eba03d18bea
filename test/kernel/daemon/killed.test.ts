/**
 * SIGKILL of the daemon at every place of bind, unbind, attach and detach. The next daemon finishes what was cut off or
 * takes it back, and a second request does what the first was to do.
 */
import { existsSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { NetloomError } from "../../../src/base/errors.ts";
import type { DaemonClient } from "../../../src/daemon/client.ts";
import { namespaceSnapshot, withoutNumbers } from "../../support/host-snapshot.ts";
import { done, Folder, shell, until } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { Daemon } from "./support.ts";

/** More places than any change here has. */
const MOST_PLACES = 60;

const FILE = `version: 1
name: site
networks:
  lan: { subnet: 192.168.85.0/24, subnet6: "fd00:85::/64" }
machines:
  one: { kind: namespace, nics: [{ network: lan }] }
`;

beforeAll(makePodNetwork);
afterAll(() => void shell("ip link delete br-pods"));

interface Change {
  /** Name of its unit. */
  readonly unit: string;
  readonly make: (client: DaemonClient) => Promise<unknown>;
  readonly takeBack: (client: DaemonClient) => Promise<unknown>;
  /** What it may change. */
  readonly look: () => string[];
}

/** A daemon that is killed, and comes again. */
class Mortal implements AsyncDisposable {
  readonly #folder: Folder;
  #daemon: Daemon;

  private constructor(folder: Folder, daemon: Daemon) {
    this.#folder = folder;
    this.#daemon = daemon;
  }

  static async start(folder: Folder): Promise<Mortal> {
    const crash = folder.write("crash", "");
    return new Mortal(folder, await Daemon.start(folder.join("state"), [], { NETLOOM_CRASH_AT: crash }));
  }

  client(): Promise<DaemonClient> {
    return this.#daemon.client();
  }

  /** Do it with a kill at the place; the next daemon runs then, and is through with what was cut off. */
  async killedIn(work: (client: DaemonClient) => Promise<unknown>, place: number, unit: string): Promise<boolean> {
    const crash = this.#folder.write("crash", String(place));
    const killed = await this.client()
      .then(work)
      .then(
        () => false,
        (error: unknown) => {
          if (error instanceof NetloomError && error.code === "daemon-gone") return true;
          throw error;
        },
      );
    this.#folder.write("crash", "");
    if (!killed) return false;
    await this.#daemon.kill();
    this.#daemon = await Daemon.start(this.#folder.join("state"), [], { NETLOOM_CRASH_AT: crash });
    const journal = this.#folder.join(`state/units/${unit}/journal.json`);
    await until(`${unit} is brought to an end after a kill at place ${place}`, () => !existsSync(journal));
    return true;
  }

  knows(unit: string): boolean {
    return existsSync(this.#folder.join(`state/units/${unit}/record.json`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
  }
}

/** @returns the numbers of places at which it was killed, on the way there and on the way back */
async function killEverywhere(mortal: Mortal, { unit, make, takeBack, look }: Change): Promise<[number, number]> {
  const before = look();
  await make(await mortal.client());
  const made = look();
  await takeBack(await mortal.client());
  expect(look(), "undisturbed").toEqual(before);
  let there = 0;
  let back = 0;
  for (let place = 1; place < MOST_PLACES; place++) {
    const killedThere = there === place - 1 && (await mortal.killedIn(make, place, unit));
    if (killedThere) there = place;
    const stands = mortal.knows(unit);
    if (killedThere) expect(look(), `after a kill at place ${place} of making it`).toEqual(stands ? made : before);
    await make(await mortal.client());
    if (!stands) expect(look(), `made anew after a kill at place ${place}`).toEqual(made);
    const killedBack = back === place - 1 && (await mortal.killedIn(takeBack, place, unit));
    if (killedBack) back = place;
    const left = mortal.knows(unit);
    if (killedBack) expect(look(), `after a kill at place ${place} of taking it back`).toEqual(left ? made : before);
    await takeBack(await mortal.client());
    if (left) expect(look(), `taken back after a kill at place ${place}`).toEqual(before);
    if (!killedThere && !killedBack) break;
  }
  return [there, back];
}

test.concurrent("bind and unbind", { timeout: 120_000 }, async () => {
  using folder = new Folder();
  makePod("pod1", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
  try {
    await using mortal = await Mortal.start(folder);
    const place = { namespace: "pod1", interfaceName: "eth0" };
    const [there, back] = await killEverywhere(mortal, {
      unit: "bind-pod1-eth0",
      make: (client) => client.call("bind", { ...place, profile: "modern", tapName: "tap0" }),
      takeBack: (client) => client.call("unbind", place),
      look: () => withoutNumbers(namespaceSnapshot("pod1"), ["tap0"]),
    });
    expect(there).toBeGreaterThan(12);
    expect(back).toBeGreaterThan(12);
  } finally {
    removePod("pod1");
  }
  expect(readdirSync(folder.join("state"))).toEqual([]);
});

test.concurrent("attach and detach", { timeout: 120_000 }, async () => {
  using folder = new Folder();
  const file = folder.write("site.yaml", FILE);
  shell("ip netns add theirs");
  try {
    await done(["apply", file, "--state", folder.join("state")]);
    await using mortal = await Mortal.start(folder);
    const target = { kind: "namespace", namespace: "theirs", interfaceName: "eth0" } as const;
    const [there, back] = await killEverywhere(mortal, {
      unit: "attach-theirs-eth0",
      make: (client) => client.call("attach", { network: "lan", target }),
      takeBack: (client) => client.call("detach", { target }),
      look: () => {
        const host = namespaceSnapshot("").filter((line) => /\b(?:lan|theirs-eth0)\b/.test(line));
        return withoutNumbers([...namespaceSnapshot("theirs"), ...host], ["theirs-eth0"]);
      },
    });
    expect(there).toBeGreaterThan(8);
    expect(back).toBeGreaterThan(4);
    await (await mortal.client()).call("destroy", { source: file });
  } finally {
    shell("ip netns delete theirs");
  }
  expect(readdirSync(folder.join("state"))).toEqual([]);
});
