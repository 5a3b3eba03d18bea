/** The menu for iPXE: a script that is made of what the folder has. */
import { basename, dirname } from "node:path";
import { BOOT_PLATFORMS, type BootPlatform } from "../../protocol/pxe/client.ts";
import { type BootPlace, bootUrl } from "../../protocol/pxe/offer.ts";
import { entryTitle, type MenuEntry, menuEntries } from "./choose.ts";
import type { FoundFolder, FoundKernel, FoundLoader, FoundWindows } from "./scan.ts";

/** How long a menu waits for a person: shorter where there is nothing to choose. */
const WAIT_MILLISECONDS = 8000;
const WAIT_FOR_NOTHING_MILLISECONDS = 2000;
const RETRY_MILLISECONDS = 10_000;

/** How iPXE finds out what it runs on: `platform` and `buildarch` of its settings. */
const CONDITIONS: Readonly<Record<BootPlatform, string>> = {
  bios: "iseq ${platform} pcbios",
  "efi-ia32": "iseq ${buildarch} i386",
  "efi-x64": "iseq ${buildarch} x86_64",
  "efi-arm32": "iseq ${buildarch} arm32",
  "efi-arm64": "iseq ${buildarch} arm64",
};

/** One script for all platforms: each has its own menu of what runs there. */
export function makeMenu(folder: FoundFolder, place: BootPlace): string {
  const lines = ["#!ipxe", "# Made by netloom of what its folder holds.", ":start"];
  for (const platform of BOOT_PLATFORMS) lines.push(`${CONDITIONS[platform]} && goto ${platform} ||`);
  lines.push("goto nothing");
  const entries: string[] = [];
  let number = 0;
  for (const platform of BOOT_PLATFORMS) {
    const offered = menuEntries(platform, folder).map((entry) => ({ entry, label: `entry${++number}` }));
    lines.push(...platformMenu(platform, offered, place));
    for (const { entry, label } of offered) entries.push(`:${label}`, ...commandsOf(entry, place));
  }
  return [
    ...lines,
    ...entries,
    ":nothing",
    `echo The folder of ${place.address} has nothing that this machine can start.`,
    ":shell",
    "shell || goto exit",
    "goto start",
    ":failed",
    `prompt --timeout ${RETRY_MILLISECONDS} Press a key to try again ||`,
    "goto start",
    ":exit",
    "exit 1",
    "",
  ].join("\n");
}

function platformMenu(
  platform: BootPlatform,
  offered: readonly { readonly entry: MenuEntry; readonly label: string }[],
  place: BootPlace,
): string[] {
  const first = offered[0];
  if (first === undefined) return [`:${platform}`, "goto nothing"];
  const wait = offered.length === 1 ? WAIT_FOR_NOTHING_MILLISECONDS : WAIT_MILLISECONDS;
  return [
    `:${platform}`,
    // An iPXE that was built without menus starts what is first.
    `menu Boot from ${place.address} || goto ${first.label}`,
    ...offered.map(({ entry, label }) => `item ${label} ${plain(entryTitle(entry))}`),
    "item shell iPXE shell",
    "item exit Next boot device",
    `choose --timeout ${wait} --default ${first.label} target || goto exit`,
    "goto ${target}",
  ];
}

function commandsOf(entry: MenuEntry, place: BootPlace): string[] {
  switch (entry.kind) {
    case "loader":
      return loaderCommands(entry.loader, place);
    case "kernel":
      return kernelCommands(entry.kernel, place);
    case "windows":
      return windowsCommands(entry.windows, place);
    case "image":
      return [`sanboot ${bootUrl(place, entry.image)} || goto failed`];
  }
}

function loaderCommands({ file, title }: FoundLoader, place: BootPlace): string[] {
  const folder = dirname(file) === "." ? "/" : `/${dirname(file)}/`;
  // PXELINUX looks for its configuration beside the file that DHCP named, which was this script.
  const prefix = title === "PXELINUX" ? [`set 210:string ${encodePath(folder)}`] : [];
  return [...prefix, `chain tftp://${place.address}/${encodePath(file)} || goto failed`];
}

function kernelCommands({ kernel, initrd, commandLine }: FoundKernel, place: BootPlace): string[] {
  const words = plain(commandLine);
  if (initrd === undefined)
    return ["imgfree", `${`kernel ${bootUrl(place, kernel)} ${words}`.trimEnd()} || goto failed`, BOOT];
  // UEFI hands the disk over by its name.
  const name = basename(initrd).replaceAll(/[^\w.-]/g, "_");
  return [
    "imgfree",
    `${`kernel ${bootUrl(place, kernel)} initrd=${name} ${words}`.trimEnd()} || goto failed`,
    `initrd --name ${name} ${bootUrl(place, initrd)} || goto failed`,
    BOOT,
  ];
}

const BOOT = "boot || goto failed";

function windowsCommands({ wimboot, image, helpers }: FoundWindows, place: BootPlace): string[] {
  return [
    "imgfree",
    `kernel ${bootUrl(place, wimboot)} || goto failed`,
    ...helpers.map((file) => `initrd --name ${basename(file)} ${bootUrl(place, file)} || goto failed`),
    `initrd --name boot.wim ${bootUrl(place, image)} || goto failed`,
    BOOT,
  ];
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}

/**
 * One line that iPXE takes as it is: settings are not put in, and nothing follows. It knows no quotes; what stands
 * between two commands, or before a comment, does so only as a word of its own.
 */
function plain(text: string): string {
  return text
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .replaceAll("${", "$ {")
    .replaceAll(/(?<![^ ])(?:&&|\|\||;|#)(?![^ ])/g, "?");
}
