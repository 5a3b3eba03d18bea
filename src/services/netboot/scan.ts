/** What a folder has that can be booted over the network: found by names, and by what the files hold. */
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { hasCode, NetloomError, reasonOf } from "../../base/errors.ts";
import type { BootPlatform } from "../../protocol/pxe/client.ts";
import { steadySeconds } from "../clock.ts";
import { openFile } from "../tftp/open-file.ts";
import { TftpRefusal } from "../tftp/refusal.ts";
import { type Content, contentOf, HEAD_BYTES, isCut } from "./content.ts";
import { type Entry, type ListedFiles, isUnreadable, listFiles } from "./list-files.ts";
import { EFI_NAME, HELPER_NAME, type LoaderKind, loaderKindOf, unnamedLoader } from "./loaders.ts";
import { type FolderNames, GRUB_FILE, type Lack, lackOf, type SecondStage, secondStageOf } from "./needs.ts";
import { pairKernels } from "./pair-kernels.ts";
import { type Examined, SeenFiles } from "./seen-files.ts";
import { standInNames } from "./stand-ins.ts";

/** All paths are below the root, with "/" between their parts. */
export interface FoundLoader extends Omit<LoaderKind, "needs"> {
  readonly file: string;
  /** It is known by its name, and all that it needs besides is there. */
  readonly isReady: boolean;
  /** What is not there. */
  readonly lacks?: Lack;
  /** What a shim gets by another name than that of the file. */
  readonly second?: SecondStage;
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
  /** See {@link standInNames}. */
  readonly standIns: ReadonlyMap<string, string>;
  /** An iPXE script of the folder's own. */
  readonly script: string | undefined;
  /** GRUB's, of the folder's own. */
  readonly hasGrubFile: boolean;
  /** What would be among these, but is being written yet. */
  readonly arriving: readonly string[];
  /** Something changed a moment ago: another look tells more. */
  readonly isRestless: boolean;
  /** What is not looked at, and why. */
  readonly notes: readonly string[];
}

/** Files whose beginning is read; the names of all are looked at. */
const MOST_READ = 4000;
/** Between two turns of the event loop. */
const FILES_IN_A_TURN = 500;
/** Too short for any magic number. */
const SMALLEST_BYTES = 32;
/** What a loader says of itself is here, whatever its name. */
const SEARCHED_BYTES = 4 * 1024 * 1024;
/** Before them stands its name, or the place for it. */
const IPXE_WORDS = " initialising devices";
const GRUB_WORDS = "GNU GRUB";
/** Source files, in what it says to those who look for faults. Debian's grubx64 has no such part, its grubnetx64 has. */
const GRUB_NETWORK = ["net/tftp.c", "net/http.c"];
/** Of what is not looked at, or cannot be read. */
const MOST_NOTES = 20;
const COMMAND_LINE_BYTES = 4096;
/** Of an installer's tree, most files. */
const NEVER_BOOTS =
  /\.(deb|udeb|rpm|apk|html?|txt|md|mod|c32|lst|cfg|json|xml|gpg|asc|ko|png|svg|jpg|pf2|mo|tar\.\w+|tgz|zip)$/i;
const OWN_SCRIPTS = ["boot.ipxe", "menu.ipxe", "autoexec.ipxe", "default.ipxe"];
const WINDOWS_HELPERS = ["bootmgr", "bootmgr.exe", "bootmgfw.efi", "bcd", "boot.sdi"];

/** In a browser's or a copying program's words: not whole. */
const PARTIAL_NAME = /\.(part|partial|filepart|crdownload|download|tmp)$|~$/i;
const NO_CANDIDATES = [HELPER_NAME, NEVER_BOOTS, PARTIAL_NAME];

/**
 * Look at all files, some levels down.
 * @param seen of the looks before; absent: there was none
 * @throws NetloomError bad-folder when it is none or cannot be read
 */
export async function scanFolder(
  folder: string,
  seen: SeenFiles = new SeenFiles(),
  nowSeconds: number = steadySeconds(),
): Promise<FoundFolder> {
  const root = await realRoot(folder);
  const notes: string[] = [];
  const listed = await listFiles(root, notes);
  const isRestless = seen.look(listed.files, nowSeconds);
  const sorted = new Sorted(root, listed, seen, nowSeconds, notes);
  for (const [i, entry] of listed.files.entries()) {
    // What is known already is no reason for the event loop to turn.
    if (i % FILES_IN_A_TURN === 0) await setImmediate();
    await sorted.examine(entry);
  }
  await setImmediate();
  sorted.findStandIns();
  for (const entry of listed.files) sorted.take(entry);
  if (sorted.isCutShort) notes.push(`only the first ${MOST_READ} files were looked into`);
  const script = OWN_SCRIPTS.find((name) => listed.files.some(({ path }) => path === name));
  const found = await sorted.found();
  if (notes.length > MOST_NOTES)
    notes.splice(MOST_NOTES, notes.length, `so it is with ${notes.length - MOST_NOTES} more`);
  return { root, ...found, script, hasGrubFile: sorted.hasGrubFile, notes, isRestless };
}

