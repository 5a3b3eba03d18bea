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

/** Runs a command as root and says so; `shown` where that reads better. */
function asRoot(words, shown = words) {
  const prefix = becomeRoot();
  if (prefix === undefined) throw new Problem(`${shown.join(" ")} needs root`);
  say([...prefix, ...shown].join(" "));
  const [program, ...rest] = [...prefix, ...words];
  must(program, rest, { env: { ...process.env, PATH: completePath() } });
}

function apt(...words) {
  asRoot(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...words], ["apt-get", ...words]);
}

/** Tests start servers themselves, in namespaces of theirs: no package's service shall serve this machine's network. */
const WITHOUT_SERVICES = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod 0755 "$policy"
fi
DEBIAN_FRONTEND=noninteractive apt-get "$@"`;

function install(names) {
  const words = ["install", "-y", "--no-install-recommends", ...names];
  asRoot(["sh", "-c", WITHOUT_SERVICES, "sh", ...words], ["apt-get", ...words]);
  const services = names.flatMap((name) => LISTS.services[name] ?? []);
  if (services.length > 0) asRoot(["systemctl", "--quiet", "disable", ...services]);
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
  install(missing);
}

/** Updates apt's lists when they do not know the package: a fresh machine may have none yet. */
export function updateListsFor(name) {
  const known = spawnSync("apt-cache", ["show", name], { encoding: "utf8" });
  if (known.status === 0 && known.stdout !== "") return;
  if (becomeRoot() === undefined) throw new Problem(`apt knows no package ${name}: run "sudo apt-get update" first`);
  apt("update");
}
