// Running other programs, and saying what is done.
import { spawn, spawnSync } from "node:child_process";
import { accessSync, closeSync, constants, openSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ROOT } from "./paths.mjs";

/** A failure that the person can do something about: told without a stack. */
export class Problem extends Error {}

export function say(text) {
  process.stderr.write(`netloom: ${text}\n`);
}

const SYSTEM_FOLDERS = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** PATH with the system's folders added: an ordinary user's often lacks sbin, where ip and nft are. */
export function completePath(path = process.env.PATH ?? "") {
  const given = path.split(delimiter).filter((folder) => folder !== "");
  return [...given, ...SYSTEM_FOLDERS.filter((folder) => !given.includes(folder))].join(delimiter);
}

export function findProgram(name) {
  return completePath()
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false; // not there, or not for us: the next folder may have it
      }
    });
}

/** Runs a program with our terminal and gives its exit status; 128 + n when a signal ended it. */
export function run(program, words, options = {}) {
  const result = spawnSync(program, words, { cwd: ROOT, stdio: "inherit", ...options });
  if (result.error !== undefined) throw new Problem(`${program}: ${result.error.message}`);
  return result.status ?? statusOf(result.signal);
}

const statusOf = (signal) => 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15);

/** Starts a program, with its output into a file where one is given; resolves with its exit status as {@link run} does. */
export function start(program, words, { outputFile, ...options }) {
  const output = outputFile === undefined ? undefined : openSync(outputFile, "a");
  const stdio = output === undefined ? "inherit" : ["ignore", output, output];
  const child = spawn(program, words, { cwd: ROOT, stdio, ...options });
  if (output !== undefined) closeSync(output);
  return new Promise((resolve, reject) => {
    child.once("error", (error) => reject(new Problem(`${program}: ${error.message}`)));
    child.once("exit", (status, signal) => resolve(status ?? statusOf(signal)));
  });
}

/** Runs a program that must succeed. */
export function must(program, words, options = {}) {
  const status = run(program, words, options);
  if (status !== 0) throw new Problem(`${[program, ...words].join(" ")}: exit status ${status}`);
}

/** The standard output of a program that must succeed. */
export function outputOf(program, words, options = {}) {
  const result = spawnSync(program, words, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
    ...options,
  });
  if (result.error !== undefined) throw new Problem(`${program}: ${result.error.message}`);
  if (result.status !== 0) {
    throw new Problem(`${[program, ...words].join(" ")}: exit status ${result.status}\n${result.stderr}`);
  }
  return result.stdout;
}
