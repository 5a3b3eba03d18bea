/** Frames of clients that a DHCP server does not know yet, while the bridge is asked at which port they are. */
import { type MacAddress, macFromBytes } from "../base/address.ts";
import type { BridgePorts } from "../kernel/bridge-ports.ts";

/** With more, further ones are not taken in; the clients repeat them. */
const WAITING_FRAMES = 1024;
const SOURCE_OFFSET = 6;
const SOURCE_END = 12;
const UNKNOWN_PORT = 0;

export interface LocatedFrame {
  readonly frame: Uint8Array;
  readonly checksumNotReady: boolean;
  /** Interface index; 0 when the bridge knows none. */
  readonly port: number;
}

interface Options {
  readonly ports: BridgePorts;
  /** All that came while the last ones were asked for. */
  readonly onLocated: (frames: readonly LocatedFrame[]) => void;
  readonly onError: (error: unknown) => void;
}

export class NewcomerQueue implements Disposable {
  readonly #options: Options;
  #waiting: Omit<LocatedFrame, "port">[] = [];
  #isAsking = false;
  #isClosed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * @param frame is copied
   * @returns false when too many wait
   */
  add(frame: Uint8Array, checksumNotReady: boolean): boolean {
    if (this.#waiting.length >= WAITING_FRAMES) return false;
    this.#waiting.push({ frame: frame.slice(), checksumNotReady });
    if (!this.#isAsking) void this.#askAll();
    return true;
  }

  async #askAll(): Promise<void> {
    this.#isAsking = true;
    // What came in the same batch is asked for together.
    await Promise.resolve();
    while (this.#waiting.length > 0 && !this.#isClosed) {
      const frames = this.#waiting;
      this.#waiting = [];
      const located = await this.#locate(frames);
      if (!this.#isClosed) this.#options.onLocated(located);
    }
    this.#isAsking = false;
    this.#options.ports.rest();
  }

  async #locate(frames: readonly Omit<LocatedFrame, "port">[]): Promise<LocatedFrame[]> {
    const ports = new Map<MacAddress, number>();
    const located: LocatedFrame[] = [];
    for (const { frame, checksumNotReady } of frames) {
      const mac = macFromBytes(frame.subarray(SOURCE_OFFSET, SOURCE_END));
      let port = ports.get(mac);
      if (port === undefined) ports.set(mac, (port = await this.#portOf(mac)));
      located.push({ frame, checksumNotReady, port });
    }
    return located;
  }

  async #portOf(mac: MacAddress): Promise<number> {
    try {
      return (await this.#options.ports.find(mac)) ?? UNKNOWN_PORT;
    } catch (error) {
      if (!this.#isClosed) this.#options.onError(error);
      return UNKNOWN_PORT;
    }
  }

  /** Nothing is told afterwards. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#options.ports[Symbol.dispose]();
  }
}
