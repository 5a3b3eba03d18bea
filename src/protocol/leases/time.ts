/** Time of leases: seconds since 1970, as leases outlive the process. */

/** A duration, or the end, of a lease for ever: all ones on the wire (RFC 2131 §3.3, RFC 8415 §7.7). */
export const FOREVER_SECONDS = 0xffff_ffff;

/** When something ends that lasts `seconds` from now. What ends after 2106, which no lease can say, never does. */
export function endOf(nowSeconds: number, seconds: number): number {
  return Math.min(Math.ceil(nowSeconds) + seconds, FOREVER_SECONDS);
}
