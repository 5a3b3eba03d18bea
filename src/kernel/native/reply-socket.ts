/**
 * A UDP socket of a server that answers at once most of what it is asked, without an object for each datagram: queries
 * lie in slots of one buffer, replies one after the other in another, and a batch of them is one system call.
 */
import { attempt, type SystemCallError } from "./addon.ts";
import { FLAG_TRUNCATED, openReader, PEER_BYTES, type Reader } from "./reader.ts";
import { setReceiveBuffer } from "./socket-option.ts";

// The layout of reader.c.
const REPLY_FIELDS = 3;

export const PEER_SLOT_BYTES = PEER_BYTES;

export class ReplySocket implements Disposable {
  /** Received datagrams: slot n begins at n times {@link slotBytes}. Valid until onBatch returns, as all of these. */
  readonly buffer: Uint8Array;
  readonly slotBytes: number;
  /** The sockaddr of each slot's sender begins at n times PEER_SLOT_BYTES. */
  readonly peers: Uint8Array;
  readonly #reader: Reader;
  readonly #replies: Uint32Array;

  /**
   * @param options.descriptor of openSocket(), bound; it belongs to this socket from now on, also when this throws
   * @param options.batch datagrams of one callback at most, 1–1024
   * @param options.datagramBytes longest datagram; of longer ones {@link length} is 0
   * @param options.receiveBufferBytes what the kernel may hold for us, as far as we may have it
   */
  constructor(options: {
    descriptor: number;
    batch: number;
    datagramBytes: number;
    receiveBufferBytes: number;
    onBatch: (count: number) => void;
    onError: (error: SystemCallError) => void;
  }) {
    const name = `UDP socket ${options.descriptor}`;
    try {
      setReceiveBuffer(options.descriptor, options.receiveBufferBytes);
    } catch (error) {
      attempt(`close ${name}`, (addon) => addon.closeDescriptor(options.descriptor));
      throw error;
    }
    const { batch, datagramBytes: slotBytes, onBatch, onError } = options;
    this.#reader = openReader(options.descriptor, { name, batch, slotBytes, onBatch, onError });
    this.#replies = new Uint32Array(batch * REPLY_FIELDS);
    ({ buffer: this.buffer, peers: this.peers } = this.#reader);
    this.slotBytes = slotBytes;
  }

  /** Bytes of the datagram in that slot; 0 when it was cut. */
  length(slot: number): number {
    return this.#reader.hasFlag(slot, FLAG_TRUNCATED) ? 0 : this.#reader.storedLength(slot);
  }

  /** A copy of the sockaddr of who sent what is in that slot. */
  peer(slot: number): Uint8Array {
    return this.#reader.peer(slot).slice();
  }

  /** Say where the reply number `index` lies in the buffer that {@link sendReplies} is given, and to whom it goes. */
  setReply(index: number, offset: number, length: number, slot: number): void {
    this.#replies[REPLY_FIELDS * index] = offset;
    this.#replies[REPLY_FIELDS * index + 1] = length;
    this.#replies[REPLY_FIELDS * index + 2] = slot;
  }

  /**
   * Send the first `count` replies; only from within onBatch.
   * @returns how many the kernel took; fewer when its queue is full (the rest was not tried) or when one was refused
   *   (told to onError)
   */
  sendReplies(buffer: Uint8Array, count: number): number {
    return this.#reader.reply(buffer, this.#replies, count);
  }

  /** At any time, to raw sockaddrs. @returns as {@link sendReplies} @throws NetloomError closed */
  send(datagrams: readonly { readonly payload: Uint8Array; readonly peer: Uint8Array }[]): number {
    return this.#reader.send(
      datagrams.map(({ payload }) => payload),
      datagrams.map(({ peer }) => peer),
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
