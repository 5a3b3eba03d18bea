/** Why a request gets an error, or a transfer ends with one. */
import { codeOf, reasonOf } from "../../base/errors.ts";
import { TFTP_ERROR } from "../../wire/tftp.ts";

/** `code` is that of the ERROR packet; `message` its text. */
export class TftpRefusal extends Error {
  readonly code: number;

  constructor(code: number, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = "TftpRefusal";
    this.code = code;
  }
}

const CODES: Readonly<Record<string, number>> = {
  ENOENT: TFTP_ERROR.notFound,
  ENOTDIR: TFTP_ERROR.notFound,
  ENAMETOOLONG: TFTP_ERROR.notFound,
  EACCES: TFTP_ERROR.accessViolation,
  EPERM: TFTP_ERROR.accessViolation,
  EROFS: TFTP_ERROR.accessViolation,
  EISDIR: TFTP_ERROR.accessViolation,
  ELOOP: TFTP_ERROR.accessViolation,
  EEXIST: TFTP_ERROR.exists,
  ENOSPC: TFTP_ERROR.diskFull,
  EDQUOT: TFTP_ERROR.diskFull,
};

/** Whatever was thrown while a file was worked on. */
export function refusalOf(thrown: unknown): TftpRefusal {
  if (thrown instanceof TftpRefusal) return thrown;
  const code = codeOf(thrown) ?? "";
  // A path of ours is nobody's business: only what the code means is told.
  const known = CODES[code];
  const reason = known === undefined ? "the file cannot be read or written now" : reasonOf(thrown);
  return new TftpRefusal(known ?? TFTP_ERROR.undefined, reason, { cause: thrown });
}
