/** What tshark reads in the answers of a proxyDHCP server. */
import { expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { ProxyDhcp } from "../../../src/protocol/pxe/proxy.ts";
import { bootFrame, secondStep } from "../../support/boot-client.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";
import { CONFIG, SERVER } from "./world.ts";

test("offers to BIOS, UEFI, iPXE and HTTP clients, and the ACK of port 4011", () => {
  const proxy = new ProxyDhcp(CONFIG);
  const frames = [
    bootFrame({ architecture: 0 }),
    bootFrame({ architecture: 7 }),
    bootFrame({ architecture: 7, ipxe: true }),
    bootFrame({ architecture: 16, bootClass: "HTTPClient" }),
    secondStep({ architecture: 7 }, { client: parseIpv4("192.0.2.17"), server: SERVER }),
  ].flatMap((frame) => [...proxy.handle(frame, false).frames]);
  expect(tsharkFindings(frames)).toEqual([]);
  const fields = ["dhcp.option.dhcp", "dhcp.option.vendor_class_id", "dhcp.file", "dhcp.ip.server"];
  const row = (type: string, vendorClass: string, file: string) => ({
    "dhcp.option.dhcp": type,
    "dhcp.option.vendor_class_id": vendorClass,
    "dhcp.file": file,
    "dhcp.ip.server": SERVER,
  });
  expect(tsharkFields(frames, fields)).toEqual([
    row("2", "PXEClient", "undionly.kpxe"),
    row("2", "PXEClient", "efi/shimx64.efi"),
    row("2", "PXEClient", "http://192.0.2.1/boot.ipxe"),
    row("2", "HTTPClient", "http://192.0.2.1/efi/shimx64.efi"),
    row("5", "PXEClient", "efi/shimx64.efi"),
  ]);
});
