/** A guest on macvtaps, one of them plugged in while it runs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseMac } from "../../src/base/address.ts";
import { SILENT } from "../../src/base/logger.ts";
import { VmService } from "../../src/services/vm/machine.ts";
import type { VmNic, VmObject } from "../../src/state/object/vm.ts";
import { GuestShell } from "../guest/shell.ts";
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS } from "../support/guest-image.ts";
import { Folder, shell, until } from "../support/network.ts";

const GUEST_SECONDS = 150;

let folder: Folder;
let guest: VmService;

function nic(number: number, more: Partial<VmNic> = {}): VmNic {
  return {
    id: `nic${number}`,
    tapType: "macvtap",
    tapKey: `link/macvtap${number}`,
    tapName: `macvtap${number}`,
    macAddress: parseMac(`02:00:00:00:00:0${number}`),
    ...more,
  };
}

function machine(nics: readonly VmNic[]): VmObject {
  return {
    key: "vm/one",
    origin: "machine one",
    kind: "vm",
    name: "one",
    namespace: "pod1",
    memoryMebibytes: 128,
    cpus: 2,
    accelerator: "tcg",
    kernel: GUEST_KERNEL,
    initrd: GUEST_INITRD,
    append: `${GUEST_KERNEL_ARGUMENTS} nl.wait=0`,
    nics,
  };
}

beforeEach(() => {
  folder = new Folder();
  // Behind each macvtap's parent a host of its own network: 192.0.2.1, 198.51.100.1.
  shell(`ip netns add pod1
    for number in 0 1; do
      ip link add outside$number type veth peer name up$number netns pod1
      ip -n pod1 link add link up$number name macvtap$number address 02:00:00:00:00:0$number \\
        numrxqueues 2 numtxqueues 2 type macvtap mode bridge
      for name in up$number macvtap$number; do ip -n pod1 link set $name up; done
      ip link set outside$number up
    done
    ip address add 192.0.2.1/24 dev outside0
    ip address add 198.51.100.1/24 dev outside1`);
});

afterEach(async () => {
  await guest.stop();
  shell("ip link delete outside0; ip link delete outside1; ip netns delete pod1");
  folder[Symbol.dispose]();
});

test("reaches the outside through its macvtap, and through a second one that is plugged in", async () => {
  guest = new VmService(machine([nic(0, { queues: 2 })]), folder.path, SILENT);
  await guest.start();
  const log = join(folder.path, "vm/one/console.log");
  const booted = (): boolean => existsSync(log) && readFileSync(log, "utf8").includes("GUEST done");
  await until("the guest is up", booted, GUEST_SECONDS);
  using inside = await GuestShell.open(join(folder.path, "vm/one/console.sock"));
  await inside.run("killall udhcpc; ip address add 192.0.2.7/24 dev eth0");
  expect(await inside.run("cat /sys/class/net/eth0/address; ls /sys/class/net/eth0/queues")).toMatch(
    /02:00:00:00:00:00\s+rx-0\s+rx-1\s+tx-0\s+tx-1/,
  );
  expect(await inside.run("ping -c 3 -W 5 192.0.2.1")).toContain(" 0% packet loss");

  expect(await guest.change(machine([nic(0, { queues: 2 }), nic(1)]))).toBe(true);
  await guest.start();
  await inside.waitFor("ls /sys/class/net", (text) => text.includes("eth1"));
  await inside.run("ip address add 198.51.100.7/24 dev eth1; ip link set eth1 up");
  expect(await inside.run("ping -c 3 -W 5 198.51.100.1")).toContain(" 0% packet loss");

  await guest.change(machine([nic(1)]));
  expect(await inside.run("ls /sys/class/net")).not.toContain("eth0");
  expect(await inside.run("ping -c 1 -W 5 198.51.100.1")).toContain(" 0% packet loss");
});
