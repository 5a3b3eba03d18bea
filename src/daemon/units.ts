/** Notices when commands that work without the daemon apply, change or destroy something. */
import { join } from "node:path";
import { FolderWatch } from "../engine/watch/folders.ts";
import { UnitStore } from "../store/unit.ts";

const GATHER_MILLISECONDS = 50;

export class UnitsWatch implements Disposable {
  readonly #stateFolder: string;
  readonly #onChange: () => void;
  readonly #files: FolderWatch;
  #timer: NodeJS.Timeout | undefined;

  constructor(stateFolder: string, onChange: () => void) {
    this.#stateFolder = stateFolder;
    this.#onChange = onChange;
    this.#files = new FolderWatch(() => {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#onChange();
      }, GATHER_MILLISECONDS);
    });
  }

  /** Units have come or gone. */
  update(): void {
    const units = join(this.#stateFolder, "units");
    const records = UnitStore.list(this.#stateFolder).map((unit) => join(units, unit, "record.json"));
    this.#files.update(new Set([join(units, "*"), ...records]));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#files[Symbol.dispose]();
  }
}
