/** What a folder has that can be booted over the network: found by names, and by what the files hold. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, sep } from "node:path";
import { codeOf, hasCode, NetloomError, reasonOf } from "../../base/errors.ts";
import type { BootPlatform } from "../../protocol/pxe/client.ts";
import { contentOf, HEAD_BYTES } from "./content.ts";
import { HELPER_NAME, type LoaderKind, loaderKindOf, unnamedLoader } from "./loaders.ts";
import { lackOf } from "./needs.ts";
import { pairKernels } from "./pair-kernels.ts";

/** All paths are below the root, with "/" between their parts. */
export interface FoundLoader extends Omit<LoaderKind, "needs"> {
  readonly file: string;
  /** It is known by its name, and all that it needs besides is there. */
  readonly isReady: boolean;
  /** What is not there, in words. */
  readonly lacks?: string;
}

export interface FoundKernel {
  readonly kernel: string;
  readonly initrd?: string;
  readonly commandLine: string;
  readonly platforms: readonly BootPlatform[];
}

/** Windows PE, started by wimboot. */
export interface FoundWindows {
  readonly wimboot: string;
  readonly image: string;
  /** bootmgr, BCD, boot.sdi where they are files of their own. */
  readonly helpers: readonly string[];
}

export interface FoundFolder {
  /** Absolute, without links. */
  readonly root: string;
  readonly loaders: readonly FoundLoader[];
  readonly kernels: readonly FoundKernel[];
  /** Images of discs. */
  readonly images: readonly string[];
  readonly windows: FoundWindows | undefined;
  /** An iPXE script of the folder's own. */
  readonly script: string | undefined;
  /** What is not looked at, and why. */
  readonly notes: readonly string[];
}

const MOST_ENTRIES = 50_000;
const MOST_DEPTH = 8;
/** Files whose beginning is read; the names of all are looked at. */
const MOST_READ = 4000;
/** Too short for any magic number. */
const SMALLEST_BYTES = 32;
/** What a loader says of itself is here, whatever its name. */
const SEARCHED_BYTES = 4 * 1024 * 1024;
/** Before them stands its name, or the place for it. */
const IPXE_WORDS = " initialising devices";
const COMMAND_LINE_BYTES = 4096;
/** Of an installer's tree, most files. */
const NEVER_BOOTS =
  /\.(deb|udeb|rpm|apk|html?|txt|md|mod|c32|lst|cfg|json|xml|gpg|asc|ko|png|svg|jpg|pf2|mo|tar\.\w+|tgz|zip)$/i;
const OWN_SCRIPTS = ["boot.ipxe", "menu.ipxe", "autoexec.ipxe", "default.ipxe"];
const WINDOWS_HELPERS = ["bootmgr", "bootmgr.exe", "bootmgfw.efi", "bcd", "boot.sdi"];

interface Entry {
  readonly path: string;
  readonly bytes: number;
}

/**
 * Look at all files, as far down as {@link MOST_DEPTH}.
 * @throws NetloomError bad-folder when it is none or cannot be read
 */
export function scanFolder(folder: string): FoundFolder {
  const root = realRoot(folder);
  const notes: string[] = [];
  const { files, folders } = listFiles(root, notes);
  const names = new Map(files.map(({ path }) => [basename(path).toLowerCase(), path]));
  const isGrub = (path: string): boolean => holdsWords(join(root, path), "GNU GRUB");
  const loaders: FoundLoader[] = [];
  const found = { kernel: new Map<string, readonly BootPlatform[]>(), initrd: [] as string[], iso: [] as string[] };
  let read = 0;
  for (const { path, bytes } of files) {
    const name = basename(path);
    const kind = loaderKindOf(name);
    const isEfi = /\.efi$/i.test(name);
    if (kind !== undefined) {
      const isIpxe = kind.isIpxe || (isEfi && holdsWords(join(root, path), IPXE_WORDS));
      const { needs, ...rest } = kind;
      const lacks = needs === undefined ? undefined : lackOf(path, needs, { files: names, folders, isGrub });
      const loader = { ...rest, isIpxe, file: path, isReady: lacks === undefined };
      loaders.push(lacks === undefined ? loader : { ...loader, lacks });
      continue;
    }
    if (bytes < SMALLEST_BYTES || HELPER_NAME.test(name) || NEVER_BOOTS.test(name) || read++ >= MOST_READ) continue;
    const content = contentOf(name, readHead(join(root, path), HEAD_BYTES));
    if (content?.kind === "kernel") found.kernel.set(path, content.platforms);
    else if (content?.kind === "efi" && isEfi) {
      const { needs: _, ...rest } = unnamedLoader(content.platform, holdsWords(join(root, path), IPXE_WORDS));
      loaders.push({ ...rest, file: path, isReady: false });
    } else if (content?.kind === "initrd" || content?.kind === "iso") found[content.kind].push(path);
  }
  if (read > MOST_READ) notes.push(`only the first ${MOST_READ} files were looked into`);
  return {
    root,
    loaders: loaders.toSorted((a, b) => a.rank - b.rank || depth(a.file) - depth(b.file)),
    kernels: pairKernels([...found.kernel.keys()], found.initrd).map(({ kernel, initrd }) => ({
      kernel,
      ...(initrd === undefined ? {} : { initrd }),
      commandLine: commandLineOf(root, kernel),
      platforms: found.kernel.get(kernel) ?? [],
    })),
    images: found.iso,
    windows: findWindows(names),
    script: OWN_SCRIPTS.find((name) => files.some(({ path }) => path === name)),
    notes,
  };
}

