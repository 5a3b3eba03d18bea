/**
 * Hears of every change in what a set of objects stands on: their namespaces, kernel parameters and files. It says
 * where something may have changed, not what: whoever hears of it looks again.
 */
import { statSync } from "node:fs";
import { hasCode, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, openNamespace, SystemCallError } from "../kernel/native.ts";
import type { NamespaceRequest } from "../kernel/observe.ts";
import { namespacePath } from "../kernel/transition/namespace-path.ts";
import { FolderWatch } from "./watch/folders.ts";
import { raisesEvent } from "./watch/groups.ts";
import { type ChangeKind, NamespaceWatch } from "./watch/namespace.ts";
import { type Look, Poll } from "./watch/poll.ts";
import { SysctlWatch } from "./watch/sysctl.ts";

export interface WatchedNamespace extends NamespaceRequest {
  /** Also changes of permanent neighbour entries. */
  readonly neighbours?: boolean;
}

export interface WatchRequest {
  readonly namespaces: readonly WatchedNamespace[];
  /** Absolute paths. */
  readonly files: readonly string[];
}

/** `all`: it may be another namespace by now. */
type ChangedPlace = { readonly namespace: string; readonly kind: ChangeKind | "all" } | { readonly file: string };

interface WatcherOptions {
  /** A namespace ("" is our own) or a file may have changed. Comes often; never during {@link Watcher.update}. */
  readonly onChange: (place: ChangedPlace) => void;
  /** So much happened that events were lost; a change of that namespace is told as well. */
  readonly onOverrun: (namespace: string) => void;
  readonly log: Logger;
  /** Of each socket; for tests. */
  readonly receiveBufferBytes?: number;
}

interface Watched {
  /** Undefined: there is no such namespace now. */
  readonly events: NamespaceWatch | undefined;
  readonly identity: string;
  readonly sysctls: Map<string, SysctlWatch>;
  readonly look: Look | undefined;
}

const ABSENT = "";
const NAMED = "/run/netns/";

