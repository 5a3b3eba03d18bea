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

/** What the file system's usual refusals mean, by their code. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  EEXIST: "it exists already",
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space is left on the disk",
  ELOOP: "too many symbolic links",
  ENAMETOOLONG: "the name is too long",
};

/** Why an operation on a file failed, for a person. */
export function reasonOf(thrown: unknown): string {
  return REFUSALS[codeOf(thrown) ?? ""] ?? messageOf(thrown);
}

/** Of an error of Node's ("ENOENT") or of ours; undefined: it has none. */
export function codeOf(thrown: unknown): string | undefined {
  return thrown instanceof Error && "code" in thrown ? String(thrown.code) : undefined;
}

/** Whether it is one of these, as {@link codeOf} tells. */
export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(thrown);
  return code !== undefined && codes.includes(code);
}

/** Text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
