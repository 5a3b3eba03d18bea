/**
 * named.conf and zone files of BIND. Beside the one in files/ stands what is made of it (.yaml) and what is told (.told);
 * NETLOOM_WRITE=1 writes both anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Ipv4Prefix, parsePrefix } from "../../src/base/address.ts";
import { NetloomError } from "../../src/base/errors.ts";
import { filesBeside } from "../../src/apps/cli/files-beside.ts";
import { importConfiguration, type ImportChoices } from "../../src/import/import.ts";
import { formatProblem } from "../../src/import/problem.ts";
import type { Files } from "../../src/import/included.ts";
import type { PlainMap } from "../../src/model/document.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

const FILES = join(import.meta.dirname, "files");

function compare(name: string, actual: string): void {
  const path = join(FILES, name);
  if (process.env["NETLOOM_WRITE"] === "1") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}

test("a whole configuration with its zones", () => {
  const name = "office-named.conf";
  const files = filesBeside(join(FILES, name))!;
  const imported = importConfiguration(readFileSync(join(FILES, name), "utf8"), name, { files });
  expect(imported.format).toBe("named");
  compare("office-named.yaml", imported.file?.text ?? "");
  const told = imported.problems.map((problem) => formatProblem(problem.file ?? name, problem));
  compare("office-named.told", `${told.join("\n")}\n`);
  const { networks } = parseNetworkFile(imported.file!.text, "imported.yaml", { folder: "/" });
  expect(networks.map(({ dnsServer }) => dnsServer?.domain)).toEqual(["office.example"]);
});

test.each([
  ["Debian's", '// see README\ninclude "/etc/bind/named.conf.options";\n', "named"],
  ["options", 'options {\n  directory "/var";\n};\n', "named"],
  ["a zone", 'zone "example.org" IN {\n type master; };\n', "named"],
  ["dhcpd's key and zone", "key k { secret x; };\nzone example.org. { primary 127.0.0.1; }\n", "dhcpd"],
  ["dhcpd's include", 'include "/etc/dhcp/hosts";\nsubnet 192.0.2.0 netmask 255.255.255.0 { }\n', "dhcpd"],
])("what it is for is seen from the text: %s", (_, text, format) => {
  expect(importConfiguration(text, "a.conf").format).toBe(format);
});

/** The files beside named.conf, by name. */
function filesOf(texts: Readonly<Record<string, string>>): Files {
  return {
    name: "named.conf",
    read: (path) => {
      const text = texts[path];
      if (text === undefined) throw new NetloomError("bad-file", `${path}: there is no such file or folder`);
      return { name: path, text };
    },
    list: () => [],
  };
}

function read(text: string, texts: Readonly<Record<string, string>> = {}, choices: ImportChoices = {}) {
  const files = filesOf(texts);
  const imported = importConfiguration(text, "named.conf", { format: "named", files, ...choices });
  const networks = (imported.file?.content["networks"] ?? {}) as Record<string, PlainMap>;
  return {
    network: networks["lan"],
    dns: networks["lan"]?.["dns"] as PlainMap | undefined,
    told: imported.problems.map(({ file, line, reason }) => `${file ?? "named.conf"}:${line}: ${reason}`),
  };
}

const ZONE = 'zone "lan.example" { type master; file "db.lan"; };';
const REVERSE = 'zone "2.0.192.in-addr.arpa" { type master; file "db.rev"; };';
const HEAD = "$TTL 3600\n@ SOA ns root 1 1 1 1 1\n@ NS ns\nns A 192.0.2.1\n";
const zoned = (records: string, more = "") =>
  read(`${ZONE} ${REVERSE} ${more}`, { "db.lan": `${HEAD}${records}`, "db.rev": "$TTL 3600\n" });
const added = (records: string): unknown => (zoned(records).dns!["records"] as string[]).slice(1);

