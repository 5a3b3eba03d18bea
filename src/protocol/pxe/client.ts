/** Who a boot request comes from: firmware of a kind of machine, by TFTP or HTTP, or iPXE (RFC 4578, UEFI 2.10 §24). */
import { type MacAddress, macFromBytes } from "../../base/address.ts";
import { equalBytes, utf8Encode } from "../../base/bytes.ts";
import { type Dhcp4Message, HARDWARE_ETHERNET } from "../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../wire/dhcp4/option-table.ts";
import type { Dhcp4Options } from "../../wire/dhcp4/options.ts";

/** What a boot file is made for. */
export type BootPlatform = (typeof BOOT_PLATFORMS)[number];
export const BOOT_PLATFORMS = ["bios", "efi-ia32", "efi-x64", "efi-arm32", "efi-arm64"] as const;

/** How people call it. */
export const PLATFORM_NAMES: Readonly<Record<BootPlatform, string>> = {
  bios: "BIOS",
  "efi-ia32": "UEFI 32-bit",
  "efi-x64": "UEFI x64",
  "efi-arm32": "UEFI ARM 32-bit",
  "efi-arm64": "UEFI ARM64",
};

export type BootClass = "PXEClient" | "HTTPClient";

/** IANA "Processor Architecture Types"; 7 and 9 are both sent by x64 firmware. */
const TFTP_ARCHITECTURES: Readonly<Record<BootPlatform, readonly number[]>> = {
  bios: [0],
  "efi-ia32": [6],
  "efi-x64": [7, 9],
  "efi-arm32": [10],
  "efi-arm64": [11],
};
const HTTP_ARCHITECTURES: Readonly<Record<BootPlatform, readonly number[]>> = {
  bios: [20],
  "efi-ia32": [15],
  "efi-x64": [16, 17],
  "efi-arm32": [18],
  "efi-arm64": [19],
};

/** Option 175, by which Etherboot and its heirs tell what they can do. */
const ETHERBOOT = 175;
const IPXE = utf8Encode("iPXE");
/** RFC 4578 §2.3: type 0 and a GUID. */
const MACHINE_BYTES = 17;

/** Boot clients that are told the same. */
export interface BootKind {
  readonly platform: BootPlatform;
  /** Absent for iPXE, which loads by either. */
  readonly bootClass?: BootClass;
  /** It is iPXE, whatever it was started from. */
  readonly isIpxe: boolean;
}

export interface BootClient extends BootKind {
  readonly mac: MacAddress | undefined;
  readonly bootClass: BootClass;
  /** Option 93, the first that is known. */
  readonly architecture: number;
  /** Option 97 as it came, to be echoed. */
  readonly machine: Uint8Array | undefined;
}

function isOf(platform: BootPlatform, architecture: number): boolean {
  return TFTP_ARCHITECTURES[platform].includes(architecture) || HTTP_ARCHITECTURES[platform].includes(architecture);
}

/** @returns why it is none, for a client that does not want to boot or that nothing is known for */
export function readBootClient(message: Dhcp4Message): BootClient | string {
  const vendorClass = readOption(message.options, DHCP4_OPTION.vendorClass);
  const bootClass = (["PXEClient", "HTTPClient"] as const).find((each) => vendorClass?.startsWith(each) === true);
  if (vendorClass === undefined || bootClass === undefined) return "not a boot client";
  const architectures = architecturesOfMessage(message.options, vendorClass);
  for (const architecture of architectures) {
    const platform = BOOT_PLATFORMS.find((each) => isOf(each, architecture));
    if (platform === undefined) continue;
    const machine = message.options.get(DHCP4_OPTION.clientMachine.code);
    return {
      mac: macOf(message),
      bootClass,
      architecture,
      platform,
      isIpxe: isIpxe(message.options),
      machine: machine?.length === MACHINE_BYTES ? machine : undefined,
    };
  }
  return architectures.length === 0
    ? "a boot client that does not tell its architecture"
    : `a boot client of the unknown architecture ${architectures[0]}`;
}

/** @param client what {@link readBootClient} says */
export function isOfKind(client: BootClient | string, { platform, bootClass, isIpxe }: BootKind): boolean {
  if (typeof client === "string" || client.platform !== platform || client.isIpxe !== isIpxe) return false;
  return bootClass === undefined || client.bootClass === bootClass;
}

/** Option 93, and where it is missing what the vendor class says: PXEClient:Arch:00007:UNDI:003016. */
function architecturesOfMessage(options: Dhcp4Options, vendorClass: string): readonly number[] {
  const told = readOption(options, DHCP4_OPTION.clientArchitecture);
  if (told !== undefined) return told;
  const digits = /^\w+:Arch:(\d{5})(?::|$)/.exec(vendorClass)?.[1];
  return digits === undefined ? [] : [Number(digits)];
}

function macOf({ hardwareType, hardwareAddress }: Dhcp4Message): MacAddress | undefined {
  return hardwareType === HARDWARE_ETHERNET && hardwareAddress.length === 6 ? macFromBytes(hardwareAddress) : undefined;
}

/** Whether it is firmware that fetches its file from an address http://…, and by nothing else. */
export function isHttpFirmware(options: Dhcp4Options): boolean {
  return readOption(options, DHCP4_OPTION.vendorClass)?.startsWith("HTTPClient") === true && !isIpxe(options);
}

/** Whether it is iPXE that asks. It sends its user class without the length byte of RFC 3004, others that imitate it with one. */
export function isIpxe(options: Dhcp4Options): boolean {
  if (options.has(ETHERBOOT)) return true;
  const userClass = options.get(DHCP4_OPTION.userClass.code);
  if (userClass === undefined) return false;
  return equalBytes(userClass, IPXE) || equalBytes(userClass.subarray(1), IPXE);
}
