/**
 * Configurations of dhcpd and dnsmasq as people have them. Beside each in files/ stands what is made of it (.yaml) and
 * what is told (.told); NETLOOM_WRITE=1 writes both anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Ipv4Prefix, parsePrefix } from "../../src/base/address.ts";
import { NetloomError } from "../../src/base/errors.ts";
import { type Format, type ImportChoices, importConfiguration, type Imported } from "../../src/import/import.ts";
import type { Files } from "../../src/import/included.ts";
import { formatProblem } from "../../src/import/problem.ts";
import type { PlainMap } from "../../src/model/document.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

const FILES = join(import.meta.dirname, "files");

function compare(name: string, actual: string): void {
  const path = join(FILES, name);
  if (process.env["NETLOOM_WRITE"] === "1") writeFileSync(path, actual);
  expect(actual).toBe(readFileSync(path, "utf8"));
}

describe("whole files", () => {
  for (const [name, format] of [
    ["office-dhcpd.conf", "dhcpd"],
    ["home-dnsmasq.conf", "dnsmasq"],
  ] as const) {
    test(`of ${name}`, () => {
      const imported = importConfiguration(readFileSync(join(FILES, name), "utf8"), name);
      expect(imported.format).toBe(format);
      compare(name.replace(".conf", ".yaml"), imported.file?.text ?? "");
      const told = imported.problems.map((problem) => formatProblem(name, problem));
      compare(name.replace(".conf", ".told"), `${told.join("\n")}\n`);
      // The program's own reader takes it.
      const model = parseNetworkFile(imported.file!.text, "imported.yaml", { folder: "/" });
      expect(model.networks.map((network) => network.dhcp?.hosts.length ?? 0)).not.toContain(undefined);
    });
  }
});

function importText(text: string, format?: Format): Imported {
  return importConfiguration(text, "test.conf", format === undefined ? {} : { format });
}

/** The DHCP section of the only network. */
function dhcpOf(text: string, format?: Format): PlainMap {
  const networks = importText(text, format).file?.content["networks"] as Record<string, PlainMap>;
  expect(Object.keys(networks)).toHaveLength(1);
  return Object.values(networks)[0]!["dhcp"] as PlainMap;
}

const told = (text: string, format?: Format): string[] =>
  importText(text, format).problems.map(({ line, reason }) => `${line}: ${reason}`);

const inSubnet = (words: string): string =>
  `subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.10 192.0.2.20; ${words} }`;

