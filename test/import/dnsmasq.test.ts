/** What dnsmasq.conf says, as a network file says it. */
import { describe, expect, test } from "vitest";
import type { PlainMap } from "../../src/model/document.ts";
import { dhcpOf, importText, told } from "./text.ts";

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
