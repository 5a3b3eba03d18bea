/** Boot loaders by the names that they always have. */
import type { BootPlatform } from "../../protocol/pxe/client.ts";

export interface LoaderKind {
  /** How people call it. */
  readonly title: string;
  readonly platform: BootPlatform;
  /** Of two kinds for one platform the earlier one in this file is taken. */
  readonly rank: number;
  /** Loads what the menu for iPXE says; it must not be given to iPXE. */
  readonly isIpxe: boolean;
  /** What it must find in the folder to do anything: see {@link LoaderNeed}. */
  readonly needs: LoaderNeed | undefined;
}

/**
 * "pxelinux": a folder pxelinux.cfg beside it; others: a file of that name anywhere; "second-stage": what a shim loads,
 * beside it, by its name or by one that stands for it, and what that needs.
 */
export type LoaderNeed = "pxelinux" | "grub.cfg" | "menu.lst" | "bcd" | "second-stage";

type Row = readonly [name: RegExp, title: string, platform: BootPlatform, needs?: LoaderNeed | "ipxe"];

/** A program for UEFI firmware; packages of Debian and Ubuntu say behind it that it is signed, or by which of two keys. */
export const EFI_NAME = /\.efi(\.(dual)?signed(\.[\w-]+)?)?$/i;

/** Names in lower case, as they are where nothing is said of signatures. */
const ROWS: readonly Row[] = [
  [/^lpxelinux\.0$/, "PXELINUX", "bios", "pxelinux"],
  [/^g?pxelinux\.0$/, "PXELINUX", "bios", "pxelinux"],
  [/^undionly[\w.-]*\.k{0,2}pxe$/, "iPXE", "bios", "ipxe"],
  [/^ipxe[\w.-]*\.k{0,2}pxe$/, "iPXE", "bios", "ipxe"],
  // Nothing else ends so: netboot.xyz.kpxe.
  [/\.k{1,2}pxe$/, "iPXE", "bios", "ipxe"],
  [/^(core|grub|grubnetx?86?|grub2pxe|grubpc|grub-pc)\.0$/, "GRUB", "bios", "grub.cfg"],
  [/^(pxegrldr\.0|pxegrub|grldr)$/, "GRUB4DOS", "bios", "menu.lst"],
  [/^wdsnbp\.com$/, "Windows", "bios", "bcd"],
  [/^(pxeboot|startrom)\.(n12|com|0)$/, "Windows", "bios", "bcd"],
  [/^shimx64[\w.-]*\.efi$/, "shim", "efi-x64", "second-stage"],
  [/^shimia32[\w.-]*\.efi$/, "shim", "efi-ia32", "second-stage"],
  [/^shimarm[\w.-]*\.efi$/, "shim", "efi-arm32", "second-stage"],
  [/^shimaa64[\w.-]*\.efi$/, "shim", "efi-arm64", "second-stage"],
  // Of openSUSE.
  [/^shim[\w-]*\.efi$/, "shim", "efi-x64", "second-stage"],
  [/^boot(net)?x64\.efi$/, "UEFI boot loader", "efi-x64"],
  [/^boot(net)?ia32\.efi$/, "UEFI boot loader", "efi-ia32"],
  [/^boot(net)?arm\.efi$/, "UEFI boot loader", "efi-arm32"],
  [/^boot(net)?aa64\.efi$/, "UEFI boot loader", "efi-arm64"],
  [/^(grub|grubnet|gcd|core)x64[\w.-]*\.efi$/, "GRUB", "efi-x64", "grub.cfg"],
  [/^(grub|grubnet|gcd|core)ia32[\w.-]*\.efi$/, "GRUB", "efi-ia32", "grub.cfg"],
  [/^(grub|grubnet|gcd|core)arm[\w.-]*\.efi$/, "GRUB", "efi-arm32", "grub.cfg"],
  [/^(grub|grubnet|gcd|core)aa64[\w.-]*\.efi$/, "GRUB", "efi-arm64", "grub.cfg"],
  [/^(core|grub)\.efi$/, "GRUB", "efi-x64", "grub.cfg"],
  [/^(ipxe|snponly|snp|undionly)[\w.-]*(arm64|aa64)[\w.-]*\.efi$/, "iPXE", "efi-arm64", "ipxe"],
  [/^(ipxe|snponly|snp|undionly)[\w.-]*(i386|ia32)[\w.-]*\.efi$/, "iPXE", "efi-ia32", "ipxe"],
  [/^(ipxe|snponly|snp|undionly)[\w.-]*\.efi$/, "iPXE", "efi-x64", "ipxe"],
  [/^syslinux\.efi$/, "SYSLINUX", "efi-x64", "pxelinux"],
  [/^wdsmgfw\.efi$/, "Windows", "efi-x64", "bcd"],
  [/^bootmg(fw|r)\.efi$/, "Windows", "efi-x64", "bcd"],
];

/** What goes with a loader, or is started by one: not for firmware by itself. */
export const HELPER_NAME =
  /^(mm|fb)(x64|ia32|aa64|arm)[\w.-]*\.efi(\.[\w.-]+)?$|^(mokmanager|fallback)\.efi$|^wimboot|^memdisk$|\.lkrn$|\.c32$/i;

/** Without what is said of its signatures. */
export function unsignedName(name: string): string {
  return name.replace(EFI_NAME, ".efi");
}

export function loaderKindOf(name: string): LoaderKind | undefined {
  const lower = unsignedName(name).toLowerCase();
  const rank = ROWS.findIndex(([pattern]) => pattern.test(lower));
  const row = ROWS[rank];
  if (row === undefined) return undefined;
  const [, title, platform, needs] = row;
  return needs === "ipxe"
    ? { title, platform, rank, isIpxe: true, needs: undefined }
    : { title, platform, rank, isIpxe: false, needs };
}

/** For a program of the firmware whose name says nothing. */
export function unnamedLoader(platform: BootPlatform, isIpxe: boolean): LoaderKind {
  return { title: isIpxe ? "iPXE" : "UEFI program", platform, rank: ROWS.length, isIpxe, needs: undefined };
}
