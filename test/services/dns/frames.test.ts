import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameReader } from "../../../src/services/dns/frames.ts";

test("messages come out as they went in, however the stream is cut", () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, sizes) => {
      const stream = Buffer.concat(sent.map(encodeFrame));
      const reader = new FrameReader(300);
      const received: Uint8Array[] = [];
      for (let position = 0, piece = 0; position < stream.length; piece++) {
        const end = position + sizes[piece % sizes.length]!;
        const bytes = Buffer.from(stream.subarray(position, end));
        received.push(...(reader.read(bytes) ?? []));
        // A socket's memory may be another's next.
        bytes.fill(0x55);
        position = end;
      }
      expect(received).toEqual(sent);
    }),
  );
});

test("a message that is announced as too long ends the stream", () => {
  const reader = new FrameReader(300);
  expect(reader.read(Uint8Array.of(1, 44))).toEqual([]);
  expect(new FrameReader(299).read(Uint8Array.of(1, 44))).toBeUndefined();
});

test("messages are made one by one, as they are asked for", () => {
  const reader = new FrameReader(300);
  reader.add(Uint8Array.of(0, 1, 7, 0, 0, 0, 2, 8));
  expect(reader.next()).toEqual(Uint8Array.of(7));
  reader.add(Uint8Array.of(9, 1, 45));
  expect([reader.next(), reader.next()]).toEqual([Uint8Array.of(), Uint8Array.of(8, 9)]);
  expect(reader.isTooLong).toBe(false);
  expect(reader.next()).toBeUndefined();
  expect(reader.isTooLong).toBe(true);
});
