/**
 * The one error class of netloom.
 *
 * The message reads "operation object: reason". `code` is stable and meant for programs, `hint` says
 * what the person can do about it.
 */
export class NetloomError extends Error {
  readonly code: string;
  readonly hint: string | undefined;

  constructor(code: string, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "NetloomError";
    this.code = code;
    this.hint = options.hint;
  }
}

/** Text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
