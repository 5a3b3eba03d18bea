/** What the folders hold from which networks of a file boot. */
import { accessSync, constants, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import type { BootFolder, Facts } from "../compile/facts.ts";
import { NetloomError } from "../base/errors.ts";
import type { Model, NetworkBoot } from "../model/model.ts";
import { BOOT_FILE_KEYS } from "../model/network-boot.ts";
import { chooseFiles, ipxeLoaders } from "../services/netboot/choose.ts";
import { scanFolder } from "../services/netboot/scan.ts";

/** Nothing where no network has boot files. */
export async function bootFacts({ networks }: Model): Promise<Pick<Facts, "bootFolders">> {
  const bootFolders: Record<string, BootFolder> = {};
  for (const { name, boot } of networks) if (boot !== undefined) bootFolders[name] = await look(boot);
  return Object.keys(bootFolders).length === 0 ? {} : { bootFolders };
}

async function look(boot: NetworkBoot): Promise<BootFolder> {
  try {
    const found = await scanFolder(boot.root);
    const named = BOOT_FILE_KEYS.flatMap((key) => boot[key] ?? []);
    return {
      missing: named.filter((file) => !isServed(found.root, file)),
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
