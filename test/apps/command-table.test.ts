/** What is made from the command table: every command is in it, and the programs that read it find nothing wrong. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { completionScript } from "../../src/apps/cli/completion.ts";
import { COMMANDS } from "../../src/apps/cli/commands.ts";
import { manPage } from "../../src/apps/cli/man.ts";
import { VERSION } from "../../src/apps/cli/version.ts";

const shown = COMMANDS.filter((command) => command.hidden !== true);
const page = manPage(COMMANDS, VERSION);

/** What bash offers when the last word is to be completed. */
function complete(...words: string[]): string[] {
  const script = `${completionScript("bash", COMMANDS)}
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _netloom
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync("bash", ["-c", script, "bash", "netloom", ...words], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line !== "");
}

test("the manual page in packaging/ is that of the table", () => {
  expect(
    readFileSync(join(import.meta.dirname, "../../packaging/netloom.8"), "utf8").trimEnd(),
    "netloom man > packaging/netloom.8",
  ).toBe(page.trimEnd());
});

test("groff reads the manual page without a warning", () => {
  const words = ["-man", "-ww", "-Tutf8", "-P-cbou"];
  const { stdout, stderr } = spawnSync("groff", words, { input: page, encoding: "utf8" });
  expect(stderr).toBe("");
  const plain = stdout.replaceAll(/[\s\u2010]+/g, " ");
  for (const { name, summary } of shown) {
    expect(plain).toContain(`netloom ${name}`);
    expect(plain).toContain(summary.split(" ").slice(0, 4).join(" "));
  }
});

test("bash completes commands, families, options and the values of an option", () => {
  expect(complete("ap")).toEqual(["apply"]);
  expect(complete("vm", "")).toEqual(shown.flatMap(({ name }) => (name.startsWith("vm ") ? [name.slice(3)] : [])));
  expect(complete("bind", "--prof")).toEqual(["--profile"]);
  expect(complete("bind", "--profile", "")).toEqual(["legacy", "modern"]);
  expect(complete("vm", "console", "--att")).toEqual(["--attach"]);
  expect(complete("bind", "--interface", "l")).toContain("lo");
  expect(complete("dhcp", "le")).toEqual(["leases"]);
  expect(complete("dhcp", "leases", "")).toEqual(["import", "export"]);
  expect(complete("dhcp", "leases", "--wa")).toEqual(["--watch"]);
  expect(complete("dhcp", "leases", "import", "--net")).toEqual(["--network"]);
  expect(complete("import", "--format", "")).toEqual(["dhcpd", "dnsmasq", "hanewin", "named"]);
  expect(complete("keep")).toEqual([]);
});

test("every command has a whole sentence, and each option tells what it is for", () => {
  for (const { summary, options } of COMMANDS) {
    expect(summary).toMatch(/^[A-Z].*[.]$/);
    for (const { help } of Object.values(options)) expect(help.length).toBeGreaterThan(10);
  }
});
