/**
 * Hold what a session has until `stop` says so, then give it back.
 * @param open begins the session; it calls `onFailure` when it cannot go on
 * @throws what `open` throws and what `onFailure` is told
 */
export async function holdSession(
  open: (onFailure: (error: unknown) => void) => Promise<{ giveBack(): Promise<void> }>,
  stop: AbortSignal,
): Promise<void> {
  const end = Promise.withResolvers<void>();
  const session = await open(end.reject);
  if (stop.aborted) end.resolve();
  stop.addEventListener("abort", () => end.resolve(), { once: true });
  try {
    await end.promise;
  } finally {
    await session.giveBack();
  }
}
