/** What firmware that wants to boot sends: a DISCOVER to everybody, and in the second step a REQUEST to port 4011. */
import { type Ipv4Address, type MacAddress, parseMac } from "../../src/base/address.ts";
import { fromHex, utf8Encode } from "../../src/base/bytes.ts";
import { DHCP4_OPTION, optionEntry } from "../../src/wire/dhcp4/option-table.ts";
import { type ClientMessage, clientFrame } from "./dhcp4-client.ts";

export const BOOT_MAC = parseMac("52:54:00:00:00:17");
export const MACHINE = fromHex("00 00112233445566778899aabbccddeeff");
const WISHES = [1, 2, 3, 4, 5, 6, 12, 13, 15, 17, 18, 22, 23, 28, 40, 41, 42, 43, 50, 51, 54, 58, 59, 60, 66, 67, 97];

export interface BootRequest extends Partial<ClientMessage> {
  readonly architecture: number;
  readonly bootClass?: "PXEClient" | "HTTPClient";
  /** "175": it says so by that option alone. */
  readonly ipxe?: true | "175";
  readonly mac?: MacAddress;
}

export function bootFrame({
  architecture,
  bootClass = "PXEClient",
  ipxe,
  options = [],
  ...rest
}: BootRequest): Uint8Array {
  const arch = String(architecture).padStart(5, "0");
  return clientFrame({
    mac: BOOT_MAC,
    type: "DISCOVER",
    ...rest,
    fields: { broadcast: true, ...rest.fields },
    options: [
      optionEntry(DHCP4_OPTION.parameterRequestList, WISHES),
      optionEntry(DHCP4_OPTION.maximumMessageSize, 1472),
      optionEntry(DHCP4_OPTION.clientMachine, MACHINE),
      optionEntry(DHCP4_OPTION.clientArchitecture, [architecture]),
      [DHCP4_OPTION.clientNetworkInterface.code, Uint8Array.of(1, 3, 16)],
      optionEntry(DHCP4_OPTION.vendorClass, `${bootClass}:Arch:${arch}:UNDI:003016`),
      ...(ipxe === true ? [optionEntry(DHCP4_OPTION.userClass, utf8Encode("iPXE"))] : []),
      ...(ipxe === undefined ? [] : [[175, Uint8Array.of(19, 1, 1)] as const]),
      ...options,
    ],
  });
}

/** The second step of UEFI firmware, which has an address by then. */
export function secondStep(
  request: BootRequest,
  { client, server }: { readonly client: Ipv4Address; readonly server: Ipv4Address },
): Uint8Array {
  return bootFrame({
    ...request,
    type: "REQUEST",
    source: client,
    destination: server,
    sourcePort: 68,
    destinationPort: 4011,
    fields: { clientAddress: client, broadcast: false },
  });
}
