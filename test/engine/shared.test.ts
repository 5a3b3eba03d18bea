/** Kernel parameters that several units want: who restores what. */
import { describe, expect, test } from "vitest";
import { ParameterSetters, SharedParameters } from "../../src/engine/shared.ts";
import { EMPTY } from "../../src/state/desired.ts";
import type { SysctlObject } from "../../src/state/object/kernel.ts";
import type { OwnershipRecord } from "../../src/state/step.ts";

const FORWARDING = "net/ipv4/conf/uplink0/forwarding";

const parameter = (unit: string, value: string): SysctlObject => ({
  kind: "sysctl",
  key: `${unit}/forwarding`,
  origin: `router ${unit}`,
  namespace: "",
  path: FORWARDING,
  value,
});

/** @param before the value that the unit remembers of the time before netloom */
function record(unit: string, before?: string): OwnershipRecord {
  const object = parameter(unit, "1");
  const entry = before === undefined ? { object } : { object, original: parameter(unit, before) };
  return { version: 1, name: unit, source: `/${unit}.yaml`, owned: { [object.key]: entry }, desired: EMPTY };
}

describe("a parameter that two files want", () => {
  const first = record("first", "0");
  const second = record("second");
  const setters = new ParameterSetters([first, second]);

  test("stays when one of them goes, and is restored by the last", () => {
    expect(new SharedParameters("first", setters).withoutShared(first, new Set()).owned).toEqual({});
    const alone = new ParameterSetters([first]);
    expect(new SharedParameters("first", alone).withoutShared(first, new Set()).owned).toEqual(first.owned);
    expect(new SharedParameters("first", setters).withoutShared(first, new Set(["first/forwarding"]))).toEqual(first);
  });

  test("has the value before netloom from the one that remembers it", () => {
    const wanted = [parameter("second", "1")];
    expect(new SharedParameters("second", setters).originalsFor(wanted)).toEqual({
      "second/forwarding": parameter("second", "0"),
    });
    expect(new SharedParameters("first", setters).originalsFor([parameter("first", "1")])).toEqual({});
  });
});