/** A look at a folder, with which following it can begin. */
export interface FolderLook {
  readonly folder: FoundFolder;
  readonly seen: SeenFiles;
}

/** @throws NetloomError bad-folder */
export async function firstLook(root: string): Promise<FolderLook> {
  const seen = new SeenFiles();
  return { folder: await scanFolder(root, seen), seen };
}

/** Files by what they are. */
class Sorted {
  readonly #root: string;
  readonly #folders: ReadonlySet<string>;
  /** Paths by their last part in lower case: of several the one furthest up. */
  readonly #names = new Map<string, string>();
  /** By all of it in lower case. */
  readonly #paths = new Map<string, string>();
  readonly #seen: SeenFiles;
  readonly #nowSeconds: number;
  readonly #notes: string[];
  readonly #loaders: FoundLoader[] = [];
  readonly #kernels = new Map<string, readonly BootPlatform[]>();
  readonly #initrds: string[] = [];
  readonly #images: string[] = [];
  /** Not to be offered yet. */
  readonly #arriving = new Set<string>();
  /** Folders to which something comes that may become anything. */
  readonly #restless = new Set<string>();
  readonly #examined = new Map<string, Examined>();
  #standIns: ReadonlyMap<string, string> = new Map();
  #read = 0;

  constructor(root: string, { folders }: ListedFiles, seen: SeenFiles, nowSeconds: number, notes: string[]) {
    this.#root = root;
    this.#folders = folders;
    this.#notes = notes;
    this.#seen = seen;
    this.#nowSeconds = nowSeconds;
  }

