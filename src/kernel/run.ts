/** Short-lived programs (nft, iptables): run to the end, with bounded time and output. */
import { execFile } from "node:child_process";
import { NetloomError } from "../base/errors.ts";

interface RunOptions {
  /** Path of a network namespace to run in; absent: our own. */
  readonly namespacePath?: string;
  /** Text for the program's standard input. */
  readonly input?: string;
  /** Default 10,000. */
  readonly timeoutMilliseconds?: number;
}

/**
 * Run a program and resolve to its standard output. Times are UTC in it (nft shifts hours by TZ).
 * @throws NetloomError command-failed with what the program wrote to standard error; tool-missing when it is not installed
 */
export function run(program: string, words: readonly string[], options: RunOptions = {}): Promise<string> {
  const [file, all] =
    options.namespacePath === undefined
      ? [program, words]
      : ["nsenter", [`--net=${options.namespacePath}`, "--", program, ...words]];
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      all,
      {
        env: { ...process.env, TZ: "UTC", LC_ALL: "C", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
        timeout: options.timeoutMilliseconds ?? 10_000,
        maxBuffer: 64 * 1024 * 1024,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if (error.code === "ENOENT" || (error.code === 127 && options.namespacePath !== undefined)) {
          reject(new NetloomError("tool-missing", `${program}: it is not installed`, { cause: error }));
        } else {
          const reason = stderr.trim() === "" ? error.message : stderr.trim();
          reject(new NetloomError("command-failed", `${[program, ...words].join(" ")}: ${reason}`, { cause: error }));
        }
      },
    );
    child.stdin?.on("error", () => {
      // The program ended without reading its input; its exit status says why.
    });
    child.stdin?.end(options.input ?? "");
  });
}
