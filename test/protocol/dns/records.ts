/** Zones, queries and replies as text. */
import { parseIp, parsePrefix } from "../../../src/base/address.ts";
import type { DnsServerConfig, DnsUpstream, DnsZoneConfig } from "../../../src/protocol/dns/config.ts";
import { decodeDnsMessage, encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import { readEntries } from "../../../src/wire/dns/master.ts";
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../src/wire/dns/message.ts";
import { formatRecord, parseName, parseRecordData } from "../../../src/wire/dns/text.ts";
import { DNS_CLASS, formatResponseCode, parseDnsType } from "../../../src/wire/dns/types.ts";
import { Malformed } from "../../../src/wire/malformed.ts";

/** "NAME [TTL] TYPE DATA", one a line. */
export function records(text: string, origin = ""): DnsRecord[] {
  return Array.from(readEntries(text), ({ words }) => {
    const ttl = /^\d+$/.test(words[1]!.text) ? 1 : 0;
    const type = parseDnsType(words[1 + ttl]!.text)!;
    return {
      name: parseName(words[0]!.text, origin),
      type,
      class: DNS_CLASS.IN,
      ttlSeconds: ttl === 1 ? Number(words[1]!.text) : 3600,
      data: parseRecordData(type, words.slice(2 + ttl), origin),
    };
  });
}

export function zone(name: string, text: string): DnsZoneConfig {
  return { name, records: records(text, name) };
}

export const UPSTREAM: DnsUpstream = { address: parseIp("192.0.2.53"), port: 53 };

export function config(changes: Partial<DnsServerConfig> & { allowed?: readonly string[] } = {}): DnsServerConfig {
  const { allowed, ...rest } = changes;
  return {
    mode: "forward-only",
    upstreams: [UPSTREAM],
    domains: [],
    zones: [],
    mixedCase: false,
    cache: {
      bytes: 1 << 20,
      minimumTtlSeconds: 0,
      maximumTtlSeconds: 86_400,
      maximumNegativeSeconds: 3600,
      staleSeconds: 0,
    },
    ...(allowed === undefined ? {} : { allow: allowed.map(parsePrefix) }),
    ...rest,
  };
}

export function question(text: string): DnsQuestion {
  const [name, type = "A"] = text.split(" ");
  return { name: name!, type: parseDnsType(type)!, class: DNS_CLASS.IN };
}

export function queryMessage(text: string, changes: Partial<DnsMessage> = {}): DnsMessage {
  return {
    id: 0x4e4c,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    responseCode: 0,
    question: question(text),
    answers: [],
    authorities: [],
    additionals: [],
    ...changes,
  };
}

export function query(text: string, changes: Partial<DnsMessage> = {}): Uint8Array {
  return encodeDnsMessage(queryMessage(text, changes));
}

export function decoded(bytes: Uint8Array | undefined): DnsMessage {
  const message = bytes === undefined ? undefined : decodeDnsMessage(bytes);
  if (message === undefined || message instanceof Malformed) throw new Error(message?.reason ?? "no message");
  return message;
}

/** "NXDOMAIN aa rd ra", and the records of each section. */
export function described(message: DnsMessage): string[] {
  const flags = [
    message.authoritative ? "aa" : "",
    message.truncated ? "tc" : "",
    message.recursionDesired ? "rd" : "",
    message.recursionAvailable ? "ra" : "",
    message.authenticData ? "ad" : "",
    message.checkingDisabled ? "cd" : "",
  ].filter((flag) => flag !== "");
  const section = (mark: string, all: readonly DnsRecord[]): string[] =>
    all.map((record) => `${mark}${formatRecord(record).replace(" IN ", " ")}`);
  return [
    [formatResponseCode(message.responseCode), ...flags].join(" "),
    ...section("", message.answers),
    ...section("authority ", message.authorities),
    ...section("additional ", message.additionals),
  ];
}
