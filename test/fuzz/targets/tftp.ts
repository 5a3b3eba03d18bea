/**
 * TFTP: packets of anybody, and both machines under them. Nothing throws, what is decoded encodes to the same, a sender
 * keeps to its window, a receiver gives each block once and in order, and neither talks more than it is talked to.
 */
import { toHex, utf8Encode } from "../../../src/base/bytes.ts";
import { parseFileName } from "../../../src/protocol/tftp/file-name.ts";
import { NetasciiDecoder, NetasciiEncoder } from "../../../src/protocol/tftp/netascii.ts";
import { negotiate } from "../../../src/protocol/tftp/options.ts";
import { TftpReceiver } from "../../../src/protocol/tftp/receiver.ts";
import { TftpSender } from "../../../src/protocol/tftp/sender.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../../src/wire/tftp.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const LIMITS = { mtuBytes: 1500, family: 4, windowBlocks: 64, windowBytes: 1 << 20 } as const;
const BLOCK_BYTES = 16;
const WINDOW_BLOCKS = 5;
/** Blocks of a file; then another life begins. */
const LIFE_PACKETS = 200;
const OPENING = encodeTftp({ kind: "acknowledge", block: 0 });

const SEEDS = [
  "\0\x01pxelinux.0\0octet\0blksize\x001468\0tsize\x000\0windowsize\x0016\0timeout\x003\0rollover\x001\0",
  "\0\x01..\\boot/%2e%2e//x\0netascii\0",
  "\0\x02new\0octet\0tsize\x00123456\0blksize\x008\0",
  "\0\x04\0\x01",
  "\0\x05\0\x08options\0",
  "\0\x06blksize\x00512\0",
  "\0\x03\0\x01a\r\nb\r\0c",
].map((text) => utf8Encode(text));

class Run implements FuzzRun {
  readonly #random: Random;
  #input: Uint8Array = new Uint8Array();
  #now = 0;
  #age = 0;
  #sender!: TftpSender;
  #receiver!: TftpReceiver;
  /** Blocks that have come out of the receiver. */
  #received = 0;
  #decoded = 0;
  #advanced = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#begin();
  }

  #begin(): void {
    const rollover = this.#random(2) === 0 ? 0 : 1;
    const windowBlocks = 1 + this.#random(WINDOW_BLOCKS);
    this.#sender = new TftpSender({ windowBlocks, rollover }, this.#now);
    this.#sender.setLastBlock(1 + this.#random(200));
    const terms = { blockBytes: BLOCK_BYTES, windowBlocks, rollover, opening: OPENING } as const;
    this.#receiver = new TftpReceiver(terms, this.#now);
    this.#received = 0;
    this.#age = 0;
  }

  next(): void {
    const random = this.#random;
    if (this.#age++ > LIFE_PACKETS) this.#begin();
    this.#now += random(20) === 0 ? random(3) : 0.001;
    this.#input = this.#make();
    const packet = decodeTftp(this.#input);
    if (!(packet instanceof Malformed)) {
      this.#decoded++;
      this.#check(packet);
      this.#feed(packet);
    }
    this.#ask();
  }

  /** One that fits the machines as they stand, or one that is bent. */
  #make(): Uint8Array {
    const random = this.#random;
    const kind = random(3);
    if (kind === 0) return this.#bend(SEEDS[random(SEEDS.length)]!);
    const near = (block: number): number => (block + random(8) - 2) & 0xffff;
    if (kind === 1) return encodeTftp({ kind: "acknowledge", block: near(this.#sender.acknowledgedBlocks) });
    const data = new Uint8Array(random(30) === 0 ? random(BLOCK_BYTES + 2) : BLOCK_BYTES).fill(random(256));
    return encodeTftp({ kind: "data", block: near(this.#receiver.receivedBlocks), data });
  }

  #bend(seed: Uint8Array): Uint8Array {
    const random = this.#random;
    const bytes = seed.slice(0, random(4) === 0 ? random(seed.length + 1) : seed.length);
    for (let times = random(4); times > 0 && bytes.length > 0; times--) bytes[random(bytes.length)] = random(256);
    return bytes;
  }

  #check(packet: TftpPacket): void {
    const again = decodeTftp(encodeTftp(packet));
    demand(!(again instanceof Malformed), "what was decoded does not encode");
    demand(again.kind === packet.kind, "it encodes to another kind");
    if (packet.kind === "data") this.#checkText(packet.data);
    if (packet.kind !== "read" && packet.kind !== "write") return;
    const parts = parseFileName(packet.file);
    demand(parts?.every((part) => part !== ".." && !/[/\\\0]/.test(part)) !== false, "a name leads out");
    const terms = negotiate(packet, LIMITS, 1000);
    demand(terms.blockBytes >= 8 && terms.blockBytes <= 1468, "the block does not fit");
    demand(terms.windowBlocks >= 1 && terms.windowBlocks <= 64, "the window does not fit");
    demand(
      [...terms.accepted.keys()].every((name) => packet.options.has(name)),
      "an option that nobody wished",
    );
  }

  #checkText(data: Uint8Array): void {
    const output = new Uint8Array(2 * data.length);
    const { read, written } = new NetasciiEncoder().encode(data, output);
    const back = new NetasciiDecoder().decode(output.subarray(0, written));
    demand(read === data.length && toHex(back) === toHex(data), "netascii does not come back");
  }

  /** What is not meant for one of the two ends it, so it gets that seldom. */
  #feed(packet: TftpPacket): void {
    const isOdd = this.#random(50) === 0;
    const before = this.#sender.acknowledgedBlocks;
    if (packet.kind === "acknowledge" || isOdd) this.#sender.handle(packet, this.#now);
    if (this.#sender.acknowledgedBlocks > before) this.#advanced++;
    if (packet.kind !== "data" && !isOdd) return;
    const { data, packet: answer, isLast } = this.#receiver.handle(packet, this.#now);
    demand(answer === undefined || answer.length <= 4, "a long answer");
    demand((data === undefined) === (this.#receiver.receivedBlocks === this.#received), "a block was given twice");
    this.#received = this.#receiver.receivedBlocks;
    if (isLast === true) demand(this.#receiver.confirm(this.#now).packet !== undefined, "the end is not acknowledged");
  }

  #ask(): void {
    const range = this.#sender.next();
    if (range !== undefined) {
      const after = range.first + range.count - 1 - this.#sender.acknowledgedBlocks;
      demand(range.count > 0 && after <= WINDOW_BLOCKS, "more than a window");
      this.#sender.sent(1 + this.#random(range.count), this.#now);
    }
    const deadline = this.#sender.nextDeadline();
    demand(deadline === undefined || deadline - this.#now < 20, "the sender sleeps");
    this.#sender.handleDeadline(this.#now);
    const { packet } = this.#receiver.handleDeadline(this.#now);
    demand(packet === undefined || packet.length === 4, "the receiver says something else");
  }

  input(): string {
    return toHex(this.#input);
  }

  end(inputs: number): void {
    demand(this.#decoded > inputs / 2, "too few packets were understood");
    demand(this.#advanced > inputs / 100, "the transfers do not go on");
  }
}

export const TFTP: FuzzTarget = { name: "tftp", start: (random) => new Run(random) };
