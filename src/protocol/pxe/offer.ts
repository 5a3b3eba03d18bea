/** What a boot client gets: the file, from where, and the options that make its firmware fetch it. */
import type { Ipv4Address } from "../../base/address.ts";
import { utf8Encode } from "../../base/bytes.ts";
import { DHCP4_OPTION, optionEntry } from "../../wire/dhcp4/option-table.ts";
import { FILE_BYTES } from "../../wire/dhcp4/options.ts";
import type { Dhcp4Class } from "../dhcp4/server/config.ts";
import { BOOT_PLATFORMS, type BootClass, type BootClient, type BootPlatform } from "./client.ts";

/** Paths below the folder that is served, with "/" between their parts and none before the first. */
export interface PlatformFiles {
  /** What firmware fetches by TFTP and runs. */
  readonly loader?: string;
  /** What firmware fetches by HTTP: a loader or an image of a disc. */
  readonly httpFile?: string;
  /** What iPXE gets, so that it does not load itself again: a script, or a loader that is not iPXE. */
  readonly ipxe?: string;
}

export type BootFiles = Readonly<Partial<Record<BootPlatform, PlatformFiles>>>;

export interface BootPlace {
  /** Of the TFTP and HTTP server. */
  readonly address: Ipv4Address;
  readonly httpPort: number;
}

export interface BootOffer {
  readonly bootClass: BootClass;
  readonly nextServer: Ipv4Address;
  /** A path for TFTP, or a whole URL. */
  readonly bootFile: string;
  /** Below the folder. */
  readonly file: string;
}

const HTTP_PORT = 80;
/** PXE 2.1 table 2-2: PXE_DISCOVERY_CONTROL, bit 3: fetch the file that is named and look for nothing else. */
export const USE_BOOT_FILE = Uint8Array.of(6, 1, 8, 255);
/** Option 175, sub-option 176 of iPXE: do not wait for a proxyDHCP server. */
const NO_PROXY = [175, Uint8Array.of(176, 1, 1)] as const;
const WITHHELD = new Uint8Array(0);

/** http://ADDRESS/FILE, with the port where it is not 80. */
export function bootUrl({ address, httpPort }: BootPlace, file: string): string {
  const port = httpPort === HTTP_PORT ? "" : `:${httpPort}`;
  return `http://${address}${port}/${file.split("/").map(encodeURIComponent).join("/")}`;
}

/** @returns undefined when nothing in the folder is for such a client */
export function chooseBoot(
  { platform, bootClass, isIpxe }: Pick<BootClient, "platform" | "bootClass" | "isIpxe">,
  files: BootFiles,
  place: BootPlace,
): BootOffer | undefined {
  const { loader, httpFile, ipxe } = files[platform] ?? {};
  const isHttp = bootClass === "HTTPClient" && !isIpxe;
  const file = isIpxe ? ipxe : isHttp ? httpFile : loader;
  if (file === undefined) return undefined;
  const byUrl = isHttp || (isIpxe && isScript(file));
  return { bootClass, nextServer: place.address, bootFile: byUrl ? bootUrl(place, file) : file, file };
}

/** iPXE fetches scripts by HTTP. What it starts otherwise may ask for more by TFTP beside its own name. */
function isScript(file: string): boolean {
  return file.endsWith(".ipxe");
}

/** Whether the name has room in the field `file` of a DHCP message; option 67 takes longer ones. */
export function fitsFileField(bootFile: string): boolean {
  return utf8Encode(bootFile).length < FILE_BYTES;
}

/** The same choice as classes of a DHCP server that gives addresses and boot files together. */
export function bootClasses(files: BootFiles, place: BootPlace): Dhcp4Class[] {
  return [
    ...BOOT_PLATFORMS.map((platform) => ipxeClass(platform, files, place)),
    ...BOOT_PLATFORMS.map((platform) => firmwareClass(platform, "PXEClient", files, place)),
    ...BOOT_PLATFORMS.map((platform) => firmwareClass(platform, "HTTPClient", files, place)),
  ].filter((each) => each !== undefined);
}

function ipxeClass(platform: BootPlatform, files: BootFiles, place: BootPlace): Dhcp4Class | undefined {
  if (files[platform] === undefined) return undefined;
  const offer = chooseBoot({ platform, bootClass: "PXEClient", isIpxe: true }, files, place);
  const withheld = [DHCP4_OPTION.vendorSpecific.code, DHCP4_OPTION.vendorClass.code].map(
    (code) => [code, WITHHELD] as const,
  );
  return {
    name: `iPXE ${platform}`,
    boots: { platform, isIpxe: true },
    ...(offer === undefined
      ? { bootFile: "", options: new Map([...withheld, NO_PROXY, [DHCP4_OPTION.bootFileName.code, WITHHELD]]) }
      : fileSettings(offer, [...withheld, NO_PROXY])),
  };
}

function firmwareClass(
  platform: BootPlatform,
  bootClass: BootClass,
  files: BootFiles,
  place: BootPlace,
): Dhcp4Class | undefined {
  const offer = chooseBoot({ platform, bootClass, isIpxe: false }, files, place);
  if (offer === undefined) return undefined;
  return {
    name: `${bootClass} ${platform}`,
    boots: { platform, bootClass, isIpxe: false },
    ...fileSettings(offer, vendorOptions(platform, bootClass)),
  };
}

/** UEFI with "PXEClient" in an offer that gives an address would ask port 4011 for what it has been told already. */
function vendorOptions(platform: BootPlatform, bootClass: BootClass): (readonly [number, Uint8Array])[] {
  if (bootClass === "HTTPClient") return [optionEntry(DHCP4_OPTION.vendorClass, bootClass)];
  if (platform !== "bios") return [];
  return [optionEntry(DHCP4_OPTION.vendorClass, bootClass), optionEntry(DHCP4_OPTION.vendorSpecific, USE_BOOT_FILE)];
}

function fileSettings(
  { nextServer, bootFile }: BootOffer,
  options: readonly (readonly [number, Uint8Array])[],
): Pick<Dhcp4Class, "nextServer" | "bootFile" | "options"> {
  return {
    nextServer,
    bootFile: fitsFileField(bootFile) ? bootFile : "",
    options: new Map([
      ...options,
      optionEntry(DHCP4_OPTION.tftpServerName, nextServer),
      optionEntry(DHCP4_OPTION.bootFileName, bootFile),
    ]),
  };
}
