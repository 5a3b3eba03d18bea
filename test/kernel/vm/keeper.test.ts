import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { SILENT } from "../../../src/base/logger.ts";
import { UplinkClients } from "../../../src/engine/uplink-clients.ts";
import { identityOf, waitForEnd } from "../../../src/kernel/process.ts";
import { connectUnixSocket } from "../../../src/kernel/unix-socket.ts";
import type { KeeperClient } from "../../../src/services/keeper/client.ts";
import { createService, serviceMakers } from "../../../src/services/keeper/create-service.ts";
import { Keeper } from "../../../src/services/keeper/keeper.ts";
import { keeperLog, type ServiceStatus } from "../../../src/services/keeper/protocol.ts";
import { keeperLock } from "../../../src/services/keeper/run.ts";
import { startKeeper } from "../../../src/services/keeper/start.ts";
import { takeLock } from "../../../src/store/lock.ts";
import { DHCP, KEEPER, machine, processesNamed, until } from "./support.ts";

let folder: string;
let state: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-keeper-"));
  state = join(folder, "state");
  mkdirSync(state);
});

afterEach(async () => {
  const client = await startKeeper(state, KEEPER);
  await client.stop();
  rmSync(folder, { recursive: true, force: true });
});

const readLog = (): string => (existsSync(keeperLog(state)) ? readFileSync(keeperLog(state), "utf8") : "");
const ip = (...words: string[]): string => execFileSync("ip", words, { encoding: "utf8" });

/** What udhcpc says when it asks three times for a lease, which it does not install. */
function askForLease(interfaceName: string): string {
  const words = ["udhcpc", "-n", "-q", "-f", "-t", "3", "-T", "1", "-s", "/bin/true", "-i", interfaceName];
  const { stdout, stderr } = spawnSync("busybox", words, { encoding: "utf8" });
  return stdout + stderr;
}

/** The one service of that name. */
async function service(client: KeeperClient, name: string): Promise<ServiceStatus> {
  const found = (await client.status()).services.filter((entry) => entry.name === name);
  expect(found).toHaveLength(1);
  return found[0]!;
}

const pidOf = async (client: KeeperClient, name: string): Promise<number> =>
  Number((await service(client, name)).details["pid"]);

async function kill(pid: number): Promise<void> {
  const identity = identityOf(pid)!;
  process.kill(pid, "SIGKILL");
  await waitForEnd(identity, 60_000);
}

