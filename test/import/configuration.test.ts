/**
 * Configurations of dhcpd and dnsmasq as people have them. Beside each in files/ stands what is made of it (.yaml) and
 * what is told (.told); NETLOOM_WRITE=1 writes both anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { importConfiguration } from "../../src/import/import.ts";
import { formatProblem } from "../../src/import/problem.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { importText } from "./text.ts";

const FILES = join(import.meta.dirname, "files");

function compare(name: string, actual: string): void {
  const path = join(FILES, name);
  if (process.env["NETLOOM_WRITE"] === "1") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}

describe("whole files", () => {
  for (const [name, format] of [
    ["office-dhcpd.conf", "dhcpd"],
    ["home-dnsmasq.conf", "dnsmasq"],
  ] as const) {
    test(`of ${name}`, () => {
      const imported = importConfiguration(readFileSync(join(FILES, name), "utf8"), name);
      expect(imported.format).toBe(format);
      compare(name.replace(".conf", ".yaml"), imported.file?.text ?? "");
      const told = imported.problems.map((problem) => formatProblem(name, problem));
      compare(name.replace(".conf", ".told"), `${told.join("\n")}\n`);
      // The program's own reader takes it.
      const model = parseNetworkFile(imported.file!.text, "imported.yaml", { folder: "/" });
      expect(model.networks.map((network) => network.dhcp?.hosts.length ?? 0)).not.toContain(undefined);
    });
  }
});

test("a file that declares nothing to serve makes no network file", () => {
  for (const text of ["", "# nothing\n", 'option domain-name "x";', "port=53\n", "\u0000{{{}}};;;"]) {
    expect(importText(text).file).toBeUndefined();
  }
});
