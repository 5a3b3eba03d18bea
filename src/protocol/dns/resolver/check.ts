/** Whether what came from a server's address is the answer to what it was asked (RFC 5452 §9.1). */
import { DNS_HEADER_BYTES, decodeDnsMessage } from "../../../wire/dns/codec.ts";
import type { DnsMessage, DnsQuestion } from "../../../wire/dns/message.ts";
import { DNS_OPCODE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { BadAnswer } from "./counters.ts";
import { canonicalName } from "./names.ts";

/** What went out. */
export interface Asked {
  readonly id: number;
  /** As it was spelled. */
  readonly question: DnsQuestion;
  /** Whether the answer has to spell it the same. */
  readonly exactCase: boolean;
}

/** A server that did not understand the question says so with a bare header. */
export interface BareRefusal {
  readonly refusal: number;
}

export function checkAnswer(bytes: Uint8Array, asked: Asked): DnsMessage | BareRefusal | BadAnswer {
  if (bytes.length < DNS_HEADER_BYTES) return "malformed";
  if (((bytes[0]! << 8) | bytes[1]!) !== asked.id) return "id";
  if (isBareRefusal(bytes)) return { refusal: bytes[3]! & 15 };
  const message = decodeDnsMessage(bytes);
  if (message instanceof Malformed) return "malformed";
  if (!message.response || message.opcode !== DNS_OPCODE.QUERY) return "malformed";
  const { question } = message;
  const sameKind = question.type === asked.question.type && question.class === asked.question.class;
  if (!sameKind || canonicalName(question.name) !== canonicalName(asked.question.name)) return "question";
  return asked.exactCase && question.name !== asked.question.name ? "case" : message;
}

/** A response to a query without any question in it, and a code that says why. */
function isBareRefusal(bytes: Uint8Array): boolean {
  const isResponse = (bytes[2]! & 0xf8) === 0x80;
  const code = bytes[3]! & 15;
  return (
    isResponse && code !== RESPONSE_CODE.NOERROR && code !== RESPONSE_CODE.NXDOMAIN && bytes[4] === 0 && bytes[5] === 0
  );
}
