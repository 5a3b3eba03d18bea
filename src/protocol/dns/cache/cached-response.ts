/** A response of the cache as people are shown it. */
import { decodeDomainName } from "../../../wire/domain-name.ts";
import { decodeDnsMessage } from "../../../wire/dns/codec.ts";
import { readName } from "../../../wire/dns/data.ts";
import type { DnsQuestion } from "../../../wire/dns/message.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { uint16 } from "./response.ts";

const HEADER_BYTES = 12;

export interface CachedResponse {
  readonly question: DnsQuestion;
  readonly flags: { readonly dnssecOk: boolean; readonly checkingDisabled: boolean };
  readonly responseCode: number;
  /** Records of the answer section; 0 is a denial. */
  readonly answers: number;
  readonly stale: boolean;
  readonly remainingSeconds: number;
  /** Times that it was told lately. */
  readonly hits: number;
  /** The response itself, TTLs counted down. */
  readonly message: Uint8Array;
}

/** The question's, those of the answer's records and those that its aliases lead to, in lower case. */
export function namesIn(response: Uint8Array, hasAlias: boolean): readonly string[] {
  if (!hasAlias) return [describeResponse(response).question.name];
  const message = decodeDnsMessage(response);
  if (message instanceof Malformed) return [];
  const names = message.answers.flatMap((record) => {
    const target = record.type === DNS_TYPE.CNAME ? readName(record) : undefined;
    return target === undefined ? [record.name] : [record.name, target];
  });
  return [message.question.name, ...names].map((name) => name.toLowerCase());
}

/** What the bytes of a kept response tell. */
export function describeResponse(message: Uint8Array): Pick<CachedResponse, "question" | "responseCode" | "answers"> {
  const read = decodeDomainName(message, HEADER_BYTES);
  if (read instanceof Malformed) throw new TypeError(`DNS cache, a kept response: ${read.reason}`);
  return {
    question: { name: read.name, type: uint16(message, read.next), class: uint16(message, read.next + 2) },
    responseCode: message[3]! & 15,
    answers: uint16(message, 6),
  };
}
