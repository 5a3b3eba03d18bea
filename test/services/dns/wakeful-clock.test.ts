import { expect, test } from "vitest";
import { WakefulClock } from "../../../src/services/dns/wakeful-clock.ts";

function world() {
  const time = { steady: 100, up: 5000, looks: 0 };
  const clock = new WakefulClock(
    () => time.steady,
    () => {
      time.looks++;
      return time.up;
    },
  );
  const pass = (awake: number, asleep = 0): number => {
    time.steady += awake;
    time.up += awake + asleep;
    return clock.now();
  };
  return { time, clock, pass };
}

test("awake it is the steady clock, however roughly the other one goes", () => {
  const { time, pass } = world();
  expect(pass(0.5)).toBe(100.5);
  time.up += 1.5;
  expect(pass(1)).toBe(101.5);
  time.up -= 1.5;
  expect(pass(100)).toBe(201.5);
});

test("what the host sleeps is added, once it is looked, each time", () => {
  const { clock, pass } = world();
  expect(pass(0.1, 3600)).toBeCloseTo(100.1);
  expect(pass(1)).toBeCloseTo(3701.1);
  expect(pass(10)).toBeCloseTo(3711.1);
  expect(pass(1, 60)).toBeCloseTo(3772.1);
  expect(clock.steadyAt(3772.1)).toBeCloseTo(112.1);
});

test("it looks once a second at most", () => {
  const { time, pass } = world();
  for (let i = 0; i < 1000; i++) pass(0.01);
  expect(time.looks).toBeLessThanOrEqual(11);
});

test("it never goes back", () => {
  const { time, pass } = world();
  const before = pass(1, 100);
  time.up -= 1000;
  expect(pass(1)).toBe(before + 1);
});
