/**
 * The socket of one transfer: a port of its own (its TID, RFC 1350 §4), connected to the client's, so that the kernel
 * refuses what comes from any other.
 *
 * With UDP_SEGMENT the kernel cuts many packets out of what is one datagram for us: one system call and one way through
 * the stack for a window. Where a device or a path refuses that, packets go one by one.
 */
import type { IpAddress } from "../../base/address.ts";
import { familyOf } from "../../base/address.ts";
import {
  bindSocket,
  closeDescriptor,
  connectSocket,
  DatagramSocket,
  hostInteger,
  openSocket,
  type ReceivedDatagram,
  setSocketOption,
  SystemCallError,
} from "../../kernel/native.ts";
import { AF_INET, AF_INET6, encodeSocketAddress } from "../../kernel/socket-address.ts";

const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
/** UDP_MAX_SEGMENTS (linux/udp.h) before Linux 6.9. */
const MOST_SEGMENTS = 64;
/** Of an IPv4 packet, less its longest headers. */
const MOST_DATAGRAM_BYTES = 65_535 - 60 - 8;
/** What a device without checksums, or a path with a small MTU, says to a datagram of segments. */
const SEGMENTS_REFUSED: ReadonlySet<string> = new Set(["EINVAL", "EIO", "EMSGSIZE", "EOPNOTSUPP"]);
/** A neighbour that does not answer, a route or a rule that changes: the packet is lost, the next one may not be. */
const PACKET_LOST: ReadonlySet<string> = new Set(["EHOSTUNREACH", "ENETUNREACH", "EHOSTDOWN", "EPERM"]);
/**
 * About what a sleep and a wake-up on both sides cost: with a window of one block they are most of a transfer's time. KVM
 * waits as long for a processor's next work (halt_poll_ns).
 */
const BUSY_POLL_MICROSECONDS = 200;
const CONNECTED = new Uint8Array(0);

export interface TransferSocketOptions {
  readonly namespace: number | undefined;
  /** The server's. */
  readonly address: IpAddress;
  /** struct sockaddr of the client. */
  readonly peer: Uint8Array;
  readonly batch: number;
  readonly datagramBytes: number;
  /** Absent: packets of different lengths, or one at a time. */
  readonly segmentBytes?: number;
  readonly onDatagrams: (datagrams: readonly ReceivedDatagram[]) => void;
  /** The client's port is closed, or nothing can be sent any more. */
  readonly onGone: (error: SystemCallError) => void;
}

export class TransferSocket {
  readonly #socket: DatagramSocket;
  readonly #descriptor: number;
  readonly #onGone: (error: SystemCallError) => void;
  readonly #segmentBytes: number | undefined;
  /** Segments are wished, and were not refused. */
  #isSegmenting: boolean;
  /** The kernel cuts what is longer than a segment now, whatever it is. */
  #isCutting = false;
  #refused: string | undefined;
  #lostPackets = 0;

  /** @throws SystemCallError EMFILE, EADDRNOTAVAIL, … */
  constructor(options: TransferSocketOptions) {
    const { batch, datagramBytes, segmentBytes, onDatagrams } = options;
    this.#onGone = options.onGone;
    this.#segmentBytes = segmentBytes;
    const descriptor = openConnected(options);
    this.#descriptor = descriptor;
    this.#isSegmenting = segmentBytes !== undefined;
    this.#socket = new DatagramSocket({
      descriptor,
      batch,
      datagramBytes,
      busyPollMicroseconds: BUSY_POLL_MICROSECONDS,
      onDatagrams,
      onError: (error) => this.#onError(error),
    });
  }

  #onError(error: SystemCallError): void {
    if (this.#isSegmenting && error.systemCall === "sendmmsg" && SEGMENTS_REFUSED.has(error.errnoName)) {
      this.#refused = error.errnoName;
      return;
    }
    if (PACKET_LOST.has(error.errnoName)) this.#lostPackets++;
    else this.#onGone(error);
  }

  /** @returns how many left, those included that were lost at once: they are the business of the time-out */
  #give(payloads: readonly Uint8Array[]): number {
    const lostBefore = this.#lostPackets;
    const sent = this.#socket.send(payloads.map((payload) => ({ payload, peer: CONNECTED })));
    return sent + this.#lostPackets - lostBefore;
  }

  /** @returns whether the kernel took it */
  send(packet: Uint8Array): boolean {
    if (this.#isCutting && packet.length > this.#segmentBytes!) this.#cut(0);
    const sent = this.#give([packet]) === 1;
    return sent || (this.#fellBack() && this.send(packet));
  }

  /**
   * @param packets side by side, all of the length of a segment but the last one
   * @returns how many left; fewer when the kernel's queue is full
   */
  sendMany(packets: Uint8Array): number {
    const size = this.#segmentBytes;
    if (size === undefined || packets.length <= size) return this.send(packets) ? 1 : 0;
    if (this.#isSegmenting && !this.#isCutting) this.#cut(size);
    const perDatagram = this.#isSegmenting ? Math.min(MOST_SEGMENTS, Math.floor(MOST_DATAGRAM_BYTES / size)) : 1;
    const datagrams: Uint8Array[] = [];
    for (let start = 0; start < packets.length; start += perDatagram * size)
      datagrams.push(packets.subarray(start, start + perDatagram * size));
    const sent = this.#give(datagrams);
    if (this.#fellBack()) return this.sendMany(packets);
    return Math.min(Math.ceil(packets.length / size), sent * perDatagram);
  }

  /** Segments were refused, and are given up. */
  #fellBack(): boolean {
    if (this.#refused === undefined) return false;
    this.#refused = undefined;
    this.#isSegmenting = false;
    this.#cut(0);
    return true;
  }

  /** @param bytes of a segment; 0: nothing is cut */
  #cut(bytes: number): void {
    try {
      setSocketOption(this.#descriptor, SOL_UDP, UDP_SEGMENT, hostInteger(bytes));
      this.#isCutting = bytes > 0;
    } catch (error) {
      // From Linux 4.18 on.
      if (!(error instanceof SystemCallError && error.errnoName === "ENOPROTOOPT")) throw error;
      this.#isSegmenting = false;
    }
  }

  close(): void {
    this.#socket.close();
  }
}

function openConnected({ namespace, address, peer }: TransferSocketOptions): number {
  const place = namespace === undefined ? {} : { namespace };
  const family = familyOf(address) === 4 ? AF_INET : AF_INET6;
  const descriptor = openSocket({ ...place, family, type: SOCK_DGRAM, protocol: 0 });
  try {
    bindSocket(descriptor, encodeSocketAddress({ address, port: 0 }));
    connectSocket(descriptor, peer);
    return descriptor;
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}
