/** What dhcpd.conf says, as a network file says it. */
import { describe, expect, test } from "vitest";
import { type Ipv4Prefix, parsePrefix } from "../../src/base/address.ts";
import { type ImportChoices, importConfiguration } from "../../src/import/import.ts";
import type { PlainMap } from "../../src/model/document.ts";
import { dhcpOf, importText, inSubnet, told } from "./text.ts";

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
