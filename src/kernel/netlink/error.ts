/** A request that the kernel refused, with all that it said about why. */
import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import { NetloomError } from "../../base/errors.ts";
import { attributeNameAt } from "../../netlink/route/attribute-name.ts";
import type { NetlinkAnswer, NetlinkRequest } from "../../netlink/message.ts";

/** Kernel-internal numbers that leak out of drivers (include/linux/errno.h). */
const ENOTSUPP = 524;

const NAMES = new Map<number, string>([
  ...Object.entries(constants.errno).map(([name, number]) => [number, name] as const),
  [constants.errno.EAGAIN, "EAGAIN"],
  [constants.errno.EOPNOTSUPP, "EOPNOTSUPP"],
  [ENOTSUPP, "ENOTSUPP"],
]);

function reasonOf(errno: number): string {
  if (errno === ENOTSUPP) return "operation not supported";
  return getSystemErrorMap().get(-errno)?.[1] ?? `error ${errno}`;
}

/**
 * Code "netlink-failed": the kernel refused. "netlink-lost": the answer did not arrive, so it is not known whether
 * the request was carried out. "netlink-skipped": it was not sent, because an answer before it was lost.
 * "netlink-interrupted": a dump that others' changes disturbed every time.
 */
export class NetlinkError extends NetloomError {
  /** As in errno.h, positive; 0 when the kernel did not answer. */
  readonly errno: number;
  /** "EEXIST"; "" when the kernel did not answer. */
  readonly errnoName: string;
  /** The kernel's own words (extended acknowledgement). */
  readonly kernelText: string | undefined;
  /** The attribute that the kernel points at, "IFLA_MTU". */
  readonly attribute: string | undefined;
  /** Place in the list of requests that were given together. */
  readonly requestIndex: number;

  constructor(
    code: string,
    message: string,
    details: {
      errno?: number;
      kernelText?: string | undefined;
      attribute?: string | undefined;
      requestIndex: number;
      hint?: string;
      cause?: unknown;
    },
  ) {
    super(code, message, details);
    const { errno = 0, kernelText, attribute, requestIndex } = details;
    this.name = "NetlinkError";
    this.errno = errno;
    this.errnoName = errno === 0 ? "" : (NAMES.get(errno) ?? `E${errno}`);
    this.kernelText = kernelText;
    this.attribute = attribute;
    this.requestIndex = requestIndex;
  }
}

/** The error of an answer whose errno is not 0. */
export function refusal(request: NetlinkRequest, answer: NetlinkAnswer, requestIndex: number): NetlinkError {
  const { errno, kernelText, attributeOffset } = answer;
  const attribute = attributeOffset === undefined ? undefined : attributeNameAt(request, attributeOffset);
  const name = NAMES.get(errno) ?? `E${errno}`;
  const hint =
    errno === constants.errno.EPERM
      ? { hint: "this takes CAP_NET_ADMIN: run as root, or in a user and network namespace of your own" }
      : {};
  return new NetlinkError(
    "netlink-failed",
    `${request.operation}: ${kernelText ?? reasonOf(errno)} (${name}${attribute === undefined ? "" : `, ${attribute}`})`,
    {
      errno,
      kernelText,
      attribute,
      requestIndex,
      ...hint,
    },
  );
}

/** The error of a request whose answer did not come. */
export function lostAnswer(request: NetlinkRequest, requestIndex: number, cause: unknown): NetlinkError {
  return new NetlinkError("netlink-lost", `${request.operation}: the kernel's answer was lost`, {
    requestIndex,
    cause,
  });
}

/** The error of a request that was not sent any more. */
export function notSent(request: NetlinkRequest, requestIndex: number, cause: unknown): NetlinkError {
  return new NetlinkError(
    "netlink-skipped",
    `${request.operation}: not sent, because the answer to a request before it was lost`,
    { requestIndex, cause },
  );
}
