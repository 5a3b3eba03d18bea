/** What a client over TCP may make a DNS server hold. */
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { queryObjects } from "node:v8";
import { expect, test } from "vitest";
import { parseIp } from "../../../src/base/address.ts";
import { encodeFrame } from "../../../src/services/dns/frames.ts";
import { TcpListener } from "../../../src/services/dns/tcp-listener.ts";
import { until } from "../../support/network.ts";

const CLIENTS = 8;
const MOST_UNDER_WAY = 64;
const EMPTY_MESSAGES = 30_000;

test("as long as its first questions are not answered, messages without end take no more than their bytes", async () => {
  const listen = { address: parseIp("127.0.0.1"), port: 5399 };
  let queries = 0;
  const listener = new TcpListener({
    listen,
    namespace: undefined,
    allow: { allows: () => true, allowsAddress: () => true },
    onQuery: () => void queries++,
    onError: (error) => expect.unreachable(String(error)),
  });
  const clients = Array.from({ length: CLIENTS }, () => connect(listen.port, listen.address));
  try {
    await Promise.all(clients.map((client) => once(client, "connect")));
    const before = queryObjects(Uint8Array, { format: "count" });
    const question = Buffer.from(encodeFrame(new Uint8Array(12)));
    const asked = Array.from({ length: MOST_UNDER_WAY }, () => question);
    for (const client of clients) client.write(Buffer.concat([...asked, Buffer.alloc(2 * EMPTY_MESSAGES)]));
    await until("all that is worked on at a time", () => queries === CLIENTS * MOST_UNDER_WAY);
    await sleep(50);
    expect(queries).toBe(CLIENTS * MOST_UNDER_WAY);
    expect(queryObjects(Uint8Array, { format: "count" }) - before).toBeLessThan(EMPTY_MESSAGES / 10);
  } finally {
    for (const client of clients) client.destroy();
    listener.close();
  }
});
