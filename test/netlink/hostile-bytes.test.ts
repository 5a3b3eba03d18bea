import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sourceOf } from "../../src/netlink/codec.ts";
import { decodeAnswer, decodeMessages } from "../../src/netlink/message.ts";
import { decodeRouteEvent } from "../../src/netlink/route/event.ts";
import { readGolden } from "./golden-file.ts";
import { messageOfBody } from "./message-of-body.ts";

/** Message types whose bodies the library decodes. */
const TYPES = [16, 17, 20, 21, 24, 25, 28, 29, 32, 33];
const GOLDEN = ["link", "bridge-port", "address", "route", "rule", "neighbour", "forwarding"].flatMap((name) => [
  ...readGolden(name).values(),
]);
const message = fc.constantFrom(...GOLDEN);

describe("bytes that no kernel would send", () => {
  test("random bodies give an event or nothing, never an exception", () => {
    fc.assert(
      fc.property(fc.constantFrom(...TYPES), fc.uint8Array({ maxLength: 300 }), (type, body) => {
        decodeRouteEvent(messageOfBody(type, body));
      }),
      { numRuns: 3000 },
    );
  });

  test("a body cut anywhere is decoded as far as it goes", () => {
    for (const { type, body } of GOLDEN) {
      for (let length = 0; length < body.length; length++) {
        decodeRouteEvent(messageOfBody(type, body.slice(0, length)));
      }
    }
    expect(decodeRouteEvent(messageOfBody(16, new Uint8Array(15)))).toBeUndefined();
  });

  test("a body with bytes overwritten", () => {
    const patches = fc.array(fc.tuple(fc.nat(200), fc.constantFrom(0, 1, 3, 4, 0x7f, 0x80, 0xff)), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(message, patches, ({ type, body }, places) => {
        const changed = body.slice();
        for (const [place, value] of places) changed[place % changed.length] = value;
        decodeRouteEvent(messageOfBody(type, changed));
      }),
      { numRuns: 5000 },
    );
  });

  test("decoding reads nothing outside the message", () => {
    fc.assert(
      fc.property(message, fc.nat(300), ({ type, body }, cut) => {
        const length = cut % (body.length + 1);
        const alone = messageOfBody(type, body.slice(0, length));
        const among = new Uint8Array(body.length + 64).fill(0x41);
        among.set(body.slice(0, length), 16);
        const inside = { ...alone, source: sourceOf(among), start: 16, end: 16 + length };
        expect(decodeRouteEvent(inside)).toEqual(decodeRouteEvent(alone));
      }),
      { numRuns: 2000 },
    );
  });

  test("random datagrams", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        decodeMessages(sourceOf(bytes), 0, bytes.length, (found) => {
          expect(found.end).toBeLessThanOrEqual(bytes.length);
          decodeAnswer(found);
        });
      }),
      { numRuns: 3000 },
    );
  });

  test("answers with random contents", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(0xffff), fc.constantFrom(2, 3), (body, flags, type) => {
        const answer = decodeAnswer(messageOfBody(type, body, flags));
        expect(answer === undefined || answer.errno >= 0).toBe(true);
      }),
      { numRuns: 3000 },
    );
  });
});
