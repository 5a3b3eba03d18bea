/** One dialogue for each rule, in virtual time. */
import { describe, expect, test } from "vitest";
import type { Rollover } from "../../../src/protocol/tftp/block-number.ts";
import { TftpReceiver } from "../../../src/protocol/tftp/receiver.ts";
import { TftpSender } from "../../../src/protocol/tftp/sender.ts";
import { decodeTftp, encodeTftp, type TftpPacket } from "../../../src/wire/tftp.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

const OACK = encodeTftp({ kind: "option-acknowledge", options: new Map([["windowsize", "4"]]) });
const ACK0 = encodeTftp({ kind: "acknowledge", block: 0 });
const ack = (block: number): TftpPacket => ({ kind: "acknowledge", block });

interface Setting {
  readonly windowBlocks?: number;
  readonly blocks?: number;
  readonly opening?: boolean;
  readonly timeoutSeconds?: number;
  readonly rollover?: Rollover;
}

/** Sends at once what may leave. */
class Sending {
  readonly machine: TftpSender;
  now = 0;

  constructor({ windowBlocks = 1, blocks = 10, opening = false, timeoutSeconds = 0, rollover = 0 }: Setting = {}) {
    this.machine = new TftpSender(
      {
        windowBlocks,
        rollover,
        ...(opening ? { opening: OACK } : {}),
        ...(timeoutSeconds > 0 ? { timeoutSeconds } : {}),
      },
      0,
    );
    this.machine.setLastBlock(blocks);
  }

  /** What leaves now: "1-4", "" when nothing does. */
  leave(): string {
    const range = this.machine.next();
    if (range === undefined) return "";
    this.machine.sent(range.count, this.now);
    return `${range.first}-${range.first + range.count - 1}`;
  }

  /** An acknowledgement so long after the last, and what leaves for it. */
  take(block: number, seconds = 0.01): string {
    this.now += seconds;
    const { event } = this.machine.handle(ack(block), this.now);
    return event === "go-on" ? this.leave() : event;
  }

  /** Wait for the machine's own time. */
  wait(): string {
    const deadline = this.machine.nextDeadline();
    if (deadline === undefined) return "never";
    this.now = deadline;
    const { event } = this.machine.handleDeadline(this.now);
    return event === "go-on" ? this.leave() : event;
  }
}