describe("dhcpd", () => {
  test("what is further in counts, in whatever order it stands", () => {
    const text = `group { option domain-name "group"; ${inSubnet('option domain-name "inner";')} } option domain-name "outer";`;
    expect(dhcpOf(text)["options"]).toEqual({ "domain-name": "inner" });
    const outer = `${inSubnet("")} option domain-name "outer"; max-lease-time 600;`;
    expect(dhcpOf(outer)).toMatchObject({ options: { "domain-name": "outer" }, lease: { default: "10m", max: "10m" } });
  });

  test("dhcpd's own lease times and its silence towards strangers stand where the file says nothing", () => {
    expect(dhcpOf(inSubnet(""))).toEqual({
      range: "192.0.2.10-192.0.2.20",
      lease: { default: "12h", max: "24h" },
      authoritative: false,
    });
    expect(dhcpOf(`authoritative; ${inSubnet("")}`)).not.toHaveProperty("authoritative");
  });

  const matching = (condition: string): PlainMap[] | undefined =>
    dhcpOf(
      `option arch code 93 = unsigned integer 16;
       class "c" { match if ${condition}; filename "f"; } ${inSubnet("")}`,
    )["classes"] as PlainMap[] | undefined;
  for (const [condition, classes] of [
    ['option vendor-class-identifier = "A"', [{ vendor: "A" }]],
    ['substring (option vendor-class-identifier, 0, 3) = "PXE"', [{ vendor: "PXE" }]],
    ['substring(option user-class, 1, 4) = "iPXE"', [{ user: "iPXE" }]],
    ['(exists user-class) and option user-class = "iPXE"', [{ user: "iPXE" }]],
    ["option arch = 00:07 or option arch = 00:09", [{ architecture: [7, 9] }]],
    ['option arch = 0:6 and option vendor-class-identifier = "P"', [{ vendor: "P", architecture: [6] }]],
    ["substring(hardware, 1, 3) = 52:54:0", [{ mac: "52:54:00" }]],
    ["hardware = 1:52:54:00:00:00:01", [{ mac: "52:54:00:00:00:01" }]],
    ['binary-to-ascii(16, 8, ":", substring(hardware, 1, 3)) = "0:c:29"', [{ mac: "00:0c:29" }]],
    [
      "substring(hardware, 1, 3) = 00:50:56 or substring(hardware, 1, 3) = 00:0c:29",
      [{ mac: "00:50:56" }, { mac: "00:0c:29" }],
    ],
  ] as const) {
    test(`class of ${condition}`, () => {
      expect(matching(condition)?.map(({ name: _name, "boot-file": _file, ...match }) => match)).toEqual(classes);
    });
  }

  for (const condition of [
    'not option user-class = "iPXE"',
    'option user-class != "iPXE"',
    'option vendor-class-identifier ~= "^A"',
    'substring(option vendor-class-identifier, 2, 3) = "PXE"',
    'suffix(option host-name, 3) = "lab"',
    "exists user-class",
    "substring(hardware, 3, 2) = 00:01",
    "hardware = 6:52:54:00:00:00:01",
    "known",
    "((((((option arch = 00:07)",
  ]) {
    test(`no class of ${condition}`, () => {
      expect(matching(condition)).toBeUndefined();
    });
  }

  test("conditions in the subnet are classes, the inner ones first, and else is for all others", () => {
    const text = inSubnet(`
      if substring(option vendor-class-identifier, 0, 9) = "PXEClient" {
        next-server 192.0.2.5;
        if option user-class = "iPXE" { filename "menu.ipxe"; } else { filename "undionly.kpxe"; }
      } else { filename "other"; }`);
    expect(dhcpOf(text)).toMatchObject({
      "boot-file": "other",
      classes: [
        { vendor: "PXEClient", user: "iPXE", "boot-file": "menu.ipxe" },
        { vendor: "PXEClient", "next-server": "192.0.2.5", "boot-file": "undionly.kpxe" },
      ],
    });
  });

  test("a pool of known hosts alone, and hosts in and outside of a subnet", () => {
    const pool = "pool { range 192.0.2.30 192.0.2.40; deny unknown-clients; }";
    const text = `subnet 192.0.2.0 netmask 255.255.255.0 { ${pool} }
      host a { hardware ethernet 52:54:00:00:00:01; fixed-address 192.0.2.5; default-lease-time 60; }`;
    expect(dhcpOf(text)).toMatchObject({
      range: "192.0.2.30-192.0.2.40",
      "known-only": true,
      hosts: [{ name: "a", mac: "52:54:00:00:00:01", address: "192.0.2.5", lease: "1m" }],
    });
  });

  test("pools beside the subnets of a shared network are of the subnets that their ranges are in", () => {
    const text = `class "foo" { match if substring (option vendor-class-identifier, 0, 4) = "SUNW"; }
      shared-network 224-29 {
        subnet 198.51.100.0 netmask 255.255.255.0 { }
        subnet 192.0.2.0 netmask 255.255.255.0 { }
        pool { allow members of "foo"; range 198.51.100.10 198.51.100.20; range 10.0.0.1 10.0.0.2; }
        pool { deny members of "foo"; range 192.0.2.10 192.0.2.20; max-lease-time 600; }
      }`;
    const networks = Object.values(importText(text).file?.content["networks"] as Record<string, PlainMap>);
    expect(networks).toMatchObject([
      {
        subnet: "198.51.100.0/24",
        also: [{ subnet: "192.0.2.0/24", dhcp: { range: "192.0.2.10-192.0.2.20", lease: { max: "10m" } } }],
        dhcp: { range: [], classes: [{ name: "foo", vendor: "SUNW", range: "198.51.100.10-198.51.100.20" }] },
      },
    ]);
    expect(told(text)).toContain("5: the range is of no subnet that the file declares");
  });

  test("more than a network file takes is left out, the rest stays", () => {
    const subclasses = Array.from(
      { length: 300 },
      (_, i) => `subclass "c" 1:52:54:00:00:${i >> 8}:${(i & 255).toString(16)};`,
    );
    const text = `class "c" { match hardware; default-lease-time 60; }\n${subclasses.join("\n")}\n${inSubnet("")}`;
    expect(dhcpOf(text)["classes"]).toHaveLength(256);
    expect(told(text)).toHaveLength(44);
    expect(told(text)[0]).toBe("258: a network has at most 256 of these");
  });

  test("what the network file refuses is left out and told with the line that it stems from", () => {
    const text = `${inSubnet("next-server tftp.example.org;")}
      host a { hardware ethernet 01:00:5e:00:00:01; fixed-address 192.0.2.5; }
      option dhcp-lease-time 5;`;
    expect(dhcpOf(text)).toEqual({
      range: "192.0.2.10-192.0.2.20",
      lease: { default: "12h", max: "24h" },
      authoritative: false,
    });
    expect(told(text)).toEqual([
      expect.stringMatching(/^1: "tftp.example.org" is not an IPv4 address/),
      "2: hosts are told their names, which dhcpd does with use-host-decl-names alone",
      expect.stringMatching(/^2: "01:00:5e:00:00:01" is a multicast address/),
      expect.stringMatching(/^3: .*cannot be set/),
    ]);
  });

  test("comments, quotes with brackets, and no blanks at all", () => {
    const text = `#comment { \n option domain-name"a{b};#c";${inSubnet("")}# end`;
    expect(dhcpOf(text)["options"]).toEqual({ "domain-name": "a{b};#c" });
  });

  test("blocks and statements that do not end are told", () => {
    expect(told("subnet 192.0.2.0 netmask 255.255.255.0 { range 192.0.2.1", "dhcpd")).toEqual(
      expect.arrayContaining(["1: the statement has no end", "1: the block has no end"]),
    );
    expect(told(`${inSubnet("")} }`, "dhcpd")).toEqual(["1: it closes no block"]);
  });
});

