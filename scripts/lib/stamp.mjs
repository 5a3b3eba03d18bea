// Remembers from which inputs something was made, so that it is made again exactly when they differ.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { CACHE, ROOT } from "./paths.mjs";

const folder = join(CACHE, "stamps");

/** All files below a folder whose name is accepted, in a stable order. */
export function filesBelow(root, accept) {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return entry.name === "build" ? [] : filesBelow(path, accept);
      return accept(entry.name) ? [path] : [];
    });
}

/** One hash over the names and contents of files, and over further words; the same wherever the checkout lies. */
export function hashOf(files, words = []) {
  const hash = createHash("sha256");
  for (const word of words) hash.update(`${word}\0`);
  for (const file of files) {
    const name = file.startsWith(`${ROOT}/`) ? relative(ROOT, file) : file;
    hash.update(`${name}\0`).update(readFileSync(file)).update("\0");
  }
  return hash.digest("hex");
}

/** Whether `name` was last made from these inputs. */
export function isCurrent(name, hash) {
  const file = join(folder, name);
  return existsSync(file) && readFileSync(file, "utf8") === hash;
}

export function remember(name, hash) {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(`${file}.${process.pid}`, hash);
  renameSync(`${file}.${process.pid}`, file);
}

export function forget(name) {
  rmSync(join(folder, name), { force: true });
}
