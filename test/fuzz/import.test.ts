/**
 * Hostile configurations and files of leases: nothing is thrown, and what is made of them is taken by the network
 * file's own reader. NETLOOM_FUZZ_INPUTS sets the number of inputs, NETLOOM_FUZZ_SEED repeats a run.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FORMATS, importConfiguration } from "../../src/import/import.ts";
import { readLeases } from "../../src/import/leases/read.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 100_000) / 2000;
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
const FILES = join(import.meta.dirname, "../import/files");
const NAMES = [
  "office-dhcpd.conf",
  "home-dnsmasq.conf",
  "isc.leases",
  "kea-leases4.csv",
  "dnsmasq.leases",
  "classroom-hanewin.ini",
  "office-named.conf",
];
const ZONE = readFileSync(join(FILES, "named/db.office.example"), "utf8");
const SEEDS = NAMES.map((name) => readFileSync(join(FILES, name), "utf8"));
const PIECES = [
  '"',
  "{",
  "}",
  ";",
  "\n",
  "#",
  "\\",
  ",",
  "=",
  "-1",
  "4294967296",
  "\u0000",
  "é",
  "tag:",
  "option ",
  "(((",
  "0.0.0.0",
];

/** A piece taken out, doubled, moved or replaced. */
function mutate(text: string, random: (limit: number) => number): string {
  let mutated = text;
  for (let count = 1 + random(8); count > 0; count--) {
    const start = random(mutated.length + 1);
    const end = Math.min(mutated.length, start + random(40));
    const piece = random(2) === 0 ? PIECES[random(PIECES.length)]! : mutated.slice(start, end).repeat(random(3));
    mutated = mutated.slice(0, start) + piece + mutated.slice(end);
  }
  return random(10) === 0 ? mutated.slice(0, random(mutated.length + 1)) : mutated;
}

test(
  `seed ${SEED}`,
  () => {
    const random = randomNumbers(SEED);
    for (let i = 0; i < INPUTS; i++) {
      const text = mutate(SEEDS[i % SEEDS.length]!, random);
      const beside = mutate(ZONE, random);
      for (const format of FORMATS) {
        const files = {
          name: "fuzz",
          read: (path: string) => ({ name: path, text: format === "named" ? beside : "" }),
          list: () => [],
        };
        const { file, problems } = importConfiguration(text, "fuzz", { format, files });
        if (file !== undefined) expect(() => parseNetworkFile(file.text, "a.yaml", { folder: "/" })).not.toThrow();
        expect(problems.every(({ line, text: shown }) => line >= 1 && shown.length <= 120)).toBe(true);
      }
      for (const { lease } of readLeases(text, 1_795_258_800).leases) {
        expect(lease.address).toMatch(/^\d+\.\d+\.\d+\.\d+$/);
        expect(lease.endSeconds).toBeGreaterThanOrEqual(0);
        expect(lease.startSeconds).toBeLessThanOrEqual(0xffff_ffff);
      }
    }
  },
  5000 + 200 * INPUTS,
);
