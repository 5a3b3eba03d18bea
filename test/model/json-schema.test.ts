import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { KeyText } from "../../src/model/json-schema.ts";
import { networkFileJsonSchema } from "../../src/model/schema.ts";
import { BETWEEN } from "./mistakes/between.ts";
import { BOOT_SHAPE } from "./mistakes/boot.ts";
import { network, nic, vm } from "./mistakes/case.ts";
import { DHCP_BETWEEN, DHCP_SHAPE } from "./mistakes/dhcp.ts";
import { DNS_BETWEEN, DNS_SHAPE } from "./mistakes/dns.ts";
import { IP6_SERVER_BETWEEN, IP6_SERVER_SHAPE } from "./mistakes/ip6-server.ts";
import { IPV6 } from "./mistakes/ipv6.ts";
import { LATER } from "./mistakes/later.ts";
import { SHAPE } from "./mistakes/shape.ts";
import { DELEGATED_BETWEEN, UPLINK_BETWEEN, UPLINK_SHAPE } from "./mistakes/uplinks.ts";
import { VMS } from "./mistakes/vms.ts";
import { mistakesOf, read } from "./read.ts";

const ROOT = join(import.meta.dirname, "../..");
const validate = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false }).compile(
  networkFileJsonSchema(),
);

/** What the schema finds in a file, in an editor's words. */
function faults(text: string): string[] {
  return validate(parse(text)) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`);
}

/** Mistakes that show only when values are taken together or counted with. */
const NOT_SEEN: Readonly<Record<string, readonly string[]>> = {
  "references between parts": [
    "a network that is not there",
    "an address that a pod has",
    "an uplink as a port",
    "one port of two networks",
    "overlapping IPv6 subnets",
    "an IPv6 address twice",
    "an IPv6 address on a network without IPv6",
    ...[
      ...BETWEEN,
      ...DHCP_BETWEEN,
      ...UPLINK_BETWEEN,
      ...DELEGATED_BETWEEN,
      ...IP6_SERVER_BETWEEN,
      ...DNS_BETWEEN,
    ].map(({ what }) => what),
  ],
  "arithmetic of addresses": [
    "a subnet with host bits",
    "the IPv6 subnet fd00:50::1/64",
    "an IPv6 gateway of another subnet",
    "the address of all routers",
  ],
  "keys that go together": [
    "an IPv6 gateway without a subnet",
    "DHCP options without DHCP",
    "ports with the binding bridge",
    "the legacy profile of another binding",
    "a second masqueraded NIC",
  ],
};
const notSeen = new Set(Object.values(NOT_SEEN).flat());
const cases = [
  ...SHAPE,
  ...LATER,
  ...IPV6,
  ...VMS,
  ...BETWEEN,
  ...BOOT_SHAPE,
  ...DHCP_SHAPE,
  ...DHCP_BETWEEN,
  ...DNS_SHAPE,
  ...DNS_BETWEEN,
  ...UPLINK_SHAPE,
  ...UPLINK_BETWEEN,
  ...DELEGATED_BETWEEN,
  ...IP6_SERVER_SHAPE,
  ...IP6_SERVER_BETWEEN,
];

test("docs/network-file.schema.json is what the model says", () => {
  expect(readFileSync(join(ROOT, "docs/network-file.schema.json"), "utf8"), "netloom schema > docs/…").toBe(
    `${JSON.stringify(networkFileJsonSchema(), undefined, 2)}\n`,
  );
});

describe("examples", () => {
  const names = readdirSync(join(ROOT, "examples")).filter((name) => name.endsWith(".yaml"));
  test.each(names)("%s names the schema and is valid by it", (name) => {
    const text = readFileSync(join(ROOT, "examples", name), "utf8");
    expect(text.split("\n")[0]).toBe("# yaml-language-server: $schema=../docs/network-file.schema.json");
    expect(faults(text)).toEqual([]);
  });
});

describe("mistakes", () => {
  test.each(cases.filter(({ what }) => !notSeen.has(what)))("sees $what", ({ text }) => {
    expect(faults(text)).not.toEqual([]);
  });

  test.each(cases.filter(({ what }) => notSeen.has(what)))("leaves to netloom plan: $what", ({ text }) => {
    expect(faults(text)).toEqual([]);
  });

  test("every mistake that is left out is a case", () => {
    const known = new Set(cases.map(({ what }) => what));
    expect([...notSeen].filter((what) => !known.has(what))).toEqual([]);
  });
});

describe("a value", () => {
  /** Each text with the file that it stands in; schema and netloom have to agree on every one. */
  const both = (write: (value: string) => string, good: readonly string[], bad: readonly string[]) => [
    ...good.map((value) => ({ value, text: write(value), accepted: true })),
    ...bad.map((value) => ({ value, text: write(value), accepted: false })),
  ];
  const server = (value: string): string => network(`subnet: 192.0.2.0/24, dns: { servers: ["${value}"] }`);
  const option = (value: string): string => vm(`in: pod1, image: a, nics: [{ binding: bridge, options: ${value} }]`);

  test.each([
    ...both(
      (value) => network(`subnet: "${value}"`),
      ["10.0.0.0/8", "192.0.2.0/30", "198.51.100.0/024"],
      [
        "10.0.0.0/7",
        "127.0.0.0/8",
        "0.0.0.0/8",
        "169.254.7.0/24",
        "224.0.0.0/24",
        "250.0.0.0/8",
        "010.0.0.0/8",
        "x/24",
      ],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, subnet6: "${value}"`),
      ["2001:db8::/64", "2001:DB8:0:0::/126", "2001:db8:1:2:3:4:5:0/112", "ff::/64", "fd00::192.0.2.0/120"],
      ["fe80::/64", "FF02::/64", "fec0::/64", "2001:db8::/128", "::ffff:192.0.2.0/120", "::5:0/112", "1:2:3::4::/64"],
    ),
    ...both(
      server,
      [
        "192.0.2.53",
        "2001:db8::53",
        "::2",
        "1:2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "::2:3:4:5:6:7:8",
        "64:ff9b::192.0.2.1",
      ],
      [
        "127.0.0.1",
        "::1",
        "fe80::1",
        "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9",
        "2001:db8::12345",
        "192.0.2",
        "::192.0.2.256",
      ],
    ),
    ...both(
      (value) => nic(`mac: "${value}"`),
      ["52:54:00:12:34:56", "5E-54-00-12-34-56"],
      ["53:54:00:12:34:56", "00:00:00:00:00:00", "52:54:00:12:34", "525400123456"],
    ),
    ...both(
      (value) => vm(`in: pod1, image: a, memory: ${value}`),
      ["32M", "032MiB", "4096G", "4194304M", "999999M"],
      ["31M", "4097G", "0G", "1T", "64", "64 M"],
    ),
    ...both(
      (value) => vm(`in: pod1, image: a, nics: [{ binding: masquerade, ports: ["${value}"] }]`),
      ["1/udp", "00080/tcp", "65535/tcp"],
      ["0/tcp", "65536/tcp", "80", "80/sctp"],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, device: "${value}"`),
      ["br0", "_x", "a.b-c", "fifteen-letters"],
      ["-x", "lo", "all", "..", "sixteen-letters-", "a/b", ""],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, dns: { search: ["${value}"] }`),
      ["lan", "lan.example.", "_tcp.Lan.example"],
      ["", ".", "-a.example", "a..b", `${"a".repeat(64)}.example`, `${"a.".repeat(130)}example`],
    ),
    ...both(
      option,
      ["{ 42: [192.0.2.1], 66: tftp, 67: boot, 224: text, 254: { hex: '0a 0B:0c' } }", "{}"],
      [
        "[]",
        "{ 42: [] }",
        "{ 42: [x] }",
        "{ 66: 5 }",
        "{ 67: '' }",
        "{ 223: x }",
        "{ 255: x }",
        "{ 66: { hex: '00' } }",
      ],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, dns: { forward: ["${value}"] }`),
      [
        "9.9.9.9",
        "127.0.0.53",
        "9.9.9.9#5353",
        "2001:db8::53#65535",
        "tls://9.9.9.9",
        "tls://9.9.9.9#853/dns.quad9.net",
      ],
      [
        "9.9.9",
        "9.9.9.9:53",
        "9.9.9.9#65536",
        "fe80::1",
        "tls://dns.quad9.net",
        "tls://9.9.9.9/",
        "9.9.9.9/x",
        "0.0.0.0",
      ],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, dns: { allow: ["${value}"] }`),
      ["lan", "198.51.100.7", "198.51.100.7/24", "2001:db8::/32", "::/0", "0.0.0.0/0"],
      ["198.51.100.0/33", "2001:db8::/129", "-lan", "198.51.100/24", ""],
    ),
    ...both(
      (value) => network(`subnet: 192.0.2.0/24, dns: { records: ["${value}"] }`),
      ["www A 192.0.2.9", "@ 300 IN MX 10 mail", "  _sip._tcp   SRV 0 5 5060 pbx "],
      ["www", "www A", "www 300 A", ""],
    ),
    ...both(option, [], ["{ 224: { hex: '0' } }", "{ 224: { hex: '' } }", "{ 224: { hex: '00', text: x } }"]),
    ...both((value) => `version: 1\nname: "${value}"\n`, ["a", "0-9"], ["-a", "A", "a b", "", "a".repeat(64)]),
    ...both((value) => vm(`in: pod1, kernel: a, initrd: ${value}`), ["a", "/srv/a b"], ['""', '"a\\nb"', "[a]", "7"]),
  ])("$value: accepted $accepted", ({ text, accepted }) => {
    if (accepted) expect(read(text).file).toBe("office.yaml");
    else expect(mistakesOf(text)).toHaveLength(1);
    expect(faults(text).length === 0).toBe(accepted);
  });
});

describe("texts", async () => {
  const plain = (text: string): string => text.replaceAll("`", "").replaceAll(/\s+/g, " ").trim();
  const page = readFileSync(join(ROOT, "docs/network-file.md"), "utf8");
  const rows = page
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) => line.split("|").slice(1, -1).map(plain));
  const folder = join(ROOT, "src/model/texts");
  const files = await Promise.all(
    readdirSync(folder).map((name): Promise<Record<string, Record<string, KeyText>>> => import(join(folder, name))),
  );
  const texts = files.flatMap((file) => Object.values(file)).flatMap((group) => Object.entries(group));

  test.each(texts)("%s is explained in the words of docs/network-file.md", (key, text) => {
    for (const words of [text.description, text.otherwise])
      if (words !== undefined) expect(plain(page)).toContain(words);
    if (text.default === undefined) return;
    const defaults = rows
      .filter(([keys]) => keys?.split(", ").some((name) => name.split(".").at(-1) === key))
      .filter(([, value]) => text.description === undefined || value === text.description)
      .map((row): unknown => parse(row[2] ?? ""));
    expect(defaults).toContainEqual(text.default);
  });
});
