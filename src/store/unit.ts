/**
 * What netloom remembers of one applied file or one bind: its record (what it owns and what it was asked
 * for) and, while a change is under way, its journal.
 *
 * STATE/units/NAME/record.json    written after a change was verified
 * STATE/units/NAME/journal.json   written and synced before the first step, removed after the record
 * STATE/units/NAME/confirmation.json   while an applied change waits to be confirmed
 *
 * A journal that is still there when a command starts means that a change was cut off: its steps tell which
 * objects may be half made, and its originals what they replaced.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { NetloomError } from "../base/errors.ts";
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import type { OwnershipRecord, Step } from "../state/step.ts";
import {
  isHalfWritten,
  isMissing,
  isSetAside,
  readTextIfExists,
  removeDurably,
  setFileAside,
  writeAtomic,
} from "./atomic-file.ts";

export interface Journal {
  readonly version: 1;
  readonly source: string;
  /** The wanted state that the steps lead to. */
  readonly desired: Desired;
  /** The plan in order; the inverse of a step is the step with `before` and `after` swapped. */
  readonly steps: readonly Step[];
  /** By key: what stood there before netloom came. */
  readonly originals: Readonly<Record<string, StateObject>>;
}

/** A change that is undone unless somebody confirms it in time. */
export interface Confirmation {
  readonly version: 1;
  /** Milliseconds since 1970. */
  readonly deadline: number;
  /** What was wanted before, and comes back. */
  readonly previous: Desired;
}

interface Parsed {
  /** Tells one version of a file from the next: it is replaced, never changed. */
  readonly identity: string;
  readonly value: unknown;
}

/** Records are read for every plan, those of all units, and rarely change. */
const parsed = new Map<string, Parsed>();

const WRITE_ATTEMPTS = 10;
const FILES = { record: "record.json", journal: "journal.json", confirmation: "confirmation.json" } as const;

export class UnitStore {
  readonly name: string;
  readonly stateFolder: string;
  readonly folder: string;

  private constructor(stateFolder: string, name: string) {
    this.name = name;
    this.stateFolder = stateFolder;
    this.folder = join(stateFolder, "units", name);
  }

  /** @throws NetloomError bad-name when no folder can have that name */
  static open(stateFolder: string, name: string): UnitStore {
    if (name === "" || name === "." || name === ".." || /[/\0]/.test(name) || Buffer.byteLength(name) > 255) {
      throw new NetloomError("bad-name", `open ${JSON.stringify(name)} in ${stateFolder}: it cannot be a file's name`, {
        hint: "Give the path of the network file; `netloom status` shows what is applied.",
      });
    }
    return new UnitStore(stateFolder, name);
  }

  /** Names of all units that the state folder knows, sorted. Of one that was killed before its first journal nothing is known. */
  static list(stateFolder: string): string[] {
    const units = join(stateFolder, "units");
    return namesIn(units)
      .filter((name) => namesIn(join(units, name)).some((file) => !isHalfWritten(file)))
      .sort();
  }

  /** Records of all other units of the state folder; of one that cannot be read `status` tells. */
  readOtherRecords(): OwnershipRecord[] {
    return UnitStore.readAllRecords(this.stateFolder, this.name);
  }

  /** As {@link readOtherRecords}, of all units but one. */
  static readAllRecords(stateFolder: string, except?: string): OwnershipRecord[] {
    return UnitStore.list(stateFolder).flatMap((name) => {
      if (name === except) return [];
      try {
        const record = UnitStore.open(stateFolder, name).readRecord();
        return record === undefined ? [] : [record];
      } catch (error) {
        if (isUnreadable(error)) return [];
        throw error;
      }
    });
  }

  /** @throws NetloomError corrupt-store, unknown-version */
  readRecord(): OwnershipRecord | undefined {
    return this.#read(FILES.record, ["name", "source", "owned", "desired"]) as OwnershipRecord | undefined;
  }

  /** @throws NetloomError corrupt-store, unknown-version */
  readJournal(): Journal | undefined {
    return this.#read(FILES.journal, ["source", "desired", "steps", "originals"]) as Journal | undefined;
  }

  /** @throws NetloomError corrupt-store, unknown-version */
  readConfirmation(): Confirmation | undefined {
    return this.#read(FILES.confirmation, ["deadline", "previous"]) as Confirmation | undefined;
  }

