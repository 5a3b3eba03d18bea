// Runs the checks and the test projects, each where it belongs, and adds up what they report. What does not use all
// CPUs by itself runs three at a time, each in a sandbox of its own.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { CACHE, inRoot, MODULES, NODE } from "./paths.mjs";
import { completePath, Problem, say, start } from "./shell.mjs";
import { filesBelow } from "./stamp.mjs";

const SANDBOX = inRoot("scripts", "sandbox.sh");
const GUEST = inRoot("scripts", "vmtest.sh");
/** A run that takes longer hangs. */
let limitMilliseconds = 15 * 60_000;

const environment = () => ({ ...process.env, PATH: completePath(`${dirname(NODE)}:${process.env.PATH}`) });

function execute(words, outputFile) {
  const [program, ...rest] = words;
  return start(program, rest, { env: environment(), timeout: limitMilliseconds, outputFile });
}

/** A check counts as one test. */
function checkRun(words) {
  return async () => {
    const status = await execute([NODE, ...words]);
    return status === 0
      ? { passed: 1, failed: 0, skipped: 0 }
      : { passed: 0, failed: 1, skipped: 0, failures: [`FAILED ${words.join(" ")} (status ${status})`] };
  };
}

const moduleFile = (...parts) => join(MODULES, ...parts);

const FAILURES_TOLD = 20;

/** What the reporter wrote, or one failure when it wrote nothing: a runner that crashed has not passed. */
function readReport(file, status) {
  const report = existsSync(file)
    ? JSON.parse(readFileSync(file, "utf8"))
    : { passed: 0, failed: 1, skipped: 0, failures: [`FAILED ${file} was not written (status ${status})`] };
  if (report.failed > 0 || (status === 0 && report.passed > 0)) return report;
  return { ...report, failed: 1, failures: [`FAILED outside any test, or no test ran (status ${status})`] };
}

/** A project of vitest.config.ts, started behind the words of `where`; undefined when it has no tests at all. */
function vitestRun(project, where) {
  return async (results, filters, outputFile, shard) => {
    const file = join(results, `${project}${shard === undefined ? "" : `-${shard.replace("/", "-")}`}.json`);
    const words = [
      ...where(results),
      NODE,
      moduleFile("vitest", "vitest.mjs"),
      "run",
      // The configuration is read by Node itself: nothing is written into node_modules.
      "--configLoader=native",
      `--project=${project}`,
      "--reporter=default",
      `--reporter=${inRoot("scripts", "lib", "failure-reporter.mjs")}`,
      `--outputFile=${file}`,
      ...(shard === undefined ? [] : [`--shard=${shard}`]),
      ...filters,
    ];
    const status = await execute(words, outputFile);
    return readReport(file, status);
  };
}

const hasTests = (folder) => filesBelow(inRoot("test", folder), (name) => name.endsWith(".test.ts")).length > 0;
const always = () => true;
const asRoot = process.getuid() === 0;
/** Two network cards at one cable: with one of them in a namespace, the guest is a host with another beside it. */
const CARDS = [0, 1].flatMap((card) => [
  "-netdev",
  `hubport,id=card${card},hubid=0`,
  "-device",
  `virtio-net-pci,netdev=card${card},romfile=`,
]);
const GUEST_OPTIONS = ["-t", "900", "-m", "2048", ...CARDS.flatMap((word) => ["-q", word])];
const inGuest = (results) => [GUEST, "-w", results, ...GUEST_OPTIONS, "--"];

/** The addon's own tests once more under the sanitizers; the program says how many in its last line. */
async function sanitizerRun(results) {
  const file = join(results, "sanitizers.txt");
  const status = await execute([
    SANDBOX,
    "bash",
    "-c",
    `set -o pipefail; "$0" "$@" | tee '${file}'`,
    NODE,
    inRoot("native", "test", "asan.mjs"),
  ]);
  const last = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").at(-1) : "";
  const counted = /^(\d+) passed, (\d+) failed/.exec(last);
  const passed = Number(counted?.[1] ?? 0);
  const failed = Number(counted?.[2] ?? 0);
  return { passed, failed: failed === 0 && (status !== 0 || passed === 0) ? 1 : failed, skipped: 0 };
}

export const CHECKS = ["types", "lint", "format"];
/** They use all CPUs by themselves. */
const ALONE = [...CHECKS, "unit", "sanitizers"];
/** Tests wait much of their time: with as many as CPUs these would idle a quarter of it. */
const AT_ONCE = 3;
/** By project, or project and shard: the first of in-guest boots a guest inside the guest. */
const LONGEST_FIRST = ["in-guest 1/2", "kernel", "guest", "in-guest", "root"];

