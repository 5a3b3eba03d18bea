/** What `dhcp leases --watch` tells of two looks at the leases. */
import { describe, expect, test } from "vitest";
import { changesBetween, formatChange, viewOf } from "../../src/apps/cli/lease-changes.ts";
import { placeOf, type ShownLease4, type ShownLease6 } from "../../src/apps/cli/shown-lease.ts";

const LEASE: ShownLease4 = {
  interface: "lan0",
  address: "192.0.2.100",
  state: "leased",
  mac: "52:54:00:00:00:01",
  hostName: "web",
  start: "2026-11-21T10:00:00Z",
  end: "2026-11-21T11:00:00Z",
};
const later = { end: "2026-11-21T12:00:00Z" };

function between(before: readonly ShownLease4[] | undefined, after: readonly ShownLease4[]): string[] {
  const changes = changesBetween(before === undefined ? undefined : viewOf(before), viewOf(after));
  return changes.map(({ change, lease }) => `${change} ${placeOf(lease)}`);
}

describe("changes of leases", () => {
  test.for<[string, ShownLease4[] | undefined, ShownLease4[], string[]]>([
    [
      "at the start what is held is known",
      undefined,
      [LEASE, { ...LEASE, address: "192.0.2.7", state: "ended" }],
      ["known 192.0.2.100"],
    ],
    ["a new lease is given", [], [LEASE], ["given 192.0.2.100"]],
    ["one with a later end is renewed", [LEASE], [{ ...LEASE, ...later }], ["renewed 192.0.2.100"]],
    ["the same is no change", [LEASE], [LEASE], []],
    ["another client's is given", [LEASE], [{ ...LEASE, mac: "52:54:00:00:00:02" }], ["given 192.0.2.100"]],
    ["time is over", [LEASE], [{ ...LEASE, state: "ended" }], ["ended 192.0.2.100"]],
    ["a client gives back", [LEASE], [{ ...LEASE, state: "released" }], ["released 192.0.2.100"]],
    ["a client comes back", [{ ...LEASE, state: "ended" }], [{ ...LEASE, ...later }], ["given 192.0.2.100"]],
    ["somebody else uses it", [LEASE], [{ ...LEASE, state: "declined", mac: "" }], ["declined 192.0.2.100"]],
    ["the same address elsewhere is another", [LEASE], [LEASE, { ...LEASE, interface: "lan1" }], ["given 192.0.2.100"]],
  ])("%s", ([, before, after, changes]) => {
    expect(between(before, after)).toEqual(changes);
  });

  test("a line names all that matters, and no control characters", () => {
    const [change] = changesBetween(undefined, viewOf([{ ...LEASE, hostName: "a\u001b[2Jb\n" }]));
    expect(formatChange(change!, "12:34:56")).toBe(
      "12:34:56 known 192.0.2.100 52:54:00:00:00:01 ab  until 2026-11-21T11:00:00Z (lan0)",
    );
  });

  test("of DHCPv6 who is told by the DUID, and a prefix is another lease than an address", () => {
    const prefix: ShownLease6 = {
      network: "office/lan",
      lease: "2001:db8:100::/56",
      kind: "prefix",
      state: "leased",
      duid: "00:03:00:01:52:54:00:00:00:17",
      start: "2026-11-21T10:00:00Z",
    };
    const address: ShownLease6 = { ...prefix, lease: "2001:db8::5", kind: "address", mac: "52:54:00:00:00:17" };
    const next = viewOf([{ ...prefix, duid: "00:03:00:01:52:54:00:00:00:18" }, address]);
    expect(changesBetween(viewOf([prefix]), next).map((change) => formatChange(change, "12:34:56"))).toEqual([
      "12:34:56 given 2001:db8:100::/56 00:03:00:01:52:54:00:00:00:18 until ever (office/lan)",
      "12:34:56 given 2001:db8::5 52:54:00:00:00:17 until ever (office/lan)",
    ]);
  });
});