describe("whom it asks", () => {
  test.each<[string, PlainMap]>([
    ["forwarders { 192.0.2.53; };", { forward: ["192.0.2.53"] }],
    ["forwarders { 192.0.2.53; }; forward first;", { forward: ["192.0.2.53"] }],
    ["forwarders { 192.0.2.53; }; forward only;", { forward: ["192.0.2.53"], mode: "forward-only" }],
    [
      "forwarders port 5353 { 192.0.2.53; 2001:db8::53 port 54; };",
      { forward: ["192.0.2.53#5353", "2001:db8::53#54"] },
    ],
    ["forwarders { };", { mode: "recursive" }],
    ['directory "/var/cache/bind";', { mode: "recursive" }],
  ])("%s", (options, expected) => {
    expect(read(`options { ${options} };`).dns).toEqual(expected);
  });

  const NAMED = 'tls NAMED { remote-hostname "dns.example."; }; tls OPEN { prefer-server-ciphers yes; };';

  test.each<[string, readonly string[]]>([
    ["forwarders { 192.0.2.53 tls ephemeral; };", ["tls://192.0.2.53"]],
    ["forwarders { 192.0.2.53 tls OPEN; };", ["tls://192.0.2.53"]],
    ["forwarders { 192.0.2.53 tls nowhere; };", ["tls://192.0.2.53"]],
    ["forwarders { 192.0.2.53 tls NAMED; };", ["tls://192.0.2.53/dns.example"]],
    ["forwarders { 192.0.2.53 port 853 tls NAMED; };", ["tls://192.0.2.53/dns.example"]],
    ["forwarders { 2001:db8::53 port 53 tls NAMED; };", ["tls://2001:db8::53#53/dns.example"]],
    [
      "forwarders port 8853 tls NAMED { 192.0.2.53; 192.0.2.54 tls none; };",
      ["tls://192.0.2.53#8853/dns.example", "192.0.2.54#8853"],
    ],
  ])("over TLS: %s", (options, expected) => {
    const { dns, told } = read(
      `${NAMED} options { ${options} };`,
      {},
      { link: parsePrefix("192.0.2.0/24") as Ipv4Prefix },
    );
    expect(dns?.["forward"]).toEqual(expected);
    const checked =
      "named.conf:1: no name for its certificate stands here, which is checked and so has to be for the address";
    expect(told).toEqual(expected.some((server) => /^tls:[^/]*\/\/[^/]*$/.test(server)) ? [checked] : []);
  });

  test("over TLS also what other lists name", () => {
    const zone = 'zone "b.example" { type secondary; primaries { far tls NAMED; }; };';
    expect(read(`${NAMED} primaries far { 198.51.100.1; }; ${zone}`).dns?.["domains"]).toEqual({
      "b.example": ["tls://198.51.100.1/dns.example"],
    });
  });

  test("over TLS with certificates of one's own, which is told", () => {
    const own = 'tls own { ca-file "/ca"; cert-file "/c"; key-file "/k"; remote-hostname "dns.example"; };';
    const { dns, told } = read(`${own} options { forwarders { 192.0.2.53 tls own; }; };`);
    expect(dns?.["forward"]).toEqual(["tls://192.0.2.53/dns.example"]);
    expect(told).toContain("named.conf:1: no certificate is shown to servers");
    expect(told.join("\n")).toContain("the authorities of the program, not those of tls own");
  });

  test("for some domains others", () => {
    const primaries = "primaries far { 198.51.100.1; 198.51.100.2; };";
    const zones =
      'zone "a.example" { type forward; forwarders { 192.0.2.1; }; }; zone "b.example" { type secondary; primaries { far; }; };';
    const { dns, told } = read(`${primaries} ${zones}`);
    expect(dns?.["domains"]).toEqual({ "a.example": ["192.0.2.1"], "b.example": ["198.51.100.1", "198.51.100.2"] });
    expect(told.join("\n")).toContain("the zone is not copied");
  });
});

test("a zone of all names is told where its servers belong", () => {
  const { told } = read('options { recursion yes; }; zone "." { type forward; forwarders { 192.0.2.53; }; };');
  expect(told).toContain("named.conf:1: it is about all names");
});