describe("subnets of dhcpd", () => {
  const subnet = (words: string, address = "198.51.100"): string =>
    `subnet ${address}.0 netmask 255.255.255.0 { range ${address}.10 ${address}.20; ${words} }`;
  const networkOf = (text: string, choices: ImportChoices = {}): PlainMap => {
    const networks = importConfiguration(text, "test.conf", choices).file?.content["networks"] as Record<
      string,
      PlainMap
    >;
    expect(Object.keys(networks)).toHaveLength(1);
    return Object.values(networks)[0]!;
  };

  test("those of a shared network are one network; what is said for all is said once", () => {
    const text = `option domain-name "a"; max-lease-time 7200;
      class "c" { match if option user-class = "x"; filename "f"; }
      shared-network floor {
        option domain-name-servers 192.0.2.53;
        group { ${subnet('option routers 192.0.2.1; option domain-name "first";', "192.0.2")} }
        ${subnet("option routers 198.51.100.9, 198.51.100.8; default-lease-time 600; option ntp-servers 192.0.2.7;")}
      }
      host a { hardware ethernet 52:54:00:00:00:01; fixed-address 192.0.2.5; }
      host a { hardware ethernet 52:54:00:00:00:02; fixed-address 198.51.100.5; }
      host b { hardware ethernet 52:54:00:00:00:03; default-lease-time 60; }`;
    expect(networkOf(text)).toEqual({
      subnet: "192.0.2.0/24",
      also: [
        {
          subnet: "198.51.100.0/24",
          gateway: "198.51.100.9",
          dhcp: {
            range: "198.51.100.10-198.51.100.20",
            lease: "10m",
            options: { "domain-name": "a", routers: ["198.51.100.9", "198.51.100.8"], "ntp-servers": ["192.0.2.7"] },
          },
        },
      ],
      dhcp: {
        range: "192.0.2.10-192.0.2.20",
        lease: { default: "2h", max: "2h" },
        authoritative: false,
        options: { "domain-name": "first", "domain-name-servers": ["192.0.2.53"], routers: ["192.0.2.1"] },
        hosts: [
          { name: "a", mac: "52:54:00:00:00:01", address: "192.0.2.5" },
          { name: "a-2", mac: "52:54:00:00:00:02", address: "198.51.100.5" },
        ],
        classes: [
          { name: "b", mac: "52:54:00:00:00:03", lease: "1m" },
          { name: "c", user: "x", "boot-file": "f" },
        ],
      },
    });
  });

  test("what one subnet says and the other one does not is told, as both get it", () => {
    const text = `shared-network x { ${inSubnet("option ntp-servers 192.0.2.7;")} ${subnet("authoritative; deny unknown-clients;")} }`;
    expect(networkOf(text)["dhcp"]).not.toHaveProperty("known-only");
    expect(told(text)).toEqual([
      "1: known hosts alone are served in all subnets of a network or in none",
      "1: clients of 198.51.100.0/24 are told this, too",
      "1: whether it is authoritative is said for the whole network, here false",
    ]);
  });

  test("with a link all others are behind relays, also where nobody on it is served", () => {
    const text = `subnet 192.0.2.0 netmask 255.255.255.0 { }
      ${subnet('option routers 198.51.100.1; option ntp-servers 192.0.2.7; filename "f";')}
      ${subnet("", "203.0.113")}`;
    expect(networkOf(text, { link: parsePrefix("192.0.2.0/24") as Ipv4Prefix })).toMatchObject({
      subnet: "192.0.2.0/24",
      dhcp: {
        range: [],
        relayed: [
          {
            subnet: "198.51.100.0/24",
            range: "198.51.100.10-198.51.100.20",
            router: "198.51.100.1",
            options: { "ntp-servers": ["192.0.2.7"] },
            "boot-file": "f",
          },
          { subnet: "203.0.113.0/24", range: "203.0.113.10-203.0.113.20" },
        ],
      },
    });
    expect(importText(text).problems[0]?.remedy).toContain("--link 192.0.2.0/24");
    const elsewhere = importConfiguration(text, "x", { link: parsePrefix("10.0.0.0/8") as Ipv4Prefix }).problems;
    expect(elsewhere.map(({ reason }) => reason)).toContain("10.0.0.0/8 is no subnet that the file declares");
  });
});

