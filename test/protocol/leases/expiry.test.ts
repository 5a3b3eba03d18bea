import { expect, test } from "vitest";
import { Expiry } from "../../../src/protocol/leases/expiry.ts";
import type { Timed } from "../../../src/protocol/leases/ring.ts";

const entry = (endSeconds: number): Timed => ({ endSeconds, previous: undefined, next: undefined });

test("what ended first is taken out first", () => {
  const expiry = new Expiry<Timed>(1000);
  const [late, early] = [entry(1200), entry(1100)];
  for (const each of [late, early]) expiry.schedule(each);
  expect(expiry.take(1099)).toBeUndefined();
  expect([expiry.take(1300), expiry.take(1300), expiry.take(1300)]).toEqual([early, late, undefined]);
});

test("a clock that is set back: what had ended by the wrong time ends at its own", () => {
  const expiry = new Expiry<Timed>(1_000_000);
  const [ended, running, far] = [entry(900_000), entry(1_000_100), entry(1_900_000)];
  for (const each of [far, running, ended]) expiry.schedule(each);
  expect(expiry.take(500_000)).toBeUndefined();
  expect(expiry.take(899_999)).toBeUndefined();
  expect(expiry.take(900_000)).toBe(ended);
  expect(expiry.take(1_000_099)).toBeUndefined();
  expect(expiry.take(1_000_100)).toBe(running);
  expect(expiry.take(1_899_999)).toBeUndefined();
  expect(expiry.take(1_900_000)).toBe(far);
});
