// Runs one command of the program in dist/ and keeps the code that V8 made for it, besides that of earlier ones.
//
//   node scripts/lib/compile-ahead.cjs COMMAND [ARGUMENT...]
"use strict";
const { join } = require("node:path");

const starter = join(__dirname, "..", "..", "dist", "netloom.cjs");
const { load, run, save } = require(starter);
process.argv[1] = starter;
const { script } = load();
process.once("exit", () => save(script));
run(script);
