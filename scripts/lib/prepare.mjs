// Brings a checkout to where the program, the demo and the tests run; does nothing that is done already.
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildAddon, buildBundle } from "../build.mjs";
import { buildGuestImage } from "../guest-image.mjs";
import { installPackages } from "./packages.mjs";
import { inRoot, MODULES, NODE } from "./paths.mjs";
import { findProgram, Problem, say, start } from "./shell.mjs";
import { hashOf } from "./stamp.mjs";

/** Inside node_modules, so that both are deleted together. */
const MODULES_STAMP = join(MODULES, ".netloom-lock");

async function installModules() {
  const hash = hashOf([inRoot("package-lock.json")]);
  if (existsSync(NODE) && existsSync(MODULES_STAMP) && readFileSync(MODULES_STAMP, "utf8") === hash) return;
  if (findProgram("npm") === undefined) throw new Problem("npm is missing: install Node 20 or later with npm");
  say("npm ci --ignore-scripts");
  const status = await start("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], {});
  if (status !== 0) throw new Problem(`npm ci: exit status ${status}`);
  if (!existsSync(NODE)) throw new Problem(`npm ci left no ${NODE}: netloom runs on Linux on x86-64`);
  writeFileSync(MODULES_STAMP, hash);
}

/** Guests and their tests open it; Debian's udev lets everybody, a machine without udev only root. */
function checkTunDevice() {
  const device = "/dev/net/tun";
  try {
    accessSync(device, constants.R_OK | constants.W_OK);
  } catch (error) {
    say(
      `${device} cannot be opened (${error.code}), without it no guest has a network: "sudo chmod 666 ${device}" lets you`,
    );
  }
}

/** Installs and builds for `purpose`: demo or test. */
export async function prepare(purpose) {
  // npm's part needs none of the Debian packages, and both wait for the network.
  const modules = installModules();
  try {
    installPackages(purpose);
  } finally {
    await modules;
  }
  buildAddon();
  buildBundle();
  buildGuestImage();
  checkTunDevice();
}
