/** Boot files from a DHCP server that gives addresses, too. */
import { expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import type { Dhcp4ServerConfig } from "../../../src/protocol/dhcp4/server/config.ts";
import { bootClasses } from "../../../src/protocol/pxe/offer.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { BOOT_MAC, bootFrame, type BootRequest, MACHINE } from "../../support/boot-client.ts";
import { replyOf, start } from "../dhcp4/server/world.ts";
import { CONFIG, FILES, SERVER } from "./world.ts";

const server = start({ classes: bootClasses(FILES, CONFIG) });

function offered(request: BootRequest) {
  const { message } = replyOf(server.handle({ frame: bootFrame(request), checksumNotReady: false }, 0));
  expect(message.yourAddress).toBe("192.0.2.10");
  expect(message.options.get(DHCP4_OPTION.clientMachine.code)).toEqual(MACHINE);
  const vendorOptions = message.options.get(DHCP4_OPTION.vendorSpecific.code);
  return {
    file: message.bootFile,
    file67: readOption(message.options, DHCP4_OPTION.bootFileName),
    nextServer: message.nextServerAddress,
    vendorClass: readOption(message.options, DHCP4_OPTION.vendorClass),
    vendorOptions: vendorOptions === undefined ? undefined : toHex(vendorOptions),
  };
}

const script = "http://192.0.2.1/boot.ipxe";
const shim = "http://192.0.2.1/efi/shimx64.efi";
const table: readonly [string, BootRequest, Partial<ReturnType<typeof offered>>][] = [
  [
    "BIOS",
    { architecture: 0 },
    { file: "undionly.kpxe", file67: "undionly.kpxe", vendorClass: "PXEClient", vendorOptions: "060108ff" },
  ],
  ["BIOS iPXE", { architecture: 0, ipxe: true }, { file: script, file67: script, vendorOptions: undefined }],
  ["BIOS iPXE by option 175", { architecture: 0, ipxe: "175" }, { file: script, file67: script }],
  ["UEFI x64", { architecture: 7 }, { file: "efi/shimx64.efi", vendorClass: undefined, vendorOptions: undefined }],
  ["UEFI x64 iPXE", { architecture: 7, ipxe: true }, { file: script, vendorClass: undefined }],
  ["UEFI x64 HTTP", { architecture: 16, bootClass: "HTTPClient" }, { file67: shim, vendorClass: "HTTPClient" }],
];
test.each(table)("%s", (_, request, expected) => {
  expect(offered(request)).toMatchObject({ nextServer: SERVER, ...expected });
});

test("a host's own boot file that is iPXE is not told to iPXE, which gets the script", () => {
  const elsewhere = parseIpv4("192.0.2.7");
  const own = new Map([
    optionEntry(DHCP4_OPTION.bootFileName, "own.kpxe"),
    optionEntry(DHCP4_OPTION.tftpServerName, elsewhere),
    optionEntry(DHCP4_OPTION.domainName, "example.org"),
  ]);
  const settings = { bootFile: "own.kpxe", nextServer: elsewhere, options: own, bootsIpxe: true } as const;
  const asked = (request: BootRequest, changes: Partial<Dhcp4ServerConfig>) => {
    const hosts = start({ classes: bootClasses(FILES, CONFIG), ...changes });
    const { message } = replyOf(hosts.handle({ frame: bootFrame(request), checksumNotReady: false }, 0));
    const { bootFile, nextServerAddress, options } = message;
    const domain = readOption(options, DHCP4_OPTION.domainName);
    return { bootFile, file67: readOption(options, DHCP4_OPTION.bootFileName), nextServerAddress, domain };
  };
  const hosts = [{ identity: { mac: BOOT_MAC }, ...settings }];
  const loader = { bootFile: "own.kpxe", file67: "own.kpxe", nextServerAddress: elsewhere, domain: "example.org" };
  expect(asked({ architecture: 0 }, { hosts })).toEqual(loader);
  const menu = { bootFile: script, file67: script, nextServerAddress: SERVER, domain: "example.org" };
  expect(asked({ architecture: 0, ipxe: true }, { hosts })).toEqual(menu);
  expect(asked({ architecture: 0, ipxe: "175" }, { hosts })).toEqual(menu);
  // Where nothing else is to be had it boots nothing, and not itself.
  const nothing = { bootFile: "", file67: undefined, nextServerAddress: "0.0.0.0", domain: "example.org" };
  expect(asked({ architecture: 10, ipxe: true }, { ...settings })).toEqual(nothing);
});

test("a host's own boot file is told to firmware that boots by HTTP as an address, whether the folder has a file for it or not", () => {
  const url = "http://192.0.2.1/own/t.efi";
  const options = new Map([optionEntry(DHCP4_OPTION.bootFileName, "own/t.efi")]);
  const hosts = [{ identity: { mac: BOOT_MAC }, bootFile: "own/t.efi", bootUrl: url, options }];
  const asked = (request: BootRequest, classes: Dhcp4ServerConfig["classes"]) => {
    const own = start({ hosts, ...(classes === undefined ? {} : { classes }) });
    const { message } = replyOf(own.handle({ frame: bootFrame(request), checksumNotReady: false }, 0));
    const vendorClass = readOption(message.options, DHCP4_OPTION.vendorClass);
    return [message.bootFile, readOption(message.options, DHCP4_OPTION.bootFileName), vendorClass];
  };
  for (const classes of [undefined, bootClasses(FILES, CONFIG)]) {
    expect(asked({ architecture: 16, bootClass: "HTTPClient" }, classes)).toEqual([url, url, "HTTPClient"]);
    expect(asked({ architecture: 7 }, classes).slice(0, 2)).toEqual(["own/t.efi", "own/t.efi"]);
    expect(asked({ architecture: 16, bootClass: "HTTPClient", ipxe: true }, classes)[0]).toBe("own/t.efi");
  }
});

test("iPXE is not told to load itself where the folder has nothing else", () => {
  const onlyIpxe = start({ classes: bootClasses({ bios: { loader: "undionly.kpxe" } }, CONFIG) });
  const frame = bootFrame({ architecture: 0, ipxe: true });
  const { message } = replyOf(onlyIpxe.handle({ frame, checksumNotReady: false }, 0));
  expect(message.bootFile).toBe("");
  expect(message.options.has(DHCP4_OPTION.bootFileName.code)).toBe(false);
});

test("a client that boots from its disk is told of no file", () => {
  expect(offered({ architecture: 11 })).toMatchObject({ file: "", file67: undefined, nextServer: "0.0.0.0" });
});
