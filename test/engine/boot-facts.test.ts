/** Which boot files of hosts and classes the network's folder does not give. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootFacts } from "../../src/engine/boot-facts.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-boot-"));
  mkdirSync(join(folder, "boot/Teacher"), { recursive: true });
  writeFileSync(join(folder, "boot/Teacher/t.efi"), "x");
  writeFileSync(join(folder, "outside"), "x");
  symlinkSync("../outside", join(folder, "boot/out"));
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

const files = {
  "teacher/T.efi": "given, in other letters",
  "boot.ipxe": "made for the folder",
  "typo.efi": "missing",
  out: "missing",
  "../outside": "missing",
  Teacher: "missing",
  "http://192.0.2.7/x.efi": "not of the folder",
};

test("what is not below root is missing", async () => {
  const hosts = Object.keys(files).map((file, i) => `{ mac: "52:54:00:00:00:1${i}", boot-file: "${file}" }`);
  const elsewhere = `{ mac: "52:54:00:00:00:20", boot-file: elsewhere.efi, next-server: 192.0.2.7 }`;
  const model = parseNetworkFile(
    `version: 1
networks:
  lan:
    subnet: 192.0.2.0/24
    dhcp: { hosts: [${[...hosts, elsewhere].join(", ")}], classes: [{ name: lab, mac: "00:50:56", boot-file: lab.0 }] }
    boot: { root: ./boot }
`,
    "office.yaml",
    { folder },
  );
  const missing = Object.entries(files).flatMap(([file, what]) => (what === "missing" ? [file] : []));
  const { bootFolders } = await bootFacts(model);
  expect(bootFolders?.["lan"]?.missing).toEqual([...missing, "lab.0"]);
});
