/** Datagrams with peers, on the event loop. */
import type { SystemCallError } from "./addon.ts";
import { FLAG_TRUNCATED, openReader, type Reader } from "./reader.ts";

/** A datagram in the socket's buffer with the raw sockaddr of its sender. */
export interface ReceivedDatagram {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly peer: Uint8Array;
  readonly truncated: boolean;
}

/** The address is made for who asks for it: a connected socket knows its peer. */
class SlotDatagram implements ReceivedDatagram {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly truncated: boolean;
  readonly #reader: Reader;
  readonly #slot: number;

  constructor(reader: Reader, slot: number) {
    this.buffer = reader.buffer;
    this.offset = slot * reader.slotBytes;
    this.length = reader.storedLength(slot);
    this.truncated = reader.hasFlag(slot, FLAG_TRUNCATED);
    this.#reader = reader;
    this.#slot = slot;
  }

  get peer(): Uint8Array {
    return this.#reader.peer(this.#slot);
  }
}

/** A datagram socket with peers (UDP): batches in and out, addresses as raw sockaddr bytes. */
export class DatagramSocket implements Disposable {
  readonly #reader: Reader;

  /**
   * @param options.descriptor of openSocket(), bound; it belongs to this socket from now on, also when this throws
   * @param options.batch datagrams of one callback at most, 1–1024, default 64
   * @param options.datagramBytes longest datagram, default 2048; longer ones are cut and marked
   * @param options.busyPollMicroseconds how long the next datagram is looked for without sleep after each callback,
   *   0–1000, default 0: for a peer that answers each datagram at once. As long as that is in vain it is tried more and
   *   more seldom.
   */
  constructor(options: {
    descriptor: number;
    batch?: number;
    datagramBytes?: number;
    busyPollMicroseconds?: number;
    onDatagrams: (datagrams: readonly ReceivedDatagram[]) => void;
    onError: (error: SystemCallError) => void;
  }) {
    this.#reader = openReader(options.descriptor, {
      name: `datagram socket ${options.descriptor}`,
      batch: options.batch ?? 64,
      slotBytes: options.datagramBytes ?? 2048,
      busyPollMicroseconds: options.busyPollMicroseconds ?? 0,
      onBatch: (count) => options.onDatagrams(this.#datagrams(count)),
      onError: options.onError,
    });
  }

  #datagrams(count: number): ReceivedDatagram[] {
    const datagrams: ReceivedDatagram[] = [];
    for (let slot = 0; slot < count; slot++) datagrams.push(new SlotDatagram(this.#reader, slot));
    return datagrams;
  }

  /** Sends payloads to the peers at the same positions; the result is that of PacketSocket.send. */
  send(datagrams: readonly { readonly payload: Uint8Array; readonly peer: Uint8Array }[]): number {
    return this.#reader.send(
      datagrams.map((datagram) => datagram.payload),
      datagrams.map((datagram) => datagram.peer),
    );
  }

  /** No callback comes afterwards; repeating is harmless. */
  close(): void {
    this.#reader.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
