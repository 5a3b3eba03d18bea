/** Responses as they are kept and handed on: without OPT, id 0, the question in lower case. */
import { encodeDnsMessage } from "../../../wire/dns/codec.ts";
import type { DnsMessage, DnsQuestion } from "../../../wire/dns/message.ts";
import { DNS_OPCODE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import type { QuestionFlags } from "../cache/question-key.ts";
import { withoutDnssec } from "../without-dnssec.ts";
import type { Piece } from "./piece.ts";

const TRUNCATED = 0x02;

export function responseOf(question: DnsQuestion, flags: QuestionFlags, piece: Piece): Uint8Array {
  // Some servers send them unasked, and the cache hands on what it has.
  const wanted = (records: Piece["records"]): Piece["records"] =>
    flags.dnssecOk ? records : withoutDnssec(records, question.type);
  return encodeDnsMessage({
    ...emptyResponse(question, flags),
    authenticData: piece.authenticData,
    responseCode: piece.state === "nxdomain" ? RESPONSE_CODE.NXDOMAIN : RESPONSE_CODE.NOERROR,
    answers: wanted(piece.records),
    authorities: wanted(piece.authorities),
  });
}

/** @param code of RESPONSE_CODE */
export function emptyResponseOf(question: DnsQuestion, flags: QuestionFlags, code: number): Uint8Array {
  return encodeDnsMessage({ ...emptyResponse(question, flags), responseCode: code });
}

/** Whether it is longer than a message may be. */
export function isTruncated(response: Uint8Array): boolean {
  return (response[2]! & TRUNCATED) !== 0;
}

function emptyResponse(question: DnsQuestion, flags: QuestionFlags): DnsMessage {
  return {
    id: 0,
    response: true,
    opcode: DNS_OPCODE.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: true,
    authenticData: false,
    checkingDisabled: flags.checkingDisabled,
    responseCode: RESPONSE_CODE.NOERROR,
    question,
    answers: [],
    authorities: [],
    additionals: [],
  };
}
