/** Leases whose content, chosen by a client, looks like a part of the log: none of it is taken for one. */
import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ipv4FromNumber, parseIpv6 } from "../../src/base/address.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import type { Lease6 } from "../../src/protocol/dhcp6/server/lease.ts";
import { DHCP4_LEASES } from "../../src/store/lease-log/dhcp4.ts";
import { DHCP6_LEASES } from "../../src/store/lease-log/dhcp6.ts";
import { encodeGroup, type LeaseCodec, scanLog } from "../../src/store/lease-log/format.ts";

const FORGED_ADDRESS = ipv4FromNumber(0xc00002fe);
const forged: Lease = {
  address: FORGED_ADDRESS,
  state: "leased",
  client: "\u0001attacker",
  hardware: "\u0001\u0002",
  hostName: "",
  startSeconds: 0,
  endSeconds: 0xffff_ffff,
};
const forgedGroup = encodeGroup(DHCP4_LEASES, [forged]).toString("latin1");
/** As an earlier program wrote it. */
const earlierGroup = ((): string => {
  const body = encodeGroup(DHCP4_LEASES, [forged]).subarray(14);
  const header = Buffer.alloc(12);
  header.write("NLG1");
  header.writeUInt32BE(body.length, 4);
  header.writeUInt32BE(crc32(body), 8);
  return Buffer.concat([header, body]).toString("latin1");
})();

/** What a client may call itself by: whole groups, parts of them, bytes of the mark in any order. */
const pieces = fc.array(
  fc.oneof(
    fc.constantFrom(
      forgedGroup,
      earlierGroup,
      "NLG2",
      "NLG1",
      "NLG",
      "NL",
      "N",
      "G2",
      "\0",
      "NLG\0",
      "\x80\x80\x80\x80",
    ),
    fc.nat(forgedGroup.length).map((length) => forgedGroup.slice(0, length)),
    fc.string({ unit: fc.nat(255).map((byte) => String.fromCharCode(byte)), maxLength: 5 }),
  ),
  { maxLength: 4 },
);
const identifier = pieces.map((parts) => parts.join("").slice(0, 255));
const name = pieces.map((parts) =>
  parts
    .join("")
    .replaceAll(/[^ -~]/g, "")
    .slice(0, 255),
);
const leases4 = fc.array(
  fc.record({ number: fc.nat(200), client: identifier, hardware: identifier, hostName: name }).map(
    ({ number, client, hardware, hostName }): Lease => ({
      ...forged,
      address: ipv4FromNumber(0xc0000200 + number),
      client,
      hardware: hardware.slice(0, 17),
      hostName,
    }),
  ),
  { minLength: 1, maxLength: 4 },
);
const groups4 = fc.array(leases4, { minLength: 1, maxLength: 4 });

function scan<Kept>(codec: LeaseCodec<Kept>, bytes: Buffer): { leases: Kept[]; damagedBytes: number } {
  const leases: Kept[] = [];
  const { damagedBytes } = scanLog(codec, "leases", bytes, (lease) => leases.push(lease));
  return { leases, damagedBytes };
}

describe("the log of leases", () => {
  test("whatever clients call themselves comes back as it was", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(groups4, (groups) => {
        const bytes = Buffer.concat([DHCP4_LEASES.header, ...groups.map((group) => encodeGroup(DHCP4_LEASES, group))]);
        expect(scan(DHCP4_LEASES, bytes)).toEqual({ leases: groups.flat(), damagedBytes: 0 });
      }),
    );
  });

  test("cut off or damaged anywhere, it has what was written and nothing else", { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(groups4, fc.nat(), fc.option(fc.integer({ min: 1, max: 255 })), (groups, where, damage) => {
        const encoded = groups.map((group) => encodeGroup(DHCP4_LEASES, group));
        const start = DHCP4_LEASES.header.length;
        const whole = Buffer.concat([DHCP4_LEASES.header, ...encoded]);
        const at = start + (where % (whole.length - start));
        if (damage !== null) whole[at]! ^= damage;
        const { leases } = scan(DHCP4_LEASES, damage === null ? whole.subarray(0, at) : whole);
        let end = start;
        const kept = groups.filter((_, i) => {
          const begin = end;
          end += encoded[i]!.length;
          return end <= at || (damage !== null && begin > at);
        });
        expect(leases).toEqual(kept.flat());
      }),
      { numRuns: 1000 },
    );
  });

  test("of DHCPv6 too", () => {
    const lease: Lease6 = {
      kind: "address",
      address: parseIpv6("2001:db8::1"),
      length: 128,
      state: "leased",
      client: `\0\0\0\0\x07${forgedGroup}`,
      mac: "52:54:00:00:00:17",
      hostName: "NLG2NLG",
      startSeconds: 1,
      endSeconds: 2,
    };
    const group = encodeGroup(DHCP6_LEASES, [lease]);
    const bytes = Buffer.concat([DHCP6_LEASES.header, group, group]);
    expect(scan(DHCP6_LEASES, bytes).leases).toEqual([lease, lease]);
    bytes[DHCP6_LEASES.header.length + 5]! ^= 1;
    expect(scan(DHCP6_LEASES, bytes)).toEqual({ leases: [lease], damagedBytes: group.length });
  });

  test("a log of an earlier program is read, and goes on", () => {
    const earlier = Buffer.from(earlierGroup, "latin1");
    const later = { ...forged, address: ipv4FromNumber(0xc0000201) };
    const bytes = Buffer.concat([DHCP4_LEASES.header, earlier, earlier, encodeGroup(DHCP4_LEASES, [later])]);
    expect(scan(DHCP4_LEASES, bytes)).toEqual({ leases: [forged, forged, later], damagedBytes: 0 });
  });
});