function realRoot(folder: string): string {
  try {
    const root = realpathSync(folder);
    if (statSync(root).isDirectory()) return root;
  } catch (cause) {
    throw new NetloomError("bad-folder", `boot from ${folder}: it cannot be read (${reasonOf(cause)})`, { cause });
  }
  throw new NetloomError("bad-folder", `boot from ${folder}: it is not a folder`, {
    hint: "Give the folder that holds what is to be booted.",
  });
}

/** In the order of their names, those further up first. Links count as what they lead to, where that is below the root. */
function listFiles(root: string, notes: string[]): { files: Entry[]; folders: ReadonlySet<string> } {
  const files: Entry[] = [];
  const folders = new Set<string>();
  let level = [""];
  for (let down = 0; level.length > 0 && down < MOST_DEPTH; down++) {
    const next: string[] = [];
    for (const folder of level) {
      for (const { name, isFolder, path, bytes } of readFolder(root, folder, notes)) {
        if (files.length + folders.size >= MOST_ENTRIES) {
          notes.push(`only the first ${MOST_ENTRIES} files were looked at`);
          return { files, folders };
        }
        if (bytes !== undefined) files.push({ path, bytes });
        else folders.add(path.toLowerCase());
        if (isFolder && name !== "lost+found") next.push(path);
      }
    }
    level = next;
  }
  return { files, folders };
}

interface Listed {
  readonly name: string;
  readonly path: string;
  /** One to look into: no link. */
  readonly isFolder: boolean;
  /** Absent: a folder, or a link to one. */
  readonly bytes?: number;
}

function readFolder(root: string, folder: string, notes: string[]): Listed[] {
  let entries;
  try {
    entries = readdirSync(join(root, folder), { withFileTypes: true });
  } catch (error) {
    notes.push(`${folder === "" ? root : folder} cannot be read (${codeOf(error) ?? ""})`);
    return [];
  }
  const listed: Listed[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      listed.push({ name: entry.name, path, isFolder: true });
      continue;
    }
    const target = entry.isFile() || entry.isSymbolicLink() ? targetOf(root, path) : undefined;
    if (target === undefined) continue;
    if (target === "outside") notes.push(`${path} leads out of the folder and is not served`);
    else listed.push({ name: entry.name, path, isFolder: false, ...target });
  }
  return listed;
}

/** @returns undefined for what is neither a file nor a folder, or is gone */
function targetOf(root: string, path: string): { bytes?: number } | "outside" | undefined {
  try {
    const real = realpathSync(join(root, path));
    if (!real.startsWith(root === sep ? sep : root + sep)) return "outside";
    const status = statSync(real);
    if (status.isDirectory()) return {};
    return status.isFile() ? { bytes: status.size } : undefined;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ELOOP", "EACCES")) return undefined;
    throw error;
  }
}

function readHead(path: string, bytes: number): Buffer {
  const head = Buffer.alloc(bytes);
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (hasCode(error, "ENOENT", "EACCES")) return head.subarray(0, 0);
    throw error;
  }
  try {
    return head.subarray(0, readSync(descriptor, head, 0, bytes, 0));
  } finally {
    closeSync(descriptor);
  }
}

function holdsWords(path: string, words: string): boolean {
  return readHead(path, SEARCHED_BYTES).includes(words);
}

function findWindows(names: ReadonlyMap<string, string>): FoundWindows | undefined {
  const [wimboot, image] = [names.get("wimboot"), names.get("boot.wim")];
  if (wimboot === undefined || image === undefined) return undefined;
  const helpers = WINDOWS_HELPERS.map((name) => names.get(name)).filter((path) => path !== undefined);
  return { wimboot, image, helpers };
}

/** One line of text beside the kernel: KERNEL.cmdline, else cmdline.txt or cmdline. */
function commandLineOf(root: string, kernel: string): string {
  for (const name of [`${basename(kernel)}.cmdline`, "cmdline.txt", "cmdline"]) {
    const path = join(dirname(kernel), name);
    const target = targetOf(root, path);
    if (target === undefined || target === "outside" || target.bytes === undefined) continue;
    if (target.bytes <= COMMAND_LINE_BYTES)
      return readFileSync(join(root, path), "utf8").replaceAll(/\s+/g, " ").trim();
  }
  return "";
}

function depth(path: string): number {
  return path.split("/").length;
}
