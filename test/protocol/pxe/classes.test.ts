/** Boot files from a DHCP server that gives addresses, too. */
import { expect, test } from "vitest";
import { toHex } from "../../../src/base/bytes.ts";
import { bootClasses } from "../../../src/protocol/pxe/offer.ts";
import { DHCP4_OPTION, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { bootFrame, type BootRequest, MACHINE } from "../../support/boot-client.ts";
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
