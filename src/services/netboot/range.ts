/** Which part of a file a request wants (RFC 9110 §13.1.5, §14). */

export interface ByteRange {
  readonly first: number;
  /** At least `first`. */
  readonly last: number;
}

/**
 * @param header of the request; more than one range is served as the whole file, which every client must take
 * @returns undefined: the whole file; "unsatisfiable": nothing of it
 */
export function parseRange(header: string | undefined, totalBytes: number): ByteRange | "unsatisfiable" | undefined {
  const found = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header ?? "");
  if (found === null) return undefined;
  const [from = "", to = ""] = found.slice(1);
  if (from === "") {
    if (to === "") return undefined;
    const suffixBytes = Math.min(Number(to), totalBytes);
    return suffixBytes === 0 ? "unsatisfiable" : { first: totalBytes - suffixBytes, last: totalBytes - 1 };
  }
  const first = Number(from);
  const last = to === "" ? totalBytes - 1 : Math.min(Number(to), totalBytes - 1);
  if (to !== "" && Number(to) < first) return undefined;
  return first >= totalBytes ? "unsatisfiable" : { first, last };
}

/** Whether the range counts: the file is still the one of which the client has a part. Dates are too coarse to say so. */
export function isStillThat(ifRange: string | undefined, etag: string): boolean {
  return ifRange === undefined || ifRange === etag;
}
