/** How the program talks: results on stdout, everything else on stderr. */
import { NetloomError, messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { printable } from "../../services/vm/printable.ts";
import type { Step } from "../../state/step.ts";

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value));
}

/** Files and clients have a say in it, and it goes to a terminal. */
export function complain(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** A log of lines for people. */
export function lineLogger(write: (line: string) => void): Logger {
  return {
    debug: () => undefined,
    info: (message, fields) => write(logLine(message, fields)),
    warn: (message, fields) => write(`warning: ${logLine(message, fields)}`),
    error: (message, fields) => write(`error: ${logLine(message, fields)}`),
  };
}

/** For who watches a foreground command. */
export const STDERR_LOGGER: Logger = lineLogger(complain);

function logLine(message: string, fields: Readonly<Record<string, unknown>> | undefined): string {
  return [message, ...Object.entries(fields ?? {}).map(([name, value]) => `${name}=${String(value)}`)].join(" ");
}

/** An error as a person reads it, and the exit code that goes with it. */
export function reportError(error: unknown, json: boolean): number {
  const code = error instanceof NetloomError ? error.code : "internal";
  const hint = error instanceof NetloomError ? error.hint : undefined;
  if (json)
    complain(JSON.stringify({ error: { code, message: messageOf(error), ...(hint === undefined ? {} : { hint }) } }));
  else {
    complain(`netloom: ${messageOf(error)}`);
    if (hint !== undefined) complain(`  ${hint.replaceAll("\n", "\n  ")}`);
    if (code === "internal" && error instanceof Error && error.stack !== undefined) complain(error.stack);
  }
  return code === "usage" || code === "bad-file" ? 2 : 1;
}

/** The plan as text: what each step does, and under it the commands that would do the same. */
export function formatPlan(steps: readonly Pick<Step, "summary" | "commands">[], notes: readonly string[]): string {
  const lines: string[] = [];
  steps.forEach((step, i) => {
    lines.push(`${String(i + 1).padStart(3)}. ${step.summary}`);
    for (const command of step.commands) lines.push(...command.split("\n").map((line) => `       ${line}`));
  });
  for (const note of notes) lines.push(`note: ${note}`);
  return lines.join("\n");
}

/** "1 step", "3 steps". */
export function countSteps(steps: readonly unknown[]): string {
  return `${steps.length} step${steps.length === 1 ? "" : "s"}`;
}

/** A table with aligned columns. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  // Not Math.max(...): there may be more rows than a call can have arguments.
  const widths = (rows[0] ?? []).map((_, column) =>
    rows.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0),
  );
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Shows on a terminal which step is under way; silent otherwise. */
export function progressLine(): { show(step: Step, position: number, total: number): void; clear(): void } {
  const terminal = process.stderr.isTTY;
  return {
    show(step, position, total) {
      if (terminal) process.stderr.write(`\r\u001b[K[${position}/${total}] ${step.summary.slice(0, 100)}`);
    },
    clear() {
      if (terminal) process.stderr.write("\r\u001b[K");
    },
  };
}
