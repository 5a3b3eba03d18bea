/**
 * The side of a transfer that has the file: RFC 1350, with windows (RFC 7440).
 *
 * It holds no data. Who drives it asks with `next()` which blocks may leave, sends as many of them as it has, and says
 * so with `sent()`; a file that is read slowly so never looks like a lost packet.
 *
 * An acknowledgement inside a window starts the next one right behind it. One that repeats the last is left alone with
 * a window of one block, or each duplicate would double all that follows (the sorcerer's apprentice, RFC 1123
 * §4.2.3.1); with larger windows it says that the first block was lost, and is believed once, and not at all behind
 * blocks that we have sent twice ourselves.
 */
import { TFTP_ERROR, type TftpPacket } from "../../wire/tftp.ts";
import { blocksAfter, type Rollover } from "./block-number.ts";
import { Retransmission } from "./retransmission.ts";

export interface SenderOptions {
  /** Blocks that leave before an acknowledgement is waited for, from 1. */
  readonly windowBlocks: number;
  readonly rollover: Rollover;
  /** Of the client's option, 1 to 255. */
  readonly timeoutSeconds?: number;
  /** What was sent already and is repeated until block 0 is acknowledged: the options. Absent: blocks leave at once. */
  readonly opening?: Uint8Array;
}

/** What comes of a packet or of time. */
export type SenderOutcome =
  | { readonly event: "nothing" }
  /** Look what `next()` says. */
  | { readonly event: "go-on" }
  /** Send it. */
  | { readonly event: "send"; readonly packet: Uint8Array }
  /** The last block was acknowledged. */
  | { readonly event: "done" }
  | { readonly event: "failed"; readonly code: number; readonly reason: string; readonly isPeers: boolean };

/** Blocks from `first` on. */
export interface BlockRange {
  readonly first: number;
  readonly count: number;
}

const NOTHING: SenderOutcome = { event: "nothing" };
const GO_ON: SenderOutcome = { event: "go-on" };
const DONE: SenderOutcome = { event: "done" };

export class TftpSender {
  readonly #windowBlocks: number;
  readonly #rollover: Rollover;
  readonly #retransmission: Retransmission;
  #opening: Uint8Array | undefined;
  #lastBlock = Number.POSITIVE_INFINITY;
  /** All up to here has arrived. */
  #acknowledged = 0;
  /** All up to here has left, at least once since the last rewind. */
  #sent = 0;
  /** The highest that has left more than once: what comes back for those says nothing of time or loss. */
  #sentTwice = 0;
  /** The highest that has ever left. */
  #everSent = 0;
  #believedDuplicateOf = -1;
  #sentSeconds: number;
  #resent = 0;
  #isOver = false;

  constructor(options: SenderOptions, nowSeconds: number) {
    this.#windowBlocks = options.windowBlocks;
    this.#rollover = options.rollover;
    this.#opening = options.opening;
    this.#sentSeconds = nowSeconds;
    this.#retransmission = new Retransmission(nowSeconds, options.timeoutSeconds);
  }

  /** Told as soon as it is known: the block that is shorter than the others. */
  setLastBlock(block: number): void {
    this.#lastBlock = block;
  }

