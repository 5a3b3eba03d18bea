/** One timer for a time that moves. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Alarm, steadySeconds } from "../../src/services/clock.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("rings once at the last time that was set, sooner or later than those before", () => {
  const rung: number[] = [];
  const began = steadySeconds();
  using alarm = new Alarm(() => rung.push(Math.round(steadySeconds() - began)));
  alarm.set(began + 5);
  alarm.set(began + 9);
  vi.advanceTimersByTime(8000);
  expect(rung).toEqual([]);
  vi.advanceTimersByTime(8000);
  alarm.set(began + 100);
  alarm.set(began + 20);
  vi.advanceTimersByTime(200_000);
  expect(rung).toEqual([9, 20]);
});

test("a time that is over rings at once, one beyond the reach of Node's timers in its time", () => {
  const rung: number[] = [];
  const began = steadySeconds();
  using alarm = new Alarm(() => rung.push(Math.round(steadySeconds() - began)));
  alarm.set(began - 1);
  vi.advanceTimersByTime(1);
  const month = 40 * 86_400;
  alarm.set(began + month);
  vi.advanceTimersByTime(2 * month * 1000);
  expect(rung).toEqual([0, month]);
});

test("nothing keeps the program once it never has to ring", () => {
  const alarm = new Alarm(() => expect.fail("it rings"));
  alarm.set(steadySeconds() + 5);
  alarm.set(undefined);
  expect(vi.getTimerCount()).toBe(0);
  alarm.set(steadySeconds() + 5);
  alarm.set(Number.POSITIVE_INFINITY);
  expect(vi.getTimerCount()).toBe(0);
  alarm.set(steadySeconds() + 5);
  alarm[Symbol.dispose]();
  expect(vi.getTimerCount()).toBe(0);
});
