/** A file on its way from a client: the machine of the receiver bound to a socket and to an upload. */
import type { IpAddress } from "../../base/address.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import type { ReceivedDatagram, SystemCallError } from "../../kernel/native.ts";
import { NetasciiDecoder } from "../../protocol/tftp/netascii.ts";
import type { TftpTerms } from "../../protocol/tftp/options.ts";
import { type ReceiverOutcome, TftpReceiver } from "../../protocol/tftp/receiver.ts";
import { Malformed } from "../../wire/malformed.ts";
import { decodeTftp, encodeTftp, TFTP_ERROR, TFTP_HEADER_BYTES } from "../../wire/tftp.ts";
import { Alarm, steadySeconds } from "../clock.ts";
import { refusalOf } from "./refusal.ts";
import { rateOf, type RunningTransfer, type TftpTransfer, type TransferIdentity } from "./transfer.ts";
import { TransferSocket } from "./transfer-socket.ts";
import type { Upload } from "./upload.ts";

/** What may wait for the disk before the client has to. */
const PENDING_BYTES = 256 * 1024;
/** Two shapes of memory for all transfers. */
const SMALL = { batch: 32, datagramBytes: 2048 };
const LARGE = { batch: 4, datagramBytes: 65_536 };

export interface ReceiveTransferOptions {
  readonly identity: TransferIdentity;
  readonly terms: TftpTerms;
  readonly mode: "octet" | "netascii";
  readonly namespace: number | undefined;
  readonly address: IpAddress;
  readonly peer: Uint8Array;
  /** The transfer finishes or discards it. */
  readonly upload: Upload;
  readonly logger: Pick<Logger, "warn">;
  readonly onEnd: () => void;
  readonly onClosed: (transfer: RunningTransfer) => void;
}

export class ReceiveTransfer implements RunningTransfer {
  readonly #options: ReceiveTransferOptions;
  readonly #machine: TftpReceiver;
  readonly #socket: TransferSocket;
  readonly #alarm: Alarm;
  readonly #decoder: NetasciiDecoder | undefined;
  readonly #opening: Uint8Array;
  readonly #beganSeconds = steadySeconds();
  #endedSeconds: number | undefined;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #isWriting = false;
  #isAllThere = false;
  #bytes = 0;
  #resent = 0;
  #error: string | undefined;
  /** The upload is kept or gone. */
  readonly #settled = Promise.withResolvers<void>();
  #state: TftpTransfer["state"] = "running";
  /** The client has its last acknowledgement, and may ask for it again. */
  #isLingering = false;

