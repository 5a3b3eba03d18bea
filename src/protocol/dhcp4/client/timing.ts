/** When a DHCPv4 client says something again (RFC 2131 §4.1, §4.4.5). Seconds. */

const FIRST_WAIT_SECONDS = 4;
const LONGEST_WAIT_SECONDS = 64;
const SHORTEST_RENEWAL_WAIT_SECONDS = 60;
const LONGEST_RESTART_SECONDS = 64;

/**
 * How long to wait for an answer: 4, 8, 16, 32, 64, 64 … s, each with a random part of up to a second more or less, so
 * that clients that started together do not go on together.
 * @param attempt 1 for the first
 * @param random from 0 up to 1
 */
export function answerWait(attempt: number, random: number): number {
  return Math.min(FIRST_WAIT_SECONDS * 2 ** (attempt - 1), LONGEST_WAIT_SECONDS) + 2 * random - 1;
}

/** When a REQUEST is repeated that extends a lease: after half of what is left, not before a minute, at `end` at the latest. */
export function extensionRetry(now: number, end: number): number {
  return Math.min(end, now + Math.max(SHORTEST_RENEWAL_WAIT_SECONDS, (end - now) / 2));
}

/** How long a client that was refused waits before it begins anew: the first time not at all, then 1, 2, 4 … s. */
export function restartWait(refusals: number): number {
  return refusals <= 1 ? 0 : Math.min(2 ** (refusals - 2), LONGEST_RESTART_SECONDS);
}
