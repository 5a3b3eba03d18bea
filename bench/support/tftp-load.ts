/**
 * Clients of TFTP in a closed loop, in one process: they acknowledge what has come and count it.
 *
 * A client keeps no data, but looks at every block's number and length; with `keep` it hands the bytes on.
 */
import { type IpAddress, parseIp } from "../../src/base/address.ts";
import { bindSocket, DatagramSocket, openSocket, type ReceivedDatagram } from "../../src/kernel/native.ts";
import { encodeSocketAddress } from "../../src/kernel/socket-address.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeTftp, encodeTftp, TFTP_PORT } from "../../src/wire/tftp.ts";

const AF_INET = 2;
const SOCK_DGRAM = 2;
const BATCH = 64;
/** Nothing has come for so long: the last acknowledgement once more. */
const SILENCE_MILLISECONDS = 200;
const PATIENCE = 25;
/** RRQ to nobody: the server is not there yet. */
const REQUEST_MILLISECONDS = 50;

export interface Download {
  readonly server: IpAddress;
  readonly file: string;
  readonly blockBytes: number;
  readonly windowBlocks: number;
  readonly keep?: (data: Uint8Array) => void;
}

export interface Downloaded {
  readonly bytes: number;
  /** As the server granted it. */
  readonly windowBlocks: number;
  /** Blocks that did not come in their turn. */
  readonly gaps: number;
  /** Waits that ended in silence. */
  readonly silences: number;
}

/** @throws Error with what the server says, or when it says nothing */
export function download(options: Download): Promise<Downloaded> {
  return new Promise((resolve, reject) => {
    // It lives by its socket.
    void new Client(options, resolve, reject);
  });
}

class Client {
  readonly #options: Download;
  readonly #socket: DatagramSocket;
  readonly #resolve: (result: Downloaded) => void;
  readonly #reject: (error: Error) => void;
  readonly #request: Uint8Array;
  readonly #acknowledgement = encodeTftp({ kind: "acknowledge", block: 0 });
  readonly #timer: NodeJS.Timeout;
  #peer: Uint8Array | undefined;
  #windowBlocks = 1;
  #blockBytes = 512;
  #blocks = 0;
  #inWindow = 0;
  #bytes = 0;
  #gaps = 0;
  #silences = 0;
  #toldGapAt = -1;
  #seenBlocks = -1;
  #patience = PATIENCE;

  constructor(options: Download, resolve: (result: Downloaded) => void, reject: (error: Error) => void) {
    this.#options = options;
    this.#resolve = resolve;
    this.#reject = reject;
    const { file, blockBytes, windowBlocks } = options;
    const wishes = new Map([["blksize", String(blockBytes)]]);
    if (windowBlocks > 1) wishes.set("windowsize", String(windowBlocks));
    this.#request = encodeTftp({ kind: "read", file, mode: "octet", options: wishes });
    const descriptor = openSocket({ family: AF_INET, type: SOCK_DGRAM, protocol: 0 });
    bindSocket(descriptor, encodeSocketAddress({ address: parseIp("127.0.0.1"), port: 0 }));
    this.#socket = new DatagramSocket({
      descriptor,
      batch: BATCH,
      onDatagrams: (datagrams) => this.#receive(datagrams),
      onError: () => undefined,
    });
    this.#send(this.#request);
    this.#timer = setInterval(() => this.#look(), SILENCE_MILLISECONDS);
  }

  #send(payload: Uint8Array): void {
    const peer = this.#peer ?? encodeSocketAddress({ address: this.#options.server, port: TFTP_PORT });
    this.#socket.send([{ payload, peer }]);
  }

  #receive(datagrams: readonly ReceivedDatagram[]): void {
    for (const { buffer, offset, length, peer } of datagrams) {
      this.#peer ??= peer.slice();
      if (buffer[offset + 1] !== 3) {
        if (!this.#handleOther(buffer.subarray(offset, offset + length))) return;
        continue;
      }
      const number = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
      if (number !== ((this.#blocks + 1) & 0xffff)) {
        this.#handleGap();
        continue;
      }
      this.#blocks++;
      this.#inWindow++;
      this.#bytes += length - 4;
      this.#options.keep?.(buffer.subarray(offset + 4, offset + length));
      if (length - 4 < this.#blockBytes) {
        this.#acknowledge();
        this.#end();
        return;
      }
      if (this.#inWindow >= this.#windowBlocks) this.#acknowledge();
    }
  }

  #handleGap(): void {
    if (this.#toldGapAt === this.#blocks) return;
    this.#toldGapAt = this.#blocks;
    this.#gaps++;
    this.#acknowledge();
  }

  /** @returns false when it is the end */
  #handleOther(bytes: Uint8Array): boolean {
    const packet = decodeTftp(bytes);
    if (packet instanceof Malformed) throw new Error(packet.reason);
    if (packet.kind === "option-acknowledge") {
      this.#blockBytes = Number(packet.options.get("blksize") ?? 512);
      this.#windowBlocks = Number(packet.options.get("windowsize") ?? 1);
      if (this.#blocks === 0) this.#acknowledge();
      return true;
    }
    this.#end(new Error(packet.kind === "error" ? `${packet.code} ${packet.message}` : packet.kind));
    return false;
  }

  #acknowledge(): void {
    this.#inWindow = 0;
    this.#acknowledgement[2] = this.#blocks >> 8;
    this.#acknowledgement[3] = this.#blocks;
    this.#send(this.#acknowledgement);
  }

  #look(): void {
    if (this.#seenBlocks !== this.#blocks) {
      this.#seenBlocks = this.#blocks;
      return;
    }
    this.#silences++;
    if (--this.#patience < 0) this.#end(new Error("the server is silent"));
    else if (this.#peer === undefined) this.#send(this.#request);
    else this.#acknowledge();
  }

  #end(error?: Error): void {
    clearInterval(this.#timer);
    this.#socket.close();
    if (error !== undefined) this.#reject(error);
    else
      this.#resolve({
        bytes: this.#bytes,
        windowBlocks: this.#windowBlocks,
        gaps: this.#gaps,
        silences: this.#silences,
      });
  }
}

/** Until the server gives the file. @throws Error when it does not within so many milliseconds */
export async function untilServed(server: IpAddress, file: string, milliseconds: number): Promise<void> {
  for (const end = performance.now() + milliseconds; ; ) {
    try {
      await download({ server, file, blockBytes: 512, windowBlocks: 1 });
      return;
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => {
        setTimeout(resolve, REQUEST_MILLISECONDS);
      });
    }
  }
}