describe("included files", () => {
  const files = (texts: Readonly<Record<string, string>>): Files => ({
    name: "main",
    read(path) {
      const text = texts[path];
      if (text === undefined) throw new NetloomError("bad-file", `${path}: no such file`);
      return { name: path, text };
    },
    list: (path) => Object.keys(texts).filter((name) => name.startsWith(`${path}/`)),
  });
  const imported = (text: string, texts: Readonly<Record<string, string>>, format: Format = "dhcpd"): Imported =>
    importConfiguration(text, "main", { format, files: files(texts) });
  const toldOf = ({ problems }: Imported): string[] =>
    problems.map(({ file, line, reason }) => `${file ?? "main"}:${line}: ${reason}`);

  test("of dhcpd are read where they stand, and told by their own names and lines", () => {
    const result = imported(inSubnet('include "a";'), { a: 'option domain-name "x";\ninclude "b";', b: "\nwrong 1;" });
    expect(result.file?.text).toContain("domain-name: x");
    expect(toldOf(result)).toEqual(["b:2: this is no statement that netloom knows here"]);
  });

  test("of dnsmasq: files, folders, and files of hosts and options", () => {
    const text = `dhcp-range=192.0.2.10,192.0.2.20,255.255.255.0
conf-file=a
conf-dir=d,*.conf
conf-dir=e,.bak
dhcp-hostsfile=hosts
dhcp-optsdir=o`;
    const result = imported(
      text,
      {
        a: "dhcp-option=42,192.0.2.1",
        "d/b.conf": "dhcp-option=15,b",
        "d/.c.conf": "dhcp-option=16,c",
        "d/c": "dhcp-option=17,c",
        "e/e.bak": "dhcp-option=18,c",
        "e/f": "wrong",
        hosts: "# a comment\n52:54:00:00:00:01,192.0.2.5\n",
        "o/x": "option:router,192.0.2.9",
      },
      "dnsmasq",
    );
    const networks = result.file?.content["networks"] as Record<string, PlainMap> | undefined;
    const lan = networks?.["lan"];
    expect(lan?.["dhcp"]).toMatchObject({
      options: { "ntp-servers": ["192.0.2.1"], "domain-name": "b", routers: ["192.0.2.9"] },
      hosts: [{ mac: "52:54:00:00:00:01", address: "192.0.2.5" }],
    });
    expect(lan?.["dhcp"]).not.toHaveProperty("options.root-path");
    expect(toldOf(result)).toContain("e/f:1: this is no setting that netloom knows");
  });

  test("cycles, depth, size, and what cannot be read are told", () => {
    expect(toldOf(imported('include "a";', { a: 'include "b";', b: 'include "a";' }))).toEqual([
      "b:1: the file includes itself",
    ]);
    const chain = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`f${i}`, `include "f${i + 1}";`]));
    expect(toldOf(imported('include "f0";', chain))).toEqual([
      "f7:1: more than 8 files within each other, or 500 in all",
    ]);
    expect(toldOf(imported('include "a"; include "b";', { a: "", b: " ".repeat(5_000_000) }))).toEqual([
      "main:1: the files together are larger than 4 MiB",
    ]);
    expect(toldOf(imported('include "gone";', {}))).toEqual(["main:1: gone: no such file"]);
    expect(toldOf(imported("conf-file=a\n", { a: "conf-file=a" }, "dnsmasq"))).toEqual([
      "a:1: the file includes itself",
    ]);
  });
});

