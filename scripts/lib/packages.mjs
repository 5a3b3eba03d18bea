// Installs the Debian packages that are missing.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { inRoot } from "./paths.mjs";
import { completePath, findProgram, must, Problem, say } from "./shell.mjs";

const LISTS = JSON.parse(readFileSync(inRoot("scripts", "packages.json"), "utf8"));

function missingOf(names) {
  const result = spawnSync("dpkg-query", ["--show", "--showformat=${Package} ${db:Status-Status}\n", ...names], {
    encoding: "utf8",
  });
  const installed = new Set(
    result.stdout
      .split("\n")
      .filter((line) => line.endsWith(" installed"))
      .map((line) => line.split(" ")[0]),
  );
  return names.filter((name) => !installed.has(name));
}

/** The words before a command that needs root; undefined when this user cannot become root without a password. */
function becomeRoot() {
  if (process.getuid() === 0) return [];
  return findProgram("sudo") !== undefined && spawnSync("sudo", ["-n", "true"]).status === 0
    ? ["sudo", "-n"]
    : undefined;
}

function apt(...words) {
  const prefix = becomeRoot();
  if (prefix === undefined) throw new Problem(`apt-get ${words.join(" ")} needs root`);
  const [program, ...rest] = [...prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...words];
  say([...prefix, "apt-get", ...words].join(" "));
  must(program, rest, { env: { ...process.env, PATH: completePath() } });
}

/** Installs what `purpose` (demo or test) needs. */
export function installPackages(purpose) {
  const names = purpose === "demo" ? LISTS.demo : [...LISTS.demo, ...LISTS.test];
  if (findProgram("dpkg-query") === undefined) {
    say(`this is not Debian: these packages, or what they are called here, must be there already: ${names.join(" ")}`);
    return;
  }
  const missing = missingOf(names);
  if (missing.length === 0) return;
  if (becomeRoot() === undefined) {
    throw new Problem(
      `these Debian packages are missing; install them as root and run this again:\n` +
        `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing.join(" ")}`,
    );
  }
  apt("update");
  apt("install", "-y", "--no-install-recommends", ...missing);
}

/** Updates apt's lists when they do not know the package: a fresh machine may have none yet. */
export function updateListsFor(name) {
  const known = spawnSync("apt-cache", ["show", name], { encoding: "utf8" });
  if (known.status === 0 && known.stdout !== "") return;
  if (becomeRoot() === undefined) throw new Problem(`apt knows no package ${name}: run "sudo apt-get update" first`);
  apt("update");
}
