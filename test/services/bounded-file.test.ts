import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { boundFile } from "../../src/services/keeper/bounded-file.ts";

let folder: string;
let log: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-bounded-"));
  log = join(folder, "log");
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test("a log within its limit stays as it is, and none is fine", () => {
  boundFile(log, 10);
  appendFileSync(log, "0123456789");
  boundFile(log, 10);
  expect(readFileSync(log, "utf8")).toBe("0123456789");
});

test("one beyond it is set aside, and whoever holds it open goes on writing at its start", () => {
  const writer = openSync(log, "a");
  writeSync(writer, "0123456789a");
  boundFile(log, 10);
  writeSync(writer, "new");
  closeSync(writer);
  expect(readFileSync(log, "utf8")).toBe("new");
  expect(readFileSync(`${log}.1`, "utf8")).toBe("0123456789a");
});