describe("dnsmasq", () => {
  const range = "dhcp-range=192.0.2.10,192.0.2.20,255.255.255.0";

  test("what dnsmasq does by itself: one hour, itself as router", () => {
    expect(dhcpOf(range, "dnsmasq")).toEqual({
      range: "192.0.2.10-192.0.2.20",
      lease: "1h",
      authoritative: false,
      options: { routers: ["192.0.2.1"] },
    });
    expect(told(range, "dnsmasq")).toEqual([
      "1: dnsmasq tells clients its own address as name server, whose DNS is not imported",
    ]);
  });

  test("an option without a value is not told", () => {
    expect(dhcpOf(`${range}\ndhcp-option=3\ndhcp-option=6`)).not.toHaveProperty("options");
  });

  test("a static range is for known hosts alone, as dhcp-ignore=tag:!known is", () => {
    const host = "dhcp-host=52:54:00:00:00:01,192.0.2.5";
    const fixed = `dhcp-range=192.0.2.0,static,255.255.255.0\n${host}`;
    expect(dhcpOf(fixed)).toMatchObject({ range: [], "known-only": true });
    expect(dhcpOf(`${range}\n${host}\ndhcp-ignore=tag:!known`)).toMatchObject({ "known-only": true });
  });

  test("of two lines that a client is told by the later one counts", () => {
    const text = (boots: readonly string[]): string =>
      [range, "dhcp-match=set:efi,option:client-arch,7", "dhcp-userclass=set:ipxe,iPXE", ...boots].join("\n");
    const names = (boots: readonly string[]) => (dhcpOf(text(boots))["classes"] as PlainMap[]).map(({ name }) => name);
    const [efi, ipxe] = ["dhcp-boot=tag:efi,a.efi", "dhcp-boot=tag:ipxe,a.ipxe"];
    expect(names([efi, ipxe])).toEqual(["ipxe", "efi"]);
    expect(names([ipxe, efi])).toEqual(["efi", "ipxe"]);
  });

  test("two tags at once are a class of both", () => {
    const text = `${range}\ndhcp-match=set:efi,93,7\ndhcp-vendorclass=set:pxe,PXEClient\ndhcp-boot=tag:efi,tag:pxe,x.efi`;
    expect(dhcpOf(text)["classes"]).toEqual([
      { name: "efi-pxe", vendor: "PXEClient", architecture: [7], "boot-file": "x.efi" },
    ]);
  });

  test("times with and without units, escapes in quotes", () => {
    const text = `${range},600\ndhcp-host=52:54:00:00:00:01,192.0.2.5,2d\ndhcp-option=252,"\\n"\ndhcp-option=24,2m`;
    expect(dhcpOf(text)).toMatchObject({
      lease: "10m",
      hosts: [{ lease: "48h" }],
      options: { 252: { hex: "0a" }, "path-mtu-aging-timeout": 120 },
    });
  });

  test("options within options: of everybody, of a vendor's clients, of a class, and for an enterprise", () => {
    const text = `${range}
dhcp-option=encap:175,176,1b
dhcp-option=encap:175,190,"user"
dhcp-option=vendor:PXEClient,6,2b
dhcp-option=vendor:PXEClient,1,0.0.0.0
dhcp-userclass=set:ipxe,iPXE
dhcp-option=tag:ipxe,encap:175,8,1b
dhcp-option=vi-encap:9,5,text
dhcp-option=encap:300,1,2
dhcp-option-force=208,f1:00:74:7e`;
    expect(dhcpOf(text, "dnsmasq")).toMatchObject({
      options: { 175: { hex: "b00101be0475736572" }, 125: { hex: "0000000906050474657874" }, 208: { hex: "f100747e" } },
      classes: [
        { user: "iPXE", options: { 175: { hex: "b00101be0475736572080101" } } },
        { vendor: "PXEClient", options: { 43: { hex: "060102010400000000" } } },
      ],
    });
    expect(told(text, "dnsmasq")).toEqual([
      "1: dnsmasq tells clients its own address as name server, whose DNS is not imported",
      '9: "300" is not the number of an option',
      "10: clients are told the options that they ask for",
    ]);
  });

  test("a shared network is one network of both subnets", () => {
    const text = `dhcp-range=set:floor,192.0.2.10,192.0.2.20,255.255.255.0
dhcp-range=198.51.100.10,198.51.100.20,255.255.255.0,30m
shared-network=192.0.2.1,198.51.100.1
dhcp-host=52:54:00:00:00:01,198.51.100.5
shared-network=eth9,10.0.0.1`;
    expect(importText(text, "dnsmasq").file?.content["networks"]).toMatchObject({
      floor: {
        also: [
          {
            subnet: "198.51.100.0/24",
            dhcp: { range: "198.51.100.10-198.51.100.20", lease: "30m", options: { routers: ["198.51.100.1"] } },
          },
        ],
        dhcp: { range: "192.0.2.10-192.0.2.20", hosts: [{ address: "198.51.100.5" }] },
      },
    });
    expect(told(text, "dnsmasq")).toContain("5: it does not name the subnets of two ranges");
  });

  test("quotes, comments and the dashes of the command line", () => {
    const text = `--${range} # the range\ndhcp-option=option:domain-name,"a, # b"`;
    expect(dhcpOf(text, "dnsmasq")["options"]).toMatchObject({ "domain-name": "a, # b" });
  });
});

test("a file that declares nothing to serve makes no network file", () => {
  for (const text of ["", "# nothing\n", 'option domain-name "x";', "port=53\n", "\u0000{{{}}};;;"]) {
    expect(importText(text).file).toBeUndefined();
  }
});