  #isSettled(path: string): boolean {
    return this.#seen.isSettled(path, this.#nowSeconds);
  }

  /** Not all files were looked into. */
  get isCutShort(): boolean {
    return this.#read > MOST_READ;
  }

  get hasGrubFile(): boolean {
    return this.#names.has(GRUB_FILE);
  }

  /** What the file is, by its name and by what is in it. */
  async examine({ path, bytes }: Entry): Promise<void> {
    const lower = path.toLowerCase();
    if (!this.#paths.has(lower)) this.#paths.set(lower, path);
    const name = basename(lower);
    if (!this.#names.has(name)) this.#names.set(name, path);
    this.#examined.set(path, await this.#seen.examine(path, () => this.#look(path, bytes)));
  }

  async #look(path: string, bytes: number): Promise<Examined> {
    const name = basename(path);
    const kind = loaderKindOf(name);
    const isEfi = EFI_NAME.test(name);
    const isCandidate = bytes >= SMALLEST_BYTES && !NO_CANDIDATES.some((pattern) => pattern.test(name));
    if (kind === undefined ? !isCandidate || this.#read++ >= MOST_READ : !isEfi)
      return { kind, content: undefined, isIpxe: false, grub: undefined, mayBecome: false, isUnread: false };
    const read = await readBeginning(this.#root, path, isEfi ? SEARCHED_BYTES : HEAD_BYTES, this.#notes);
    const head = read ?? Buffer.alloc(0);
    return {
      kind,
      content: contentOf(name, head.subarray(0, HEAD_BYTES)),
      isIpxe: isEfi && head.includes(IPXE_WORDS),
      grub: isEfi ? grubOf(head, bytes) : undefined,
      mayBecome: true,
      isUnread: read === undefined,
    };
  }

  /** Once all are examined. */
  findStandIns(): void {
    this.#standIns = standInNames(this.#paths, (path) => this.#grub(path));
  }

  #grub(path: string): Examined["grub"] {
    return this.#examined.get(path)?.grub;
  }

  /** Once it is known what stands for what. */
  take({ path, bytes }: Entry): void {
    const examined = this.#examined.get(path);
    if (examined === undefined) return;
    const { kind, content, isIpxe, mayBecome } = examined;
    if (kind !== undefined) {
      // syslinux.efi and shim.efi are called so on every processor.
      const platform = content?.kind === "efi" ? content.platform : kind.platform;
      this.#addLoader(path, { ...kind, platform, isIpxe: kind.isIpxe || isIpxe });
    } else if (content !== undefined) {
      if (isCut(content, bytes)) this.#arriving.add(path);
      this.#add(path, content, isIpxe);
    } else if (mayBecome && !this.#isSettled(path)) this.#restless.add(dirname(path));
  }

  #add(path: string, content: Content, isIpxe: boolean): void {
    if (content.kind === "efi") {
      if (EFI_NAME.test(path)) this.#addLoader(path, { ...unnamedLoader(content.platform, isIpxe) }, false);
      return;
    }
    this.#isWhole(path);
    if (content.kind === "kernel") this.#kernels.set(path, content.platforms);
    else (content.kind === "iso" ? this.#images : this.#initrds).push(path);
  }

  #addLoader(file: string, { needs, ...rest }: LoaderKind, isKnown = true): void {
    if (!this.#isWhole(file)) return;
    const found: FolderNames = {
      names: this.#names,
      paths: this.#paths,
      folders: this.#folders,
      standIns: this.#standIns,
      grub: (path) => this.#grub(path),
    };
    const lacks = needs === undefined ? undefined : lackOf(file, needs, found);
    const second = needs === "second-stage" ? secondStageOf(file, found) : undefined;
    if (second !== undefined && !this.#isWhole(second.file)) return;
    this.#loaders.push({
      ...rest,
      file,
      isReady: isKnown && lacks === undefined,
      ...(lacks === undefined ? {} : { lacks }),
      ...(second === undefined ? {} : { second }),
    });
  }

  /** What is not is remembered as such. */
  #isWhole(path: string): boolean {
    if (!this.#isSettled(path)) this.#arriving.add(path);
    return !this.#arriving.has(path);
  }

  async found(): Promise<Pick<FoundFolder, "loaders" | "kernels" | "images" | "windows" | "arriving" | "standIns">> {
    const windows = findWindows(this.#names);
    const parts = windows === undefined ? [] : [windows.wimboot, windows.image, ...windows.helpers];
    const isWindowsWhole = parts.filter((part) => !this.#isWhole(part)).length === 0;
    const pairs = pairKernels([...this.#kernels.keys()], this.#initrds).filter(
      ({ kernel, initrd }) =>
        this.#isWhole(kernel) &&
        // What comes there may be its disk.
        (initrd === undefined ? !this.#restless.has(dirname(kernel)) : this.#isWhole(initrd)),
    );
    const kernels: FoundKernel[] = [];
    for (const { kernel, initrd } of pairs)
      kernels.push({
        kernel,
        ...(initrd === undefined ? {} : { initrd }),
        commandLine: await commandLineOf(this.#root, kernel, this.#notes),
        platforms: this.#kernels.get(kernel) ?? [],
      });
    return {
      loaders: this.#loaders.toSorted(
        (a, b) => a.rank - b.rank || depth(a.file) - depth(b.file) || Number(isSigned(b)) - Number(isSigned(a)),
      ),
      standIns: this.#standIns,
      kernels,
      images: this.#images.filter((image) => this.#isWhole(image)),
      windows: isWindowsWhole ? windows : undefined,
      arriving: [...this.#arriving],
    };
  }
}

async function realRoot(folder: string): Promise<string> {
  try {
    const root = await realpath(folder);
    if ((await stat(root)).isDirectory()) return root;
  } catch (cause) {
    throw new NetloomError("bad-folder", `boot from ${folder}: it cannot be read (${reasonOf(cause)})`, { cause });
  }
  throw new NetloomError("bad-folder", `boot from ${folder}: it is not a folder`, {
    hint: "Give the folder that holds what is to be booted.",
  });
}

/**
 * The beginning of a file, which may have gone, or have become a pipe or a link to elsewhere, since it was listed.
 * @param notes is told why it cannot be read
 */
async function readBeginning(root: string, path: string, bytes: number, notes: string[]): Promise<Buffer | undefined> {
  try {
    const { handle, sizeBytes } = await openFile(root, path.split("/"), false);
    await using file = handle;
    const head = Buffer.alloc(Math.min(bytes, sizeBytes));
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    return head.subarray(0, bytesRead);
  } catch (error) {
    if (error instanceof TftpRefusal || hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return undefined;
    if (!isUnreadable(error)) throw error;
    notes.push(`${path} cannot be read (${reasonOf(error)})`);
    return undefined;
  }
}

function findWindows(names: ReadonlyMap<string, string>): FoundWindows | undefined {
  const [wimboot, image] = [names.get("wimboot"), names.get("boot.wim")];
  if (wimboot === undefined || image === undefined) return undefined;
  const helpers = WINDOWS_HELPERS.map((name) => names.get(name)).filter((path) => path !== undefined);
  return { wimboot, image, helpers };
}

/** One line of text beside the kernel: KERNEL.cmdline, else cmdline.txt or cmdline. */
async function commandLineOf(root: string, kernel: string, notes: string[]): Promise<string> {
  for (const name of [`${basename(kernel)}.cmdline`, "cmdline.txt", "cmdline"]) {
    const words = await readBeginning(root, join(dirname(kernel), name), COMMAND_LINE_BYTES + 1, notes);
    if (words !== undefined && words.length <= COMMAND_LINE_BYTES)
      return words.toString("utf8").replaceAll(/\s+/g, " ").trim();
  }
  return "";
}

/** @param head its first {@link SEARCHED_BYTES}: what is behind them may be anything */
function grubOf(head: Buffer, bytes: number): Examined["grub"] {
  if (!head.includes(GRUB_WORDS)) return undefined;
  return bytes > head.length || GRUB_NETWORK.some((file) => head.includes(file)) ? "network" : "local";
}

/** By its name. */
function isSigned({ file }: FoundLoader): boolean {
  return /signed/i.test(EFI_NAME.exec(file)?.[0] ?? "");
}

function depth(path: string): number {
  return path.split("/").length;
}