  writeConfirmation(confirmation: Confirmation): void {
    this.#write(FILES.confirmation, confirmation);
  }

  /** Confirmed, or undone. */
  removeConfirmation(): void {
    if (existsSync(this.folder)) removeDurably(join(this.folder, FILES.confirmation));
  }

  /** Names of files that could not be read and were set aside. */
  setAside(): string[] {
    return (existsSync(this.folder) ? readdirSync(this.folder) : []).filter(isSetAside).sort();
  }

  /**
   * Rename what is there of record, journal and confirmation but cannot be read, so that none of it is lost and none
   * in the way. A file of a version that we do not know is left alone.
   * @returns the new names
   */
  setCorruptAside(): string[] {
    const renamed: string[] = [];
    for (const read of [
      { file: FILES.record, work: () => this.readRecord() },
      { file: FILES.journal, work: () => this.readJournal() },
      { file: FILES.confirmation, work: () => this.readConfirmation() },
    ]) {
      try {
        read.work();
      } catch (error) {
        if (!(error instanceof NetloomError && error.code === "corrupt-store")) throw error;
        renamed.push(basename(setFileAside(join(this.folder, read.file))));
      }
    }
    return renamed;
  }

  writeJournal(journal: Journal): void {
    this.#write(FILES.journal, journal);
  }

  /** The change is done: remember what is owned now, then forget the journal. */
  commit(record: OwnershipRecord): void {
    this.#write(FILES.record, record);
    removeDurably(join(this.folder, FILES.journal));
  }

  /** The change was undone: the record stands as it was, only the journal goes. */
  keepRecord(): void {
    removeDurably(join(this.folder, FILES.journal));
  }

  /** Nothing is owned any more: forget everything. The record goes first, so that a kill in between leaves the journal. */
  remove(): void {
    removeDurably(join(this.folder, FILES.record));
    removeDurably(join(this.folder, FILES.journal));
    // What is left then is a write that a kill cut off.
    rmSync(this.folder, { recursive: true, force: true });
  }

  #write(file: string, content: Journal | OwnershipRecord | Confirmation): void {
    for (let attempt = 1; ; attempt++) {
      mkdirSync(this.folder, { recursive: true, mode: 0o700 });
      try {
        writeAtomic(join(this.folder, file), JSON.stringify(content));
        return;
      } catch (error) {
        // Who tidies up takes a folder away that is empty.
        if (attempt === WRITE_ATTEMPTS || !(error instanceof NetloomError && isMissing(error.cause))) throw error;
      }
    }
  }

  #read(file: string, properties: readonly string[]): unknown {
    const path = join(this.folder, file);
    const status = statSync(path, { throwIfNoEntry: false, bigint: true });
    if (status === undefined) {
      parsed.delete(path);
      return undefined;
    }
    const identity = `${status.ino} ${status.mtimeNs} ${status.size}`;
    const known = parsed.get(path);
    if (known?.identity === identity) return known.value;
    parsed.delete(path);
    const text = readTextIfExists(path);
    if (text === undefined) return undefined;
    const value = parse(path, text, properties);
    parsed.set(path, { identity, value });
    return value;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function parse(path: string, text: string, properties: readonly string[]): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(path, "it is not JSON", cause);
  }
  if (typeof value !== "object" || value === null || !("version" in value)) throw corrupt(path, "it has no version");
  if (value.version !== 1) {
    throw new NetloomError("unknown-version", `read ${path}: it is of version ${String(value.version)}, not 1`, {
      hint: "It was written by another version of netloom: use that one, at least to destroy what it applied.",
    });
  }
  for (const property of properties) {
    if (!(property in value)) throw corrupt(path, `it has no "${property}"`);
  }
  return value;
}

/** Whether the error says that something stored cannot be read, whatever the reason. */
export function isUnreadable(error: unknown): error is NetloomError {
  return error instanceof NetloomError && (error.code === "corrupt-store" || error.code === "unknown-version");
}

function corrupt(path: string, reason: string, cause?: unknown): NetloomError {
  return new NetloomError("corrupt-store", `read ${path}: ${reason}`, {
    hint:
      "What takes it back sets it aside and removes what the kernel shows to be netloom's: `netloom destroy` (or `apply`) " +
      "of a network file, `netloom unbind` of a bind, `netloom detach` of an attachment, `netloom vm stop` of a guest.",
    cause,
  });
}