  /** Begins at once. @throws SystemCallError; the upload is the caller's then */
  constructor(options: ReceiveTransferOptions) {
    const { terms } = options;
    this.#options = options;
    this.#opening = encodeTftp(
      terms.accepted.size === 0
        ? { kind: "acknowledge", block: 0 }
        : { kind: "option-acknowledge", options: terms.accepted },
    );
    this.#decoder = options.mode === "netascii" ? new NetasciiDecoder() : undefined;
    const now = this.#beganSeconds;
    this.#machine = new TftpReceiver({ ...terms, opening: this.#opening }, now);
    this.#alarm = new Alarm(() => this.#onTime());
    const isSmall = terms.blockBytes + TFTP_HEADER_BYTES < SMALL.datagramBytes;
    this.#socket = new TransferSocket({
      namespace: options.namespace,
      address: options.address,
      peer: options.peer,
      ...(isSmall ? SMALL : LARGE),
      onDatagrams: (datagrams) => this.#receive(datagrams),
      onGone: (error) => this.#gone(error),
    });
    this.#socket.send(this.#opening);
    this.#arm();
  }

  repeatOpening(): void {
    if (this.#state === "running" && this.#machine.receivedBlocks === 0) this.#socket.send(this.#opening);
  }

  #receive(datagrams: readonly ReceivedDatagram[]): void {
    const now = steadySeconds();
    for (const { buffer, offset, length } of datagrams) {
      if (this.#state !== "running" && !this.#isLingering) return;
      const packet = decodeTftp(buffer.subarray(offset, offset + length));
      if (!(packet instanceof Malformed)) this.#act(this.#machine.handle(packet, now));
    }
    this.#write();
    this.#arm();
  }

  #onTime(): void {
    const now = steadySeconds();
    const outcome = this.#machine.handleDeadline(now);
    if (outcome.packet !== undefined) this.#resent++;
    this.#act(outcome);
    this.#arm();
  }

  #arm(): void {
    if (this.#state === "running" || this.#isLingering) this.#alarm.set(this.#machine.nextDeadline());
  }

  #act({ data, packet, isLast, failed, isOver }: ReceiverOutcome): void {
    if (data !== undefined && !this.#keep(data)) return;
    if (isLast === true) this.#isAllThere = true;
    if (packet !== undefined) this.#socket.send(packet);
    if (isOver === true) this.#closeSocket();
    if (failed === undefined) return;
    if (failed.isPeers) this.#fail(undefined, `the client says: ${failed.reason || "nothing"}`);
    else this.#fail(failed.code, failed.reason);
  }

  /** A view of memory that is used again: copied. @returns false when it is the end */
  #keep(data: Uint8Array): boolean {
    const own = this.#decoder === undefined ? data.slice() : this.#decoder.decode(data);
    if (!this.#options.upload.reserve(own.length)) {
      this.#fail(TFTP_ERROR.diskFull, "the quota of the folder is used up");
      return false;
    }
    this.#pending.push(own);
    this.#pendingBytes += own.length;
    this.#bytes += own.length;
    if (this.#pendingBytes > PENDING_BYTES) this.#machine.hold();
    return true;
  }

  /** One write at a time, of all that has come meanwhile. */
  #write(): void {
    if (this.#isWriting || this.#state !== "running" || (this.#pending.length === 0 && !this.#isAllThere)) return;
    this.#isWriting = true;
    void this.#writePending();
  }

  async #writePending(): Promise<void> {
    const { upload } = this.#options;
    try {
      while (this.#state === "running" && (this.#pending.length > 0 || this.#isAllThere)) {
        const pieces = this.#pending;
        const isWhole = this.#isAllThere;
        this.#pending = [];
        this.#pendingBytes = 0;
        if (isWhole && this.#decoder !== undefined) pieces.push(this.#decoder.finish());
        await upload.append(pieces);
        if (isWhole) return await this.#finish();
        this.#resume();
      }
    } catch (error) {
      const refusal = refusalOf(error);
      this.#fail(refusal.code, refusal.message);
    } finally {
      this.#isWriting = false;
      // Whoever has ended it has left the upload to this, the last who uses it.
      if (this.#state === "failed") await this.#discard();
    }
  }

  #resume(): void {
    if (this.#state !== "running") return;
    const now = steadySeconds();
    this.#act(this.#machine.resume(now));
    this.#arm();
  }

  async #finish(): Promise<void> {
    if (this.#state !== "running") return;
    await this.#options.upload.finish();
    this.#settled.resolve();
    if (this.#state !== "running") return;
    const now = steadySeconds();
    this.#isLingering = true;
    this.#act(this.#machine.confirm(now));
    this.#end("done");
    this.#arm();
  }

  #gone(error: SystemCallError): void {
    if (this.#isLingering) return this.#closeSocket();
    this.#fail(undefined, error.errnoName === "ECONNREFUSED" ? "the client has closed its port" : error.message);
  }

  close(reason: string): Promise<void> {
    if (this.#isLingering) this.#closeSocket();
    else this.#fail(TFTP_ERROR.undefined, reason);
    return this.#settled.promise;
  }

  abandon(reason: string): void {
    if (this.#isLingering) this.#closeSocket();
    else this.#fail(undefined, reason);
  }

  /** @param code the client is told; undefined: nobody is there who should hear it */
  #fail(code: number | undefined, reason: string): void {
    if (this.#state !== "running") return;
    this.#error = reason;
    if (code !== undefined) this.#socket.send(encodeTftp({ kind: "error", code, message: reason }));
    this.#end("failed");
    this.#closeSocket();
    if (!this.#isWriting) void this.#discard();
  }

  #end(state: "done" | "failed"): void {
    this.#state = state;
    this.#endedSeconds = steadySeconds();
    this.#options.onEnd();
  }

  async #discard(): Promise<void> {
    try {
      await this.#options.upload.discard();
    } catch (error) {
      this.#options.logger.warn("TFTP upload not removed", { error: messageOf(error) });
    }
    this.#settled.resolve();
    this.#options.onClosed(this);
  }

  #closeSocket(): void {
    this.#isLingering = false;
    this.#alarm[Symbol.dispose]();
    this.#socket.close();
    if (this.#state === "done") this.#options.onClosed(this);
  }

  view(): TftpTransfer {
    const { identity, terms, mode } = this.#options;
    const seconds = (this.#endedSeconds ?? steadySeconds()) - this.#beganSeconds;
    return {
      ...identity,
      direction: "write",
      mode,
      blockBytes: terms.blockBytes,
      windowBlocks: terms.windowBlocks,
      bytes: this.#bytes,
      totalBytes: terms.announcedBytes,
      seconds,
      bytesPerSecond: rateOf(this.#bytes, seconds),
      resentPackets: this.#resent,
      roundTripSeconds: undefined,
      state: this.#state,
      ...(this.#error === undefined ? {} : { error: this.#error }),
    };
  }
}
