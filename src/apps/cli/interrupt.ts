/** Commands that show something until Ctrl-C or SIGTERM, or until nobody reads it any more, as behind `| head`. */
export function untilInterrupted(): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  const fail = (error: Error): void => {
    if (!("code" in error && error.code === "EPIPE")) throw error;
    stop();
  };
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  process.stdout.on("error", fail);
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      process.stdout.off("error", fail);
    },
  };
}
