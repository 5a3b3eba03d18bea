/** Files that a configuration includes are read in its own folder and below, and nowhere else. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { filesBeside, readBounded } from "../../src/apps/cli/files-beside.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-beside-"));
  mkdirSync(join(folder, "etc/more"), { recursive: true });
  writeFileSync(join(folder, "etc/main.conf"), "");
  writeFileSync(join(folder, "etc/more/a.conf"), "a");
  writeFileSync(join(folder, "secret"), "s");
});
afterEach(() => rmSync(folder, { recursive: true }));

test("by a relative and by an absolute path, under one name", () => {
  const files = filesBeside(join(folder, "etc/main.conf"));
  expect(files?.name).toBe("main.conf");
  for (const path of ["more/a.conf", "./more/../more/a.conf", join(folder, "etc/more/a.conf")])
    expect(files?.read(path)).toEqual({ name: "more/a.conf", text: "a" });
  expect(files?.list("more")).toEqual(["more/a.conf"]);
});

test("not outside, by whatever way, and nothing that is no file", () => {
  symlinkSync("../secret", join(folder, "etc/link"));
  symlinkSync("..", join(folder, "etc/up"));
  execFileSync("mkfifo", [join(folder, "etc/pipe")]);
  const files = filesBeside(join(folder, "etc/main.conf"));
  for (const path of ["../secret", join(folder, "secret"), "link", "up/secret"])
    expect(() => files?.read(path)).toThrow("it is not in the folder of the file that is imported");
  expect(() => files?.list("..")).toThrow("it is not in the folder");
  expect(() => files?.read("pipe")).toThrow("pipe: it is no file");
  expect(() => files?.read("more")).toThrow("more: it is no file");
  expect(() => files?.read("gone")).toThrow("gone: there is no such file");
});

test("beside a pipe there is nothing", () => {
  expect(filesBeside("/dev/null")).toBeUndefined();
});

test.each([
  ["UTF-8", Buffer.from("[ä]\r\n")],
  ["UTF-8 with its mark", Buffer.from("\ufeff[ä]\r\n")],
  ["what Windows calls Unicode", Buffer.from("\ufeff[ä]\r\n", "utf16le")],
  ["the same in the other order", Buffer.from("\ufeff[ä]\r\n", "utf16le").swap16()],
])("text in %s", (_, bytes) => {
  writeFileSync(join(folder, "text"), bytes);
  expect(readBounded(join(folder, "text"))).toBe("[ä]\r\n");
});
