/** What tshark reads in messages of ours: every type of records, EDNS, compression, messages that were cut. */
import { expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import { encodeDnsMessage } from "../../../src/wire/dns/codec.ts";
import type { DnsMessage } from "../../../src/wire/dns/message.ts";
import { encodeEthernet, ETHERTYPE_IPV4 } from "../../../src/wire/ethernet.ts";
import { encodeIpv4, IP_PROTOCOL_UDP } from "../../../src/wire/ipv4.ts";
import { encodeUdp } from "../../../src/wire/udp.ts";
import { queryMessage, records } from "../../protocol/dns/records.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";

const NAME = "www.example.org";
const RECORDS = [
  "A 192.0.2.1",
  "AAAA 2001:db8::1",
  "NS ns.example.org.",
  "CNAME web.example.org.",
  "PTR host.example.net.",
  "MX 10 mail.example.org.",
  "SRV 0 5 5060 sip.example.net.",
  "SOA ns.example.org. root.example.org. 2026112101 10800 900 1814400 86400",
  'TXT "v=spf1 -all" "two"',
  'CAA 0 issue "ca.example.org"',
  'NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:info@example.org!" .',
  "SSHFP 4 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
  "TLSA 3 1 1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
  "DS 60485 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
  "DNSKEY 257 3 13 AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8no",
  "RRSIG A 13 3 86400 20260322173103 20260220173103 2642 example.org. oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTrPYGv07h1",
  "NSEC host.example.org. A MX RRSIG NSEC TYPE1234",
  "NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG",
  'HTTPS 1 . alpn="h2,h3" port=8443 ipv4hint=192.0.2.1 ipv6hint=2001:db8::1',
];

function frame(message: DnsMessage, limitBytes?: number): Uint8Array {
  const [source, destination] = [parseIpv4("192.0.2.53"), parseIpv4("192.0.2.10")];
  const payload = encodeDnsMessage(message, limitBytes);
  const udp = encodeUdp({ sourcePort: 53, destinationPort: 40_000, payload }, { source, destination });
  const packet = encodeIpv4({
    source,
    destination,
    protocol: IP_PROTOCOL_UDP,
    payload: udp,
    timeToLive: 64,
    dontFragment: false,
  });
  const [own, other] = [parseMac("02:00:00:00:00:01"), parseMac("02:00:00:00:00:02")];
  return encodeEthernet({ source: own, destination: other, etherType: ETHERTYPE_IPV4, payload: packet });
}

test("messages are well formed, and say what they are meant to", () => {
  const response = { response: true, recursionAvailable: true, authoritative: true };
  const extension = { udpPayloadBytes: 1232, version: 0, dnssecOk: true, options: [] };
  const one = RECORDS.map((data) => ({ ...queryMessage(NAME), ...response, answers: records(`${NAME} 60 ${data}`) }));
  const many = records(RECORDS.map((data) => `${NAME} 60 ${data}`).join("\n"));
  const mixed = { ...queryMessage(NAME), ...response, answers: many, authorities: many.slice(2, 3), extension };
  const frames = [...one.map((message) => frame(message)), frame(mixed), frame(mixed, 512)];
  expect(tsharkFindings(frames)).toEqual([]);
  const rows = tsharkFields(frames.slice(-2), [
    "dns.count.answers",
    "dns.flags.truncated",
    "dns.rr.udp_payload_size",
    "dns.a",
    "dns.mx.mail_exchange",
    "dns.srv.target",
    "dns.soa.mname",
  ]);
  const told = { "dns.rr.udp_payload_size": "1232", "dns.a": "192.0.2.1", "dns.mx.mail_exchange": "mail.example.org" };
  const hosts = { "dns.srv.target": "sip.example.net", "dns.soa.mname": "ns.example.org" };
  expect(rows).toMatchObject([
    { ...told, ...hosts, "dns.count.answers": String(RECORDS.length), "dns.flags.truncated": "0" },
    { ...told, ...hosts, "dns.count.answers": "14", "dns.flags.truncated": "1" },
  ]);
});