describe("who sends", () => {
  test("block for block, until the last is acknowledged (RFC 1350 §2)", () => {
    const sending = new Sending({ blocks: 3 });
    expect([sending.leave(), sending.take(1), sending.take(2), sending.take(3)]).toEqual(["1-1", "2-2", "3-3", "done"]);
    expect(sending.machine.nextDeadline()).toBeUndefined();
  });

  test("options wait for the acknowledgement of block 0, and are sent again (RFC 2347)", () => {
    const sending = new Sending({ opening: true });
    expect(sending.leave()).toBe("");
    expect(sending.wait()).toBe("send");
    expect(sending.now).toBe(1);
    expect(sending.take(1)).toBe("nothing");
    expect(sending.take(0)).toBe("1-1");
  });

  test("a second acknowledgement of a block sends nothing (RFC 1123 §4.2.3.1)", () => {
    const sending = new Sending();
    sending.leave();
    expect([sending.take(1), sending.take(1), sending.take(1), sending.take(2)]).toEqual([
      "2-2",
      "nothing",
      "nothing",
      "3-3",
    ]);
  });

  test("a lost block is sent again, later and later, until nobody can be there", () => {
    const sending = new Sending();
    sending.leave();
    const times: number[] = [];
    for (let said = ""; said !== "failed"; ) {
      said = sending.wait();
      times.push(sending.now);
    }
    expect(times.slice(0, 5)).toEqual([1, 3, 7, 12, 17]);
    expect(times.at(-1)).toBeGreaterThanOrEqual(30);
    expect(times.at(-1)).toBeLessThan(40);
  });

  test.each([
    ["blocks", false, 1, "2-2"],
    ["options", true, 0, "1-1"],
  ])("who has not said a word gets few copies, and may still begin: %s", (_, opening, answer, follows) => {
    const sending = new Sending({ opening, timeoutSeconds: 1 });
    sending.leave();
    const said = Array.from({ length: 20 }, () => sending.wait());
    expect(said.slice(0, 3)).not.toContain("nothing");
    expect(new Set(said.slice(3))).toEqual(new Set(["nothing"]));
    expect(sending.take(answer)).toBe(follows);
  });

  test("the time-out is what was measured, not a second; a copy's answer is not measured (Karn)", () => {
    const sending = new Sending({ blocks: 100 });
    sending.leave();
    for (let block = 1; block < 20; block++) sending.take(block, 0.2);
    const measured = sending.machine.nextDeadline()! - sending.now;
    expect(measured).toBeGreaterThan(0.2);
    expect(measured).toBeLessThan(0.35);
    sending.wait();
    sending.take(20, 3);
    expect(sending.machine.nextDeadline()! - sending.now).toBeCloseTo(measured, 5);
  });

  test("a client's timeout option is the longest wait (RFC 2349)", () => {
    const sending = new Sending({ timeoutSeconds: 3 });
    sending.leave();
    const times: number[] = [];
    for (let i = 0; i < 4; i++) {
      sending.wait();
      times.push(sending.now);
    }
    expect(times).toEqual([1, 3, 6, 9]);
  });

  test("a window leaves at once, the next after its acknowledgement (RFC 7440 §4)", () => {
    const sending = new Sending({ windowBlocks: 4 });
    expect([sending.leave(), sending.leave(), sending.take(4), sending.take(8), sending.take(10)]).toEqual([
      "1-4",
      "",
      "5-8",
      "9-10",
      "done",
    ]);
  });

  test("an acknowledgement inside the window: the next one begins behind it (RFC 7440 §4)", () => {
    const sending = new Sending({ windowBlocks: 4, blocks: 20 });
    sending.leave();
    expect(sending.take(2)).toBe("3-6");
    expect(sending.take(4)).toBe("5-8");
  });

  test("the first block of a window was lost: what repeats the last acknowledgement is believed, once", () => {
    const sending = new Sending({ windowBlocks: 4, blocks: 20 });
    sending.leave();
    sending.take(4);
    expect([sending.take(4), sending.take(4), sending.take(4)]).toEqual(["5-8", "nothing", "nothing"]);
    // What the doubled window calls forth is doubled as well, and ends here.
    expect([sending.take(8), sending.take(8), sending.take(12)]).toEqual(["9-12", "nothing", "13-16"]);
  });

  test("an acknowledgement of what left before a rewind counts", () => {
    const sending = new Sending({ windowBlocks: 4, blocks: 20 });
    sending.leave();
    sending.take(2);
    expect(sending.machine.handle(ack(4), 1).event).toBe("go-on");
    expect(sending.machine.acknowledgedBlocks).toBe(4);
  });

  test("acknowledgements of what has not left are nothing", () => {
    const sending = new Sending({ windowBlocks: 4, blocks: 20 });
    sending.leave();
    expect([sending.take(5), sending.take(40_000), sending.take(65_535)]).toEqual(["nothing", "nothing", "nothing"]);
  });

  test("while nothing has left, because the disk is slow, no time runs", () => {
    const sending = new Sending();
    expect(sending.machine.next()).toEqual({ first: 1, count: 1 });
    expect(sending.machine.nextDeadline()).toBeUndefined();
  });

  test("an error ends it, whatever its code; data is answered with error 4", () => {
    const error = new Sending().machine.handle({ kind: "error", code: 8, message: "no" }, 0);
    expect(error).toEqual({ event: "failed", code: 8, reason: "no", isPeers: true });
    const data = new Sending().machine.handle({ kind: "data", block: 1, data: new Uint8Array() }, 0);
    expect(data).toMatchObject({ event: "failed", code: 4, isPeers: false });
  });

  test.each([0, 1] as const)("200000 blocks by 16 bits, rollover %i", (rollover) => {
    const sending = new Sending({ windowBlocks: 64, blocks: 200_000, rollover });
    sending.leave();
    let said = "";
    for (let block = 64; said !== "done"; block += 64) {
      const last = Math.min(block, 200_000);
      said = sending.take(rollover === 0 ? last % 65_536 : ((last - 1) % 65_535) + 1, 0.001);
      expect(said).not.toBe("nothing");
    }
    expect(sending.machine.resentPackets).toBe(0);
  });
});

