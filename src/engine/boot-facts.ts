/** What the folders hold from which networks of a file boot. */
import { accessSync, constants, realpathSync } from "node:fs";
import { join, sep } from "node:path";
import type { BootFolder, Facts } from "../compile/facts.ts";
import { NetloomError } from "../base/errors.ts";
import { fnv1a64 } from "../model/hash.ts";
import type { Model, NetworkBoot } from "../model/model.ts";
import { BOOT_FILE_KEYS } from "../model/network-boot.ts";
import { chooseFiles } from "../services/netboot/choose.ts";
import { scanFolder } from "../services/netboot/scan.ts";

/** Nothing where no network has boot files. */
export function bootFacts({ networks }: Model): Pick<Facts, "bootFolders"> {
  const folders = networks.flatMap(({ name, boot }) => (boot === undefined ? [] : [[name, look(boot)] as const]));
  return folders.length === 0 ? {} : { bootFolders: Object.fromEntries(folders) };
}

function look(boot: NetworkBoot): BootFolder {
  try {
    const found = scanFolder(boot.root);
    const fingerprint = fnv1a64(JSON.stringify(found)).toString(16);
    const named = BOOT_FILE_KEYS.flatMap((key) => boot[key] ?? []);
    return {
      missing: named.filter((file) => !isServed(found.root, file)),
      files: chooseFiles(found),
      ipxeLoaders: found.loaders.filter(({ isIpxe }) => isIpxe).map(({ file }) => file.toLowerCase()),
      fingerprint,
    };
  } catch (error) {
    if (!(error instanceof NetloomError) || error.code !== "bad-folder") throw error;
    return {
      fault: "there is no such folder, or it cannot be read",
      missing: [],
      files: {},
      ipxeLoaders: [],
      fingerprint: "",
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