  /** What may leave now. */
  next(): BlockRange | undefined {
    if (this.#opening !== undefined || this.#isOver) return undefined;
    const last = Math.min(this.#acknowledged + this.#windowBlocks, this.#lastBlock);
    return this.#sent < last ? { first: this.#sent + 1, count: last - this.#sent } : undefined;
  }

  /** So many blocks of what `next()` said have left. */
  sent(count: number, nowSeconds: number): void {
    const before = this.#sent;
    this.#sent += count;
    const again = Math.min(this.#sent, this.#everSent);
    if (again > before) {
      this.#resent += again - before;
      this.#sentTwice = Math.max(this.#sentTwice, again);
    }
    this.#everSent = Math.max(this.#everSent, this.#sent);
    this.#sentSeconds = nowSeconds;
  }

  handle(packet: TftpPacket, nowSeconds: number): SenderOutcome {
    if (this.#isOver) return NOTHING;
    switch (packet.kind) {
      case "acknowledge":
        return this.acknowledge(packet.block, nowSeconds);
      case "error":
        this.#isOver = true;
        return { event: "failed", code: packet.code, reason: packet.message, isPeers: true };
      case "data":
      case "option-acknowledge":
        return this.#fail(TFTP_ERROR.illegalOperation, "an acknowledgement was expected");
      case "read":
      case "write":
        // A copy of the request that went astray: it is for another port.
        return NOTHING;
    }
  }

  /** As {@link handle}, without a packet around the number. */
  acknowledge(number: number, nowSeconds: number): SenderOutcome {
    if (this.#isOver) return NOTHING;
    const after = blocksAfter(this.#acknowledged, number, this.#rollover);
    if (this.#opening !== undefined) {
      if (after !== 0) return NOTHING;
      this.#opening = undefined;
      if (this.#resent === 0) this.#retransmission.measure(nowSeconds - this.#sentSeconds);
      this.#retransmission.restart(nowSeconds);
      return GO_ON;
    }
    if (after === 0) return this.#repeat(nowSeconds);
    // Beyond what left since a rewind: an answer to what left before it. Beyond that: a packet of long ago.
    if (this.#acknowledged + after > this.#everSent) return NOTHING;
    return this.#advance(this.#acknowledged + after, nowSeconds);
  }

  #advance(block: number, nowSeconds: number): SenderOutcome {
    if (block === this.#sent && this.#acknowledged >= this.#sentTwice)
      this.#retransmission.measure(nowSeconds - this.#sentSeconds);
    this.#acknowledged = block;
    // Inside the window: what follows has not arrived.
    this.#sent = block;
    this.#retransmission.restart(nowSeconds);
    if (block < this.#lastBlock) return GO_ON;
    this.#isOver = true;
    return DONE;
  }

  #repeat(nowSeconds: number): SenderOutcome {
    const base = this.#acknowledged;
    const isEcho = this.#sentTwice > 0 && base <= this.#sentTwice;
    const isBelieved = this.#windowBlocks > 1 && this.#sent > base && !isEcho && this.#believedDuplicateOf !== base;
    if (!isBelieved) return NOTHING;
    this.#believedDuplicateOf = base;
    this.#sent = base;
    this.#sentSeconds = nowSeconds;
    return GO_ON;
  }

  /** When to call {@link handleDeadline}; undefined while nothing is waited for. */
  nextDeadline(): number | undefined {
    if (this.#isOver || (this.#opening === undefined && this.#sent === this.#acknowledged)) return undefined;
    return this.#sentSeconds + this.#retransmission.intervalSeconds();
  }

  handleDeadline(nowSeconds: number): SenderOutcome {
    const deadline = this.nextDeadline();
    if (deadline === undefined || nowSeconds < deadline) return NOTHING;
    if (this.#retransmission.isHopeless(nowSeconds)) return this.#fail(TFTP_ERROR.undefined, "no answer for too long");
    this.#sentSeconds = nowSeconds;
    if (!this.#retransmission.backOff()) return NOTHING;
    if (this.#opening !== undefined) {
      this.#resent++;
      return { event: "send", packet: this.#opening };
    }
    this.#sent = this.#acknowledged;
    return GO_ON;
  }

  #fail(code: number, reason: string): SenderOutcome {
    this.#isOver = true;
    return { event: "failed", code, reason, isPeers: false };
  }

  /** Blocks that have arrived. */
  get acknowledgedBlocks(): number {
    return this.#acknowledged;
  }

  /** All has left, and nothing but acknowledgements is missing. */
  get isAllSent(): boolean {
    return this.#sent >= this.#lastBlock;
  }

  /** Packets that left a second time. */
  get resentPackets(): number {
    return this.#resent;
  }

  get roundTripSeconds(): number | undefined {
    return this.#retransmission.roundTripSeconds;
  }
}