describe("the keeper", () => {
  test("runs detached, once for a folder, and ends with everything it started", async () => {
    const client = await startKeeper(state, KEEPER);
    const status = await client.status();
    expect(status).toMatchObject({ version: "1.2.3", services: [] });
    const stat = readFileSync(`/proc/${status.pid}/stat`, "utf8").replace(/.*\) /, "").split(" ");
    expect(Number(stat[3])).toBe(status.pid);
    expect(statSync(join(state, "keeper.sock")).mode & 0o777).toBe(0o600);
    expect((await (await startKeeper(state, KEEPER)).status()).pid).toBe(status.pid);

    await client.putServices("file", [machine(folder, "one", "echo"), machine(folder, "two", "echo")]);
    expect(processesNamed("qemu-system-x86")).toHaveLength(2);
    await client.stop();
    expect(processesNamed("qemu-system-x86")).toEqual([]);
    expect(identityOf(status.pid)).toBeUndefined();
    expect(readdirSync(state).sort()).toEqual(["keeper.log"]);
    await expect(client.status()).rejects.toThrow(`keeper of ${state}: it does not run`);
  });

  test("converges: starts what is new, stops what is gone, leaves the rest untouched", async () => {
    const client = await startKeeper(state, KEEPER);
    const [one, two] = [machine(folder, "one", "echo"), machine(folder, "two", "echo")];
    await client.putServices("file", [one]);
    const pid = await pidOf(client, "VM one");
    await client.putServices("file", [one, two]);
    expect(await pidOf(client, "VM one")).toBe(pid);
    await client.putServices("other", [machine(folder, "three", "echo")]);
    await client.putServices("file", [two]);
    expect((await client.status()).services.map(({ unit, name }) => [unit, name])).toEqual([
      ["file", "VM two"],
      ["other", "VM three"],
    ]);
    await client.putServices("file", [machine(folder, "four", "echo"), two], { start: false });
    expect((await client.status()).services.map(({ name }) => name)).toEqual(["VM two", "VM three"]);
    const before = await pidOf(client, "VM two");
    await client.putServices("file", [{ ...two, memoryMebibytes: 48 }]);
    expect(await pidOf(client, "VM two")).not.toBe(before);
    expect(processesNamed("qemu-system-x86")).toHaveLength(2);
    await expect(client.putServices("file", [{ ...two, name: "three" }])).rejects.toThrow(
      "other has a machine of that name",
    );
  });

  test("a service that does not start is told, and does not keep the others from running", async () => {
    const client = await startKeeper(state, KEEPER);
    const broken = machine(folder, "broken", "echo", { image: "/nowhere.img" });
    await expect(client.putServices("file", [broken, machine(folder, "one", "echo")])).rejects.toThrow(
      /start VM broken: .*nowhere/,
    );
    expect(await service(client, "VM broken")).toMatchObject({
      state: "failed",
      reason: expect.stringContaining("nowhere"),
    });
    expect(await service(client, "VM one")).toMatchObject({ state: "running" });
    await client.putServices("file", []);
    expect((await client.status()).services).toEqual([]);
    expect(processesNamed("qemu-system-x86")).toEqual([]);
  });

  test("killed, its guest survives and the next one takes it up; its end is then noticed", async () => {
    const client = await startKeeper(state, KEEPER);
    await client.putServices("file", [machine(folder, "one", "echo"), machine(folder, "two", "echo")]);
    const pid = await pidOf(client, "VM one");
    const other = await pidOf(client, "VM two");
    await kill((await client.status()).pid);
    await kill(other);
    expect(identityOf(pid)).toBeDefined();
    await startKeeper(state, KEEPER);
    await until("guests are taken up", async () =>
      (await client.status()).services.every((entry) => entry.state !== "starting"),
    );
    expect(await service(client, "VM one")).toMatchObject({ state: "running", details: { pid } });
    expect(await service(client, "VM two")).toMatchObject({ state: "killed", reason: "it ended while nobody watched" });
    await kill(pid);
    await until("its end is reported", async () => (await service(client, "VM one")).state === "killed");
    await client.putServices("file", [machine(folder, "one", "echo")]);
    expect(await service(client, "VM one")).toMatchObject({ state: "running" });
  });

  test("told to end by SIGTERM it leaves the guests running", async () => {
    const client = await startKeeper(state, KEEPER);
    await client.putServices("file", [machine(folder, "one", "echo")]);
    const pid = await pidOf(client, "VM one");
    const keeper = identityOf((await client.status()).pid)!;
    process.kill(keeper.pid, "SIGTERM");
    expect(await waitForEnd(keeper, 60_000)).toBe(true);
    expect(identityOf(pid)).toBeDefined();
    expect(existsSync(join(state, "keeper.sock"))).toBe(false);
  });

  test("stops one guest and remembers that over a restart", async () => {
    const client = await startKeeper(state, KEEPER);
    await client.putServices("file", [machine(folder, "one", "echo")]);
    await client.stopVm("one", 0);
    expect(await service(client, "VM one")).toMatchObject({ state: "stopped", reason: "it was told to stop" });
    await expect(client.stopVm("two", 0)).rejects.toThrow("stop VM two: no applied file has a machine of that name");
    await kill((await client.status()).pid);
    await startKeeper(state, KEEPER);
    await until("the list is read", async () => (await client.status()).services.length === 1);
    expect(await service(client, "VM one")).toMatchObject({ state: "stopped" });
  });

  test("lets a stopped guest rest when it only heals", async () => {
    const makers = serviceMakers(state, new UplinkClients(state).create, SILENT);
    const keeper = new Keeper(state, (object) => createService(object, state, makers, SILENT), SILENT);
    const guests = [machine(folder, "one", "echo")];
    await keeper.converge("file", guests);
    await keeper.stopVm("one", 0);
    await keeper.converge("file", [...guests, machine(folder, "two", "echo")], true, false);
    expect(keeper.status().map(({ name, state: now }) => [name, now])).toEqual([
      ["VM one", "stopped"],
      ["VM two", "running"],
    ]);
    await keeper.converge("file", guests);
    expect(keeper.status()).toMatchObject([{ name: "VM one", state: "running" }]);
    await keeper.stopAll();
  });

  test("serves DHCP, again after a restart and on an interface that replaced the first", async () => {
    const client = await startKeeper(state, KEEPER);
    ip("netns", "add", "pod1");
    try {
      const plug = (): void => {
        ip("link", "add", "client0", "address", "02:00:00:00:00:01", "type", "veth", "peer", "tap0", "netns", "pod1");
        ip("-n", "pod1", "link", "set", "tap0", "up");
        ip("link", "set", "client0", "up");
      };
      plug();
      await client.putServices("file", [DHCP]);
      expect(askForLease("client0")).toContain("lease of 192.0.2.7 obtained");
      expect(await service(client, "DHCP on tap0 in pod1")).toMatchObject({
        state: "running",
        details: { address: "192.0.2.7", received: { DISCOVER: 1, REQUEST: 1 }, sent: { OFFER: 1, ACK: 1 } },
      });
      await kill((await client.status()).pid);
      await startKeeper(state, KEEPER);
      await until("DHCP is taken up", async () => (await client.status()).services[0]?.state === "running");
      expect(askForLease("client0")).toContain("lease of 192.0.2.7 obtained");

      ip("link", "del", "client0");
      await until("the loss is noticed", async () => (await client.status()).services[0]?.state === "failed");
      plug();
      await until("DHCP serves again", async () => (await client.status()).services[0]?.state === "running");
      expect(askForLease("client0")).toContain("lease of 192.0.2.7 obtained");
      await client.putServices("file", []);
      expect(askForLease("client0")).toContain("no lease");
    } finally {
      ip("netns", "del", "pod1");
    }
  });

  test("refuses what is no request, and goes on", async () => {
    const client = await startKeeper(state, KEEPER);
    const curl = (...words: string[]): string =>
      execFileSync("curl", ["-s", "--unix-socket", join(state, "keeper.sock"), ...words], { encoding: "utf8" });
    const refused: [string, ...string[]][] = [
      ["the body is not JSON", "-X", "PUT", "-d", "{", "http://x/services"],
      [
        "the body is not {unit, services}",
        "-X",
        "PUT",
        "-d",
        '{"unit":"x","services":[{"kind":"?"}]}',
        "http://x/services",
      ],
      ["there is no GET /nothing", "http://x/nothing"],
    ];
    for (const [reason, ...words] of refused) {
      expect(JSON.parse(curl(...words))).toEqual({ error: { code: "bad-request", message: `keeper: ${reason}` } });
    }
    const socket = await connectUnixSocket(join(state, "keeper.sock"));
    socket.on("error", () => undefined);
    socket.write("\u0000 no HTTP\r\n\r\n");
    socket.destroy();
    expect((await client.status()).services).toEqual([]);
  });

  test("is waited for when another command, or the last one, holds the folder without an answer", async () => {
    const lock = takeLock(keeperLock(state), "test");
    const main = join(import.meta.dirname, "../../../src/apps/cli/main.ts");
    const starting = startKeeper(state, [process.execPath, main]);
    await until("the first one has found the folder taken", async () => /held by process/.test(readLog()));
    lock.release();
    expect(await (await starting).status()).toMatchObject({ services: [] });
  });

  test("that cannot start tells why", async () => {
    writeFileSync(join(state, "services.json"), '{"version":2}');
    await expect(startKeeper(state, KEEPER)).rejects.toThrow(
      /start the keeper of .*: it ended \(exit code 1\).*services\.json: it is of version 2, not 1/,
    );
    rmSync(join(state, "services.json"));
  });
});