describe("whom it answers", () => {
  test.each<[string, readonly string[] | undefined]>([
    ["allow-query { any; };", ["0.0.0.0/0", "::/0"]],
    ["allow-query { localnets; localhost; };", ["lan"]],
    ["allow-query { 10/8; 192.0.2.7; 2001:db8::/32; };", ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"]],
    ["allow-query { inner; };", ["192.0.2.0/24", "198.51.100.1"]],
    ["allow-query { { 192.0.2.1; }; };", ["192.0.2.1"]],
    ["allow-query { any; }; allow-recursion { 192.0.2.0/24; };", ["192.0.2.0/24"]],
    ['version "none";', undefined],
  ])("%s", (options, expected) => {
    const lists = "acl inner { 192.0.2.0/24; deeper; }; acl deeper { 198.51.100.1; inner; };";
    expect(read(`${lists} options { ${options} forwarders { 192.0.2.53; }; };`).dns?.["allow"]).toEqual(expected);
  });

  test("nobody at all: that the network is answered nevertheless is told", () => {
    expect(read("options { allow-query { none; }; };").told).toContain(
      "named.conf:1: nobody would be answered; the network is",
    );
  });

  test("keys are not asked for, and what is no address is told", () => {
    const { told } = read("options { allow-query { !192.0.2.1; key k; nowhere; }; };");
    expect(told.slice(-3)).toEqual([
      "named.conf:1: nobody proves who he is with a key",
      "named.conf:1: nowhere is neither an address nor the name of a list",
      "named.conf:1: nobody would be answered; the network is",
    ]);
  });

  const NETWORK = { link: parsePrefix("10.1.2.0/24") as Ipv4Prefix };

  test.each<[string, readonly string[] | undefined]>([
    ["match-clients { 10.0.0.0/8; };", ["10.0.0.0/8"]],
    ["match-clients { inner; };", ["192.0.2.0/24", "198.51.100.1"]],
    ["match-clients { !10.1.0.0/16; 10.0.0.0/14; };", ["10.0.0.0/16", "10.2.0.0/15"]],
    ["match-clients { 10.1.2.9; !10.1.2.0/24; 10.1.2.0/23; };", ["10.1.2.9", "10.1.3.0/24"]],
    ["match-clients { ! { 192.0.2.0/25; }; inner; };", ["192.0.2.128/25", "198.51.100.1"]],
    ["match-clients { { !192.0.2.1; 192.0.2.0/31; }; 192.0.2.1; };", ["192.0.2.0", "192.0.2.1"]],
    ["match-clients { localnets; localhost; };", ["lan"]],
    ["match-clients { localhost; };", ["10.1.2.1"]],
    ["match-clients { !10.1.2.128/25; localnets; };", ["10.1.2.0/25"]],
    ["match-clients { !localhost; 10.1.2.0/24; };", ["10.1.2.0/24"]],
    ["match-clients { !2001:db8::/33; 2001:db8::/32; };", ["2001:db8:8000::/33"]],
    // Who may recurse is the network unless something says otherwise: named is open to nobody else, either.
    ["match-clients { any; };", undefined],
    ["match-clients { !192.0.2.0/24; any; };", undefined],
    ["match-clients { !10.1.2.0/25; any; };", ["10.1.2.128/25"]],
    ["match-clients { 10.0.0.0/8; }; allow-query { any; };", ["10.0.0.0/8"]],
    ["match-clients { any; }; allow-query { 10.0.0.0/8; };", ["10.0.0.0/8"]],
    ["match-clients { 10.0.0.0/8; }; allow-recursion { localnets; };", ["lan"]],
    [
      "match-clients { 10.0.0.0/8; 192.0.2.0/24; }; allow-query { 10.3.0.0/16; 192.0.0.0/8; };",
      ["10.3.0.0/16", "192.0.2.0/24"],
    ],
    [
      "match-clients { 10.0.0.0/8; }; allow-query { 10.0.0.0/9; }; allow-recursion { 10.64.0.0/10; };",
      ["10.64.0.0/10"],
    ],
    ["match-clients { 10.0.0.0/8; }; allow-recursion { 192.0.2.0/24; };", undefined],
  ])("in a view: %s", (options, expected) => {
    const lists = "acl inner { 192.0.2.0/24; 198.51.100.1; };";
    const { dns, told } = read(`${lists} view "in" { ${options} forwarders { 192.0.2.53; }; };`, {}, NETWORK);
    expect(dns?.["allow"]).toEqual(expected);
    expect(told.filter((line) => line.includes("not known"))).toEqual([]);
  });

  test.each([
    ["allow-query { 10.1.2.0/25; };", true],
    ["allow-query { none; };", true],
    ["allow-query { localnets; };", false],
    ["allow-query { any; };", false],
  ])("a zone that fewer may ask for is told: %s", (setting, isTold) => {
    const zone = `zone "b.example" { type forward; forwarders { 192.0.2.1; }; ${setting} };`;
    for (const options of ["", "options { allow-query { 10.1.2.0/24; }; };"]) {
      const told = read(`${options}\n${zone}`, {}, NETWORK).told.join("\n");
      expect(told.includes("named.conf:2: who is answered is answered all, so that more may ask")).toBe(isTold);
    }
  });

  test("that those get nothing who may ask and may not recurse is told", () => {
    const told = (options: string) => read(`options { ${options} };`, {}, NETWORK).told;
    expect(told("allow-query { any; }; allow-recursion { localnets; };")).toContain(
      "named.conf:1: who is answered is answered all; those who may not ask for everything get nothing",
    );
    expect(told("allow-query { localnets; }; allow-recursion { any; };")).toEqual([]);
    expect(told("allow-query { localhost; };")).toEqual(["named.conf:1: nobody but this host is answered"]);
  });
});

describe("the network", () => {
  test("has the subnet of a zone of reverse names, and the address that named listens on", () => {
    const { network, told } = zoned("", "options { listen-on { 127.0.0.1; 192.0.2.9; }; };");
    expect(network).toMatchObject({ subnet: "192.0.2.0/24", gateway: "192.0.2.9" });
    expect(told).toEqual([]);
  });

  test("is that of --link", () => {
    const { network, told } = read(ZONE, { "db.lan": HEAD }, { link: parsePrefix("192.0.2.0/25") as Ipv4Prefix });
    expect(network).toMatchObject({ subnet: "192.0.2.0/25", gateway: "192.0.2.1" });
    expect(told).toEqual([]);
  });

  test("is guessed, which is told", () => {
    const { network, told } = read(ZONE, { "db.lan": HEAD });
    expect(network?.["subnet"]).toBe("192.0.2.0/24");
    expect(told).toEqual(["named.conf:1: no zone tells which subnet the network has; 192.0.2.0/24 is taken"]);
  });

  test("a file without zones and options is nothing", () => {
    expect(read("// nothing").network).toBeUndefined();
  });
});

describe("zone files", () => {
  test.each<[string, string[]]>([
    ["www A 192.0.2.2", ["www A 192.0.2.2"]],
    ["www.lan.example. IN A 192.0.2.2", ["www A 192.0.2.2"]],
    ["www 60 IN A 192.0.2.2", ["www 60 A 192.0.2.2"]],
    ["www IN 1h A 192.0.2.2", ["www A 192.0.2.2"]],
    ["@ MX 10 ns", ["@ MX 10 ns.lan.example."]],
    ["www CNAME ns\n TXT", ["www CNAME ns.lan.example."]],
    ["a A 192.0.2.2\n  AAAA 2001:db8::2", ["a A 192.0.2.2", "a AAAA 2001:db8::2"]],
    ['t TXT ( "a"\n "b" ) ; end', ['t TXT "a" "b"']],
    ["$ORIGIN deep.lan.example.\nwww A 192.0.2.2", ["www.deep A 192.0.2.2"]],
    ["$ORIGIN deep\nwww A 192.0.2.2", ["www.deep A 192.0.2.2"]],
    ["$TTL 5m\nwww A 192.0.2.2", ["www 300 A 192.0.2.2"]],
    ["*.dev A 192.0.2.2", ["*.dev A 192.0.2.2"]],
    ["$GENERATE 1-3/2 h$ 60 IN A 192.0.2.$", ["h1 60 A 192.0.2.1", "h3 60 A 192.0.2.3"]],
    ["$GENERATE 9-10 h${1,3,d} TXT x${0,2,X}$$", ['h010 TXT "x09$"', 'h011 TXT "x0A$"']],
  ])("%j", (records, expected) => {
    const ttl = records.startsWith("$TTL") ? [] : expected;
    const lines = added(records) as string[];
    expect(ttl.length === 0 ? lines.at(-1) : lines).toEqual(
      ttl.length === 0 ? expected[0]!.replace(" 300", "") : expected,
    );
  });

  test.each<[string, string]>([
    ["www A 192.0.2", "db.lan:5: A record: IPv4 address"],
    ["www FOO bar", "db.lan:5: FOO is no type of records"],
    ["www CH A 192.0.2.1", "db.lan:5: only class IN is served"],
    ["www.example.net. A 192.0.2.1", "db.lan:5: www.example.net is not in the zone lan.example"],
    ["@ MX 10 mail.lan.example", "db.lan:5: MX names mail.lan.example.lan.example"],
    ["@ MX 10 mail", "db.lan:5: MX leads to mail.lan.example, which has no address"],
    ["@ MX 10 mail\nmail CNAME ns", "db.lan:5: MX leads to mail.lan.example, which is an alias"],
    ["ns CNAME www", 'db.lan:5: "ns CNAME www.lan.example." ns.lan.example is an alias and has other records'],
    ["@ DNSKEY 257 3 13 AAAA", "db.lan:5: zones are not signed here"],
    ["www LOC 1 2 3", "db.lan:5: LOC record: its data is not known here"],
    ["www HINFO a b", "db.lan:5: HINFO records are not served"],
    ["$GENERATE 2-1 h$ A 192.0.2.$", "db.lan:5: $GENERATE: it needs a range such as 1-254"],
    ["$GENERATE 0-999999 h$ A 192.0.2.1", "db.lan:5: $GENERATE: it needs a range such as 1-254"],
    ["$GENERATE 254-256 h$ A 192.0.2.$", 'db.lan:5: A record: IPv4 address "192.0.2.256"'],
    ["$FOO", "db.lan:5: $FOO is not known"],
    ["$INCLUDE more", "db.lan:5: more: there is no such file or folder"],
    ["$INCLUDE db.lan", "db.lan:5: the file includes itself"],
    ['www TXT "open', 'db.lan:5: a " that is not closed'],
    [
      "sub NS ns.elsewhere.example.",
      "db.lan:5: sub.lan.example is another server's, whose address does not stand here",
    ],
  ])("told: %j", (records, expected) => {
    expect(zoned(records).told.join("\n")).toContain(expected);
  });

  test("behind an included file the name is the one of before it", () => {
    const files = { "db.lan": `${HEAD}www A 192.0.2.2\n$INCLUDE more\n A 192.0.2.3\n`, more: "mail A 192.0.2.4\n" };
    expect(read(`${ZONE} ${REVERSE}`, { ...files, "db.rev": "" }).dns?.["records"]).toContain("www A 192.0.2.3");
  });

  test.each([
    [
      "the last one",
      "@ 1d SOA ns root 1 1 1 1 60\n@ NS ns\nns A 192.0.2.1\nwww 5m A 192.0.2.2\na A 192.0.2.3",
      "a 300 A",
    ],
    ["the SOA's", "@ SOA ns root 1 1 1 1 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\na A 192.0.2.3", "a 60 A"],
  ])("without $TTL, records that say none have %s", (_, file, expected) => {
    const { dns } = read(`${ZONE} ${REVERSE}`, { "db.lan": `${file}\n`, "db.rev": "$TTL 3600\n" });
    expect(dns?.["records"]).toContain(`${expected} 192.0.2.3`);
  });

  test("a part that another server has is asked there", () => {
    expect(zoned("sub NS ns.sub\nns.sub A 192.0.2.77").dns?.["domains"]).toEqual({ "sub.lan.example": ["192.0.2.77"] });
  });

  test("names of further zones are written out", () => {
    const { dns, told } = read(`${ZONE} ${REVERSE} zone "b.example" { type master; file "db.b"; };`, {
      "db.lan": HEAD,
      "db.b": "$TTL 3600\nwww A 192.0.2.8\n",
      "db.rev": "$TTL 3600\n1 PTR ns.lan.example.\n",
    });
    expect(dns?.["records"]).toEqual([
      "ns A 192.0.2.1",
      "1.2.0.192.in-addr.arpa. PTR ns.lan.example.",
      "www.b.example. A 192.0.2.8",
    ]);
    expect(told.join()).toContain("of b.example the names that stand in its file are answered");
  });
});

describe("mistakes of the file, with their lines", () => {
  test.each<[string, string]>([
    ['zone "a.example" {\n type master\n};', "2: a semicolon is missing behind this"],
    ['options { recursion yes; }\nzone "a" { type hint; };', "1: a semicolon is missing behind this"],
    ["options {\n recursion yes;", "1: the { is not closed"],
    ["}; options { };", "1: there is no { that it closes"],
    ['zone "a.example" { type master; };', "1: the zone has no file"],
    ['zone "a.example" { file "x"; };', "1: the zone has no type"],
    ['zone "a" { type hint; };\nzone "A." { type hint; };', "2: the zone A. stands there twice"],
    ["options { recursion yes;\n recursion no; };", "2: recursion stands there twice"],
    ["options { colour blue; };", "1: it is not known here"],
    ['zone "a" { type forward; };', "1: nobody is named to ask about a"],
    ['zone "a" { type redirect; };', "1: zones of type redirect are not served"],
    ["options { forwarders { example; }; };", "1: example is no address of a server"],
    ['view "in" { zone "a" { type hint; }; };\nview "out" { };', "2: a network has one view of all names"],
    ["options { recursion no; };", "1: a network's server asks others for who is allowed"],
  ])("%j", (text, expected) => {
    expect(read(text).told.join("\n")).toContain(`named.conf:${expected}`);
  });
});
