/** A network's boot section: the paths of what machines boot from. */
import type { Context } from "./context.ts";
import type { NetworkBoot } from "./model.ts";
import { resolvePath } from "./names.ts";
import type { FileShape } from "./schema.ts";

type NetworkShape = NonNullable<FileShape["networks"]>[string];

/** Its keys that name files below root. */
export const BOOT_FILE_KEYS = ["bios", "uefi", "ipxe"] as const;

/** @param folder of the network file, where a relative root starts */
export function buildBoot(
  network: string,
  { boot, dhcp }: NetworkShape,
  folder: string,
  context: Context,
): NetworkBoot | undefined {
  if (boot === undefined) return undefined;
  const path = ["networks", network, "boot"];
  const root = resolvePath(folder, boot.root);
  context.record([...path, "root"], root, "declared");
  for (const key of [...BOOT_FILE_KEYS, "share"] as const) {
    const value = boot[key];
    if (value !== undefined) context.record([...path, key], value, "declared");
  }
  if (typeof dhcp === "object")
    for (const key of ["hosts", "classes"] as const)
      dhcp[key]?.forEach(({ "boot-file": file }, index) => {
        if (file !== undefined)
          context.record(["networks", network, "dhcp", key, index, "boot-file"], file, "declared");
      });
  return { ...boot, root };
}