const RUNS = [
  { name: "types", present: always, perform: checkRun([moduleFile("typescript", "bin", "tsc"), "-b"]) },
  {
    name: "lint",
    present: always,
    perform: checkRun([moduleFile("oxlint", "bin", "oxlint"), "--type-aware", "--quiet"]),
  },
  {
    name: "format",
    present: always,
    perform: checkRun([moduleFile("@biomejs", "biome", "bin", "biome"), "ci", "--colors=off"]),
  },
  { name: "unit", present: always, perform: vitestRun("unit", () => []) },
  { name: "sanitizers", present: always, perform: sanitizerRun },
  {
    name: "kernel",
    shards: 6,
    present: () => hasTests("kernel"),
    perform: vitestRun("kernel", () => [SANDBOX]),
  },
  // Several uids or real devices: root's own, or those of a guest.
  {
    name: "root",
    present: () => hasTests("root"),
    perform: vitestRun("root", (results) => (asRoot ? [SANDBOX, "--no-user"] : inGuest(results))),
  },
  { name: "guest", shards: 2, present: () => hasTests("guest"), perform: vitestRun("guest", () => [SANDBOX]) },
  { name: "in-guest", shards: 2, present: () => hasTests("in-guest"), perform: vitestRun("in-guest", inGuest) },
];

function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Runs the named ones, or all; words are file filters for vitest. Resolves with the exit status. */
export async function runTests(names, filters, limit = limitMilliseconds) {
  limitMilliseconds = limit;
  const unknown = names.find((name) => !RUNS.some((run) => run.name === name));
  if (unknown !== undefined)
    throw new Problem(`no project "${unknown}": there are ${RUNS.map((run) => run.name).join(", ")}`);
  if (names.length === 0 && filters.length > 0) throw new Problem("say which --project these files belong to");
  const chosen = RUNS.filter((run) => (names.length === 0 ? run.present() : names.includes(run.name)));
  mkdirSync(CACHE, { recursive: true });
  const results = mkdtempSync(join(CACHE, "results-"));
  const finished = [];
  const perform = async (job, outputFile) => {
    const { shard, perform } = job;
    const title = titleOf(job);
    say(`${title} …`);
    const start = Date.now();
    const counts = await perform(results, filters, outputFile, shard);
    const line = `${title.padEnd(13)}${countLine(counts)} (${((Date.now() - start) / 1000).toFixed(1)} s)`;
    finished.push({ counts, line });
    return line;
  };
  try {
    for (const run of chosen.filter(({ name }) => ALONE.includes(name))) await perform(run);
    const jobs = jobsOf(
      chosen.filter(({ name }) => !ALONE.includes(name)),
      filters,
    );
    if (jobs.length === 1) await perform(jobs[0]);
    else {
      let started = 0;
      const worker = async () => {
        for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) {
          const output = join(results, `output-${started++}.txt`);
          const line = await perform(job, output);
          // Whole, and not line by line among those of the other.
          process.stdout.write(readFileSync(output));
          say(line);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
  } finally {
    rmSync(results, { recursive: true, force: true });
  }
  return report(finished);
}

/** One job for each run or, where all of its files are meant, for each shard of it; the longest first. */
function jobsOf(runs, filters) {
  const jobs = runs.flatMap((run) => {
    if (run.shards === undefined || filters.length > 0) return [run];
    return Array.from({ length: run.shards }, (_, i) => ({ ...run, shard: `${i + 1}/${run.shards}` }));
  });
  const rank = (job) => {
    const exact = LONGEST_FIRST.indexOf(titleOf(job));
    return exact >= 0 ? exact : LONGEST_FIRST.indexOf(job.name);
  };
  return jobs.sort((a, b) => rank(a) - rank(b));
}

const titleOf = ({ name, shard }) => (shard === undefined ? name : `${name} ${shard}`);

/** Tells the outcome; the last line is the sum. */
function report(finished) {
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { counts } of finished) for (const key of Object.keys(total)) total[key] += counts[key];
  // Told once more at the end: of a long log often only the end is kept.
  const failures = finished.flatMap(({ counts }) => counts.failures ?? []);
  if (failures.length > 0) console.log(`\n${failures.slice(0, FAILURES_TOLD).join("\n")}`);
  console.log(`\n${finished.map(({ line }) => line).join("\n")}\n${countLine(total)}`);
  return total.failed === 0 ? 0 : 1;
}
