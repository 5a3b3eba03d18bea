import { readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { closeDescriptor, openNamespace, openTap } from "../../../src/kernel/native.ts";
import { run } from "../../../src/kernel/run.ts";
import type { SingleServerConfig } from "../../../src/protocol/dhcp4/single-server.ts";
import { serveSingleDhcp, type SingleDhcpService } from "../../../src/services/dhcp4-single.ts";
import { DHCP4_OPTION, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { CLIENT_MAC, SERVER_MAC } from "./world.ts";

const PATH = "/run/netns/tapped";
const config: SingleServerConfig = {
  clientMac: CLIENT_MAC,
  serverAddress: parseIpv4("169.254.75.10"),
  serverMac: SERVER_MAC,
  lease: {
    address: parseIpv4("192.0.2.17"),
    prefixLength: 24,
    routes: [],
    nameServers: [],
    searchDomains: [],
    leaseSeconds: 3600,
  },
};
const discover = clientFrame({ mac: CLIENT_MAC, type: "DISCOVER" });

let namespace: number;
let guest: number | undefined;
let service: SingleDhcpService | undefined;
let log: string[];

const logger = Object.fromEntries(
  ["debug", "info", "warn", "error"].map((level) => [
    level,
    (message: string) => void log.push(`${level}: ${message}`),
  ]),
) as Record<"debug" | "info" | "warn" | "error", (message: string) => void>;

/** Plugs a guest into the tap: what it writes arrives there, what it reads was sent there. */
function plug(): number {
  guest = openTap({ namespace, name: "tap0", mode: "tap", persist: true });
  return guest;
}

beforeEach(async () => {
  log = [];
  await run("ip", ["netns", "add", "tapped"]);
  await run("sysctl", ["-qw", "net.ipv6.conf.default.disable_ipv6=1"], { namespacePath: PATH });
  namespace = openNamespace(PATH);
});

afterEach(async () => {
  service?.close();
  service = undefined;
  if (guest !== undefined) closeDescriptor(guest);
  guest = undefined;
  closeDescriptor(namespace);
  await run("ip", ["netns", "del", "tapped"]);
});

/** The next frame that the guest gets, within a minute. */
async function nextFrame(descriptor: number): Promise<Uint8Array> {
  const buffer = new Uint8Array(2048);
  for (let waited = 0; ; waited += 5) {
    try {
      return buffer.subarray(0, readSync(descriptor, buffer));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN") || waited > 60_000) throw error;
    }
    await sleep(5);
  }
}

async function offerTo(descriptor: number): Promise<string | undefined> {
  writeSync(descriptor, discover);
  return readOption(readReply(await nextFrame(descriptor)).message.options, DHCP4_OPTION.messageType);
}

async function serve(link: string | number): Promise<SingleDhcpService> {
  service = await serveSingleDhcp({ namespacePath: PATH, link, config, logger });
  return service;
}

describe("a tap", () => {
  test("its guest is answered on the tap itself", async () => {
    const descriptor = plug();
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "up"]);
    await serve("tap0");
    expect(await offerTo(descriptor)).toBe("OFFER");
  });

  test("found by its index, as a port of a bridge", async () => {
    const descriptor = plug();
    await run("ip", ["-n", "tapped", "link", "add", "bridge0", "type", "bridge"]);
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "master", "bridge0", "up"]);
    const [link] = JSON.parse(await run("ip", ["-n", "tapped", "-j", "link", "show", "tap0"])) as { ifindex: number }[];
    await serve(link!.ifindex);
    expect(await offerTo(descriptor)).toBe("OFFER");
  });

  test("may be down and without a guest when the service starts", async () => {
    closeDescriptor(plug());
    guest = undefined;
    await serve("tap0");
    const descriptor = plug();
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "up"]);
    expect(await offerTo(descriptor)).toBe("OFFER");
  });

  test("whose guest goes and comes back (a reboot) is served again", async () => {
    const first = plug();
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "up"]);
    const served = await serve("tap0");
    expect(await offerTo(first)).toBe("OFFER");
    closeDescriptor(first);
    expect(await offerTo(plug())).toBe("OFFER");
    expect(served.stats().sent).toEqual({ OFFER: 2 });
  });

  test("a guest that floods does not fill the log", async () => {
    const descriptor = plug();
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "up"]);
    const served = await serve("tap0");
    for (let i = 0; i < 40; i++) expect(await offerTo(descriptor)).toBe("OFFER");
    expect(served.stats().sent).toEqual({ OFFER: 40 });
    expect(log.length).toBeLessThanOrEqual(20);
  });

  test("that does not exist is told by name", async () => {
    await expect(serve("tap9")).rejects.toThrow(/tap9/);
  });

  test("removed under the service: that is logged, and nothing breaks", async () => {
    closeDescriptor(plug());
    guest = undefined;
    await run("ip", ["-n", "tapped", "link", "set", "tap0", "up"]);
    await serve("tap0");
    await run("ip", ["-n", "tapped", "link", "del", "tap0"]);
    for (let waited = 0; log.length === 0 && waited < 60_000; waited += 10) await sleep(10);
    expect(log).toContain("warn: DHCP link error");
  });
});
