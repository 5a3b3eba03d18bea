/**
 * Why a server that resolves for us gives no answer (RFC 8914). When it says that the zone's signatures are wrong, or
 * that the name is blocked, that is its verdict: who would then resolve by himself would undo it, and believe what was
 * found to be forged.
 */
import { decodeExtendedErrors, EXTENDED_ERROR } from "../../../wire/dns/extended-error.ts";
import type { DnsMessage } from "../../../wire/dns/message.ts";
import type { Failure } from "./world.ts";

/** Of RFC 8914 §4: 5 to 12 are faults of DNSSEC, 15 to 17 are blocked, censored, filtered. */
const VERDICTS: ReadonlySet<number> = new Set([5, 6, 7, 8, 9, 10, 11, 12, 15, 16, 17]);

/** Blocked, Censored, Filtered: by decision, and not because something is broken. */
const DECISIONS: ReadonlySet<number> = new Set([15, 16, 17]);

/** Of a response that is neither an answer nor a denial. @returns its code; undefined: it is no verdict */
export function verdictOf({ extension }: DnsMessage): number | undefined {
  return decodeExtendedErrors(extension).find(({ code }) => VERDICTS.has(code))?.code;
}

/** Whether the name is not to be told, from memory no more than otherwise. */
export function isDecision(verdict: number | undefined): boolean {
  return verdict !== undefined && DECISIONS.has(verdict);
}

/** What those who asked are told; undefined: nothing that has a code. */
export function errorOf({ silent, verdict }: Failure): number | undefined {
  if (verdict !== undefined || silent === undefined) return verdict;
  return silent ? EXTENDED_ERROR.NO_REACHABLE_AUTHORITY : EXTENDED_ERROR.NETWORK_ERROR;
}
