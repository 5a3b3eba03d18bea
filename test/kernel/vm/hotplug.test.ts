/** NICs of a running QEMU, with a guest that knows nothing of plugging. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseMac } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { closeDescriptor, openTap } from "../../../src/kernel/native.ts";
import { VmFolder } from "../../../src/services/vm/folder.ts";
import { listPlugged, unplugNic } from "../../../src/services/vm/hotplug.ts";
import { VmService } from "../../../src/services/vm/machine.ts";
import { QmpClient } from "../../../src/services/vm/qmp-client.ts";
import type { VmNic } from "../../../src/state/object/vm.ts";
import { machine } from "./support.ts";

const TAPS = [0, 1, 2, 3, 4, 5, 6, 7, 8];

let folder: string;
let guest: VmService;

const nic = (number: number): VmNic => ({
  id: `nic${number}`,
  tapKey: `link/tap${number}`,
  tapName: `tap${number}`,
  macAddress: parseMac(`02:00:00:00:00:0${number}`),
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-hotplug-"));
  for (const number of TAPS) execFileSync("ip", ["tuntap", "add", `tap${number}`, "mode", "tap"]);
  guest = new VmService(machine(folder, "one", "echo", { nics: [nic(0)] }), folder, SILENT);
  await guest.start();
});

afterEach(async () => {
  await guest.stop();
  for (const number of TAPS) execFileSync("ip", ["link", "delete", `tap${number}`]);
  rmSync(folder, { recursive: true, force: true });
});

/** As the keeper does when the object has changed. */
async function become(numbers: readonly number[]): Promise<void> {
  expect(await guest.change({ ...guest.object, nics: numbers.map(nic) })).toBe(true);
  await guest.start();
}

const shown = (): unknown => (guest.report().details["nics"] as { id: string }[]).map(({ id }) => id);

/** What QEMU has, with nobody else on its monitor. */
async function inQemu(): Promise<readonly string[]> {
  await guest.release();
  const qmp = await QmpClient.open(new VmFolder(folder, "one").file("qmpSocket"), 60_000);
  const { nics } = await listPlugged(qmp);
  qmp.close();
  guest = new VmService(guest.object, folder, SILENT);
  await guest.resume();
  return [...nics.keys()];
}

describe("a running guest", () => {
  test("gets NICs until its ports are used up; the one too many is told, and nothing of it is left", async () => {
    const pid = guest.report().details["pid"];
    await become([0, 1, 2, 3, 4, 5, 6, 7]);
    await expect(become(TAPS)).rejects.toThrow(
      "plug NIC nic8 (tap8) into VM one: all 8 ports of the machine are in use",
    );
    expect(shown()).toEqual(TAPS.slice(0, 8).map((number) => `nic${number}`));
    expect(guest.report()).toMatchObject({ state: "running", reason: "without NIC nic8 (tap8)", details: { pid } });
    closeDescriptor(openTap({ name: "tap8", mode: "tap" }));
    expect(await inQemu()).toHaveLength(8);
  });

  test("that cannot have a tap is told why, and gets it when it can", async () => {
    const held = openTap({ name: "tap1", mode: "tap" });
    await expect(become([0, 1])).rejects.toThrow(/plug VM one into tap1: .*(EBUSY|busy)/);
    expect(shown()).toEqual(["nic0"]);
    closeDescriptor(held);
    await guest.start();
    expect(shown()).toEqual(["nic0", "nic1"]);
    expect(await inQemu()).toEqual(["nic0", "nic1"]);
    expect(shown()).toEqual(["nic0", "nic1"]);
  });

  test("that does not let go of a NIC keeps it, and that is told within the time given", async () => {
    await guest.release();
    const qmp = await QmpClient.open(new VmFolder(folder, "one").file("qmpSocket"), 60_000);
    const asked = performance.now();
    await expect(unplugNic(qmp, "nic0", 1000)).rejects.toThrow("does not let go of it within 1 s");
    // Not the 30 s that it has when nothing is said.
    expect(performance.now() - asked).toBeLessThan(25_000);
    expect([...(await listPlugged(qmp)).nics.keys()]).toEqual(["nic0"]);
    qmp.close();
  });

  test("that has ended gets another set when it starts again", async () => {
    await guest.halt(0);
    await become([1, 2]);
    expect(shown()).toEqual(["nic1", "nic2"]);
  });

  test("is not changed in any other way", async () => {
    expect(await guest.change({ ...guest.object, memoryMebibytes: 64 })).toBe(false);
    expect(await guest.change({ ...guest.object, nics: [], cpus: 2 })).toBe(false);
    expect(shown()).toEqual(["nic0"]);
  });
});
