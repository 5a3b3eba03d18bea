/** A file on its way to a client: the machine of the sender bound to a socket and to packets in memory. */
import type { IpAddress } from "../../base/address.ts";
import type { TftpTerms } from "../../protocol/tftp/options.ts";
import { type SenderOutcome, TftpSender } from "../../protocol/tftp/sender.ts";
import type { ReceivedDatagram, SystemCallError } from "../../kernel/native.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeTftp, encodeTftp, TFTP_ERROR } from "../../wire/tftp.ts";
import { Alarm, steadySeconds } from "../clock.ts";
import type { Chunk, PacketFile } from "./packet-file.ts";
import type { PacketStore } from "./packet-store.ts";
import { refusalOf } from "./refusal.ts";
import { rateOf, type RunningTransfer, type TftpTransfer, type TransferIdentity } from "./transfer.ts";
import { TransferSocket } from "./transfer-socket.ts";

/** Acknowledgements; one is waited for at a time. */
const BATCH = 4;
const PACKET_BYTES = 512;
/** The kernel's queue was full; it empties by itself. */
const QUEUE_FULL_SECONDS = 0.002;

export interface SendTransferOptions {
  readonly identity: TransferIdentity;
  readonly terms: TftpTerms;
  readonly namespace: number | undefined;
  readonly address: IpAddress;
  readonly peer: Uint8Array;
  readonly store: PacketStore;
  /** Of the store; the transfer closes it. */
  readonly file: PacketFile;
  readonly onEnd: () => void;
  readonly onClosed: (transfer: RunningTransfer) => void;
}

export class SendTransfer implements RunningTransfer {
  readonly #options: SendTransferOptions;
  readonly #machine: TftpSender;
  readonly #socket: TransferSocket;
  readonly #alarm: Alarm;
  readonly #beganSeconds = steadySeconds();
  readonly #opening: Uint8Array | undefined;
  #chunk: Chunk | undefined;
  #isWaiting = false;
  #endedSeconds: number | undefined;
  #error: string | undefined;
  #state: TftpTransfer["state"] = "running";

  /** Begins at once. @throws SystemCallError; the file is closed then */
  constructor(options: SendTransferOptions) {
    const { terms, file, store } = options;
    this.#options = options;
    const now = this.#beganSeconds;
    if (terms.accepted.size > 0) this.#opening = encodeTftp({ kind: "option-acknowledge", options: terms.accepted });
    this.#machine = new TftpSender(
      { ...terms, ...(this.#opening === undefined ? {} : { opening: this.#opening }) },
      now,
    );
    this.#alarm = new Alarm(() => this.#onTime());
    try {
      this.#socket = new TransferSocket({
        namespace: options.namespace,
        address: options.address,
        peer: options.peer,
        batch: BATCH,
        datagramBytes: PACKET_BYTES,
        ...(terms.windowBlocks > 1 ? { segmentBytes: file.slotBytes } : {}),
        onDatagrams: (datagrams) => this.#receive(datagrams),
        onGone: (error) => this.#gone(error),
      });
    } catch (error) {
      store.close(file);
      throw error;
    }
    // Read while the client thinks about the options.
    store.load(file, 0);
    if (this.#opening !== undefined) this.#socket.send(this.#opening);
    this.#goOn(now);
  }

  repeatOpening(): void {
    if (this.#state !== "running" || this.#machine.acknowledgedBlocks > 0 || this.#opening === undefined) return;
    this.#socket.send(this.#opening);
  }

  #receive(datagrams: readonly ReceivedDatagram[]): void {
    const now = steadySeconds();
    for (const { buffer, offset, length } of datagrams) {
      if (this.#state !== "running") return;
      if (length >= 4 && buffer[offset] === 0 && buffer[offset + 1] === 4) {
        const number = (buffer[offset + 2]! << 8) | buffer[offset + 3]!;
        this.#act(this.#machine.acknowledge(number, now));
        continue;
      }
      const packet = decodeTftp(buffer.subarray(offset, offset + length));
      if (!(packet instanceof Malformed)) this.#act(this.#machine.handle(packet, now));
    }
    this.#goOn(now);
  }

  #onTime(): void {
    const now = steadySeconds();
    this.#act(this.#machine.handleDeadline(now));
    this.#goOn(now);
  }

