/** A sender and a receiver in virtual time, with a network between them that loses, doubles and delays. */
import { concatBytes } from "../../../src/base/bytes.ts";
import { type Rollover, wireNumber } from "../../../src/protocol/tftp/block-number.ts";
import { type ReceiverOutcome, TftpReceiver } from "../../../src/protocol/tftp/receiver.ts";
import { type SenderOutcome, TftpSender } from "../../../src/protocol/tftp/sender.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { decodeTftp, encodeTftp } from "../../../src/wire/tftp.ts";
import { randomNumbers } from "../../support/random.ts";

export interface Channel {
  readonly seed: number;
  readonly lostPercent: number;
  readonly doubledPercent: number;
  /** A packet may come so much later than others. */
  readonly lateSeconds: number;
}

interface Terms {
  readonly blockBytes: number;
  readonly windowBlocks: number;
  readonly rollover: Rollover;
}

interface Result {
  /** Absent: one of the two gave up. */
  readonly received: Uint8Array | undefined;
  readonly dataPackets: number;
  readonly seconds: number;
}

const WAY_SECONDS = 0.0005;

interface Flight {
  readonly at: number;
  readonly to: "sender" | "receiver";
  readonly bytes: Uint8Array;
}

export function transfer(file: Uint8Array, terms: Terms, channel: Channel): Result {
  return new Transfer(file, terms, channel).run();
}

class Transfer {
  readonly #file: Uint8Array;
  readonly #terms: Terms;
  readonly #channel: Channel;
  readonly #random: (below: number) => number;
  readonly #sender: TftpSender;
  readonly #receiver: TftpReceiver;
  readonly #received: Uint8Array[] = [];
  readonly #flights: Flight[] = [];
  #now = 0;
  #dataPackets = 0;
  #senderState: "at work" | "done" | "failed" = "at work";
  #receiverState: "at work" | "done" | "failed" = "at work";

  constructor(file: Uint8Array, terms: Terms, channel: Channel) {
    this.#file = file;
    this.#terms = terms;
    this.#channel = channel;
    this.#random = randomNumbers(channel.seed);
    const opening = encodeTftp({ kind: "acknowledge", block: 0 });
    this.#sender = new TftpSender(terms, 0);
    this.#sender.setLastBlock(Math.floor(file.length / terms.blockBytes) + 1);
    this.#receiver = new TftpReceiver({ ...terms, opening }, 0);
  }

  run(): Result {
    this.#pump();
    while (this.#step());
    const isWhole = this.#receiverState === "done";
    return {
      received: isWhole ? concatBytes(this.#received) : undefined,
      dataPackets: this.#dataPackets,
      seconds: this.#now,
    };
  }

  /** The next thing that happens; false: nothing more does. */
  #step(): boolean {
    let first = 0;
    for (let i = 1; i < this.#flights.length; i++) if (this.#flights[i]!.at < this.#flights[first]!.at) first = i;
    const flight = this.#flights[first];
    const sender = this.#senderState === "at work" ? this.#sender.nextDeadline() : undefined;
    const receiver = this.#receiverState === "failed" ? undefined : this.#receiver.nextDeadline();
    const next = Math.min(flight?.at ?? Infinity, sender ?? Infinity, receiver ?? Infinity);
    if (next === Infinity) return false;
    this.#now = Math.max(this.#now, next);
    if (flight?.at === next) {
      this.#flights.splice(first, 1);
      this.#arrive(flight);
    } else if (sender === next) this.#onSender(this.#sender.handleDeadline(this.#now));
    else this.#onReceiver(this.#receiver.handleDeadline(this.#now));
    return true;
  }

  #arrive({ to, bytes }: Flight): void {
    const packet = decodeTftp(bytes);
    if (packet instanceof Malformed) throw new Error(packet.reason);
    if (to === "sender") this.#onSender(this.#sender.handle(packet, this.#now));
    else this.#onReceiver(this.#receiver.handle(packet, this.#now));
  }

  #onSender(outcome: SenderOutcome): void {
    if (outcome.event === "done") this.#senderState = "done";
    else if (outcome.event === "failed") this.#senderState = "failed";
    else if (outcome.event === "go-on") this.#pump();
  }

  #onReceiver({ data, packet, isLast, failed }: ReceiverOutcome): void {
    if (failed !== undefined) this.#receiverState = "failed";
    if (data !== undefined) this.#received.push(data.slice());
    if (packet !== undefined) this.#leave("sender", packet);
    if (isLast !== true) return;
    this.#receiverState = "done";
    this.#onReceiver(this.#receiver.confirm(this.#now));
  }

  #pump(): void {
    const { blockBytes, rollover } = this.#terms;
    const range = this.#sender.next();
    if (range === undefined) return;
    for (let block = range.first; block < range.first + range.count; block++) {
      const data = this.#file.subarray((block - 1) * blockBytes, block * blockBytes);
      this.#dataPackets++;
      this.#leave("receiver", encodeTftp({ kind: "data", block: wireNumber(block, rollover), data }));
    }
    this.#sender.sent(range.count, this.#now);
  }

  #leave(to: Flight["to"], bytes: Uint8Array): void {
    const { lostPercent, doubledPercent, lateSeconds } = this.#channel;
    for (let copies = this.#random(100) < doubledPercent ? 2 : 1; copies > 0; copies--) {
      if (this.#random(100) < lostPercent) continue;
      this.#flights.push({ at: this.#now + WAY_SECONDS + (lateSeconds * this.#random(100)) / 100, to, bytes });
    }
  }
}
