/** dns query: one question, and all that a server answers. */
import { randomInt } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { familyOf, type IpAddress, parseIp } from "../../../base/address.ts";
import { messageOf } from "../../../base/errors.ts";
import { parseResolvConf } from "../../../base/resolv-conf.ts";
import { reverseZonesOf } from "../../../protocol/dns/reverse-zones.ts";
import { askDns, type DnsAnswer } from "../../../services/dns/client.ts";
import { printable } from "../../../services/vm/printable.ts";
import { decodeExtendedErrors, formatExtendedError } from "../../../wire/dns/extended-error.ts";
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { formatName, formatRecord, formatRecordData, parseName } from "../../../wire/dns/text.ts";
import {
  DNS_CLASS,
  DNS_TYPE,
  formatDnsClass,
  formatDnsType,
  formatResponseCode,
  parseDnsType,
} from "../../../wire/dns/types.ts";
import { type Command, usageError } from "../command.ts";
import { print, printJson } from "../output.ts";
import { DNS_PORT } from "./dns-options.ts";
import { attempt, type Endpoint, parseEndpoint } from "./serve-options.ts";

const UDP_PAYLOAD_BYTES = 1232;
const RESOLV_CONF = "/etc/resolv.conf";

export const dnsQueryCommand: Command = {
  name: "dns query",
  operands: ["NAME", "[TYPE]"],
  summary: "Ask a DNS server, and show what it answers.",
  details:
    "NAME is a whole name, with or without its final dot; an address asks for the name of that address. TYPE is A where " +
    "nothing is said; others are AAAA, CNAME, MX, NS, PTR, SOA, SRV, TXT, HTTPS and so on, and TYPE65280. The exit code " +
    "is 0 for every answer, also that there is no such name, and 1 when nothing answers.",
  options: {
    server: { value: "ADDRESS[#PORT]", help: `who is asked (default the first of ${RESOLV_CONF})` },
    tcp: { help: "ask over TCP; without it that is done when the answer is too long for UDP" },
    dnssec: { help: "ask for signatures, too, and tell whether the server has checked them (ad)" },
  },
  example: "netloom dns query www.example.org AAAA --server 192.0.2.53",
  async run(invocation) {
    const [name = "", type] = invocation.positionals;
    const question = readQuestion(name, type);
    const server = readServer(invocation.option("server"));
    const dnssecOk = invocation.flag("dnssec");
    const answer = await askDns(queryFor(question, dnssecOk), server, invocation.flag("tcp"));
    if (invocation.flag("json")) printJson(describe(answer, server));
    else print(format(answer, server));
    return 0;
  },
};

function readQuestion(name: string, typeText: string | undefined): DnsQuestion {
  const address = readAddress(name);
  const type = typeText === undefined ? (address === undefined ? DNS_TYPE.A : DNS_TYPE.PTR) : parseDnsType(typeText);
  if (type === undefined)
    throw usageError(`dns query: ${typeText}: no type`, "Give one such as AAAA, MX or TYPE65280.");
  if (address !== undefined) {
    const [pointer] = reverseZonesOf({ address, length: familyOf(address) === 4 ? 32 : 128 });
    return { name: pointer!, type, class: DNS_CLASS.IN };
  }
  try {
    return { name: parseName(name, ""), type, class: DNS_CLASS.IN };
  } catch (error) {
    throw usageError(`dns query: ${messageOf(error)}`);
  }
}

function readAddress(text: string): IpAddress | undefined {
  // Of names only those with digits alone could be taken for one.
  if (!/^\d+(\.\d+){3}$/.test(text) && !text.includes(":")) return undefined;
  try {
    return parseIp(text);
  } catch (error) {
    throw usageError(`dns query: ${messageOf(error)}`);
  }
}

function readServer(text: string | undefined): Endpoint {
  if (text === undefined) {
    const [address] = existsSync(RESOLV_CONF) ? parseResolvConf(readFileSync(RESOLV_CONF, "utf8")).servers : [];
    if (address === undefined) throw usageError(`dns query: ${RESOLV_CONF} names no server`, "Give one with --server.");
    return { address, port: DNS_PORT };
  }
  return attempt(dnsQueryCommand, () => parseEndpoint(text, DNS_PORT));
}

function queryFor(question: DnsQuestion, dnssecOk: boolean): DnsMessage {
  return {
    id: randomInt(0x10000),
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: false,
    // The asker wants to know, whether or not it wants the proofs (RFC 6840 §5.7).
    authenticData: true,
    checkingDisabled: false,
    responseCode: 0,
    question,
    answers: [],
    authorities: [],
    additionals: [],
    extension: { udpPayloadBytes: UDP_PAYLOAD_BYTES, version: 0, dnssecOk, options: [] },
  };
}

const FLAGS: readonly (readonly [keyof DnsMessage, string])[] = [
  ["authoritative", "aa"],
  ["truncated", "tc"],
  ["recursionDesired", "rd"],
  ["recursionAvailable", "ra"],
  ["authenticData", "ad"],
  ["checkingDisabled", "cd"],
];

const flagsOf = (message: DnsMessage): string[] =>
  FLAGS.flatMap(([key, flag]) => (message[key] === true ? [flag] : []));

/** What the server says of its answer (RFC 8914). */
function errorsOf({ extension }: DnsMessage): { code: number; name: string; text: string }[] {
  return decodeExtendedErrors(extension).map(({ code, text }) => ({
    code,
    name: formatExtendedError(code),
    text: printable(Buffer.from(text).toString("utf8")).replaceAll("\n", " ").trim(),
  }));
}

/** Comments begin with a semicolon, so that the rest is a piece of a zone file. */
function format({ message, transport, bytes, milliseconds }: DnsAnswer, { address, port }: Endpoint): string {
  const { question, answers, authorities, additionals } = message;
  const section = (title: string, records: readonly DnsRecord[]): string[] =>
    records.length === 0 ? [] : [`; ${title}`, ...records.map(formatRecord)];
  return [
    `; ${formatResponseCode(message.responseCode)}, ${flagsOf(message).join(" ")}`,
    `; ${formatName(question.name)} ${formatDnsClass(question.class)} ${formatDnsType(question.type)}`,
    ...errorsOf(message).map(({ name, text }) => `; error: ${name}${text === "" ? "" : `: ${text}`}`),
    ...section("answer", answers),
    ...section("authority", authorities),
    ...section("additional", additionals),
    `; ${bytes} bytes from ${address}#${port} over ${transport} in ${milliseconds.toFixed(1)} ms`,
  ].join("\n");
}

function describe({ message, transport, bytes, milliseconds }: DnsAnswer, { address, port }: Endpoint): object {
  const told = ({ name, ttlSeconds, type, data, class: number }: DnsRecord): object => ({
    name: formatName(name),
    ttlSeconds,
    class: formatDnsClass(number),
    type: formatDnsType(type),
    data: formatRecordData(type, data),
  });
  return {
    server: `${address}#${port}`,
    transport,
    bytes,
    milliseconds: Number(milliseconds.toFixed(3)),
    responseCode: formatResponseCode(message.responseCode),
    flags: flagsOf(message),
    question: { name: formatName(message.question.name), type: formatDnsType(message.question.type) },
    errors: errorsOf(message),
    answers: message.answers.map(told),
    authorities: message.authorities.map(told),
    additionals: message.additionals.map(told),
  };
}
