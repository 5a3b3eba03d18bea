/** Replies: what was asked for is told back, in the spelling and with the flags of who asked. */
import { DNS_HEADER_BYTES, encodeDnsMessage, LONGEST_MESSAGE_BYTES } from "../../../wire/dns/codec.ts";
import { encodeExtendedError } from "../../../wire/dns/extended-error.ts";
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import { UDP_REPLY_BYTES } from "../cache/extension.ts";
import { withoutDnssec } from "../without-dnssec.ts";
import { findExtension } from "./find-extension.ts";

/** OPT without options. */
const EXTENSION_BYTES = 11;
/** Without EDNS (RFC 1035 §4.2.1). */
const PLAIN_REPLY_BYTES = 512;

/** What of a query its reply depends on. */
export interface Request {
  readonly token: number;
  /** The query itself, when it came over UDP. */
  readonly datagram: Uint8Array | undefined;
  readonly id: number;
  /** In the asker's spelling. */
  readonly question: DnsQuestion;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  /** AD is told to who set it, or DO (RFC 6840 §5.7). */
  readonly authenticDataWanted: boolean;
  readonly dnssecOk: boolean;
  readonly extended: boolean;
  readonly limitBytes: number;
}

export function requestOf(query: DnsMessage, transport: "udp" | "tcp", token: number, bytes: Uint8Array): Request {
  const { extension } = query;
  const udpBytes = Math.min(Math.max(extension?.udpPayloadBytes ?? 0, PLAIN_REPLY_BYTES), UDP_REPLY_BYTES);
  return {
    token,
    datagram: transport === "udp" ? bytes : undefined,
    id: query.id,
    question: query.question,
    recursionDesired: query.recursionDesired,
    checkingDisabled: query.checkingDisabled,
    authenticDataWanted: query.authenticData || extension?.dnssecOk === true,
    dnssecOk: extension?.dnssecOk === true,
    extended: extension !== undefined,
    limitBytes: transport === "tcp" ? LONGEST_MESSAGE_BYTES : udpBytes,
  };
}

/** For a reply that goes to nobody yet. */
export function plainRequest(question: DnsQuestion): Request {
  return {
    token: 0,
    datagram: undefined,
    id: 0,
    question,
    recursionDesired: false,
    checkingDisabled: false,
    authenticDataWanted: false,
    dnssecOk: false,
    extended: false,
    limitBytes: LONGEST_MESSAGE_BYTES,
  };
}

/** What is told. */
export interface Told {
  readonly responseCode: number;
  /** Something is missing already; default: only what does not fit. */
  readonly truncated?: boolean;
  readonly authoritative: boolean;
  readonly authenticData: boolean;
  readonly recursionAvailable: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** Of EXTENDED_ERROR; told to who speaks EDNS. */
  readonly error?: number;
}

export function bare(responseCode: number, recursionAvailable: boolean): Told {
  return {
    responseCode,
    authoritative: false,
    authenticData: false,
    recursionAvailable,
    answers: [],
    authorities: [],
    additionals: [],
  };
}

export function encodeReply(request: Request, told: Told): Uint8Array {
  const options = told.error === undefined ? [] : [encodeExtendedError(told.error)];
  const wanted = (records: readonly DnsRecord[]): readonly DnsRecord[] =>
    request.dnssecOk ? records : withoutDnssec(records, request.question.type);
  return encodeDnsMessage(
    {
      id: request.id,
      response: true,
      opcode: 0,
      authoritative: told.authoritative,
      truncated: told.truncated === true,
      recursionDesired: request.recursionDesired,
      recursionAvailable: told.recursionAvailable,
      authenticData: told.authenticData && request.authenticDataWanted,
      checkingDisabled: request.checkingDisabled,
      responseCode: told.responseCode,
      question: request.question,
      answers: wanted(told.answers),
      authorities: wanted(told.authorities),
      additionals: wanted(told.additionals),
      ...(request.extended
        ? { extension: { udpPayloadBytes: UDP_REPLY_BYTES, version: 0, dnssecOk: request.dnssecOk, options } }
        : {}),
    },
    request.limitBytes,
  );
}

/** To what is not decoded: the header only, and OPT to who sent one (RFC 6891 §6.1.1), or he takes us for older than EDNS. */
export function encodeHeader(query: Uint8Array, responseCode: number): Uint8Array {
  const extension = findExtension(query);
  const reply = new Uint8Array(DNS_HEADER_BYTES + (extension === undefined ? 0 : EXTENSION_BYTES));
  reply.set(query.subarray(0, 2));
  // A response, with the query's opcode and RD; of the lower flags CD.
  reply[2] = 0x80 | (query[2]! & 0x79);
  reply[3] = (query[3]! & 0x10) | (responseCode & 15);
  if (extension === undefined) return reply;
  reply[11] = 1;
  const { dnssecOk } = extension;
  // The root's name, the type, how much may be sent to us, then version 0 and DO as the query has it, no options.
  reply.set(
    [0, 0, DNS_TYPE.OPT, UDP_REPLY_BYTES >> 8, UDP_REPLY_BYTES & 0xff, 0, 0, dnssecOk ? 0x80 : 0],
    DNS_HEADER_BYTES,
  );
  return reply;
}

/** To a question for what is no data. */
export function refusedType(type: number): number | undefined {
  switch (type) {
    case DNS_TYPE.AXFR:
    case DNS_TYPE.IXFR:
      return RESPONSE_CODE.REFUSED;
    case DNS_TYPE.MAILA:
    case DNS_TYPE.MAILB:
      return RESPONSE_CODE.NOTIMP;
    case DNS_TYPE.OPT:
    case DNS_TYPE.TSIG:
    case TYPE_TKEY:
    case 0:
      return RESPONSE_CODE.FORMERR;
    default:
      return undefined;
  }
}

const TYPE_TKEY = 249;
