/** OPT records of queries and replies (RFC 6891), on the way that decodes nothing. */

/** The largest reply over UDP, which passes every path in one piece (DNS flag day 2020). */
export const UDP_REPLY_BYTES = 1232;
/** Without options. */
export const OPT_BYTES = 11;
/** In the byte at 7 of the record. */
export const DNSSEC_OK = 0x80;
const TYPE_OPT = 41;

/** Whether it is one OPT record of version 0 at the end of the query (RFC 6891 §6.1.2); its options are not looked at. */
export function isExtension(query: Uint8Array, start: number, end: number): boolean {
  return (
    start + OPT_BYTES <= end &&
    query[start] === 0 &&
    query[start + 1] === 0 &&
    query[start + 2] === TYPE_OPT &&
    query[start + 5] === 0 &&
    query[start + 6] === 0 &&
    start + OPT_BYTES + ((query[start + 9]! << 8) | query[start + 10]!) === end
  );
}

export function writeExtension(out: Uint8Array, start: number, dnssecOk: boolean): void {
  out[start] = 0;
  out[start + 1] = 0;
  out[start + 2] = TYPE_OPT;
  out[start + 3] = UDP_REPLY_BYTES >>> 8;
  out[start + 4] = UDP_REPLY_BYTES & 0xff;
  out[start + 5] = 0;
  out[start + 6] = 0;
  out[start + 7] = dnssecOk ? DNSSEC_OK : 0;
  out[start + 8] = 0;
  out[start + 9] = 0;
  out[start + 10] = 0;
}
