/**
 * Files whose statements would multiply: each holds for every network, or for every other one. What is made of them is
 * counted, not timed.
 */
import { expect, test } from "vitest";
import { Budget, MOST_VALUES } from "../../src/import/budget.ts";
import { importDhcpd } from "../../src/import/dhcpd/dhcpd.ts";
import { importDnsmasq } from "../../src/import/dnsmasq/dnsmasq.ts";
import { type DraftNetwork, valuesOf } from "../../src/import/draft.ts";
import { type Format, importConfiguration } from "../../src/import/import.ts";
import { Included } from "../../src/import/included.ts";
import { readZoneFile } from "../../src/import/named/zone-file.ts";
import { Problems } from "../../src/import/problem.ts";

const NETWORKS = 200;
const STATEMENTS = 400;

const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
const mac = (i: number): string =>
  `52:54:00:00:${[i >> 8, i & 255].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`;
const many = (count: number, make: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join("\n");
const SUBNETS = many(
  NETWORKS,
  (i) => `subnet ${address(256 * i)} netmask 255.255.255.0 { range ${address(256 * i + 9)} ${address(256 * i + 10)}; }`,
);
const RANGES = many(NETWORKS, (i) => `dhcp-range=${address(256 * i + 9)},${address(256 * i + 10)},255.255.255.0`);

function reasonsOf(problems: Problems): string {
  return problems
    .all()
    .map(({ reason }) => reason)
    .join();
}

/** What networks hold beside themselves. */
function valuesIn(networks: readonly DraftNetwork[]): number {
  return networks.reduce((sum, { hosts, classes, ignore }) => {
    const settings = [...hosts, ...classes].map((each) => valuesOf(each.settings));
    return sum + hosts.length + classes.length + ignore.length + settings.reduce((all, count) => all + count, 0);
  }, 0);
}

test.each<[string, Format, (i: number) => string]>([
  ["hosts without addresses", "dhcpd", (i) => `host h { hardware ethernet ${mac(i)}; default-lease-time 60; }`],
  ["hosts that are ignored", "dhcpd", (i) => `host h { hardware ethernet ${mac(i)}; ignore booting; }`],
  ["classes", "dhcpd", (i) => `class "c${i}" { match if option user-class = "${i}"; filename "x"; }`],
  ["conditions", "dhcpd", (i) => `if option user-class = "${i}" { filename "x"; }`],
  ["hosts that dnsmasq ignores", "dnsmasq", (i) => `dhcp-host=${mac(i)},ignore`],
  ["tags", "dnsmasq", (i) => `dhcp-userclass=set:t${i},u${i}\ndhcp-option=tag:t${i},42,192.0.2.1`],
])("%s in every network are at most so many values", (_, format, statement) => {
  const problems = new Problems();
  const options = { included: new Included(undefined, problems), problems };
  const text = many(STATEMENTS, statement);
  const networks =
    format === "dhcpd" ? importDhcpd(`${SUBNETS}\n${text}`, options) : importDnsmasq(`${RANGES}\n${text}`, options);
  expect(networks).toHaveLength(NETWORKS);
  expect(valuesIn(networks)).toBeGreaterThan(MOST_VALUES / 4);
  expect(valuesIn(networks)).toBeLessThanOrEqual(MOST_VALUES);
  expect(reasonsOf(problems)).toContain(`more than ${MOST_VALUES} values`);
});

test("lists of addresses of lists of addresses are at most so many values", () => {
  const inner = many(40, () => "l1;");
  const lists = Array.from({ length: 8 }, (_, i) => `acl l${i} { ${inner.replaceAll("l1", `l${i + 1}`)} };`).join("\n");
  const { file, problems } = importConfiguration(
    `${lists} acl l8 { 192.0.2.1; }; options { allow-query { l0; }; forwarders { 192.0.2.53; }; };`,
    "named.conf",
    { format: "named" },
  );
  expect(file?.text).toContain("forward:");
  expect(problems.map(({ reason }) => reason).join()).toContain(`more than ${MOST_VALUES} values`);
});

const SUBNET = "subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.20; }";

test("conditions within each other are not multiplied for ever", () => {
  const both = 'if option user-class = "x" or option vendor-class-identifier = "y" { filename "x"; ';
  const problems = new Problems();
  importDhcpd(`${SUBNET} ${both.repeat(30)}${"}".repeat(30)}`, {
    included: new Included(undefined, problems),
    problems,
  });
  expect(problems.all().map(({ reason }) => reason)).toContain("there are too many conditions within each other");
});

test("clients with several tags are not multiplied for ever", () => {
  const kinds = many(200, (i) => `dhcp-vendorclass=set:v,v${i}\ndhcp-userclass=set:u,u${i}\ndhcp-mac=set:m,${mac(i)}`);
  const range = "dhcp-range=192.0.2.10,192.0.2.20,255.255.255.0";
  const { problems } = importConfiguration(`${range}\n${kinds}\ndhcp-option=tag:v,tag:u,tag:m,42,192.0.2.1`, "x");
  expect(problems.map(({ reason }) => reason)).toContain("no class of a network file is tag:v,tag:u,tag:m");
});

test("blanks without end in a line, and values of a million letters", () => {
  expect(importConfiguration(`dhcp-range${" ".repeat(100_000)}x`, "x", { format: "dnsmasq" }).problems).toHaveLength(1);
  const bytes = Array.from({ length: 150_000 }, () => "61").join(":");
  for (const words of [
    `class "c" { match if option user-class = ${bytes}; }`,
    `host a { option dhcp-client-identifier ${bytes}; fixed-address 192.0.2.5; }`,
  ])
    expect(importConfiguration(`${words} ${SUBNET}`, "x").file?.text).toContain("192.0.2.0/24");
});

test("a line of a zone file that stands for many long ones is not gigabytes", () => {
  const text = `$GENERATE 1-65536 h$ TXT ${many(100, () => "${0,250}").replaceAll("\n", " ")}`;
  const problems = new Problems();
  const files = { name: "named.conf", read: () => ({ name: "db", text }), list: () => [] };
  const { records } = readZoneFile(
    ["db"],
    "lan.example",
    { line: 1, text: "" },
    {
      included: new Included(files, problems),
      budget: new Budget(problems),
      problems,
    },
  );
  expect(records.reduce((sum, { data }) => sum + data.length, 0)).toBeLessThan(100 * MOST_VALUES);
  expect(reasonsOf(problems)).toContain(`more than ${MOST_VALUES} values`);
});

test("a number without end in a zone file, and a configuration of nothing but comments", () => {
  const text = `zone "lan.example" { type primary; file "db"; };\n${"#\n".repeat(1_800_000)}`;
  const files = {
    name: "named.conf",
    read: () => ({ name: "db", text: `@ SOA ns root 1 2 3 4 5\nns ${"1".repeat(60_000)}! A 192.0.2.1\n` }),
    list: () => [],
  };
  const { problems } = importConfiguration(text, "named.conf", { format: "named", files });
  expect(problems.map(({ reason }) => reason.slice(-23))).toContain("! is no type of records");
});
