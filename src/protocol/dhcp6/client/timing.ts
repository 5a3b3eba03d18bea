/** When a DHCPv6 client says something again (RFC 8415 §7.6, §15). Seconds. */

/** One kind of message: how it is repeated. */
export interface Retransmission {
  /** IRT */
  readonly initialSeconds: number;
  /** MRT; 0: no limit. */
  readonly longestSeconds: number;
  /** MRC, times it is sent in all; absent: until an answer comes. */
  readonly attempts?: number;
  /** MRD, from the first; absent: for ever. */
  readonly durationSeconds?: number;
}

export const SOLICIT: Retransmission = { initialSeconds: 1, longestSeconds: 3600 };
export const REQUEST: Retransmission = { initialSeconds: 1, longestSeconds: 30, attempts: 10 };
export const CONFIRM: Retransmission = { initialSeconds: 1, longestSeconds: 4, durationSeconds: 10 };
export const RENEW: Retransmission = { initialSeconds: 10, longestSeconds: 600 };
export const REBIND: Retransmission = { initialSeconds: 10, longestSeconds: 600 };
export const RELEASE: Retransmission = { initialSeconds: 1, longestSeconds: 0, attempts: 4 };
export const DECLINE: Retransmission = { initialSeconds: 1, longestSeconds: 0, attempts: 4 };
export const INFORMATION: Retransmission = { initialSeconds: 1, longestSeconds: 3600 };

/** SOL_MAX_DELAY, CNF_MAX_DELAY, INF_MAX_DELAY: hosts that were switched on together do not speak together. */
export const LONGEST_FIRST_DELAY_SECONDS = 1;
/** What a server may set SOL_MAX_RT and INF_MAX_RT to (RFC 8415 §21.24, §21.25). */
const SHORTEST_MAXIMUM_SECONDS = 60;
const LONGEST_MAXIMUM_SECONDS = 86_400;
/** IRT_DEFAULT, IRT_MINIMUM (RFC 8415 §21.23). */
const REFRESH_SECONDS = 86_400;
const SHORTEST_REFRESH_SECONDS = 600;
/** How long a client that was refused waits before it begins anew; RFC 8415 §18.2.10.1 asks for a limit of the rate. */
const LONGEST_RESTART_SECONDS = 120;

/**
 * RT: how long an answer is waited for. Each wait is twice the one before, a random tenth more or less.
 * @param previous the wait before; undefined: the first
 * @param random from 0 up to 1
 * @param forward the first wait is not shorter than it says, so that all answers are waited for (RFC 8415 §18.2.1)
 */
export function nextWait(
  { initialSeconds, longestSeconds }: Retransmission,
  previous: number | undefined,
  random: number,
  forward = false,
): number {
  const part = forward && previous === undefined ? random / 10 : random / 5 - 0.1;
  const wait = previous === undefined ? initialSeconds * (1 + part) : previous * (2 + part);
  return longestSeconds > 0 && wait > longestSeconds ? longestSeconds * (1 + part) : wait;
}

/** SOL_MAX_RT or INF_MAX_RT as a server told it; another value than it may be is not heeded. */
export function maximumOf(told: number | undefined, before: number): number {
  return told !== undefined && told >= SHORTEST_MAXIMUM_SECONDS && told <= LONGEST_MAXIMUM_SECONDS ? told : before;
}

/** When settings are asked for again; infinite: never. */
export function refreshSeconds(told: number | undefined): number {
  if (told === 0xffff_ffff) return Number.POSITIVE_INFINITY;
  return Math.max(SHORTEST_REFRESH_SECONDS, told ?? REFRESH_SECONDS);
}

/** 1, 2, 4 … s. @param refusals since the last lease, from 1 */
export function restartWait(refusals: number): number {
  return Math.min(2 ** (refusals - 1), LONGEST_RESTART_SECONDS);
}
