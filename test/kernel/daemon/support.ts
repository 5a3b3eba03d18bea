/** A daemon of the test's own, and what it tells. */
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient } from "../../../src/daemon/client.ts";
import { hostSnapshot, withoutNumbers } from "../../support/host-snapshot.ts";
import { done, type Running, startNetloom, until } from "../../support/network.ts";

/** Of a test that hangs. */
const SAME_MILLISECONDS = 60_000;

interface ToldEvent {
  readonly id: number;
  readonly kind: string;
  readonly unit?: string;
  readonly steps?: readonly string[];
}

/** A file with a bridge, a router, and a pod: one object at least of each kind that commands can delete. */
export function fileText(name: string, subnet: string, pod = `${name}1`): string {
  return `version: 1
name: ${name}
uplinks:
  wan: { device: uplink0 }
networks:
  ${name}: { subnet: ${subnet}.0/24 }
routers:
  edge: { networks: [${name}], uplink: wan, nat: masquerade }
machines:
  ${pod}: { kind: namespace, nics: [{ network: ${name}, address: ${subnet}.10 }] }
`;
}

export class Daemon implements AsyncDisposable {
  readonly state: string;
  readonly process: Running;
  readonly told: ToldEvent[] = [];
  readonly #listening = new AbortController();

  private constructor(state: string, process: Running) {
    this.state = state;
    this.process = process;
  }

  static async start(
    state: string,
    words: readonly string[] = [],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Daemon> {
    const daemon = new Daemon(state, startNetloom(["daemon", "--state", state, ...words], environment));
    await daemon.process.firstLine();
    void daemon.#listen();
    return daemon;
  }

  get pid(): number {
    return daemonPid(this.process);
  }

  async client(): Promise<DaemonClient> {
    const client = await DaemonClient.find(this.state);
    if (client === undefined) throw new Error(`no daemon answers in ${this.state}: ${this.process.stderr}`);
    return client;
  }

  netloom(...words: readonly string[]): Promise<string> {
    return done([...words, "--state", this.state]);
  }

  toldOf(kind: string): ToldEvent[] {
    return this.told.filter((event) => event.kind === kind);
  }

  async untilTold(kind: string, count = 1): Promise<void> {
    await until(
      () => `event ${kind} from the daemon: ${this.process.stderr}`,
      () => this.toldOf(kind).length >= count,
    );
  }

  async kill(): Promise<void> {
    this.#listening.abort();
    await this.process.stop("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listening.abort();
    await this.process.stop();
  }

  async #listen(): Promise<void> {
    const { signal } = this.#listening;
    try {
      const client = await this.client();
      for await (const text of client.events({ lastId: 0, signal })) this.told.push(JSON.parse(text) as ToldEvent);
    } catch (error) {
      // Killed by the test before it could answer.
      if (!signal.aborted) throw error;
    }
  }
}

function daemonPid({ child }: Running): number {
  if (child.pid === undefined) throw new Error("the daemon was not started");
  return child.pid;
}

/** The host, without the daemon itself and without what is drawn anew each time that something is made. */
export function comparable(randomMacs: readonly string[]): string[] {
  return withoutNumbers(hostSnapshot(), randomMacs).filter((line) => !line.startsWith("process "));
}

/** Wait until the host looks like this again. @throws Error with what differs */
export async function untilSame(wanted: readonly string[], randomMacs: readonly string[], what: string): Promise<void> {
  let difference: string[] = [];
  for (const end = performance.now() + SAME_MILLISECONDS; performance.now() < end; ) {
    const now = comparable(randomMacs);
    const lines = new Set(now);
    const wantedLines = new Set(wanted);
    difference = [
      ...wanted.filter((line) => !lines.has(line)).map((line) => `missing: ${line}`),
      ...now.filter((line) => !wantedLines.has(line)).map((line) => `new: ${line}`),
    ];
    if (difference.length === 0) return;
    await sleep(100);
  }
  throw new Error(`${what}: the host does not become as it was:\n${difference.join("\n")}`);
}
