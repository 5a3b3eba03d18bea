/** What tshark reads in all that the server of a link says. */
import { expect, test } from "vitest";
import { fromHex } from "../../../../src/base/bytes.ts";
import { tsharkFields, tsharkFindings } from "../../../support/tshark.ts";
import { asks, CONFIG, ia, RAPID, say, start, startWith, STATELESS } from "./world.ts";

const name = { code: 39, data: fromHex("01 03 766d31 07 6578616d706c65 03 6f7267 00") };
const wishes = [ia("address", 1), ia("temporary", 2), ia("prefix", 3), name, asks(23, 24, 31, 39, 56)];
const relays = [
  { options: [{ code: 18, data: fromHex("65746830") }] },
  { linkAddress: "::", options: [{ code: 135, data: fromHex("0000") }] },
];

const server = start({ rapidCommit: true });
const outputs = [
  say(server, "SOLICIT", wishes),
  say(server, "SOLICIT", [...wishes, RAPID]),
  say(server, "REQUEST", wishes, { relays, sourcePort: 5470 }),
  say(server, "RENEW", [ia("address", 1, "2001:db8:9::1"), ia("prefix", 3, "2001:db8:9::/56")]),
  say(server, "REQUEST", [ia("address", 9, "2001:db8:9::1")]),
  say(server, "REQUEST", [ia("address", 9)], { destination: CONFIG.linkAddress }),
  say(server, "CONFIRM", [ia("address", 1, "2001:db8:9::1")]),
  say(server, "RELEASE", [ia("address", 77, "2001:db8:1::10")]),
  say(startWith(STATELESS), "INFORMATION-REQUEST", [asks(23, 24, 31, 32, 56)], { client: "none" }),
];
const frames = outputs.flatMap((output) => output.frames);

test("without a warning", () => {
  expect(frames).toHaveLength(outputs.length);
  expect(tsharkFindings(frames)).toEqual([]);
});

test("addresses, prefixes, settings and status, as the RFCs write them", () => {
  const fields = tsharkFields(frames, [
    "dhcpv6.msgtype",
    "dhcpv6.iaaddr.ip",
    "dhcpv6.iaprefix.pref_len",
    "dhcpv6.status_code",
    "dhcpv6.dns_server",
    "dhcpv6.sntp_server",
    "dhcpv6.search_list_entry",
    "dhcpv6.ntpserver.addr",
    "dhcpv6.clientfqdn.server.n",
  ]);
  expect(fields.map((row) => row["dhcpv6.msgtype"])).toEqual(["2", "7", "13,13,7", "7", "7", "7", "7", "7", "7"]);
  expect(fields[1]).toMatchObject({
    "dhcpv6.iaprefix.pref_len": "56",
    "dhcpv6.dns_server": "2001:db8:1::53",
    "dhcpv6.sntp_server": "2001:db8:1::123",
    "dhcpv6.search_list_entry": expect.stringMatching(/^example\.org\.?$/),
    "dhcpv6.ntpserver.addr": "2001:db8:1::123",
    "dhcpv6.clientfqdn.server.n": expect.stringMatching(/^(1|True)$/),
  });
  expect(fields[1]!["dhcpv6.iaaddr.ip"]!.split(",")).toHaveLength(2);
  expect(fields.slice(4, 8).map((row) => row["dhcpv6.status_code"])).toEqual(["4", "5", "4", "0,3"]);
});
