import { describe, expect, test } from "vitest";
import { formatMistake, NetworkFileError } from "../../src/model/mistakes.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";
import { BETWEEN, SYNTAX } from "./mistakes/between.ts";
import { BOOT_SHAPE } from "./mistakes/boot.ts";
import { network } from "./mistakes/case.ts";
import { DHCP_BETWEEN, DHCP_SHAPE, SUBNETS } from "./mistakes/dhcp.ts";
import { DNS_BETWEEN, DNS_SHAPE } from "./mistakes/dns.ts";
import { IP6_SERVER_BETWEEN, IP6_SERVER_SHAPE } from "./mistakes/ip6-server.ts";
import { IPV6 } from "./mistakes/ipv6.ts";
import { LATER } from "./mistakes/later.ts";
import { NAMESPACES } from "./mistakes/namespaces.ts";
import { SHAPE } from "./mistakes/shape.ts";
import { DELEGATED_BETWEEN, UPLINK_BETWEEN, UPLINK_SHAPE } from "./mistakes/uplinks.ts";
import { VMS } from "./mistakes/vms.ts";
import { FILE, mistakesOf } from "./read.ts";

describe.each([
  ["shape", SHAPE],
  ["not supported yet", LATER],
  ["IPv6", IPV6],
  ["VMs and ports", VMS],
  ["uplinks", [...UPLINK_SHAPE, ...UPLINK_BETWEEN, ...DELEGATED_BETWEEN]],
  ["DHCP", [...DHCP_SHAPE, ...DHCP_BETWEEN]],
  ["boot files", BOOT_SHAPE],
  ["DNS", [...DNS_SHAPE, ...DNS_BETWEEN]],
  ["several subnets", SUBNETS],
  ["namespaces", NAMESPACES],
  ["IPv6 server", [...IP6_SERVER_SHAPE, ...IP6_SERVER_BETWEEN]],
  ["between the parts", BETWEEN],
  ["syntax", SYNTAX],
])("%s", (_, cases) => {
  test.each(cases)("$what", ({ text, at, line, reason, remedy, value }) => {
    const mistakes = mistakesOf(text);
    expect(mistakes[0]).toMatchObject({ file: FILE, line, path: at });
    expect(mistakes[0]?.reason).toMatch(reason);
    expect(mistakes[0]?.remedy).toMatch(remedy);
    if (value !== undefined) expect(mistakes[0]?.value).toBe(value);
    if (at !== "version") expect(mistakes.slice(1)).toEqual([]);
  });
});

test("all mistakes are told at once, in the order of the file", () => {
  const mistakes = mistakesOf(`version: 1
netwroks: {}
networks:
  lan: { subnet: 192.0.2.0/24, mtu: 12, colour: red, shape: round }
  back: { subnet: 192.0.2.0/25 }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 198.51.100.1 }, { netwrk: lan }] }
  pod2: { kind: namespace, nics: [{ network: lab }] }
  vm1: { kind: vm, in: pod3, image: a }
`);
  expect(mistakes.map(({ line, path }) => `${line} ${path}`)).toEqual([
    "2 netwroks",
    "4 networks.lan.mtu",
    "4 networks.lan.colour",
    "4 networks.lan.shape",
    "5 networks.back.subnet",
    "7 machines.pod1.nics[1].network",
    "7 machines.pod1.nics[1].netwrk",
    "8 machines.pod2.nics[0].network",
    "9 machines.vm1.in",
  ]);
});

test("a mistake reads as file, place, path, reason, value and remedy", () => {
  const [mistake] = mistakesOf(network("subnet: 192.0.2.0/24, mtu: 12"));
  expect(formatMistake(mistake!)).toBe(
    "office.yaml:3:37: networks.lan.mtu: is outside 68 to 65535 (is 12)\n    write a whole number from 68 to 65535 bytes",
  );
});

test("the error carries the code for a wrong file and every mistake in its message", () => {
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(NetworkFileError);
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(
    /a\/b\.yaml: 1 mistake\na\/b\.yaml:1:10: version/,
  );
  expect(() => parseNetworkFile("version: 3\n", "a/b.yaml", { folder: "/" })).toThrow(
    expect.objectContaining({ code: "bad-file" }),
  );
});

test("a file whose own name cannot be the network's asks for one", () => {
  expect(() => parseNetworkFile("version: 1\n", "/srv/My Network.yaml", { folder: "/srv" })).toThrow(
    /"My Network" is not a good name/,
  );
  expect(parseNetworkFile("version: 1\nname: mine\n", "/srv/My Network.yaml", { folder: "/srv" }).name).toBe("mine");
});
