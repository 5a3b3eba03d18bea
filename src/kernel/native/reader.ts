/**
 * Sockets on the event loop: packets, datagrams with peers; kernel events are in events.ts.
 *
 * One callback for each batch. What a callback is given points into a buffer that is valid until the callback returns:
 * all sockets whose batches have the same shape take turns with one, so that a thousand of them cost no more than one.
 */
import { getSystemErrorMap } from "node:util";

import { NetloomError } from "../../base/errors.ts";
import { attempt, type ReaderHandle, SystemCallError } from "./addon.ts";
import { setReceiveBuffer } from "./socket-option.ts";

/** struct sock_filter (linux/filter.h); a filter of classic BPF is an array of them, see bpf(4). */
export interface BpfInstruction {
  /** 0–65535 */
  readonly code: number;
  /** Instructions to skip when true, 0–255. */
  readonly jt: number;
  /** Instructions to skip when false, 0–255. */
  readonly jf: number;
  /** 0–4294967295 */
  readonly k: number;
}

/** A frame in the socket's buffer. */
export interface ReceivedFrame {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
  /** The sender left the transport checksum to hardware that never came: do not check it. */
  readonly checksumNotReady: boolean;
  /** sll_pkttype of packet(7): 0 to us, 1 broadcast, 2 multicast, 3 to another host. */
  readonly packetType: number;
  /** The 802.1Q tag (priority and VLAN id) that the kernel took out of the frame. */
  readonly vlanTag: number | undefined;
  /** The frame was longer than the slot. */
  readonly truncated: boolean;
}

/** A datagram in the socket's buffer with the raw sockaddr of its sender. */
export interface ReceivedDatagram {
  readonly buffer: Uint8Array;
  readonly offset: number;
  readonly length: number;
  readonly peer: Uint8Array;
  readonly truncated: boolean;
}

// The layout of reader.c.
const RECORD_FIELDS = 5;
const RECORD_LENGTH = 0;
const RECORD_FLAGS = 1;
const RECORD_PACKET_TYPE = 2;
const RECORD_VLAN = 3;
const RECORD_PEER_LENGTH = 4;
export const FLAG_TRUNCATED = 1;
const FLAG_CHECKSUM_NOT_READY = 2;
const FLAG_VLAN = 4;
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

