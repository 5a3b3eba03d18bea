/**
 * DHCPv4 clients in a closed loop: a fixed number of dialogues is under way, and where one ends the next begins. What
 * is lost is asked for again after a second, and counted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { PacketSocket, type ReceivedFrame } from "../../src/kernel/native.ts";
import { DHCP_CLIENT_FILTER, DHCP_SERVER_FILTER } from "../../src/kernel/packet-filter.ts";
import { type Path, REPLY, reply, Requests } from "./dhcp-frames.ts";

const BATCH_FRAMES = 256;
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
const REPEAT_MILLISECONDS = 1000;
/** A transaction's lower bits say which slot it is of. */
const SLOT_BITS = 10;
const SLOT_MASK = (1 << SLOT_BITS) - 1;
export const MOST_IN_FLIGHT = 1 << SLOT_BITS;

/** Both bounds hold. */
interface Bounds {
  readonly seconds: number;
  readonly dialogues: number;
}

interface LoadResult {
  readonly done: number;
  readonly perSecond: number;
  /** Repeated after a second without an answer. */
  readonly repeated: number;
  readonly refused: number;
  /** Milliseconds of each exchange of two messages, in order of size; only of paced loads. */
  readonly exchanges: readonly number[];
}

type Kind = "dora" | "renewal";

/** One dialogue under way. */
interface Slot {
  readonly index: number;
  readonly requests: Requests;
  client: number;
  transaction: number;
  sent: Uint8Array | undefined;
  sentAt: number;
}

interface Run {
  readonly kind: Kind;
  readonly bounds: Bounds;
  readonly ends: number;
  /** Slots wait for their turn instead of beginning anew at once. */
  readonly isPaced: boolean;
  begun: number;
  done: number;
  lastDone: number;
  repeated: number;
  refused: number;
  readonly exchanges: number[];
}

export class DhcpLoad implements Disposable {
  readonly #socket: PacketSocket;
  readonly #slots: Slot[];
  readonly #free: Slot[] = [];
  /** Address of each client that got one. */
  readonly #held: { readonly client: number; readonly address: number }[] = [];
  #nextClient = 1;
  #nextRenewal = 0;
  #generation = 1;
  #outgoing: Uint8Array[] = [];
  #run: Run | undefined;

