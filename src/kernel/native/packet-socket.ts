/** Whole frames of one interface, on the event loop. */
import { attempt, type SystemCallError } from "./addon.ts";
import {
  FLAG_CHECKSUM_NOT_READY,
  FLAG_TRUNCATED,
  FLAG_VLAN,
  openReader,
  type Reader,
  RECORD_PACKET_TYPE,
  RECORD_VLAN,
} from "./reader.ts";
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
