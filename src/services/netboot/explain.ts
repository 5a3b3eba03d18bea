/** What a folder gives to which clients, in words, and why some get nothing. */
import { basename } from "node:path";
import { BOOT_PLATFORMS, type BootPlatform, PLATFORM_NAMES } from "../../protocol/pxe/client.ts";
import type { BootFiles } from "../../protocol/pxe/offer.ts";
import { entryTitle, MENU_FILE, menuEntries, takesGrubMenu } from "./choose.ts";
import type { FoundFolder, FoundLoader } from "./scan.ts";

/** Said of also when they get nothing. */
const USUAL: readonly BootPlatform[] = ["bios", "efi-x64"];

const REMEDIES: Readonly<Record<BootPlatform, string>> = {
  bios: "undionly.kpxe of iPXE, or pxelinux.0 with pxelinux.cfg",
  "efi-ia32": "ipxe-i386.efi, or bootia32.efi",
  "efi-x64": "ipxe.efi, or shimx64.efi with grubx64.efi",
  "efi-arm32": "bootarm.efi",
  "efi-arm64": "ipxe-arm64.efi, or bootaa64.efi",
};

export function hasAnything(files: BootFiles): boolean {
  return Object.values(files).some((platform) => Object.keys(platform).length > 0);
}

/** One line for each class of clients. */
export function explainFiles(folder: FoundFolder, files: BootFiles): string[] {
  const lines: string[] = [];
  const tell = (who: string, what: string): void => void lines.push(`${who.padEnd(18)} ${what}`);
  for (const platform of BOOT_PLATFORMS) {
    const { loader, httpFile, ipxe } = files[platform] ?? {};
    const isUsual = USUAL.includes(platform);
    const name = PLATFORM_NAMES[platform];
    if (loader !== undefined) tell(name, withTitle(folder, loader));
    else if (isUsual) tell(name, `nothing: ${whyNot(folder, platform)}`);
    const better = betterLoader(folder, platform, loader);
    if (better !== undefined) tell("", `not ${better}`);
    if (httpFile !== undefined && httpFile !== loader) tell(`${name} by HTTP`, httpFile);
    if (ipxe === undefined) continue;
    const entries = menuEntries(platform, folder).map(entryTitle);
    const menu =
      entries.length === 0
        ? "an empty menu: there is no kernel, disc or other loader for it"
        : `a menu of ${entries.join("; ")}`;
    tell(`${name}, iPXE`, ipxe === MENU_FILE && folder.script === undefined ? menu : ipxe);
  }
  return lines;
}

/**
 * What goes wrong beside another DHCP server: GRUB, also a shim's, takes the machine that gives the addresses for the one
 * that has the files.
 * @param server of the other server, where that is known
 */
export function explainBeside({ loaders }: FoundFolder, files: BootFiles, server: string | undefined): string[] {
  const chosen = new Set(Object.values(files).map(({ loader }) => loader));
  const found = loaders.find(({ file, title }) => chosen.has(file) && (title === "GRUB" || title === "shim"));
  if (found === undefined) return [];
  const who = server ?? "the machine of the network's DHCP server";
  return [`${found.file}: GRUB will ask ${who} for its grub.cfg, not this one`];
}

function withTitle(folder: FoundFolder, file: string): string {
  const found = folder.loaders.find((loader) => loader.file === file);
  return found === undefined ? file : describe(found, folder);
}

function describe(loader: FoundLoader, folder: FoundFolder): string {
  const { file, lacks, platform, title } = loader;
  const name = `${file} (${title}${renamedSecond(loader)})`;
  if (lacks === undefined) return name;
  if (!takesGrubMenu(loader, folder)) return `${name}, which lacks ${lacks.what}`;
  const kernels = folder.kernels.filter(({ platforms }) => platforms.includes(platform));
  return `${name} with a menu of ${kernels.map((kernel) => entryTitle({ kind: "kernel", kernel })).join("; ")}`;
}

/** What a shim is given under the name that it asks for, where that is not the file's own. */
function renamedSecond({ second }: FoundLoader): string {
  if (second === undefined || basename(second.file).toLowerCase() === second.name) return "";
  return `; it gets ${second.file} as ${second.name}`;
}

/** One that would have been taken if all were there that it needs. */
function betterLoader(folder: FoundFolder, platform: BootPlatform, file: string | undefined): string | undefined {
  const fitting = folder.loaders.filter((loader) => loader.platform === platform);
  const better = fitting.slice(0, fitting.findIndex((loader) => loader.file === file) + 1).slice(0, -1);
  const found = better.find((loader) => loader.lacks !== undefined && !takesGrubMenu(loader, folder));
  return found === undefined ? undefined : describe(found, folder);
}

function whyNot(folder: FoundFolder, platform: BootPlatform): string {
  const besides = menuEntries(platform, folder).length > 0 ? "what there is needs a boot loader, " : "";
  return `${besides}put ${REMEDIES[platform]} into ${folder.root}`;
}
