import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import { identityOf, waitForEnd } from "../../../src/kernel/process.ts";
import { connectUnixSocket } from "../../../src/kernel/unix-socket.ts";
import { startKeeper } from "../../../src/services/keeper/start.ts";
import type { SingleDhcpObject } from "../../../src/state/object/one-guest.ts";
import type { VmObject } from "../../../src/state/object/vm.ts";
import { DHCP, KEEPER, until } from "./support.ts";

const IMAGE = join(import.meta.dirname, "../../../.cache/guest");
const MAC = parseMac("02:00:00:00:00:01");

let folder: string;
let state: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-lease-"));
  state = join(folder, "state");
  mkdirSync(state);
  const ip = (...words: string[]): void => {
    execFileSync("ip", words);
  };
  ip("netns", "add", "pod1");
  ip("-n", "pod1", "tuntap", "add", "tap0", "mode", "tap");
  ip("-n", "pod1", "link", "set", "tap0", "mtu", "1450", "up");
});

afterEach(async () => {
  await (await startKeeper(state, KEEPER)).stop();
  execFileSync("ip", ["netns", "del", "pod1"]);
  rmSync(folder, { recursive: true, force: true });
});

const dhcp: SingleDhcpObject = {
  ...DHCP,
  clientMac: MAC,
  lease: { ...DHCP.lease, router: parseIpv4("192.0.2.1"), hostName: "pod1", mtuBytes: 1450 },
};

const guest: VmObject = {
  key: "vm/pod1",
  origin: "machine pod1",
  kind: "vm",
  name: "pod1",
  namespace: "pod1",
  memoryMebibytes: 128,
  cpus: 1,
  accelerator: "auto",
  kernel: join(IMAGE, "vmlinuz"),
  initrd: join(IMAGE, "initrd.gz"),
  append: "console=ttyS0 quiet mitigations=off nokaslr no_timer_check cryptomgr.notests audit=0 nl.reboot=1",
  nics: [{ id: "nic0", tapKey: "link/tap0", tapName: "tap0", macAddress: MAC, mtuBytes: 1450 }],
};

const told = (): string => {
  const log = join(state, "vm/pod1/console.log");
  return existsSync(log) ? readFileSync(log, "utf8").replaceAll("\r", "") : "";
};
const leases = (): number => told().match(/GUEST address 192\.0\.2\.7\/24/g)?.length ?? 0;

test("a real guest gets its lease, again after it reboots, and its renewal when the keeper was replaced", async () => {
  const client = await startKeeper(state, KEEPER);
  await client.putServices("file", [dhcp, guest]);
  const report = async (name: string) => (await client.status()).services.find((service) => service.name === name)!;
  const { pid } = (await report("VM pod1")).details;
  await until("the guest is done", () => told().includes("GUEST done"), 150_000);
  expect(told()).toContain("GUEST rebooting");
  expect(leases()).toBe(2);
  expect(told()).toContain("GUEST mtu 1450");
  expect(told()).toContain("GUEST hostname pod1");
  expect(await report("VM pod1")).toMatchObject({ state: "running", details: { pid, reboots: 1 } });

  const keeper = identityOf((await client.status()).pid)!;
  process.kill(keeper.pid, "SIGKILL");
  await waitForEnd(keeper, 60_000);
  await startKeeper(state, KEEPER);
  await until("both are taken up", async () =>
    (await client.status()).services.every(({ state: now }) => now === "running"),
  );
  const console = await connectUnixSocket(join(state, "vm/pod1/console.sock"));
  console.write("renew\n");
  await until(
    "the renewal is answered",
    async () => JSON.stringify((await report("DHCP on tap0 in pod1")).details["sent"]) === '{"ACK":1}',
  );
  console.destroy();
  expect(await report("VM pod1")).toMatchObject({ state: "running", details: { pid } });
}, 240_000);
