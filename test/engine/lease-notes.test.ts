/** Whether `apply` says that its DHCP servers forget their leases with a reboot. */
import { describe, expect, test } from "vitest";
import { leaseNotes } from "../../src/engine/lease-notes.ts";
import { isInMemory } from "../../src/store/state-folder.ts";
import { compiled } from "../compile/host.ts";

function notes(dhcp: readonly string[], inMemory = true): readonly string[] {
  const networks = dhcp.map((section, i) => `  lan${i}: { subnet: 192.168.${50 + i}.0/24${section} }`);
  return leaseNotes(compiled(`version: 1\nnetworks:\n${networks.join("\n")}\n`).desired, "/run/netloom", inMemory);
}

const POOL = ", dhcp: true";

describe("leases that a reboot takes", () => {
  test("are told by the names of their networks, with the remedy", () => {
    expect(notes([POOL, "", POOL])).toEqual([
      "the DHCP leases of network lan0, network lan2 are kept in /run/netloom, which is memory and goes with a reboot; --state DIR keeps them on a disk",
    ]);
  });

  test("also of networks whose only pools are those of further subnets and of classes", () => {
    const relayed = "relayed: [{ subnet: 203.0.113.0/24, range: 203.0.113.5-203.0.113.9 }]";
    const phones = "classes: [{ name: phones, vendor: phone, range: 192.168.51.5-192.168.51.9 }]";
    const [note] = notes([`, dhcp: { range: [], ${relayed} }`, `, dhcp: { range: [], ${phones} }`]);
    expect(note).toMatch(/^the DHCP leases of network lan0, network lan1 are kept/);
  });

  test("no more than a few networks by name", () => {
    const [note] = notes(Array.from({ length: 40 }, () => POOL));
    expect(note).toMatch(/^the DHCP leases of network lan0, .* and \d+ more are kept in/);
    expect(note!.length).toBeLessThan(400);
  });

  test("nothing on a disk, and nothing without a pool", () => {
    expect(notes([POOL], false)).toEqual([]);
    expect(notes(["", ', dhcp: { range: [], hosts: [{ mac: "52:54:00:00:00:10", address: 192.168.51.9 }] }'])).toEqual(
      [],
    );
  });
});

test("memory is told from what is not; a folder that is not there yet is as the one above it", () => {
  // devtmpfs, and the tmpfs that containers have there, are memory.
  expect(isInMemory("/dev/none/of/these")).toBe(true);
  expect(isInMemory("/proc/self")).toBe(false);
});
