/** Extended DNS errors (RFC 8914): why a response is what it is, as an option of EDNS. */
import type { DnsExtension } from "./message.ts";

type Option = DnsExtension["options"][number];

/** What people read of codes by their place (IANA, Extended DNS Error Codes). */
const NAMES: readonly string[] = [
  "Other",
  "Unsupported DNSKEY Algorithm",
  "Unsupported DS Digest Type",
  "Stale Answer",
  "Forged Answer",
  "DNSSEC Indeterminate",
  "DNSSEC Bogus",
  "Signature Expired",
  "Signature Not Yet Valid",
  "DNSKEY Missing",
  "RRSIGs Missing",
  "No Zone Key Bit Set",
  "NSEC Missing",
  "Cached Error",
  "Not Ready",
  "Blocked",
  "Censored",
  "Filtered",
  "Prohibited",
  "Stale NXDOMAIN Answer",
  "Not Authoritative",
  "Not Supported",
  "No Reachable Authority",
  "Network Error",
  "Invalid Data",
];

export const EXTENDED_ERROR = {
  STALE_ANSWER: 3,
  DNSSEC_BOGUS: 6,
  CACHED_ERROR: 13,
  PROHIBITED: 18,
  STALE_NXDOMAIN_ANSWER: 19,
  NO_REACHABLE_AUTHORITY: 22,
  NETWORK_ERROR: 23,
} as const;

const OPTION = 15;

export function encodeExtendedError(code: number): Option {
  return { code: OPTION, data: Uint8Array.of(code >>> 8, code) };
}

interface ExtendedError {
  readonly code: number;
  /** What the server adds, in UTF-8 (EXTRA-TEXT). */
  readonly text: Uint8Array;
}

export function decodeExtendedErrors(extension: DnsExtension | undefined): readonly ExtendedError[] {
  return (extension?.options ?? []).flatMap(({ code, data }) =>
    code === OPTION && data.length >= 2 ? [{ code: (data[0]! << 8) | data[1]!, text: data.subarray(2) }] : [],
  );
}

/** "Stale Answer", "error 77". */
export function formatExtendedError(code: number): string {
  return NAMES[code] ?? `error ${code}`;
}
