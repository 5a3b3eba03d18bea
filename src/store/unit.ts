/**
 * What netloom remembers of one applied file or one bind: its record (what it owns and what it was asked
 * for) and, while a change is under way, its journal.
 *
 * STATE/units/NAME/record.json    written after a change was verified
 * STATE/units/NAME/journal.json   written and synced before the first step, removed after the record
 *
 * A journal that is still there when a command starts means that a change was cut off: its steps tell which
 * objects may be half made, and its originals what they replaced.
 */
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { NetloomError } from "../base/errors.ts";
import type { Desired, StateObject } from "../state/object.ts";
import type { OwnershipRecord, Step } from "../state/step.ts";
import { isMissing, readTextIfExists, removeDurably, writeAtomic } from "./atomic-file.ts";

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

export class UnitStore {
  readonly name: string;
  readonly folder: string;

  private constructor(stateFolder: string, name: string) {
    this.name = name;
    this.folder = join(stateFolder, "units", name);
  }

  static open(stateFolder: string, name: string): UnitStore {
    return new UnitStore(stateFolder, name);
  }

  /** Names of all units that the state folder knows, sorted. */
  static list(stateFolder: string): string[] {
    try {
      return readdirSync(join(stateFolder, "units")).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Records of all other units of the state folder; of one that cannot be read `status` tells. */
  readOtherRecords(): OwnershipRecord[] {
    const stateFolder = dirname(dirname(this.folder));
    return UnitStore.list(stateFolder).flatMap((name) => {
      if (name === this.name) return [];
      try {
        const record = UnitStore.open(stateFolder, name).readRecord();
        return record === undefined ? [] : [record];
      } catch (error) {
        if (error instanceof NetloomError && error.code === "corrupt-store") return [];
        throw error;
      }
    });
  }

  /** @throws NetloomError corrupt-store */
  readRecord(): OwnershipRecord | undefined {
    return this.#read("record.json", ["name", "source", "owned", "desired"]) as OwnershipRecord | undefined;
  }

  /** @throws NetloomError corrupt-store */
  readJournal(): Journal | undefined {
    return this.#read("journal.json", ["source", "desired", "steps", "originals"]) as Journal | undefined;
  }

  writeJournal(journal: Journal): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    writeAtomic(join(this.folder, "journal.json"), JSON.stringify(journal));
  }

  /** The change is done: remember what is owned now, then forget the journal. */
  commit(record: OwnershipRecord): void {
    writeAtomic(join(this.folder, "record.json"), JSON.stringify(record));
    removeDurably(join(this.folder, "journal.json"));
  }

  /** The change was undone: the record stands as it was, only the journal goes. */
  keepRecord(): void {
    removeDurably(join(this.folder, "journal.json"));
  }

  /** Nothing is owned any more: forget everything. The record goes first, so that a kill in between leaves the journal. */
  remove(): void {
    removeDurably(join(this.folder, "record.json"));
    removeDurably(join(this.folder, "journal.json"));
    // What is left then is a write that a kill cut off.
    rmSync(this.folder, { recursive: true, force: true });
  }

  #read(file: string, properties: readonly string[]): unknown {
    const path = join(this.folder, file);
    const text = readTextIfExists(path);
    if (text === undefined) return undefined;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      throw corrupt(path, "it is not JSON", cause);
    }
    if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 1) {
      throw corrupt(path, "it is not of version 1");
    }
    for (const property of properties) {
      if (!(property in value)) throw corrupt(path, `it has no "${property}"`);
    }
    return value;
  }
}

function corrupt(path: string, reason: string, cause?: unknown): NetloomError {
  return new NetloomError("corrupt-store", `read ${path}: ${reason}`, {
    hint: "Set the file aside and remove what it made by hand; netloom does not guess what it owns.",
    cause,
  });
}
