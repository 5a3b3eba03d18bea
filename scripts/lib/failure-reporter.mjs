// Reports a run of vitest as what test-runs.mjs adds up: counts, and for each failure a text with the lines in which
// expected and actual differ. vitest's own JSON has only the message, and "expected […(1439)]" says nothing.
import { writeFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";

/** Enough to know what went wrong without looking further up. */
const MESSAGE_CHARACTERS = 1500;
const DIFFERENT_LINES = 20;
const LINE_CHARACTERS = 200;

function differenceOf({ diff }) {
  if (diff === undefined) return [];
  const lines = stripVTControlCharacters(diff)
    .split("\n")
    .filter((line) => /^[-+]/.test(line))
    .map((line) => line.slice(0, LINE_CHARACTERS));
  const more = lines.length - DIFFERENT_LINES;
  return [...lines.slice(0, DIFFERENT_LINES), ...(more > 0 ? [`… and ${more} lines more`] : [])];
}

function textOf(where, errors) {
  const told = errors.flatMap((error) => [
    stripVTControlCharacters(error.stack ?? error.message)
      .replaceAll(/^\s+at .*\/node_modules\/.*\n?/gm, "")
      .trim()
      .slice(0, MESSAGE_CHARACTERS),
    ...differenceOf(error),
  ]);
  return `FAILED ${where}\n${told.join("\n").replaceAll(/^/gm, "  ")}`;
}

export default class FailureReporter {
  #outputFile;

  /** The file is that of `--outputFile`. */
  onInit(vitest) {
    this.#outputFile = vitest.config.outputFile;
  }

  onTestRunEnd(modules, errorsOutside) {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state) => tests.filter((test) => test.result().state === state).length;
    const failures = modules.flatMap((module) => {
      const file = module.relativeModuleId;
      const failed = (test) => test.result().state === "failed";
      return [
        // A file that could not be loaded has no tests that could fail; what runs before and after tests may fail, too.
        ...(module.errors().length > 0 ? [textOf(file, module.errors())] : []),
        ...[...module.children.allSuites()]
          .filter((suite) => suite.errors().length > 0)
          .map((suite) => textOf(`${file} > ${suite.fullName}`, suite.errors())),
        ...[...module.children.allTests()]
          .filter(failed)
          .map((test) => textOf(`${file} > ${test.fullName}`, test.result().errors)),
      ];
    });
    if (errorsOutside.length > 0) failures.push(textOf("outside any test", errorsOutside));
    const report = {
      passed: count("passed"),
      failed: failures.length,
      skipped: tests.length - count("passed") - count("failed"),
      failures,
    };
    writeFileSync(this.#outputFile, JSON.stringify(report));
  }
}
