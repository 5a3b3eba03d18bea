/**
 * A test runner small enough to be watched by sanitizers: stands in for the parts of vitest that the addon's tests
 * use. Preloaded with --import; an import of "vitest" gets this module.
 */
import assert from "node:assert/strict";
import childProcess from "node:child_process";
import { registerHooks, syncBuiltinESMExports } from "node:module";
import { isMainThread } from "node:worker_threads";

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "vitest" ? { url: import.meta.url, shortCircuit: true } : next(specifier, context),
});

const steps = { beforeAll: [], afterEach: [], afterAll: [] };
const tests = [];
export const beforeAll = (step) => steps.beforeAll.push(step);
export const afterEach = (step) => steps.afterEach.push(step);
export const afterAll = (step) => steps.afterAll.push(step);
export const test = (name, body) => tests.push({ name, body });

function matches(actual, expected) {
  if (typeof expected !== "object" || expected === null) return Object.is(actual, expected);
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(expected) && actual.length !== expected.length) return false;
  if (ArrayBuffer.isView(expected)) return equals(actual, expected);
  return Object.entries(expected).every(([key, value]) => matches(actual[key], value));
}

function equals(actual, expected) {
  try {
    assert.deepEqual(actual, expected);
    return true;
  } catch {
    return false; // that is the answer
  }
}

const matchers = {
  toBe: Object.is,
  toEqual: equals,
  toMatchObject: matches,
  toMatch: (actual, pattern) => pattern.test(actual),
  toContain: (actual, part) => actual.includes(part),
  toBeGreaterThan: (actual, limit) => actual > limit,
  toBeLessThan: (actual, limit) => actual < limit,
};

/** The matchers, or with `wanted` false their opposites. */
function expectations(actual, wanted) {
  return Object.fromEntries(
    Object.entries(matchers).map(([name, holds]) => [
      name,
      (expected) => {
        if (holds(actual, expected) === wanted) return;
        const operator = wanted ? name : `not.${name}`;
        throw new assert.AssertionError({ message: `${operator} does not hold`, actual, expected, operator });
      },
    ]),
  );
}

export function expect(actual) {
  return { ...expectations(actual, true), not: expectations(actual, false) };
}

async function attempt(name, bodies) {
  try {
    for (const body of bodies) await body();
    return true;
  } catch (error) {
    console.log(`  FAILED ${name}`);
    console.log(error);
    return false;
  }
}

async function runAll() {
  let passed = 0;
  let failed = 0;
  const count = (ok) => (ok ? passed++ : failed++);
  if (!(await attempt("set-up", steps.beforeAll))) count(false);
  for (const { name, body } of tests) count(await attempt(name, [body, ...steps.afterEach]));
  if (!(await attempt("after all tests", steps.afterAll))) count(false);
  console.log(`  ${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

if (isMainThread) {
  // Other programs are not ours to check; Node itself, started by a test, is.
  const sanitizer = process.env.LD_PRELOAD;
  delete process.env.LD_PRELOAD;
  const { spawnSync } = childProcess;
  childProcess.spawnSync = (program, words, options) =>
    program === process.execPath
      ? spawnSync(program, words, { ...options, env: { ...process.env, LD_PRELOAD: sanitizer } })
      : spawnSync(program, words, options);
  syncBuiltinESMExports();
  // After the test file's own top level.
  setImmediate(() => void runAll());
}
