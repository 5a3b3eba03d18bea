/** Connections to other servers over TCP: who keeps them, and how many there may be. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import type { UpstreamEvent, UpstreamQuery } from "../../../src/protocol/dns/exchange.ts";
import { UpstreamExchange } from "../../../src/services/dns/upstream-exchange.ts";
import { until } from "../../support/network.ts";

const IDLE_MILLISECONDS = 10_000;

let exchange: UpstreamExchange;
let events: UpstreamEvent[];
let servers: Server[];
let accepted: Socket[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  [events, servers, accepted] = [[], [], []];
});

afterEach(async () => {
  exchange.close();
  for (const socket of accepted) socket.destroy();
  await Promise.all(servers.map(async (server) => once(server.close(), "close")));
  vi.useRealTimers();
});

/** It says of each question the same back. @param then what it does with the connection afterwards */
async function listen(then?: (socket: Socket) => void): Promise<UpstreamQuery["server"]> {
  const server = createServer((socket) => {
    accepted.push(socket);
    socket.on("error", () => undefined);
    socket.on("data", (piece) => {
      socket.write(piece);
      then?.(socket);
    });
  });
  servers.push(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { address: parseIp("127.0.0.1"), port: (server.address() as AddressInfo).port };
}

function open(mostSockets?: number): void {
  exchange = new UpstreamExchange(undefined, (event) => events.push(event), mostSockets);
}

/** @param query also its id */
async function ask(query: number, server: UpstreamQuery["server"]): Promise<string> {
  const message = new Uint8Array(12);
  message.set([query >>> 8, query]);
  exchange.send([{ query, server, transport: "tcp", message }]);
  await until(`an event of question ${query}`, () => events.some((event) => event.query === query));
  const event = events.find((each) => each.query === query)!;
  return event.kind === "answer" ? "answered" : event.reason;
}

test("a connection is used again, and closed when nobody has asked for a while, whatever the server goes on to say", async () => {
  const timers: NodeJS.Timeout[] = [];
  const server = await listen((socket) => {
    timers.push(setInterval(() => socket.write(new Uint8Array([0, 1, 0])), 10));
  });
  open();
  try {
    for (const query of [1, 2]) {
      expect(await ask(query, server)).toBe("answered");
      exchange.end([query]);
      vi.advanceTimersByTime(IDLE_MILLISECONDS - 1);
    }
    expect(accepted.map(({ closed }) => closed)).toEqual([false]);
    vi.advanceTimersByTime(1);
    await until("its end", () => accepted[0]!.closed);
    expect(await ask(3, server)).toBe("answered");
    expect(accepted).toHaveLength(2);
  } finally {
    for (const timer of timers) clearInterval(timer);
  }
});

test("as long as an answer is waited for it stays", async () => {
  const server = await listen();
  open();
  expect(await ask(1, server)).toBe("answered");
  vi.advanceTimersByTime(2 * IDLE_MILLISECONDS);
  expect(await ask(2, server)).toBe("answered");
  expect(accepted).toHaveLength(1);
});

test("when there are as many as may be, one that waits for questions makes room, none that waits for an answer", async () => {
  const all = [await listen(), await listen(), await listen()] as const;
  open(2);
  expect(await ask(1, all[0])).toBe("answered");
  expect(await ask(2, all[1])).toBe("answered");
  expect(await ask(3, all[2])).toBe("too many sockets are open");
  exchange.end([2]);
  expect(await ask(4, all[2])).toBe("answered");
  await until("the other's end", () => accepted[1]!.closed);
  expect(accepted.map(({ closed }) => closed)).toEqual([false, true, false]);
});
