import fastCheck from "fast-check";
import { describe, expect, test } from "vitest";
import { NetloomError } from "../../src/base/errors.ts";
import { LineReader, parseQmpMessage } from "../../src/services/vm/qmp-message.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a line of QMP", () => {
  // Lines of qemu-system-x86_64 7.2, from its monitor socket.
  test("greeting, result, error and event", () => {
    expect(
      parseQmpMessage(
        '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian"}, "capabilities": ["oob"]}}',
      ),
    ).toEqual({ type: "greeting", qemuVersion: "7.2.22" });
    expect(parseQmpMessage('{"return": {}, "id": 4}')).toEqual({ type: "result", id: 4, value: {} });
    expect(
      parseQmpMessage('{"id": 5, "error": {"class": "CommandNotFound", "desc": "The command x has not been found"}}'),
    ).toEqual({
      type: "error",
      id: 5,
      errorClass: "CommandNotFound",
      description: "The command x has not been found",
    });
    expect(
      parseQmpMessage(
        '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}',
      ),
    ).toEqual({ type: "event", event: "SHUTDOWN", data: { guest: true, reason: "guest-shutdown" } });
  });

  test.each([
    "",
    "null",
    "[]",
    "7",
    '"QMP"',
    "{}",
    '{"return": {}}',
    '{"return": {}, "id": "x"}',
    '{"QMP": 1}',
    '{"event": 3}',
    '{"error": []}',
    "{",
    "\u0000",
  ])("%j is refused", (line) => {
    expect(() => parseQmpMessage(line)).toThrow(NetloomError);
  });

  test("any JSON is either a message or refused by name", () => {
    fastCheck.assert(
      fastCheck.property(fastCheck.json(), (line) => {
        let outcome: unknown;
        try {
          outcome = parseQmpMessage(line).type;
        } catch (error) {
          outcome = error instanceof NetloomError ? error.code : error;
        }
        expect(["greeting", "result", "error", "event", "bad-qmp"]).toContain(outcome);
      }),
    );
  });
});

describe("cutting a stream into lines", () => {
  test("the same lines come out however the bytes are cut", () => {
    fastCheck.assert(
      fastCheck.property(
        fastCheck.array(fastCheck.string({ unit: "grapheme", minLength: 1 })),
        fastCheck.infiniteStream(fastCheck.integer({ min: 1, max: 9 })),
        (texts, sizes) => {
          const lines = texts.map((text) => text.replaceAll("\n", "").trim()).filter((text) => text !== "");
          const reader = new LineReader(100_000);
          const bytes = encode(lines.map((line) => `${line}\r\n`).join(""));
          const found: string[] = [];
          for (let offset = 0; offset < bytes.length; ) {
            const size = sizes.next().value ?? 1;
            found.push(...reader.push(bytes.slice(offset, offset + size)));
            offset += size;
          }
          expect(found).toEqual(lines);
        },
      ),
    );
  });

  test("a line without end is refused once it is too long, not kept", () => {
    const reader = new LineReader(1000);
    expect(() => {
      for (let i = 0; i < 100; i++) reader.push(encode("x".repeat(100)));
    }).toThrow("more than 1000 bytes");
  });

  test("a long line in one piece is refused as well", () => {
    expect(() => new LineReader(10).push(encode(`${"x".repeat(11)}\n`))).toThrow("more than 10 bytes");
    expect(new LineReader(10).push(encode(`${"x".repeat(10)}\n`))).toEqual(["x".repeat(10)]);
  });
});