  #act(outcome: SenderOutcome): void {
    switch (outcome.event) {
      case "nothing":
      case "go-on":
        return;
      case "send":
        this.#socket.send(outcome.packet);
        return;
      case "done":
        this.#end("done");
        return;
      case "failed":
        if (!outcome.isPeers) this.#sendError(outcome.code, outcome.reason);
        this.#end("failed", outcome.isPeers ? `the client says: ${outcome.reason || "nothing"}` : outcome.reason);
    }
  }

  /** Send what may leave, as far as it is in memory. */
  #goOn(now: number): void {
    const { file } = this.#options;
    let isFull = false;
    while (this.#state === "running" && !isFull) {
      if (file.lastBlock !== undefined) this.#machine.setLastBlock(file.lastBlock);
      const range = this.#machine.next();
      if (range === undefined) break;
      const index = Math.floor((range.first - 1) / file.chunkBlocks);
      const chunk = this.#chunkAt(index);
      if (chunk === undefined) break;
      // The last block of a text was not known when the machine was asked.
      if (file.lastBlock !== undefined && range.first > file.lastBlock) continue;
      const start = range.first - 1 - index * file.chunkBlocks;
      const count = Math.min(range.count, chunk.blocks - start);
      const end = start + count === chunk.blocks ? chunk.endBytes : (start + count) * file.slotBytes;
      const sent = this.#socket.sendMany(chunk.buffer.subarray(start * file.slotBytes, end));
      this.#machine.sent(sent, now);
      isFull = sent < count;
    }
    if (this.#state !== "running") return;
    this.#alarm.set(isFull ? now + QUEUE_FULL_SECONDS : this.#machine.nextDeadline());
  }

  #chunkAt(index: number): Chunk | undefined {
    const { file, store } = this.#options;
    const current = this.#chunk;
    if (current !== undefined && current.file === file && current.index === index) return current;
    const found = store.find(file, index);
    if (found === undefined) {
      this.#load(index);
      return undefined;
    }
    this.#chunk = found;
    if (file.lastBlock === undefined || (index + 1) * file.chunkBlocks < file.lastBlock) store.load(file, index + 1);
    return found;
  }

  #load(index: number): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#options.store.load(this.#options.file, index, (error) => {
      this.#isWaiting = false;
      if (this.#state !== "running") return;
      if (error === undefined) return this.#goOn(steadySeconds());
      const refusal = refusalOf(error);
      this.#sendError(refusal.code, refusal.message);
      this.#end("failed", refusal.message);
    });
  }

  #gone(error: SystemCallError): void {
    if (this.#state !== "running") return;
    if (error.errnoName !== "ECONNREFUSED") return this.#end("failed", error.message);
    // Many clients close their port as soon as they have the last block, and it was theirs to acknowledge.
    if (this.#machine.isAllSent) this.#end("done", "the last acknowledgement did not come");
    else this.#end("failed", "the client has closed its port");
  }

  #sendError(code: number, message: string): void {
    this.#socket.send(encodeTftp({ kind: "error", code, message }));
  }

  close(reason: string): Promise<void> {
    if (this.#state === "running") {
      this.#sendError(TFTP_ERROR.undefined, reason);
      this.#end("failed", reason);
    }
    return Promise.resolve();
  }

  abandon(reason: string): void {
    this.#end("failed", reason);
  }

  #end(state: "done" | "failed", error?: string): void {
    if (this.#state !== "running") return;
    this.#state = state;
    this.#error = error;
    this.#endedSeconds = steadySeconds();
    this.#chunk = undefined;
    this.#alarm[Symbol.dispose]();
    this.#socket.close();
    this.#options.store.close(this.#options.file);
    this.#options.onEnd();
    this.#options.onClosed(this);
  }

  view(): TftpTransfer {
    const { identity, terms, file } = this.#options;
    const arrived = this.#machine.acknowledgedBlocks * terms.blockBytes;
    const bytes = this.#state === "done" ? file.sizeBytes : Math.min(arrived, file.sizeBytes);
    const seconds = (this.#endedSeconds ?? steadySeconds()) - this.#beganSeconds;
    return {
      ...identity,
      direction: "read",
      mode: file.layout.isNetascii ? "netascii" : "octet",
      blockBytes: terms.blockBytes,
      windowBlocks: terms.windowBlocks,
      bytes,
      totalBytes: file.sizeBytes,
      seconds,
      bytesPerSecond: rateOf(bytes, seconds),
      resentPackets: this.#machine.resentPackets,
      roundTripSeconds: this.#machine.roundTripSeconds,
      state: this.#state,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }
}
