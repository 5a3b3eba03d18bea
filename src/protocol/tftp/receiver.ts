/**
 * The side of a transfer that gets the file: RFC 1350, with windows (RFC 7440).
 *
 * It keeps no data: blocks come out of `handle()` in order, each once. An acknowledgement leaves when a window is
 * complete, at once when a block is missing (it says from where to go on), and again when nothing comes. The last one
 * is given by `confirm()`, when all is kept; the machine then stays for a while to give it again (RFC 1350 §6).
 */
import { encodeTftp, TFTP_ERROR, type TftpPacket } from "../../wire/tftp.ts";
import { blocksAfter, type Rollover, wireNumber } from "./block-number.ts";
import { Retransmission } from "./retransmission.ts";

export interface ReceiverOptions {
  readonly blockBytes: number;
  /** Blocks that the sender sends before it waits, from 1. */
  readonly windowBlocks: number;
  readonly rollover: Rollover;
  /** Of the option, 1 to 255. */
  readonly timeoutSeconds?: number;
  /** What was sent already and is repeated until the first block comes. */
  readonly opening: Uint8Array;
}

export interface ReceiverOutcome {
  /** A block, the next one. It is a view of the packet. */
  readonly data?: Uint8Array;
  /** It was the last one: `confirm()` when all is kept. */
  readonly isLast?: true;
  /** Send it. */
  readonly packet?: Uint8Array;
  readonly failed?: { readonly code: number; readonly reason: string; readonly isPeers: boolean };
  /** The sender has had time to ask for the last acknowledgement again. */
  readonly isOver?: true;
}

const NOTHING: ReceiverOutcome = {};
/** How often the time-out passes in silence until the end, behind the last acknowledgement. */
const DALLY_INTERVALS = 3;
/** A copy that the network has made comes sooner. */
const LATE_SECONDS = 0.05;

export class TftpReceiver {
  readonly #options: ReceiverOptions;
  readonly #retransmission: Retransmission;
  #received = 0;
  /** In the window that began after the last acknowledgement. */
  #inWindow = 0;
  /** A gap is told once; what follows it in the same window is not news. */
  #toldGapAt = -1;
  #state: "opening" | "receiving" | "keeping" | "dallying" | "over" = "opening";
  #isHeld = false;
  #sentSeconds: number;
  #wasRepeated = false;
  #dallySeconds = 0;

  constructor(options: ReceiverOptions, nowSeconds: number) {
    this.#options = options;
    this.#sentSeconds = nowSeconds;
    this.#retransmission = new Retransmission(nowSeconds, options.timeoutSeconds);
  }

