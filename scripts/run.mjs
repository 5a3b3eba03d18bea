// The two commands of a newcomer, and one for every day. Any Node from 18 on runs this file; what is missing is
// installed and built first, and everything else then runs on the Node that the project pins.
//
//   npm run demo                     the demonstration, in a sandbox
//   npm test                         every check and test; ends with "N passed, N failed"
//   npm test -- --project kernel test/kernel/native     only these
//   npm run check                    types, lint, format, unit tests
//   npm run soak [-- MINUTES]        random attaching, killing and deleting over 50 ports, half an hour
//   npm run fuzz [-- --packets N]    hostile packets against all that reads packets, ten million; `-- --help` says more
import { prepare } from "./lib/prepare.mjs";
import { inRoot, NODE } from "./lib/paths.mjs";
import { Problem, run, say } from "./lib/shell.mjs";
import { CHECKS, runTests } from "./lib/test-runs.mjs";

async function demo(words) {
  await prepare("demo");
  return run(inRoot("scripts", "sandbox.sh"), [NODE, inRoot("scripts", "demo.ts"), ...words]);
}

/** Takes `--project NAME` out of the words; the rest is for vitest. */
function parseTestWords(words) {
  const projects = [];
  const rest = [];
  for (let i = 0; i < words.length; i++) {
    if (words[i] !== "--project") rest.push(words[i]);
    else if (words[i + 1] === undefined) throw new Problem("--project wants a name");
    else projects.push(words[++i]);
  }
  return { projects, rest };
}

async function test(words) {
  const { projects, rest } = parseTestWords(words);
  await prepare("test");
  return runTests(projects, rest);
}

async function check(words) {
  if (words.length > 0) throw new Problem("check takes no words");
  await prepare("test");
  return runTests([...CHECKS, "unit"], []);
}

const SOAK_MINUTES = "30";
const SOAK_PORTS = "50";

async function soak(words) {
  const [minutes = SOAK_MINUTES, ...more] = words;
  if (more.length > 0 || !/^[1-9]\d{0,3}$/.test(minutes))
    throw new Problem("soak takes a number of minutes, or nothing");
  await prepare("test");
  process.env.NETLOOM_SOAK_SECONDS = String(60 * Number(minutes));
  process.env.NETLOOM_SOAK_PORTS ??= SOAK_PORTS;
  return runTests(["kernel"], ["test/kernel/daemon/soak.test.ts"], 60_000 * (Number(minutes) + 15));
}

async function fuzz(words) {
  await prepare("test");
  return run(NODE, [inRoot("test", "fuzz", "run.ts"), ...words]);
}

const [command, ...words] = process.argv.slice(2);
const commands = { demo, test, check, soak, fuzz };
try {
  const perform = commands[command];
  if (perform === undefined) throw new Problem(`run.mjs: give one of ${Object.keys(commands).join(", ")}`);
  process.exitCode = await perform(words);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  say(error.message);
  process.exitCode = 1;
}
