import { expect, test } from "vitest";
import { parseHostsFile } from "../../../src/protocol/dns/hosts-file.ts";

test("names have the addresses of all their lines; a bad line is passed over and told", () => {
  const text = `# the office
127.0.0.1\tlocalhost localhost.localdomain
192.0.2.7  Printer.LAN. printer# by the door

2001:db8::7 printer.lan
192.0.2.7 printer.lan
192.0.2.300 broken
192.0.2.8
fe80::1%eth0 router
192.0.2.9 spare bad..name\r
192.0.2.10 last`;
  const { hosts, problems } = parseHostsFile(text);
  expect(Object.fromEntries(hosts)).toEqual({
    localhost: ["127.0.0.1"],
    "localhost.localdomain": ["127.0.0.1"],
    "printer.lan": ["192.0.2.7", "2001:db8::7"],
    printer: ["192.0.2.7"],
    last: ["192.0.2.10"],
  });
  expect(problems).toEqual([
    { line: 7, reason: "192.0.2.300 is no address" },
    { line: 8, reason: "192.0.2.8 has no name" },
    { line: 9, reason: "fe80::1%eth0 is no address" },
    { line: 10, reason: "spare bad..name: not all of these can be names" },
  ]);
});
