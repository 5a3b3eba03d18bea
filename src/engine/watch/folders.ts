/** Hears of changes of files, also of files and folders that do not exist yet, by watching the nearest folder that does. */
import { type FSWatcher, existsSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/** As the last part of a path: whatever comes or goes in that folder. */
const ANY = "*";

interface WatchedFolder {
  readonly watcher: FSWatcher;
  /** By the name in the folder that leads to them: the watched paths. */
  readonly paths: Map<string, Set<string>>;
}

export class FolderWatch implements Disposable {
  readonly #onChange: (path: string) => void;
  readonly #folders = new Map<string, WatchedFolder>();
  readonly #places = new Map<string, { readonly folder: string; readonly name: string }>();

  /** @param onChange is given the watched path that may have changed */
  constructor(onChange: (path: string) => void) {
    this.#onChange = onChange;
  }

  /** Watch exactly these absolute paths from now on; FOLDER/* is all that is in it. To be called again after a change: folders come and go. */
  update(paths: ReadonlySet<string>): void {
    for (const path of this.#places.keys()) if (!paths.has(path)) this.#forget(path);
    for (const path of paths) {
      const place = nearestFolder(path);
      const known = this.#places.get(path);
      if (known?.folder === place.folder && known.name === place.name) continue;
      if (known !== undefined) this.#forget(path);
      this.#remember(path, place);
    }
  }

  [Symbol.dispose](): void {
    for (const { watcher } of this.#folders.values()) watcher.close();
    this.#folders.clear();
    this.#places.clear();
  }

  #remember(path: string, place: { readonly folder: string; readonly name: string }): void {
    const folder = this.#folders.get(place.folder) ?? this.#open(place.folder);
    this.#places.set(path, place);
    const paths = folder.paths.get(place.name);
    if (paths === undefined) folder.paths.set(place.name, new Set([path]));
    else paths.add(path);
  }

  #forget(path: string): void {
    const place = this.#places.get(path);
    const folder = place === undefined ? undefined : this.#folders.get(place.folder);
    this.#places.delete(path);
    if (place === undefined || folder === undefined) return;
    const paths = folder.paths.get(place.name);
    paths?.delete(path);
    if (paths?.size === 0) folder.paths.delete(place.name);
    if (folder.paths.size === 0) this.#close(place.folder);
  }

  #open(path: string): WatchedFolder {
    const paths = new Map<string, Set<string>>();
    const watcher = watch(path, { persistent: false }, (_, name) => {
      const own = name === basename(path) && !existsSync(path);
      const concerned = own ? this.#lose(path) : [...(paths.get(name ?? "") ?? []), ...(paths.get(ANY) ?? [])];
      for (const watched of concerned) this.#onChange(watched);
    });
    watcher.on("error", () => {
      for (const watched of this.#lose(path)) this.#onChange(watched);
    });
    const folder = { watcher, paths };
    this.#folders.set(path, folder);
    return folder;
  }

  /** The folder itself is gone. */
  #lose(path: string): string[] {
    const lost = [...(this.#folders.get(path)?.paths.values() ?? [])].flatMap((paths) => [...paths]);
    for (const watched of lost) this.#forget(watched);
    return lost;
  }

  #close(path: string): void {
    this.#folders.get(path)?.watcher.close();
    this.#folders.delete(path);
  }
}

/** The deepest existing folder above a path, and the name in it that leads there. */
function nearestFolder(path: string): { folder: string; name: string } {
  let name = path;
  let folder = dirname(path);
  while (!existsSync(folder) && folder !== "/") {
    name = folder;
    folder = dirname(folder);
  }
  return { folder, name: basename(name) };
}
