/**
 * Configurations of dhcpd and dnsmasq as people have them. Beside each in files/ stands what is made of it (.yaml) and
 * what is told (.told); NETLOOM_WRITE=1 writes both anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Format, importConfiguration, type Imported } from "../../src/import/import.ts";
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
  return importConfiguration(text, "test.conf", format);
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
    expect(networks.map(({ dhcp }) => dhcp)).toMatchObject([
      { range: [], classes: [{ name: "foo", vendor: "SUNW", range: "198.51.100.10-198.51.100.20" }] },
      { range: "192.0.2.10-192.0.2.20", lease: { max: "10m" } },
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
      "1: dnsmasq tells clients its own address as name server, netloom serves no DNS",
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