/** What the three sockets have in common. Owns the descriptor as soon as its constructor has returned. */
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

  send(datagrams: readonly Uint8Array[], peers: readonly Uint8Array[]): number {
    const handle = this.#handle;
    if (handle === undefined) throw new NetloomError("closed", `send on ${this.#name}: it is closed`);
    let sent = 0;
    let position = 0;
    while (position < datagrams.length) {
      const start = position;
      const result = attempt(`send on ${this.#name}`, (addon) => addon.sendBatch(handle, datagrams, peers, start));
      if (result > 0) {
        sent += result;
        position += result;
        continue;
      }
      if (!this.#maySendMore(result)) break;
      position += 1;
    }
    return sent;
  }

  /** Of REPLY_FIELDS numbers each; from within onBatch. @returns as {@link send} */
  reply(buffer: Uint8Array, replies: Uint32Array, count: number): number {
    const handle = this.#handle;
    let sent = 0;
    let position = 0;
    // Closed while its batch was handled: nobody hears the rest.
    while (handle !== undefined && position < count) {
      const result = this.#sendReplies(handle, { buffer, replies, start: position, end: count });
      if (result > 0) {
        sent += result;
        position += result;
        continue;
      }
      if (!this.#maySendMore(result)) break;
      position += 1;
    }
    return sent;
  }

  #sendReplies(
    handle: ReaderHandle,
    { buffer, replies, start, end }: { buffer: Uint8Array; replies: Uint32Array; start: number; end: number },
  ): number {
    return attempt(`send on ${this.#name}`, (addon) => addon.sendReplies(handle, buffer, replies, start, end));
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

/**
 * All frames that arrive at one interface and pass the filter; sends whole frames.
 *
 * Opened in the order socket without protocol, filter, PACKET_IGNORE_OUTGOING, bind to every EtherType, so a frame
 * that the filter would drop is never seen and our own frames do not come back.
 */
export class PacketSocket implements Disposable {
  readonly #reader: Reader;

  /**
   * @param options.namespace descriptor of the network namespace, default the caller's; it may be closed afterwards
   * @param options.filter 1 to 4096 instructions
   * @param options.batch frames of one callback at most, 1–1024, default 64
   * @param options.frameBytes longest frame, default 2048
   * @param options.receiveBufferBytes what the kernel may hold for us; default the system's, usually 212992, about a
   *   hundred small frames, which is also the most for who lacks CAP_NET_ADMIN over the machine
   * @param options.onError ENETDOWN when the link goes down (it works again when the link comes up), and what a send
   *   is refused with
   * @throws SystemCallError ENODEV no such interface, EPERM without CAP_NET_RAW, EINVAL a filter the kernel refuses
   */
  constructor(options: {
    namespace?: number;
    interfaceIndex: number;
    filter: readonly BpfInstruction[];
    batch?: number;
    frameBytes?: number;
    receiveBufferBytes?: number;
    onFrames: (frames: readonly ReceivedFrame[]) => void;
    onError: (error: SystemCallError) => void;
  }) {
    const name = `packet socket on interface ${options.interfaceIndex}`;
    const descriptor = attempt(`open ${name}`, (addon) =>
      addon.openPacketSocket(options.namespace ?? -1, options.interfaceIndex, encodeFilter(options.filter)),
    );
    if (options.receiveBufferBytes !== undefined) {
      try {
        setReceiveBuffer(descriptor, options.receiveBufferBytes);
      } catch (error) {
        attempt(`close ${name}`, (addon) => addon.closeDescriptor(descriptor));
        throw error;
      }
    }
    this.#reader = openReader(descriptor, {
      name,
      batch: options.batch ?? 64,
      slotBytes: options.frameBytes ?? 2048,
      onBatch: (count) => options.onFrames(this.#frames(count)),
      onError: options.onError,
    });
  }

  #frames(count: number): ReceivedFrame[] {
    const reader = this.#reader;
    const frames: ReceivedFrame[] = [];
    for (let index = 0; index < count; index++) {
      frames.push({
        buffer: reader.buffer,
        offset: index * reader.slotBytes,
        length: reader.storedLength(index),
        checksumNotReady: reader.hasFlag(index, FLAG_CHECKSUM_NOT_READY),
        packetType: reader.record(index, RECORD_PACKET_TYPE),
        vlanTag: reader.hasFlag(index, FLAG_VLAN) ? reader.record(index, RECORD_VLAN) : undefined,
        truncated: reader.hasFlag(index, FLAG_TRUNCATED),
      });
    }
    return frames;
  }

  /**
   * Sends frames in order, from the destination MAC on.
   *
   * @returns how many the kernel took; fewer when its queue is full (the rest was not tried) or when one was refused
   *   (told to onError)
   */
  send(frames: readonly Uint8Array[]): number {
    return this.#reader.send(frames, []);
  }

  /** No callback comes afterwards; repeating is harmless. */
  close(): void {
    this.#reader.closeAside();
  }

  [Symbol.dispose](): void {
    this.close();
  }
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

  /** Sends payloads to the peers at the same positions; the result is that of {@link PacketSocket.send}. */
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

/** struct sock_filter, eight bytes each in the machine's byte order. */
function encodeFilter(filter: readonly BpfInstruction[]): Uint8Array {
  const bytes = new Uint8Array(filter.length * 8);
  const halves = new Uint16Array(bytes.buffer);
  const words = new Uint32Array(bytes.buffer);
  filter.forEach((instruction, index) => {
    halves[index * 4] = instruction.code;
    bytes[index * 8 + 2] = instruction.jt;
    bytes[index * 8 + 3] = instruction.jf;
    words[index * 2 + 1] = instruction.k;
  });
  return bytes;
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