  constructor(options: { namespace: number; interfaceIndex: number; path: Path; inFlight: number }) {
    const { namespace, interfaceIndex, path, inFlight } = options;
    this.#slots = Array.from({ length: inFlight }, (_, index) => ({
      index,
      requests: new Requests(path),
      client: 0,
      transaction: 0,
      sent: undefined,
      sentAt: 0,
    }));
    this.#socket = new PacketSocket({
      namespace,
      interfaceIndex,
      filter: path.relay === undefined ? DHCP_CLIENT_FILTER : DHCP_SERVER_FILTER,
      batch: BATCH_FRAMES,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      onFrames: (frames) => this.#handle(frames),
      onError: (error) => {
        throw error;
      },
    });
  }

  /** New clients, or those that have got an address again and again, as fast as the server answers. */
  async saturate(kind: Kind, bounds: Bounds): Promise<LoadResult> {
    const start = performance.now();
    const run = this.#begin(kind, bounds, false);
    for (const slot of this.#slots) this.#start(slot, run);
    this.#flush();
    while (performance.now() < run.ends && run.done < bounds.dialogues) {
      await sleep(20);
      this.#repeatLost(run);
    }
    const seconds = (Math.min(run.ends, Math.max(run.lastDone, start + 1)) - start) / 1000;
    return this.#end(run, seconds);
  }

  /** One new client each `1 / perSecond`, whatever the server does. */
  async pace(perSecond: number, bounds: Bounds): Promise<LoadResult> {
    const start = performance.now();
    const run = this.#begin("dora", bounds, true);
    this.#free.push(...this.#slots);
    for (let due = start; performance.now() < run.ends && run.begun < bounds.dialogues; due += 1000 / perSecond) {
      await sleep(Math.max(0, due - performance.now()));
      const slot = this.#free.pop();
      if (slot !== undefined) this.#start(slot, run);
      this.#flush();
      this.#repeatLost(run);
    }
    await sleep(100);
    return this.#end(run, (performance.now() - start) / 1000);
  }

  /** Until the server gives an address; resolves to the time of its ACK, of performance.now(). */
  async untilServed(limitMilliseconds: number): Promise<number | undefined> {
    const bounds = { seconds: limitMilliseconds / 1000, dialogues: 1 };
    const run = this.#begin("dora", bounds, true);
    const [slot] = this.#slots;
    if (slot === undefined) return undefined;
    this.#start(slot, run);
    while (performance.now() < run.ends && run.done === 0) {
      if (slot.sent === slot.requests.discover) this.#outgoing.push(slot.sent);
      this.#flush();
      await sleep(5);
    }
    this.#end(run, 1);
    return run.done === 0 ? undefined : run.lastDone;
  }

  #begin(kind: Kind, bounds: Bounds, isPaced: boolean): Run {
    const ends = performance.now() + bounds.seconds * 1000;
    const numbers = { begun: 0, done: 0, lastDone: 0, repeated: 0, refused: 0 };
    const run = { kind, bounds, ends, isPaced, ...numbers, exchanges: [] };
    this.#run = run;
    return run;
  }

  #end(run: Run, seconds: number): LoadResult {
    this.#run = undefined;
    this.#free.length = 0;
    for (const slot of this.#slots) slot.sent = undefined;
    const { done, repeated, refused } = run;
    return { done, perSecond: done / seconds, repeated, refused, exchanges: run.exchanges.toSorted((a, b) => a - b) };
  }

  #start(slot: Slot, run: Run): void {
    slot.sent = undefined;
    if (run.begun >= run.bounds.dialogues) return;
    slot.transaction = (this.#generation++ * MOST_IN_FLIGHT + slot.index) >>> 0;
    if (run.kind === "dora") {
      slot.client = this.#nextClient++;
      this.#send(slot, slot.requests.writeDiscover(slot.client, slot.transaction));
    } else {
      const held = this.#held[this.#nextRenewal++ % this.#held.length];
      if (held === undefined) return;
      slot.client = held.client;
      this.#send(slot, slot.requests.writeRenewal(held.client, slot.transaction, held.address));
    }
    run.begun++;
  }

  #send(slot: Slot, frame: Uint8Array): void {
    slot.sent = frame;
    slot.sentAt = performance.now();
    this.#outgoing.push(frame);
  }

  #flush(): void {
    if (this.#outgoing.length > 0) this.#socket.send(this.#outgoing);
    this.#outgoing = [];
  }

  #handle(frames: readonly ReceivedFrame[]): void {
    const run = this.#run;
    if (run === undefined) return;
    for (const { buffer, offset, length } of frames) {
      const transaction = reply.transaction(buffer, offset);
      const slot = this.#slots[transaction & SLOT_MASK];
      if (slot === undefined || slot.transaction !== transaction || slot.sent === undefined) continue;
      this.#answer(run, slot, { buffer, offset, type: reply.type(buffer, offset, length), length });
    }
    this.#flush();
  }

  #answer(
    run: Run,
    slot: Slot,
    { buffer, offset, type, length }: { buffer: Uint8Array; offset: number; type: number | undefined; length: number },
  ): void {
    const now = performance.now();
    const address = reply.address(buffer, offset);
    if (type === REPLY.OFFER && slot.sent === slot.requests.discover) {
      if (run.isPaced) run.exchanges.push(now - slot.sentAt);
      const server = reply.server(buffer, offset, length);
      this.#send(slot, slot.requests.writeRequest(slot.client, slot.transaction, address, server));
    } else if (type === REPLY.ACK && slot.sent !== slot.requests.discover) {
      if (run.isPaced) run.exchanges.push(now - slot.sentAt);
      if (run.kind === "dora") this.#held.push({ client: slot.client, address });
      if (now <= run.ends) run.done++;
      run.lastDone = now;
      this.#next(run, slot);
    } else if (type === REPLY.NAK) {
      run.refused++;
      this.#next(run, slot);
    }
  }

  #next(run: Run, slot: Slot): void {
    slot.sent = undefined;
    if (run.isPaced) this.#free.push(slot);
    else this.#start(slot, run);
  }

  #repeatLost(run: Run): void {
    const now = performance.now();
    for (const slot of this.#slots) {
      if (slot.sent === undefined || now - slot.sentAt < REPEAT_MILLISECONDS) continue;
      run.repeated++;
      this.#send(slot, slot.sent);
    }
    this.#flush();
  }

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}
