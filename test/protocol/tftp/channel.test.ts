/** Whatever a network loses, doubles and reorders: a transfer that ends has brought the same bytes. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../../../src/base/bytes.ts";
import { NetasciiDecoder, NetasciiEncoder } from "../../../src/protocol/tftp/netascii.ts";
import { randomNumbers } from "../../support/random.ts";
import { type Channel, transfer } from "./channel.ts";

const bytesOf = (length: number, seed: number): Uint8Array => {
  const random = randomNumbers(seed);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = random(256);
  return bytes;
};

const channels: fc.Arbitrary<Channel> = fc.record({
  seed: fc.nat(),
  lostPercent: fc.nat(25),
  doubledPercent: fc.nat(25),
  lateSeconds: fc.constantFrom(0, 0.0005, 0.02, 0.4),
});
const shapes = fc.record({
  size: fc.nat(3000),
  blockBytes: fc.constantFrom(8, 16, 100, 512),
  windowBlocks: fc.constantFrom(1, 2, 3, 7, 16, 64),
  rollover: fc.constantFrom(0 as const, 1 as const),
});

describe("a bad network", () => {
  test("brings the same bytes", () => {
    let ended = 0;
    fc.assert(
      fc.property(channels, shapes, (channel, { size, ...terms }) => {
        const file = bytesOf(size, channel.seed);
        const result = transfer(file, terms, channel);
        if (result.received === undefined) return;
        ended++;
        expect(result.received).toEqual(file);
      }),
      { numRuns: 400 },
    );
    // A quarter lost both ways is nothing yet.
    expect(ended).toBeGreaterThan(390);
  });

  test("that doubles every packet costs a bounded number of further ones", () => {
    for (const windowBlocks of [1, 2, 4, 16]) {
      const terms = { blockBytes: 8, windowBlocks, rollover: 0 } as const;
      const file = bytesOf(8000, 1);
      const result = transfer(file, terms, { seed: 1, lostPercent: 0, doubledPercent: 100, lateSeconds: 0 });
      expect(result.received).toEqual(file);
      expect(result.dataPackets).toBeLessThan(1001 * 1.6 + 4 * windowBlocks);
    }
  });

  test("that loses nothing costs no further packet and no wait", () => {
    const file = bytesOf(8000, 2);
    const terms = { blockBytes: 8, windowBlocks: 16, rollover: 0 } as const;
    const result = transfer(file, terms, { seed: 1, lostPercent: 0, doubledPercent: 0, lateSeconds: 0 });
    expect(result.dataPackets).toBe(1001);
    expect(result.seconds).toBeLessThan(1);
  });

  test("more than 65535 blocks, with losses around the turn", () => {
    for (const rollover of [0, 1] as const) {
      const file = bytesOf(8 * 65_600 + 3, 3);
      const terms = { blockBytes: 8, windowBlocks: 8, rollover } as const;
      const result = transfer(file, terms, { seed: 5, lostPercent: 1, doubledPercent: 1, lateSeconds: 0.0005 });
      expect(Buffer.from(result.received!).equals(file)).toBe(true);
    }
  });
});

describe("netascii", () => {
  test.each([
    ["a\nb", "a\r\nb"],
    ["a\rb", "a\r\0b"],
    ["\r\n", "\r\0\r\n"],
    ["\n", "\r\n"],
    ["\r", "\r\0"],
    ["", ""],
  ])("%j is %j", (own, sent) => {
    const output = new Uint8Array(16);
    const { written } = new NetasciiEncoder().encode(Buffer.from(own), output);
    expect(Buffer.from(output.subarray(0, written)).toString()).toBe(sent);
  });

  test("there and back in pieces of any size", () => {
    const text = fc.array(fc.constantFrom(0, 10, 13, 65), { maxLength: 60 }).map((bytes) => Uint8Array.from(bytes));
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }), (own, room, piece) => {
        let encoder = new NetasciiEncoder();
        const decoder = new NetasciiDecoder();
        const back: Uint8Array[] = [];
        for (let position = 0; ; ) {
          const output = new Uint8Array(room);
          const { read, written } = encoder.encode(own.subarray(position, position + piece), output);
          position += read;
          back.push(decoder.decode(output.subarray(0, written)));
          if (written === 0 && position === own.length) break;
          encoder = new NetasciiEncoder(encoder.pending);
        }
        back.push(decoder.finish());
        expect(concatBytes(back)).toEqual(own);
      }),
    );
  });

  test("what is not netascii is kept as it is", () => {
    const decoder = new NetasciiDecoder();
    expect(Buffer.from(decoder.decode(Buffer.from("a\rb\r\rc"))).toString()).toBe("a\rb\r\rc");
  });
});