class Receiving {
  readonly machine: TftpReceiver;
  now = 0;

  constructor(windowBlocks = 1) {
    this.machine = new TftpReceiver({ blockBytes: 8, windowBlocks, rollover: 0, opening: ACK0 }, 0);
  }

  /** @returns the number acknowledged, "" for none; with "*" when the block was new */
  take(block: number, bytes = 8, seconds = 0.01): string {
    this.now += seconds;
    const outcome = this.machine.handle({ kind: "data", block, data: new Uint8Array(bytes) }, this.now);
    if (outcome.failed !== undefined) return `error ${outcome.failed.code}`;
    return `${outcome.data === undefined ? "" : "*"}${numberOf(outcome.packet)}`;
  }

  wait(): string {
    const deadline = this.machine.nextDeadline();
    if (deadline === undefined) return "never";
    this.now = deadline;
    const outcome = this.machine.handleDeadline(this.now);
    if (outcome.isOver === true) return "over";
    return outcome.failed === undefined ? numberOf(outcome.packet) : `error ${outcome.failed.code}`;
  }
}

function numberOf(packet: Uint8Array | undefined): string {
  if (packet === undefined) return "";
  const decoded = decodeTftp(packet);
  return decoded instanceof Malformed || decoded.kind !== "acknowledge" ? "?" : String(decoded.block);
}

describe("who receives", () => {
  test("each block is acknowledged and taken once; a short one is the last", () => {
    const receiving = new Receiving();
    expect([receiving.take(1), receiving.take(1), receiving.take(2), receiving.take(3, 7)]).toEqual([
      "*1",
      "1",
      "*2",
      "*",
    ]);
    expect(receiving.wait()).toBe("never");
    expect(numberOf(receiving.machine.confirm(1).packet)).toBe("3");
  });

  test("the last acknowledgement is given again while the sender may ask for it (RFC 1350 §6)", () => {
    const receiving = new Receiving();
    receiving.take(1, 0);
    receiving.machine.confirm(receiving.now);
    expect(receiving.take(1, 0)).toBe("1");
    expect(receiving.wait()).toBe("over");
    expect(receiving.take(1, 0)).toBe("");
  });

  test("a window is acknowledged when it is complete (RFC 7440 §4)", () => {
    const receiving = new Receiving(3);
    expect([1, 2, 3, 4, 5].map((block) => receiving.take(block))).toEqual(["*", "*", "*3", "*", "*"]);
    expect(receiving.take(6, 0)).toBe("*");
    expect(numberOf(receiving.machine.confirm(1).packet)).toBe("6");
  });

  test("a missing block is told at once and once", () => {
    const receiving = new Receiving(4);
    expect([1, 3, 4].map((block) => receiving.take(block))).toEqual(["*", "1", ""]);
    expect([2, 3, 4, 5].map((block) => receiving.take(block))).toEqual(["*", "*", "*", "*5"]);
  });

  test("the first block of all is missing: block 0 is acknowledged", () => {
    const receiving = new Receiving(4);
    expect([receiving.take(2), receiving.take(3), receiving.take(1)]).toEqual(["0", "", "*"]);
  });

  test("a window's last block again, soon: a copy; later: its acknowledgement was lost", () => {
    const receiving = new Receiving(2);
    receiving.take(1);
    expect([receiving.take(2), receiving.take(2), receiving.take(1), receiving.take(2, 8, 0.2)]).toEqual([
      "*2",
      "",
      "",
      "2",
    ]);
  });

  test("silence: the acknowledgement again, later and later, then an error", () => {
    const receiving = new Receiving();
    receiving.take(1);
    let said = receiving.wait();
    expect(said).toBe("1");
    while (said === "1") said = receiving.wait();
    expect(said).toBe("error 0");
    expect(receiving.now).toBeGreaterThan(30);
  });

  test("while too much waits for the disk nothing is acknowledged and no time runs", () => {
    const receiving = new Receiving();
    receiving.machine.hold();
    expect([receiving.take(1), receiving.wait()]).toEqual(["*", "never"]);
    expect(numberOf(receiving.machine.resume(receiving.now).packet)).toBe("1");
  });

  test("a block longer than agreed is error 4", () => {
    expect(new Receiving().take(1, 9)).toBe("error 4");
  });
});