export class Watcher implements Disposable {
  readonly #options: WatcherOptions;
  readonly #poll = new Poll();
  readonly #files: FolderWatch;
  readonly #namespaces = new Map<string, Watched>();
  #wanted: ReadonlyMap<string, WatchedNamespace> = new Map();
  #paths: ReadonlySet<string> = new Set();
  #namesByPath: ReadonlyMap<string, string> = new Map();

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#files = new FolderWatch((path) => {
      const namespace = this.#namesByPath.get(path);
      options.onChange(namespace === undefined ? { file: path } : { namespace, kind: "all" });
    });
  }

  /**
   * Listen to exactly this from now on.
   * @returns the namespaces that were not listened to before: what happened there until now was not told
   */
  update(request: WatchRequest): string[] {
    const wanted = new Map(request.namespaces.map((entry) => [entry.name, entry]));
    for (const name of this.#namespaces.keys()) if (!wanted.has(name)) this.#close(name);
    this.#wanted = wanted;
    const paths = new Map([...wanted.keys()].flatMap((name) => (name === "" ? [] : [[namespacePath(name), name]])));
    this.#namesByPath = paths;
    this.#paths = new Set([...request.files, ...[...paths.keys()].filter((path) => path.startsWith(NAMED))]);
    return this.renew(wanted.keys());
  }

  /**
   * After changes in these namespaces, or of files: what was replaced by another of the same name (a namespace, a
   * device, a folder) is listened to anew.
   * @returns the namespaces of them that were not listened to before
   */
  renew(namespaces: Iterable<string>): string[] {
    this.#files.update(this.#paths);
    const fresh: string[] = [];
    for (const name of namespaces) {
      const wanted = this.#wanted.get(name);
      if (wanted === undefined) continue;
      const { neighbours = false, sysctls = [] } = wanted;
      const identity = identityOf(name);
      const known = this.#namespaces.get(name);
      if (known?.identity !== identity || (neighbours && known.events?.neighbours === false)) {
        this.#close(name);
        this.#open(name, identity, neighbours);
        fresh.push(name);
      }
      this.#updateSysctls(name, sysctls);
    }
    return fresh;
  }

  /** Whether changes in the namespace are told. */
  listens(namespace: string): boolean {
    return this.#namespaces.get(namespace)?.events !== undefined;
  }

  [Symbol.dispose](): void {
    for (const name of this.#namespaces.keys()) this.#close(name);
    this.#files[Symbol.dispose]();
    this.#poll[Symbol.dispose]();
  }

  #open(name: string, identity: string, neighbours: boolean): void {
    const { receiveBufferBytes, log } = this.#options;
    const changed = (kind: ChangeKind): void => this.#options.onChange({ namespace: name, kind });
    let events: NamespaceWatch | undefined;
    try {
      if (identity !== ABSENT)
        events = new NamespaceWatch({
          name,
          neighbours,
          ...(receiveBufferBytes === undefined ? {} : { receiveBufferBytes }),
          onChange: changed,
          onOverrun: (kind) => {
            this.#options.onOverrun(name);
            changed(kind);
          },
          onError: (error) => log.error("kernel events", { namespace: name, reason: messageOf(error) }),
        });
    } catch (error) {
      if (!isAbsent(error)) throw error;
    }
    // A name raises an event when it goes, the namespace of a process does not; nor does what is mounted on a name.
    const silent = name.startsWith("/") || (events === undefined && identity !== ABSENT);
    const look = silent ? this.#lookAt(name, identity) : undefined;
    if (look !== undefined) this.#poll.add(look);
    this.#namespaces.set(name, { events, identity, sysctls: new Map(), look });
  }

  #lookAt(name: string, identity: string): Look {
    let last = identity;
    return () => {
      const now = identityOf(name);
      if (now === last) return;
      last = now;
      this.#options.onChange({ namespace: name, kind: "all" });
    };
  }

  #close(name: string): void {
    const watched = this.#namespaces.get(name);
    if (watched === undefined) return;
    this.#namespaces.delete(name);
    watched.events?.[Symbol.dispose]();
    for (const sysctl of watched.sysctls.values()) sysctl[Symbol.dispose]();
    if (watched.look !== undefined) this.#poll.delete(watched.look);
  }

  #updateSysctls(name: string, paths: readonly string[]): void {
    const watched = this.#namespaces.get(name);
    if (watched?.events === undefined) return;
    const wanted = new Set(paths.filter((path) => !raisesEvent(path)));
    for (const [path, watch] of watched.sysctls) {
      if (wanted.has(path) && watch.alive) continue;
      watch[Symbol.dispose]();
      watched.sysctls.delete(path);
    }
    const missing = [...wanted].filter((path) => !watched.sysctls.has(path));
    if (missing.length === 0) return;
    const namespace = name === "" ? undefined : openIfThere(namespacePath(name));
    if (name !== "" && namespace === undefined) return;
    try {
      for (const path of missing) {
        const watch = this.#watchSysctl(name, namespace, path);
        if (watch !== undefined) watched.sysctls.set(path, watch);
      }
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  /** Undefined: its device is not there; when it comes, that is an event. */
  #watchSysctl(name: string, namespace: number | undefined, path: string): SysctlWatch | undefined {
    try {
      return new SysctlWatch(namespace, path, this.#poll, () =>
        this.#options.onChange({ namespace: name, kind: "routing" }),
      );
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }
}

/** Which namespace a name stands for now. */
function identityOf(name: string): string {
  if (name === "") return "own";
  const status = statSync(namespacePath(name), { throwIfNoEntry: false });
  return status === undefined ? ABSENT : `${status.dev}:${status.ino}`;
}

function openIfThere(path: string): number | undefined {
  try {
    return openNamespace(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** ENOTTY and EINVAL: a file that is no namespace. */
function isAbsent(error: unknown): boolean {
  if (error instanceof SystemCallError) return ["ENOENT", "ENOTTY", "EINVAL"].includes(error.errnoName);
  return hasCode(error, "ENOENT");
}
