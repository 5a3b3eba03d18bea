/** The bytes of a question to another server. */
import { encodeDnsMessage } from "../../../wire/dns/codec.ts";
import type { DnsExtension, DnsQuestion } from "../../../wire/dns/message.ts";
import { DNS_OPCODE, RESPONSE_CODE } from "../../../wire/dns/types.ts";

/** What passes every link without fragments (DNS flag day 2020). */
const UDP_PAYLOAD_BYTES = 1232;
/** RFC 7830, RFC 8467 §4.1: who reads along shall not tell the question by its length. */
const PADDING_OPTION = 12;
const PADDED_BYTES = 128;
const OPTION_HEADER_BYTES = 4;

export interface UpstreamQuestion {
  readonly id: number;
  readonly question: DnsQuestion;
  readonly recursionDesired: boolean;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
  readonly withExtension: boolean;
  readonly padded: boolean;
}

export function encodeUpstreamQuestion(asked: UpstreamQuestion): Uint8Array {
  const bytes = encodeWith(asked, []);
  if (!asked.padded || !asked.withExtension) return bytes;
  const padding = PADDED_BYTES - 1 - ((bytes.length + OPTION_HEADER_BYTES + PADDED_BYTES - 1) % PADDED_BYTES);
  return encodeWith(asked, [{ code: PADDING_OPTION, data: new Uint8Array(padding) }]);
}

function encodeWith(asked: UpstreamQuestion, options: DnsExtension["options"]): Uint8Array {
  const extension = { udpPayloadBytes: UDP_PAYLOAD_BYTES, version: 0, dnssecOk: asked.dnssecOk, options };
  return encodeDnsMessage({
    id: asked.id,
    response: false,
    opcode: DNS_OPCODE.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: asked.recursionDesired,
    recursionAvailable: false,
    // RFC 6840 §5.7: says that AD in the answer is understood.
    authenticData: asked.recursionDesired,
    checkingDisabled: asked.checkingDisabled,
    responseCode: RESPONSE_CODE.NOERROR,
    question: asked.question,
    answers: [],
    authorities: [],
    additionals: [],
    ...(asked.withExtension ? { extension } : {}),
  });
}
