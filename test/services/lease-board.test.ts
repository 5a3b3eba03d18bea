import { expect, test } from "vitest";
import { parseIpv4, parseIpv6 } from "../../src/base/address.ts";
import { toldLeases4, toldLeases6 } from "../../src/services/lease-board.ts";

const WHEN = { startSeconds: 100, endSeconds: 200 };

test("a lease is told with all that its client is known by", () => {
  const lease = { address: parseIpv4("192.0.2.10"), state: "leased", hostName: "pc", ...WHEN } as const;
  const hardware = "\u0001\u0052\u0054\u0000\u0000\u0000\u0001";
  const told = toldLeases4([
    { ...lease, client: `\u0001\u00ff\u0002`, hardware },
    { ...lease, client: `\u0000${hardware}`, hardware, state: "released" },
    { ...lease, client: "", hardware: "", state: "declined" },
  ]);
  expect([...told].map(({ owners, isHeld }) => ({ owners, isHeld }))).toEqual([
    { owners: ["52:54:00:00:00:01", "client ff:02"], isHeld: true },
    { owners: ["52:54:00:00:00:01"], isHeld: false },
    { owners: [], isHeld: false },
  ]);
});

test("of DHCPv6 addresses are told, prefixes are not; a MAC address makes both families one client's", () => {
  const lease = { address: parseIpv6("2001:db8::10"), length: 128, state: "leased", hostName: "pc", ...WHEN } as const;
  const client = "\u0000\u0000\u0000\u0000\u0001\u0000\u0003\u0000\u0001\u00aa";
  const told = toldLeases6([
    { ...lease, kind: "address", client, mac: "52:54:00:00:00:01" },
    { ...lease, kind: "prefix", length: 60, client, mac: "" },
  ]);
  expect([...told]).toEqual([
    {
      address: "2001:db8::10",
      hostName: "pc",
      owners: ["52:54:00:00:00:01", "duid 00:03:00:01:aa"],
      ...WHEN,
      isHeld: true,
    },
  ]);
});
