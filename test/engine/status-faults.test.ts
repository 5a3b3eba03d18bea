import { describe, expect, test } from "vitest";
import { faultsOf, type Judged } from "../../src/engine/status-faults.ts";

const unit = (rest: Partial<Judged["units"][number]>): Judged => ({
  units: [{ name: "lan", state: "applied", ...rest }],
});
const service = (state: "running" | "starting" | "stopping" | "stopped" | "exited" | "killed" | "failed"): Judged => ({
  units: [],
  keeper: { services: [{ name: "VM web", state }] },
});

describe("faults", () => {
  test.each([
    [unit({ state: "drifted" }), "lan is drifted"],
    [unit({ state: "unfinished" }), "lan is unfinished"],
    [unit({ state: "unknown" }), "lan is unknown"],
    [unit({ fight: { about: "link lan", sinceSeconds: 3, pauseSeconds: 2 } }), "lan is fought over"],
    [unit({ failure: "link lan: Operation not permitted" }), "lan cannot be healed"],
    [unit({ unserved: ["DHCP on tap0"] }), "DHCP on tap0 does not run"],
    [unit({ setAside: ["record.json.corrupt-1"] }), "lan has record.json.corrupt-1 set aside"],
    [service("failed"), "VM web has failed"],
    [service("killed"), "VM web was killed"],
  ])("%j: %s", (status, fault) => {
    expect(faultsOf(status)).toEqual([fault]);
  });

  test("there is none when nothing is applied, all runs, or a guest was stopped or ended by itself", () => {
    expect(faultsOf({ units: [] })).toEqual([]);
    expect(faultsOf(unit({ setAside: [], unserved: [] }))).toEqual([]);
    for (const state of ["running", "starting", "stopping", "stopped", "exited"] as const)
      expect(faultsOf(service(state))).toEqual([]);
  });

  test("all are told", () => {
    const { units } = unit({ state: "drifted", failure: "no" });
    expect(faultsOf({ ...service("failed"), units })).toEqual([
      "lan is drifted",
      "lan cannot be healed",
      "VM web has failed",
    ]);
  });
});
