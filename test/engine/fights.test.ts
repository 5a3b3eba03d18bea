/** Two parties that undo each other's work, by a clock of the test's own. */
import { describe, expect, test } from "vitest";
import { Fights } from "../../src/engine/heal/fights.ts";

const ROUTE = new Map([["route/default", "route default"]]);

/** Healed every 100 ms from `from` on until a fight begins; how often, and when it began. */
function fight(fights: Fights, from = 0): { readonly rounds: number; readonly at: number } {
  for (let rounds = 1; rounds < 100; rounds++) {
    const at = from + 100 * rounds;
    if (fights.healed("site", ROUTE, at) !== undefined) return { rounds, at };
  }
  throw new Error("nobody notices");
}

describe("what is undone again and again", () => {
  test("is a fight after five rounds within ten seconds, about what was undone", () => {
    const fights = new Fights();
    expect(fight(fights).rounds).toBe(5);
    expect(fights.of("site")).toMatchObject({ about: "route default", pauseMilliseconds: 1000 });
  });

  test("is none when it happens now and then, or to one thing after the other", () => {
    const fights = new Fights();
    for (let round = 0; round < 20; round++) {
      expect(fights.healed("slow", ROUTE, 3000 * round)).toBeUndefined();
      expect(fights.healed("many", new Map([[`link/${round}`, "link"]]), 10 * round)).toBeUndefined();
    }
  });

  test("is put back after pauses that double up to a minute", () => {
    const fights = new Fights();
    let now = fight(fights).at;
    const pauses: number[] = [];
    for (let round = 0; round < 8; round++) {
      const until = fights.pauseUntil("site");
      pauses.push(until - now);
      now = until;
      fights.healed("site", ROUTE, now);
    }
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(fights.ended(now)).toEqual([]);
  });

  test("is not over while it cannot be healed: what undoes it may be quicker than the look whether it is healed", () => {
    const fights = new Fights();
    const { at } = fight(fights);
    fights.failed("site", at + 2999);
    expect(fights.ended(at + 3000)).toEqual([]);
    expect(fights.pauseUntil("site")).toBe(at + 3999);
    expect(fights.ended(at + 2999 + 3000)).toEqual(["site"]);
    fights.failed("site", at + 6000);
    expect(fights.of("site")).toBeUndefined();
  });

  test("is over when it was quiet for two more pauses, and may begin anew", () => {
    const fights = new Fights();
    const { at } = fight(fights);
    expect(fights.nextEnd()).toBe(at + 3000);
    expect(fights.ended(at + 2999)).toEqual([]);
    expect(fights.ended(at + 3000)).toEqual(["site"]);
    expect(fights.of("site")).toBeUndefined();
    expect(fight(fights, at + 3000).rounds).toBe(5);
  });
});
