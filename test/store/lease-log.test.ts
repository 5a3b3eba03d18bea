import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ipv4FromNumber } from "../../src/base/address.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import { DHCP4_LEASES } from "../../src/store/lease-log/dhcp4.ts";
import { encodeGroup } from "../../src/store/lease-log/format.ts";
import { LeaseLog, readLeaseLog } from "../../src/store/lease-log/lease-log.ts";
import { Folder } from "../support/network.ts";

function lease(number: number, endSeconds = 3600): Lease {
  return {
    address: ipv4FromNumber(0xc0000200 + number),
    state: "leased",
    client: `\u0000\u0001\u0002\u0000\u00ff${String.fromCharCode(number >> 8, number & 255)}`,
    hardware: number % 3 === 0 ? "\u0001" : "\u0001\u00ff\u0000\u00aa",
    hostName: number % 2 === 0 ? "" : "vm-ä",
    startSeconds: 0,
    endSeconds,
  };
}

const OPTIONS = {
  all: () => [],
  onError: (error: Error) => {
    throw error;
  },
};

function open(path: string, options: Partial<ConstructorParameters<typeof LeaseLog<Lease>>[3]> = {}): LeaseLog<Lease> {
  return new LeaseLog(DHCP4_LEASES, path, readLeaseLog(DHCP4_LEASES, path), { ...OPTIONS, ...options });
}

describe("the log of leases", () => {
  test("what was appended is there again, in order; states and names too", async () => {
    using folder = new Folder();
    const path = folder.join("leases");
    const written: Lease[] = [
      lease(1),
      { ...lease(2), state: "released" },
      { ...lease(3), state: "declined", client: "" },
    ];
    {
      await using log = open(path);
      await log.append(written.slice(0, 1));
      await Promise.all([log.append(written.slice(1, 2)), log.append(written.slice(2))]);
    }
    expect(readLeaseLog(DHCP4_LEASES, path).leases).toEqual(written);
    await using log = open(path);
    await log.append([lease(4)]);
    expect(readLeaseLog(DHCP4_LEASES, path).leases).toEqual([...written, lease(4)]);
  });

  test("cut at every byte: what was whole before is there, and so is what is appended afterwards", async () => {
    using folder = new Folder();
    const groups = [[lease(1)], [lease(2), lease(3)], [lease(4)]].map((leases) => ({
      leases,
      bytes: encodeGroup(DHCP4_LEASES, leases),
    }));
    const whole = Buffer.concat([DHCP4_LEASES.header, ...groups.map(({ bytes }) => bytes)]);
    const path = folder.join("leases");
    for (let cut = 0; cut <= whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut));
      let end = DHCP4_LEASES.header.length;
      const kept = groups.flatMap(({ leases, bytes }) => ((end += bytes.length) <= cut ? leases : []));
      expect(readLeaseLog(DHCP4_LEASES, path).leases).toEqual(kept);
      const log = open(path);
      await log.append([lease(9)]);
      await log.close();
      expect(readLeaseLog(DHCP4_LEASES, path)).toMatchObject({ leases: [...kept, lease(9)], damagedBytes: 0 });
    }
  });

  test("damage in the middle takes one group with it, and is told", () => {
    using folder = new Folder();
    const groups = [1, 2, 3].map((number) => encodeGroup(DHCP4_LEASES, [lease(number)]));
    const bytes = Buffer.concat([DHCP4_LEASES.header, ...groups]);
    const second = DHCP4_LEASES.header.length + groups[0]!.length;
    for (let at = second; at < second + groups[1]!.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at]! ^= 0x55;
      const path = folder.write("leases", "");
      writeFileSync(path, damaged);
      const read = readLeaseLog(DHCP4_LEASES, path);
      expect(read.leases).toEqual([lease(1), lease(3)]);
      expect(read.damagedBytes).toBe(groups[1]!.length);
    }
  });

  test("another version, or another file, is refused and left alone", () => {
    using folder = new Folder();
    expect(() => readLeaseLog(DHCP4_LEASES, folder.write("a", "netloom leases 2\n"))).toThrow("version 2");
    expect(() => readLeaseLog(DHCP4_LEASES, folder.write("b", "# dnsmasq leases of today\n"))).toThrow(
      "no file of leases",
    );
    expect(readLeaseLog(DHCP4_LEASES, folder.join("none")).leases).toEqual([]);
  });

  test("a log of outdated leases is rewritten while others are appended, and loses none", async () => {
    using folder = new Folder();
    const path = folder.join("leases");
    const current = new Map<string, Lease>();
    const log = open(path, { all: () => current.values(), rewriteBytes: 2000 });
    let longest = 0;
    for (let round = 1; round <= 300; round++) {
      const leases = Array.from({ length: 20 }, (_, i) => lease((7 * round + i) % 1200, round));
      for (const one of leases) current.set(one.address, one);
      await log.append(leases);
      longest = Math.max(longest, readFileSync(path).length);
      // Whatever was appended is in the file at every moment.
      if (round % 50 === 0) {
        const read = new Map(readLeaseLog(DHCP4_LEASES, path).leases.map((one) => [one.address, one]));
        expect(read).toEqual(current);
      }
    }
    await log.close();
    expect(new Map(readLeaseLog(DHCP4_LEASES, path).leases.map((one) => [one.address, one]))).toEqual(current);
    expect(longest).toBeLessThan(
      300 *
        encodeGroup(
          DHCP4_LEASES,
          Array.from({ length: 20 }, (_, i) => lease(i)),
        ).length *
        0.9,
    );
    expect(existsSync(`${path}.new`)).toBe(false);
  });

  test("a rewrite that was cut off by a kill is forgotten", async () => {
    using folder = new Folder();
    const path = folder.join("leases");
    await using log = open(path);
    await log.append([lease(1)]);
    appendFileSync(`${path}.new`, "half");
    await using again = open(path);
    await again.append([lease(2)]);
    expect(existsSync(`${path}.new`)).toBe(false);
    expect(readLeaseLog(DHCP4_LEASES, path).leases).toEqual([lease(1), lease(2)]);
  });
});
