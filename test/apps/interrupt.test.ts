/** When a command that shows something until it is interrupted ends besides. */
import { expect, test } from "vitest";
import { untilInterrupted } from "../../src/apps/cli/interrupt.ts";

const writeError = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });

test("when whoever read it has gone, as behind `| head`", () => {
  const listenersBefore = process.stdout.listenerCount("error");
  {
    using interrupt = untilInterrupted();
    expect(interrupt.signal.aborted).toBe(false);
    // All that is printed after it fails, too.
    for (let i = 0; i < 2; i++) process.stdout.emit("error", writeError("EPIPE"));
    expect(interrupt.signal.aborted).toBe(true);
  }
  expect(process.stdout.listenerCount("error")).toBe(listenersBefore);
});

test("a full disk is no such end", () => {
  using interrupt = untilInterrupted();
  expect(() => process.stdout.emit("error", writeError("ENOSPC"))).toThrow("write ENOSPC");
  expect(interrupt.signal.aborted).toBe(false);
});

test("when the terminal was closed, to which nothing can be said then", () => {
  using interrupt = untilInterrupted();
  process.emit("SIGHUP");
  expect(interrupt.signal.aborted).toBe(true);
  expect(() => process.stderr.emit("error", writeError("EIO"))).not.toThrow();
});

test("not by SIGHUP where that reads files anew", () => {
  const read = (): void => {};
  process.on("SIGHUP", read);
  using interrupt = untilInterrupted(["SIGINT", "SIGTERM"]);
  process.emit("SIGHUP");
  process.off("SIGHUP", read);
  expect(interrupt.signal.aborted).toBe(false);
});
