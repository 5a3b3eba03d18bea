/** `netloom tftp serve` with the clients that people have. */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Running, shell, startNetloom, until } from "../../support/network.ts";
import { getFile } from "../../support/tftp-client.ts";

const ADDRESS = "127.0.0.1";
const BIG = randomBytes(400_000);
const TEXT = "one\ntwo\r\n\rthree";

let folder: string;
let root: string;
let server: Running;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "netloom-tftp-"));
  root = join(folder, "root");
  mkdirSync(join(root, "boot"), { recursive: true });
  writeFileSync(join(root, "big"), BIG);
  writeFileSync(join(root, "text"), TEXT);
  writeFileSync(join(root, "empty"), "");
  writeFileSync(join(root, "boot", "BCD"), "store");
  writeFileSync(join(folder, "secret"), "secret");
  symlinkSync(join(folder, "secret"), join(root, "link"));
  symlinkSync(folder, join(root, "out"));
  symlinkSync("big", join(root, "alias"));
  shell(`ip link set lo up; mkfifo ${root}/pipe`);
  server = startNetloom(["tftp", "serve", root, "--listen", ADDRESS, "--write", "--ignore-case", "--json"]);
  await server.firstLine();
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

describe("files are read", () => {
  test.each([
    ["curl, blocks of 512", `curl -sf -o FILE tftp://${ADDRESS}/NAME`],
    ["curl, without options", `curl -sf --tftp-no-options -o FILE tftp://${ADDRESS}/NAME`],
    ["curl, large blocks", `curl -sf --tftp-blksize 1468 -o FILE tftp://${ADDRESS}/NAME`],
    ["tftp-hpa", `tftp -m binary ${ADDRESS} -c get NAME FILE`],
    ["busybox", `busybox tftp -b 1400 -g -r NAME -l FILE ${ADDRESS}`],
    ["atftp, windows", `atftp --option "blksize 1428" --option "windowsize 16" -g -r NAME -l FILE ${ADDRESS}`],
  ])("%s", (_, command) => {
    for (const [name, content] of [
      ["big", BIG],
      ["empty", Buffer.alloc(0)],
    ] as const) {
      const file = join(folder, "got");
      rmSync(file, { force: true });
      shell(`cd ${folder}; ${command.replace("FILE", file).replace("NAME", name)}`);
      expect(readFileSync(file).equals(content)).toBe(true);
    }
  });

  test("tftp-hpa, netascii", () => {
    shell(`tftp -m ascii ${ADDRESS} -c get text ${join(folder, "got")}`);
    expect(readFileSync(join(folder, "got"), "latin1")).toBe(TEXT);
  });

  test("a link inside the folder leads to its file; \\ and case are those of Windows", async () => {
    const place = { address: ADDRESS, port: 69 };
    expect((await getFile(place, "alias", { blksize: "8192" })).data.equals(BIG)).toBe(true);
    expect((await getFile(place, "\\Boot\\bcd")).data.toString()).toBe("store");
  });
});

describe("nothing else is", () => {
  test.each([
    ["../secret", 2],
    ["boot/../../secret", 2],
    ["..\\secret", 2],
    ["link", 2],
    ["out/secret", 2],
    ["pipe", 2],
    ["boot", 2],
    ["%2e%2e/secret", 1],
    ["/etc/passwd", 1],
    ["nothing", 1],
    ["big/more", 1],
  ])("%s", async (name, code) => {
    await expect(getFile({ address: ADDRESS, port: 69 }, name)).rejects.toMatchObject({ code });
  });

  test("a mode that nobody knows", async () => {
    await expect(getFile({ address: ADDRESS, port: 69 }, "big", {}, "ebcdic")).rejects.toMatchObject({ code: 4 });
  });
});

describe("files are written", () => {
  test.each([
    ["curl", `curl -sf -T FILE tftp://${ADDRESS}/NAME`],
    ["tftp-hpa", `tftp -m binary ${ADDRESS} -c put FILE NAME`],
    ["busybox", `busybox tftp -b 1400 -p -l FILE -r NAME ${ADDRESS}`],
    ["atftp", `atftp --option "blksize 1400" --option "windowsize 8" -p -l FILE -r NAME ${ADDRESS}`],
  ])("%s", (name, command) => {
    const file = join(root, "big");
    shell(`cd ${folder}; ${command.replace("FILE", file).replace("NAME", `boot/${name}`)}`);
    expect(readFileSync(join(root, "boot", name)).equals(BIG)).toBe(true);
  });

  test("tftp-hpa, netascii", () => {
    shell(`tftp -m ascii ${ADDRESS} -c put ${join(root, "text")} written`);
    expect(readFileSync(join(root, "written"), "latin1")).toBe(TEXT);
  });

  test("but never over a file, nor outside, and what failed leaves nothing", () => {
    const put = (name: string): string =>
      shell(`busybox tftp -p -l ${join(root, "text")} -r ${name} ${ADDRESS} 2>&1 || true`);
    expect(put("big")).toContain("(6)");
    expect(put("../secret")).toContain("(2)");
    expect(put("out/new")).toContain("(2)");
    expect(put("nowhere/new")).toContain("(1)");
    expect(readFileSync(join(root, "big")).equals(BIG)).toBe(true);
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

test("each transfer is told when it begins and when it ends", async () => {
  // No other test asks for such blocks.
  const told = (): Record<string, unknown>[] =>
    server.stdout
      .slice(0, server.stdout.lastIndexOf("\n") + 1)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ blockBytes }) => blockBytes === 1000);
  const begun = await getFile({ address: ADDRESS, port: 69 }, "text", { blksize: "1000", windowsize: "4", tsize: "0" });
  expect(Object.fromEntries(begun.options)).toEqual({ blksize: "1000", windowsize: "4", tsize: `${TEXT.length}` });
  await until("the end of the transfer", () => told().length === 2);
  const [first, last] = told();
  const fields = { file: "text", direction: "read", windowBlocks: 4, totalBytes: TEXT.length };
  expect(first).toMatchObject({ event: "begun", ...fields, client: { address: ADDRESS } });
  expect(last).toMatchObject({ event: "done", ...fields, bytes: TEXT.length, id: first!["id"] });
});