  handle(packet: TftpPacket, nowSeconds: number): ReceiverOutcome {
    if (this.#state === "over") return NOTHING;
    switch (packet.kind) {
      case "data":
        return this.#handleData(packet.block, packet.data, nowSeconds);
      case "error": {
        const isKept = this.#state === "dallying";
        this.#state = "over";
        if (isKept) return { isOver: true };
        return { failed: { code: packet.code, reason: packet.message, isPeers: true } };
      }
      case "acknowledge":
      case "option-acknowledge":
        return this.#fail(TFTP_ERROR.illegalOperation, "data was expected");
      case "read":
      case "write":
        return NOTHING;
    }
  }

  #handleData(number: number, data: Uint8Array, nowSeconds: number): ReceiverOutcome {
    const { blockBytes, rollover, windowBlocks } = this.#options;
    const after = blocksAfter(this.#received, number, rollover);
    if (this.#state === "dallying") return after === 0 ? { packet: this.#acknowledgement(nowSeconds) } : NOTHING;
    if (this.#state === "keeping") return NOTHING;
    if (after !== 1) return this.#handleOther(after, nowSeconds);
    if (data.length > blockBytes) return this.#fail(TFTP_ERROR.illegalOperation, "a block is longer than was agreed");
    if (!this.#wasRepeated && this.#inWindow === 0) this.#retransmission.measure(nowSeconds - this.#sentSeconds);
    this.#state = "receiving";
    this.#received++;
    this.#inWindow++;
    this.#wasRepeated = false;
    this.#sentSeconds = nowSeconds;
    this.#retransmission.restart(nowSeconds);
    if (data.length < blockBytes) {
      this.#state = "keeping";
      return { data, isLast: true };
    }
    if (this.#inWindow < windowBlocks || this.#isHeld) return { data };
    return { data, packet: this.#acknowledgement(nowSeconds) };
  }

  /** A block behind a gap, or one of before. */
  #handleOther(after: number, nowSeconds: number): ReceiverOutcome {
    if (this.#isHeld) return NOTHING;
    if (after === 0) return this.#asksAgain(nowSeconds) ? { packet: this.#acknowledgement(nowSeconds) } : NOTHING;
    if (after > this.#options.windowBlocks || this.#toldGapAt === this.#received) return NOTHING;
    this.#toldGapAt = this.#received;
    // Who sends data has had our opening.
    this.#state = "receiving";
    return { packet: this.#acknowledgement(nowSeconds) };
  }

  /**
   * The last block once more: its acknowledgement was lost. With a window of one block that is how a sender asks. With
   * larger ones an answer to what the network has doubled would start the window again, so a copy has to be late.
   */
  #asksAgain(nowSeconds: number): boolean {
    if (this.#received === 0) return false;
    if (this.#options.windowBlocks === 1) return true;
    return this.#inWindow === 0 && nowSeconds - this.#sentSeconds >= LATE_SECONDS;
  }

  #acknowledgement(nowSeconds: number): Uint8Array {
    this.#inWindow = 0;
    this.#sentSeconds = nowSeconds;
    return encodeTftp({ kind: "acknowledge", block: wireNumber(this.#received, this.#options.rollover) });
  }

  /** While more has come than was kept nothing is acknowledged, and the sender waits. */
  hold(): void {
    this.#isHeld = true;
  }

  /** @returns the acknowledgement that was held back */
  resume(nowSeconds: number): ReceiverOutcome {
    if (!this.#isHeld) return NOTHING;
    this.#isHeld = false;
    if (this.#state !== "receiving" || this.#inWindow < this.#options.windowBlocks) return NOTHING;
    return { packet: this.#acknowledgement(nowSeconds) };
  }

  /** All is kept. @returns the last acknowledgement */
  confirm(nowSeconds: number): ReceiverOutcome {
    if (this.#state !== "keeping") return NOTHING;
    this.#state = "dallying";
    this.#dallySeconds = nowSeconds + DALLY_INTERVALS * this.#retransmission.intervalSeconds();
    return { packet: this.#acknowledgement(nowSeconds) };
  }

  nextDeadline(): number | undefined {
    switch (this.#state) {
      case "opening":
      case "receiving":
        return this.#isHeld ? undefined : this.#sentSeconds + this.#retransmission.intervalSeconds();
      case "dallying":
        return this.#dallySeconds;
      case "keeping":
      case "over":
        return undefined;
    }
  }

  handleDeadline(nowSeconds: number): ReceiverOutcome {
    const deadline = this.nextDeadline();
    if (deadline === undefined || nowSeconds < deadline) return NOTHING;
    if (this.#state === "dallying") {
      this.#state = "over";
      return { isOver: true };
    }
    if (this.#retransmission.isHopeless(nowSeconds)) return this.#fail(TFTP_ERROR.undefined, "no data for too long");
    const isSentAgain = this.#retransmission.backOff();
    this.#wasRepeated = true;
    this.#toldGapAt = -1;
    if (this.#state === "receiving") return { packet: this.#acknowledgement(nowSeconds) };
    this.#sentSeconds = nowSeconds;
    return isSentAgain ? { packet: this.#options.opening } : NOTHING;
  }

  #fail(code: number, reason: string): ReceiverOutcome {
    this.#state = "over";
    return { failed: { code, reason, isPeers: false } };
  }

  /** Blocks that have come. */
  get receivedBlocks(): number {
    return this.#received;
  }
}
