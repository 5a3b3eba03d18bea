import { expect, test } from "vitest";
import { Expiry } from "../../../src/protocol/leases/expiry.ts";

/** Entries 0, 1, … end then. */
const expiring = (nowSeconds: number, ...ends: number[]) => new Expiry(nowSeconds, { endOf: (entry) => ends[entry]! });

test("what ended first is taken out first", () => {
  const [late, early] = [0, 1];
  const expiry = expiring(1000, 1200, 1100);
  for (const each of [late, early]) expiry.schedule(each);
  expect(expiry.take(1099)).toBeUndefined();
  expect([expiry.take(1300), expiry.take(1300), expiry.take(1300)]).toEqual([early, late, undefined]);
});

test("a clock that is set back: what had ended by the wrong time ends at its own", () => {
  const [ended, running, far] = [0, 1, 2];
  const expiry = expiring(1_000_000, 900_000, 1_000_100, 1_900_000);
  for (const each of [far, running, ended]) expiry.schedule(each);
  expect(expiry.take(500_000)).toBeUndefined();
  expect(expiry.take(899_999)).toBeUndefined();
  expect(expiry.take(900_000)).toBe(ended);
  expect(expiry.take(1_000_099)).toBeUndefined();
  expect(expiry.take(1_000_100)).toBe(running);
  expect(expiry.take(1_899_999)).toBeUndefined();
  expect(expiry.take(1_900_000)).toBe(far);
});

test("a clock that is set back under more entries than a call has room for", () => {
  const entries = 200_000;
  const expiry = new Expiry(1_000_000, { endOf: (entry) => (entry === 0 ? 999_000 : 2_000_000) });
  for (let entry = 0; entry < entries; entry++) expiry.schedule(entry);
  expect(expiry.take(998_000)).toBeUndefined();
  expect(expiry.take(999_000)).toBe(0);
});
