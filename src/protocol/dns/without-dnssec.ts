/** Records of DNSSEC in replies: only who asks for them gets them (RFC 3225 §3, RFC 4035 §3.2.1). */
import type { DnsRecord } from "../../wire/dns/message.ts";
import { DNS_TYPE } from "../../wire/dns/types.ts";

const DNSSEC_TYPES: ReadonlySet<number> = new Set([DNS_TYPE.RRSIG, DNS_TYPE.NSEC, DNS_TYPE.NSEC3]);

/** @param type that is asked for */
export function withoutDnssec(records: readonly DnsRecord[], type: number): readonly DnsRecord[] {
  if (!records.some((record) => DNSSEC_TYPES.has(record.type))) return records;
  return records.filter((record) => !DNSSEC_TYPES.has(record.type) || record.type === type);
}
