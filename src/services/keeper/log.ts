/** The keeper's log: one JSON object a line, STATE/keeper.log. */
import { appendFileSync } from "node:fs";
import type { Logger } from "../../base/logger.ts";

export function jsonLinesLogger(path: string): Logger {
  const write =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      const line = JSON.stringify({ time: new Date().toISOString(), level, message, ...fields });
      appendFileSync(path, `${line}\n`, { mode: 0o600 });
    };
  return { debug: () => undefined, info: write("info"), warn: write("warn"), error: write("error") };
}
