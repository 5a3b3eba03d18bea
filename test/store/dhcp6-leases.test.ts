import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseIpv6 } from "../../src/base/address.ts";
import type { Lease6 } from "../../src/protocol/dhcp6/server/lease.ts";
import { DHCP4_LEASES } from "../../src/store/lease-log/dhcp4.ts";
import { DHCP6_LEASES } from "../../src/store/lease-log/dhcp6.ts";
import { LeaseLog, readLeaseLog } from "../../src/store/lease-log/lease-log.ts";
import { Folder } from "../support/network.ts";

const ADDRESS: Lease6 = {
  kind: "address",
  address: parseIpv6("2001:db8:1::10"),
  length: 128,
  state: "leased",
  client: "\u0000\u0000\u0000\u0000\u0007\u0000\u0003\u0000\u0001\u00ff",
  mac: "52:54:00:00:00:17",
  hostName: "vm-ä",
  startSeconds: 1,
  endSeconds: 0xffff_ffff,
};
const LEASES: readonly Lease6[] = [
  ADDRESS,
  { ...ADDRESS, kind: "temporary", address: parseIpv6("ffff::"), state: "released", mac: "", hostName: "" },
  { ...ADDRESS, kind: "prefix", address: parseIpv6("2001:db8:100:300::"), length: 56, client: "\u0002".repeat(135) },
  { ...ADDRESS, state: "declined", client: "", mac: "", hostName: "" },
];
const OPTIONS = { all: () => [], onError: (error: Error) => expect.fail(error.message) };

describe("the log of DHCPv6 leases", () => {
  test("what was appended is there again; cut at every byte, all leases before the cut are", async () => {
    using folder = new Folder();
    const path = folder.join("leases");
    const ends: number[] = [];
    {
      await using log = new LeaseLog(DHCP6_LEASES, path, readLeaseLog(DHCP6_LEASES, path), OPTIONS);
      for (const lease of LEASES) {
        await log.append([lease]);
        ends.push(readFileSync(path).length);
      }
    }
    expect(readLeaseLog(DHCP6_LEASES, path).leases).toEqual(LEASES);
    const whole = readFileSync(path);
    for (let cut = 0; cut < whole.length; cut++) {
      writeFileSync(path, whole.subarray(0, cut));
      expect(readLeaseLog(DHCP6_LEASES, path).leases).toEqual(LEASES.slice(0, ends.filter((end) => end <= cut).length));
    }
  });

  test("is not taken for one of DHCPv4, nor the reverse", () => {
    using folder = new Folder();
    const four = folder.write("4", DHCP4_LEASES.header.toString());
    const six = folder.write("6", DHCP6_LEASES.header.toString());
    expect(() => readLeaseLog(DHCP6_LEASES, four)).toThrow("no file of leases of that kind");
    expect(() => readLeaseLog(DHCP4_LEASES, six)).toThrow("no file of leases of that kind");
    expect(readLeaseLog(DHCP6_LEASES, six).leases).toEqual([]);
  });
});
