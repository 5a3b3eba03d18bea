/** What the checks between the parts of a file share: the places, the mistakes and the origins found so far. */
import type { MacAddress } from "../base/address.ts";
import { type Plain, type SourceDocument, isPlainMap } from "./document.ts";
import { derivedMac } from "./hash.ts";
import { type Complaint, formatPath, type Path, type Position } from "./mistakes.ts";
import type { ValueOrigin } from "./model.ts";
import { suggestion } from "./suggest.ts";

export type Section = "uplinks" | "networks" | "routers" | "machines";

export class Context {
  readonly modelName: string;
  readonly complaints: Complaint[] = [];
  readonly origins: Record<string, ValueOrigin> = {};
  readonly #document: SourceDocument;
  readonly #macs = new Map<string, string>();

  constructor(document: SourceDocument, modelName: string) {
    this.#document = document;
    this.modelName = modelName;
  }

  complain(path: Path, reason: string, remedy: string): void {
    this.complaints.push({ path, reason, remedy });
  }

  /** Point at the key: the name itself is the mistake. */
  complainAtKey(path: Path, reason: string, remedy: string): void {
    this.complaints.push({ path, reason, remedy, atKey: true });
  }

  position(path: Path, atKey = false): Position {
    return this.#document.locate(path, atKey);
  }

  /** The declared value, or the default; either way it is known afterwards where it came from. */
  value<T extends string | number>(path: Path, declared: T | undefined, otherwise: T): T {
    const value = declared ?? otherwise;
    this.record(path, String(value), declared === undefined ? "default" : "declared");
    return value;
  }

  record(path: Path, value: string, how: ValueOrigin["how"]): void {
    this.origins[formatPath(path)] = { value, how, ...this.#document.locate(path) };
  }

  /** Names declared in a section, also of things that are wrong in themselves: no mistake is told twice. */
  declared(section: Section): readonly string[] {
    const root: Plain | undefined = this.#document.root;
    const entries = isPlainMap(root) ? root[section] : undefined;
    return isPlainMap(entries) ? Object.keys(entries) : [];
  }

  /** Whether the file has something there, be it wrong in itself. */
  isWritten(path: Path): boolean {
    return this.#written(path) !== undefined;
  }

  /** The keys of the map there, also of one that is wrong in itself; none of anything else. */
  keys(path: Path): readonly string[] {
    const value = this.#written(path);
    return isPlainMap(value) ? Object.keys(value) : [];
  }

  #written(path: Path): Plain | undefined {
    let value: Plain | undefined = this.#document.root;
    for (const part of path) {
      if (Array.isArray(value)) value = value[Number(part)];
      else value = isPlainMap(value) ? value[String(part)] : undefined;
    }
    return value;
  }

  /** A machine as the file has it, also one that is wrong in itself. */
  machine(name: string): { readonly kind: string | undefined; readonly nicCount: number | undefined } {
    const root: Plain | undefined = this.#document.root;
    const machines = isPlainMap(root) ? root.machines : undefined;
    const machine = isPlainMap(machines) ? machines[name] : undefined;
    if (!isPlainMap(machine)) return { kind: undefined, nicCount: undefined };
    return {
      kind: typeof machine.kind === "string" ? machine.kind : undefined,
      nicCount: Array.isArray(machine.nics) ? machine.nics.length : undefined,
    };
  }

  /** Complains unless the name is declared in the section. */
  checkReference(path: Path, name: string, section: Section, word: string): void {
    const names = this.declared(section);
    if (names.includes(name)) return;
    const remedy = names.length === 0 ? `declare it under ${section}:` : suggestion(name, names);
    this.complain(path, `there is no ${word} called ${JSON.stringify(name)}`, remedy);
  }

  /** Take a declared MAC address; complains where it is used already. */
  claimMac(path: Path, mac: MacAddress): void {
    const owner = this.#macs.get(mac);
    if (owner !== undefined)
      this.complain(
        path,
        `the MAC address ${mac} is used twice, by ${owner} already`,
        "give each NIC its own, or leave mac out",
      );
    else this.#macs.set(mac, formatPath(path));
  }

  /**
   * A MAC address of our own that depends on the file's name and the path only; declared ones are claimed before.
   * @param identity instead of the path, of something that may change its place
   */
  deriveMac(path: Path, identity: Path = path): MacAddress {
    const what = `${this.modelName} ${formatPath(identity)}`;
    for (let salt = 0; ; salt++) {
      const mac = derivedMac(salt === 0 ? what : `${what} ${salt}`);
      if (this.#macs.has(mac)) continue;
      this.#macs.set(mac, formatPath(path));
      this.record(path, mac, "derived");
      return mac;
    }
  }
}
