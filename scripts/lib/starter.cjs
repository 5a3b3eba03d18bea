// Starts the program with the code that V8 made of it before: a third of what a command takes.
// scripts/build.mjs puts this file into dist/ as netloom.cjs.
"use strict";
const { readFileSync, renameSync, rmSync, statSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { Script } = require("node:vm");

/** Named by its content: V8 itself compares no more of a source with its code than the length. */
const PROGRAM = join(__dirname, "PROGRAM_NAME");
const SOURCE_FILE = `${PROGRAM}.js`;
const CODE_FILE = `${PROGRAM}.code`;

/** Node has loaded them by then. */
const LOADED = new Set(["node:events", "node:fs", "node:os", "node:path", "node:url", "node:vm"]);

/** A module of Node that is loaded when something of it is first used: most commands use few of them. */
function later(name) {
  if (LOADED.has(name)) return require(name);
  let loaded;
  return new Proxy({}, { get: (_, key) => (loaded ??= require(name))[key] });
}

function readCode() {
  try {
    return readFileSync(CODE_FILE);
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    throw error;
  }
}

function load() {
  // The bundler writes ASCII only.
  const source = `(function (require, later, bundleUrl) {${readFileSync(SOURCE_FILE, "latin1")}\n})`;
  const cachedData = readCode();
  const script = new Script(source, { filename: SOURCE_FILE, ...(cachedData && { cachedData }) });
  return { script, current: cachedData !== undefined && script.cachedDataRejected !== true };
}

function run(script) {
  script.runInThisContext()(require, later, pathToFileURL(SOURCE_FILE).href);
}

/** Keeps the code of all functions that have run. */
function save(script) {
  const unfinished = `${CODE_FILE}.${process.pid}`;
  try {
    writeFileSync(unfinished, script.createCachedData());
    renameSync(unfinished, CODE_FILE);
  } catch {
    rmSync(unfinished, { force: true }); // a disk that is full or read-only: the next start is as slow as this one
  }
}

if (require.main === module) {
  const { script, current } = load();
  // Another processor or another Node. Nobody leaves code for others but who owns the program.
  if (!current && statSync(SOURCE_FILE).uid === process.geteuid()) process.once("exit", () => save(script));
  run(script);
} else module.exports = { load, run, save };
