/** Logs of processes that nobody watches: one JSON object a line. */
import { appendFileSync } from "node:fs";
import { hasCode } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";

/** Appends to a file of mode 0600. A full disk loses lines, and nothing else. */
export function jsonLinesLogger(path: string): Logger {
  return loggerTo((line) => {
    try {
      appendFileSync(path, line, { mode: 0o600 });
    } catch (error) {
      if (!hasCode(error, "ENOSPC")) throw error;
    }
  });
}

/** Writes to standard error, where systemd collects it. */
export function jsonStderrLogger(): Logger {
  return loggerTo((line) => process.stderr.write(line));
}

function loggerTo(append: (line: string) => unknown): Logger {
  const write =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      append(`${JSON.stringify({ time: new Date().toISOString(), level, message, ...fields })}\n`);
    };
  return { debug: () => undefined, info: write("info"), warn: write("warn"), error: write("error") };
}
