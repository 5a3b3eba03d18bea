/** Readers of single values of a network's boot section. */
import { Refused, text } from "./leaf.ts";
import { BOOT_PATH, SHARE } from "./patterns.ts";

const WRITE_FILE = "write a file's path below root, with / between its parts, such as pxelinux.0";

/** What clients ask for: a path below the section's root that stays there, without "." and "..". */
export const bootPath = text<string>(BOOT_PATH, WRITE_FILE, (value) => {
  if (!/^[ -~]{1,127}$/.test(value) || value.includes("\\"))
    return new Refused("cannot be asked for: its name is not 1 to 127 ASCII characters without \\", WRITE_FILE);
  if (value.startsWith("/")) return new Refused("is not below root", WRITE_FILE);
  return value.split("/").some((part) => ["", ".", ".."].includes(part))
    ? new Refused("is not a plain path", WRITE_FILE)
    : value;
});

const WRITE_SHARE = "write a name such as winpe: letters, digits and . _ -, at most 63 of them";

/** The name by which a share is opened. */
export const shareName = text<string>(SHARE, WRITE_SHARE, (value) =>
  /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(value) ? value : new Refused("cannot be the name of a share", WRITE_SHARE),
);
