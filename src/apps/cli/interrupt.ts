type Signal = "SIGINT" | "SIGTERM" | "SIGHUP";
const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM", "SIGHUP"];
/** Of a pipe, and of a terminal that was closed. */
const NOBODY_READS: ReadonlySet<unknown> = new Set(["EPIPE", "EIO"]);

/**
 * Commands that show something until Ctrl-C or SIGTERM, or until nobody reads it any more: behind `| head`, or when the
 * terminal was closed.
 * @param signals without SIGHUP for whoever reads files anew with it
 */
export function untilInterrupted(signals: readonly Signal[] = SIGNALS): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const fail = (error: Error): void => {
    if (!("code" in error && NOBODY_READS.has(error.code))) throw error;
    stop();
  };
  const streams = [process.stdout, process.stderr];
  for (const signal of signals) process.once(signal, stop);
  for (const stream of streams) stream.on("error", fail);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, stop);
      for (const stream of streams) stream.off("error", fail);
    },
  };
}
