/** The client against a kernel that is played: what the real one does too seldom to wait for. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type * as Native from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { decodeLink, deleteLink, dumpLinks } from "../../../src/netlink/route/link.ts";
import { rejectionOf } from "../native/support.ts";

interface Exchange {
  readonly send?: Uint8Array;
  readonly receive: Uint8Array;
}

/** Answers one exchange with datagrams, or throws. */
type Play = (exchange: Exchange) => Uint8Array[];

const kernel = vi.hoisted(() => ({
  play: [] as ((exchange: Exchange) => Uint8Array[])[],
  sent: [] as (Uint8Array | undefined)[],
}));

vi.mock("../../../src/kernel/native.ts", async (original) => ({
  ...(await original<typeof Native>()),
  async netlinkExchange(exchange: Exchange): Promise<number[]> {
    kernel.sent.push(exchange.send?.slice());
    const datagrams = kernel.play.shift()?.(exchange) ?? [];
    let offset = 0;
    for (const datagram of datagrams) {
      exchange.receive.set(datagram, offset);
      offset += datagram.length;
    }
    return datagrams.map(({ length }) => length);
  },
}));

const NEWLINK = 16;
const ERROR = 2;
const DONE = 3;
const INTERRUPTED = 0x10;

function message(type: number, sequence: number, body: readonly number[] = [], flags = 0): Uint8Array {
  const bytes = new Uint8Array(16 + body.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  view.setUint32(8, sequence, true);
  bytes.set(body, 16);
  return bytes;
}

const link = (sequence: number, index: number, flags = 0): Uint8Array =>
  message(NEWLINK, sequence, [0, 0, 1, 0, index, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], flags);
const done = (sequence: number, flags = 0): Uint8Array => message(DONE, sequence, [0, 0, 0, 0], flags);
const answer = (sequence: number, errno: number): Uint8Array =>
  message(ERROR, sequence, [...new Uint8Array(Int32Array.of(-errno).buffer), ...new Uint8Array(16)]);

const indexes = async (): Promise<number[]> => (await netlink.dump(dumpLinks(), decodeLink)).map(({ index }) => index);
const deletions = (count: number) => Array.from({ length: count }, (_, i) => deleteLink({ index: i + 1 }));
function playing(...plays: Play[]): void {
  kernel.play.push(...plays);
}

let netlink: RouteNetlink;
beforeEach(() => {
  kernel.play.length = 0;
  kernel.sent.length = 0;
  netlink = RouteNetlink.open();
});
afterEach(() => netlink.close());

describe("a dump", () => {
  test("goes on until its end, over several exchanges", async () => {
    playing(
      () => [link(1, 7)],
      () => [link(1, 8), done(1)],
    );
    expect(await indexes()).toEqual([7, 8]);
    expect(kernel.sent.map((bytes) => bytes !== undefined)).toEqual([true, false]);
  });

  test("that was interrupted is taken again, and nothing of the first attempt is kept", async () => {
    playing(
      () => [link(1, 7, INTERRUPTED), done(1)],
      () => [link(2, 8), done(2, INTERRUPTED)],
      () => [link(3, 9), done(3)],
    );
    expect(await indexes()).toEqual([9]);
  });

  test("that is interrupted every time ends with an error", async () => {
    playing(...Array.from({ length: 50 }, (_, i) => () => [done(i + 1, INTERRUPTED)]));
    expect(await rejectionOf(indexes())).toMatchObject({
      code: "netlink-interrupted",
      message: "list links: something changed during each of 10 attempts",
    });
    expect(kernel.sent).toHaveLength(10);
  });

  test("that the kernel ends with an error", async () => {
    playing(() => [link(1, 7), message(DONE, 1, [...new Uint8Array(Int32Array.of(-11).buffer)])]);
    expect(await rejectionOf(indexes())).toMatchObject({ code: "netlink-failed", errnoName: "EAGAIN" });
  });

  test("ignores messages of another sequence number", async () => {
    playing(() => [link(77, 5), done(77), link(1, 6), done(1)]);
    expect(await indexes()).toEqual([6]);
  });

  test("with a datagram that ends inside a message fails", async () => {
    playing(() => [link(1, 7).subarray(0, 20)]);
    expect(await rejectionOf(indexes())).toMatchObject({
      code: "netlink-lost",
      cause: expect.objectContaining({ code: "netlink-truncated" }),
    });
  });
});

describe("requests", () => {
  test("travel in windows of at most 200, of which only the last asks for an acknowledgement", async () => {
    playing(
      () => [answer(200, 0)],
      () => [answer(400, 0)],
      () => [answer(450, 0)],
    );
    await netlink.execute(deletions(450));
    const flags = kernel.sent.map((bytes) => {
      const list: number[] = [];
      for (let offset = 0; offset < bytes!.length; offset += 32) list.push(bytes![offset + 6]!);
      return list;
    });
    expect(flags.map((list) => list.length)).toEqual([200, 200, 50]);
    expect(flags.map((list) => list.map((flag, i) => (flag & 4) !== 0 && i < list.length - 1).includes(true))).toEqual([
      false,
      false,
      false,
    ]);
    expect(flags.map((list) => list.at(-1)! & 4)).toEqual([4, 4, 4]);
  });

  test("after the first failing window the next is not sent", async () => {
    playing(() => [answer(3, 19), answer(5, 1), answer(200, 0)]);
    expect(await rejectionOf(netlink.execute(deletions(450)))).toMatchObject({ errnoName: "ENODEV", requestIndex: 2 });
    expect(kernel.sent).toHaveLength(1);
  });

  test("stale acknowledgements are skipped", async () => {
    playing(() => [answer(77, 1), answer(1, 0), answer(2, 19)]);
    const results = await netlink.executeAll(deletions(2));
    expect(results.map((error) => error?.errnoName)).toEqual([undefined, "ENODEV"]);
  });

  test("a receive error fails every pending request, and what follows is not sent", async () => {
    playing(() => {
      throw new Error("ENOBUFS");
    });
    const results = await netlink.executeAll(deletions(203));
    expect(results.slice(0, 200).every((error) => error?.code === "netlink-lost")).toBe(true);
    expect(results.slice(200).map((error) => error?.code)).toEqual([
      "netlink-skipped",
      "netlink-skipped",
      "netlink-skipped",
    ]);
    expect(results.map((error) => error?.requestIndex)).toEqual(results.map((_, i) => i));
  });

  test("after a failed exchange the socket is emptied before the next", async () => {
    playing(
      () => {
        throw new Error("ENOBUFS");
      },
      () => [link(1, 5)],
      () => [],
      () => [link(2, 6), done(2)],
    );
    await rejectionOf(indexes());
    expect(await indexes()).toEqual([6]);
    expect(kernel.sent.map((bytes) => bytes !== undefined)).toEqual([true, false, false, true]);
  });

  test("no answer in time", async () => {
    expect(await rejectionOf(netlink.execute(deletions(1)))).toMatchObject({
      code: "netlink-lost",
      message: "delete link with index 1: the kernel's answer was lost",
      cause: expect.objectContaining({ code: "netlink-timeout" }),
    });
  });
});
