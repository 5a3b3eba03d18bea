/** What the folders hold from which networks of a file boot. */
import { accessSync, constants, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import type { BootFolder, Facts } from "../compile/facts.ts";
import { NetloomError } from "../base/errors.ts";
import type { Model, NetworkBoot } from "../model/model.ts";
import { BOOT_FILE_KEYS } from "../model/network-boot.ts";
import { ownBootFiles } from "../compile/network-boot.ts";
import { chooseFiles, ipxeLoaders, MENU_FILE } from "../services/netboot/choose.ts";
import { GRUB_FILE } from "../services/netboot/needs.ts";
import { type FoundFolder, scanFolder } from "../services/netboot/scan.ts";
import { openFile } from "../services/tftp/open-file.ts";

/** Nothing where no network has boot files. */
export async function bootFacts({ networks }: Model): Promise<Pick<Facts, "bootFolders">> {
  const bootFolders: Record<string, BootFolder> = {};
  for (const network of networks)
    if (network.boot !== undefined) bootFolders[network.name] = await look(network.boot, ownBootFiles(network));
  return Object.keys(bootFolders).length === 0 ? {} : { bootFolders };
}

async function look(boot: NetworkBoot, own: ReturnType<typeof ownBootFiles>): Promise<BootFolder> {
  try {
    const found = await scanFolder(boot.root);
    const named = BOOT_FILE_KEYS.flatMap((key) => boot[key] ?? []);
    const missing = new Set(named.filter((file) => !isServed(found.root, file)));
    for (const file of new Set(own.map((each) => each.file))) if (!(await isGiven(found, file))) missing.add(file);
    return {
      missing: [...missing],
      files: chooseFiles(found),
      ipxeLoaders: ipxeLoaders(found),
    };
  } catch (error) {
    if (!(error instanceof NetloomError) || error.code !== "bad-folder") throw error;
    return {
      fault: "there is no such folder, or it cannot be read",
      missing: [],
      files: {},
      ipxeLoaders: [],
    };
  }
}

/** Whether a client that asks for it by TFTP gets it: in other letters, or made for the folder. */
async function isGiven({ root, standIns }: FoundFolder, file: string): Promise<boolean> {
  const parts = file.split(/[\\/]/).filter((part) => part !== "");
  const path = parts.join("/").toLowerCase();
  if (path === MENU_FILE || parts.at(-1)?.toLowerCase() === GRUB_FILE || standIns.has(path)) return true;
  try {
    const { handle } = await openFile(root, parts, true);
    await handle.close();
    return true;
  } catch {
    // It is not there, or may not be read: either way nobody gets it.
    return false;
  }
}

/** What a link leads to outside the root is not. */
function isServed(root: string, file: string): boolean {
  try {
    const path = realpathSync(join(root, file));
    accessSync(path, constants.R_OK);
    return path.startsWith(root === sep ? sep : root + sep);
  } catch {
    // It is not there, or may not be read: either way nobody gets it.
    return false;
  }
}
