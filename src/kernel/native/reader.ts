/**
 * What all sockets on the event loop have in common; each kind has a file beside this one.
 *
 * One callback for each batch. What a callback is given points into a buffer that is valid until the callback returns:
 * all sockets whose batches have the same shape take turns with one, so that a thousand of them cost no more than one.
 */
import { getSystemErrorMap } from "node:util";
import { NetloomError } from "../../base/errors.ts";
import { attempt, type ReaderHandle, SystemCallError } from "./addon.ts";

// The layout of reader.c.
const RECORD_FIELDS = 5;
const RECORD_LENGTH = 0;
const RECORD_FLAGS = 1;
export const RECORD_PACKET_TYPE = 2;
export const RECORD_VLAN = 3;
const RECORD_PEER_LENGTH = 4;
export const FLAG_TRUNCATED = 1;
export const FLAG_CHECKSUM_NOT_READY = 2;
export const FLAG_VLAN = 4;
export const PEER_BYTES = 128;

const EAGAIN = 11;
export const ENOBUFS = 105;
/** The whole socket cannot send, not only this datagram: ENXIO, EBADF, ENODEV, ENETDOWN. */
const NOBODY_CAN_SEND: ReadonlySet<number> = new Set([6, 9, 19, 100]);

interface ReaderOptions {
  /** For errors: "packet socket on interface 4". */
  readonly name: string;
  readonly batch: number;
  readonly slotBytes: number;
  /** Default 0. */
  readonly busyPollMicroseconds?: number;
  readonly onBatch: (count: number) => void;
  readonly onError: (error: SystemCallError) => void;
}

interface Room {
  readonly buffer: Uint8Array;
  readonly records: Int32Array;
  readonly peers: Uint8Array;
}

const rooms = new Map<string, Room>();

/** Receiving and the callback are one turn of the event loop: no two sockets ever use the room at once. */
function roomFor(batch: number, slotBytes: number): Room {
  const shape = `${batch} x ${slotBytes}`;
  let room = rooms.get(shape);
  // Of length 0: somebody transferred it away.
  if (room === undefined || room.buffer.length === 0) {
    room = {
      buffer: new Uint8Array(batch * slotBytes),
      records: new Int32Array(batch * RECORD_FIELDS),
      peers: new Uint8Array(batch * PEER_BYTES),
    };
    rooms.set(shape, room);
  }
  return room;
}

/** A socket from which batches are read. Owns the descriptor as soon as its constructor has returned. */
export class Reader {
  readonly buffer: Uint8Array;
  readonly records: Int32Array;
  readonly peers: Uint8Array;
  readonly slotBytes: number;
  readonly #name: string;
  readonly #onError: (error: SystemCallError) => void;
  #handle: ReaderHandle | undefined;

  constructor(descriptor: number, options: ReaderOptions) {
    const { batch, slotBytes } = options;
    this.#name = options.name;
    this.#onError = options.onError;
    this.slotBytes = slotBytes;
    ({ buffer: this.buffer, records: this.records, peers: this.peers } = roomFor(batch, slotBytes));
    this.#handle = attempt(`receive on ${this.#name}`, (addon) =>
      addon.openReader(
        descriptor,
        batch,
        slotBytes,
        options.busyPollMicroseconds ?? 0,
        this.buffer,
        this.records,
        this.peers,
        (count, errno) => {
          if (errno === 0) options.onBatch(count);
          else this.#onError(refusal(`receive on ${this.#name}`, "recvmmsg", errno));
        },
      ),
    );
  }

  record(index: number, field: number): number {
    return this.records[index * RECORD_FIELDS + field] ?? 0;
  }

  /** Bytes of the datagram that lie in its slot; the kernel's length may be larger. */
  storedLength(index: number): number {
    return Math.min(this.record(index, RECORD_LENGTH), this.slotBytes);
  }

  hasFlag(index: number, flag: number): boolean {
    return (this.record(index, RECORD_FLAGS) & flag) !== 0;
  }

  peer(index: number): Uint8Array {
    return this.peers.subarray(index * PEER_BYTES, index * PEER_BYTES + this.record(index, RECORD_PEER_LENGTH));
  }

  /** @returns how many the kernel took; the rest was not tried when its queue is full, and is told to onError otherwise */
  send(datagrams: readonly Uint8Array[], peers: readonly Uint8Array[]): number {
    const handle = this.#handle;
    if (handle === undefined) throw new NetloomError("closed", `send on ${this.#name}: it is closed`);
    const operation = `send on ${this.#name}`;
    return this.#sendAll(datagrams.length, (start) =>
      attempt(operation, (addon) => addon.sendBatch(handle, datagrams, peers, start)),
    );
  }

  /** Of REPLY_FIELDS numbers each; from within onBatch. @returns as {@link send} */
  reply(buffer: Uint8Array, replies: Uint32Array, count: number): number {
    const handle = this.#handle;
    // Closed while its batch was handled: nobody hears the rest.
    if (handle === undefined) return 0;
    const operation = `send on ${this.#name}`;
    return this.#sendAll(count, (start) =>
      attempt(operation, (addon) => addon.sendReplies(handle, buffer, replies, start, count)),
    );
  }

  /** @param sendFrom from that place on. @returns how many went; the negative error number when the first was refused */
  #sendAll(count: number, sendFrom: (start: number) => number): number {
    let sent = 0;
    let position = 0;
    while (position < count) {
      const result = sendFrom(position);
      if (result > 0) {
        sent += result;
        position += result;
      } else if (this.#maySendMore(result)) position++;
      else break;
    }
    return sent;
  }

  /** After a refusal of one datagram. */
  #maySendMore(result: number): boolean {
    if (result === -EAGAIN || result === -ENOBUFS) return false;
    this.#onError(refusal(`send on ${this.#name}`, "sendmmsg", -result));
    return !NOBODY_CAN_SEND.has(-result);
  }

  close(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined) attempt(`close ${this.#name}`, (addon) => addon.closeReader(handle));
  }

  /** For a close that takes long: no callback comes afterwards, and a worker closes the descriptor. */
  closeAside(): void {
    const handle = this.#handle;
    this.#handle = undefined;
    if (handle !== undefined)
      attempt(`close ${this.#name}`, (addon) => addon.closeReaderAside(handle, () => undefined));
  }
}

/** Opens a reader on a descriptor that is closed when that fails. */
export function openReader(descriptor: number, options: ReaderOptions): Reader {
  try {
    return new Reader(descriptor, options);
  } catch (error) {
    attempt(`close ${options.name}`, (addon) => addon.closeDescriptor(descriptor));
    throw error;
  }
}

function refusal(operation: string, systemCall: string, errno: number): SystemCallError {
  const [errnoName, reason] = getSystemErrorMap().get(-errno) ?? [`errno ${errno}`, "unknown error"];
  return new SystemCallError(operation, {
    errno,
    errnoName,
    systemCall,
    reason: `${systemCall}: ${reason} (${errnoName})`,
  });
}
