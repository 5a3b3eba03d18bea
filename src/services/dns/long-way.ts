/**
 * Queries that the cache did not answer, in the order in which they came, until they have been answered.
 *
 * They are worked on a little at a time, so that whoever floods us with questions that need work does not hold up those
 * that need none; and there is an end to how many may wait, of all askers and of one.
 */
import type { IpAddress } from "../../base/address.ts";

/** Of the event loop's time between two batches of datagrams. */
const TURN_MILLISECONDS = 2;
const MOST_QUEUED = 2048;
const MOST_OPEN = 16_384;
const MOST_OF_ONE_ASKER = 1024;
/** Nobody waits so long. */
const FORGOTTEN_SECONDS = 60;

export interface Asker {
  readonly address: IpAddress;
  readonly transport: "udp" | "tcp";
  /** @param message undefined: there is none */
  answer(message: Uint8Array | undefined): void;
}

interface Open {
  readonly asker: Asker;
  readonly sinceSeconds: number;
}

export class LongWay {
  readonly #work: (query: Uint8Array, asker: Asker, token: number) => void;
  readonly #onTurnEnd: () => void;
  readonly #now: () => number;
  /** Those from `#next` on are still to be worked on. */
  #queue: { readonly query: Uint8Array; readonly token: number }[] = [];
  #next = 0;
  /** By token, the oldest first. */
  readonly #open = new Map<number, Open>();
  readonly #openOf = new Map<IpAddress, number>();
  #lastToken = 0;
  #immediate: NodeJS.Immediate | undefined;
  dropped = 0;

  /** @param work answers by {@link finish}, at once or later */
  constructor(options: {
    work: (query: Uint8Array, asker: Asker, token: number) => void;
    onTurnEnd: () => void;
    now: () => number;
  }) {
    this.#work = options.work;
    this.#onTurnEnd = options.onTurnEnd;
    this.#now = options.now;
  }

  get open(): number {
    return this.#open.size;
  }

  /** @returns false when it was dropped */
  add(query: Uint8Array, asker: Asker): boolean {
    const held = this.#openOf.get(asker.address) ?? 0;
    if (this.#queue.length - this.#next >= MOST_QUEUED || this.#open.size >= MOST_OPEN || held >= MOST_OF_ONE_ASKER) {
      this.dropped++;
      return false;
    }
    const token = ++this.#lastToken;
    this.#openOf.set(asker.address, held + 1);
    this.#open.set(token, { asker, sinceSeconds: this.#now() });
    this.#queue.push({ query, token });
    this.#immediate ??= setImmediate(this.#turn);
    return true;
  }

  readonly #turn = (): void => {
    this.#immediate = undefined;
    const end = performance.now() + TURN_MILLISECONDS;
    do {
      const entry = this.#queue[this.#next];
      if (entry === undefined) break;
      this.#next++;
      const open = this.#open.get(entry.token);
      if (open !== undefined) this.#work(entry.query, open.asker, entry.token);
    } while (performance.now() < end);
    if (this.#next === this.#queue.length) {
      this.#queue = [];
      this.#next = 0;
    } else this.#immediate = setImmediate(this.#turn);
    if (this.#next > MOST_QUEUED) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    this.#forgetOld();
    this.#onTurnEnd();
  };

  /** @param message undefined: it is not answered */
  finish(token: number, message: Uint8Array | undefined): void {
    const open = this.#open.get(token);
    if (open === undefined) return;
    this.#open.delete(token);
    const held = (this.#openOf.get(open.asker.address) ?? 1) - 1;
    if (held === 0) this.#openOf.delete(open.asker.address);
    else this.#openOf.set(open.asker.address, held);
    open.asker.answer(message);
  }

  #forgetOld(): void {
    const limit = this.#now() - FORGOTTEN_SECONDS;
    for (const [token, { sinceSeconds }] of this.#open) {
      if (sinceSeconds > limit) return;
      this.finish(token, undefined);
    }
  }

  close(): void {
    clearImmediate(this.#immediate);
    this.#queue = [];
    this.#next = 0;
    this.#open.clear();
    this.#openOf.clear();
  }
}
