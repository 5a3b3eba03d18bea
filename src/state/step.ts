/** Steps of a plan, and the record of what netloom owns. All plain JSON: they are the journal's and the store's content. */
import type { Desired } from "./desired.ts";
import type { StateObject } from "./object.ts";

/**
 * One transition of one object. `before` absent: create; `after` absent: delete; both: change. The inverse
 * of a step has the two swapped.
 */
export interface Step {
  readonly key: string;
  readonly before?: StateObject;
  readonly after?: StateObject;
  /**
   * Objects that vanish by this step besides `before`: the kernel takes the addresses of a deleted link along.
   * Nothing has to be done for them; undoing the step makes them again.
   */
  readonly along?: readonly StateObject[];
  /** What a person would say: "create bridge lan, MTU 1500, up". */
  readonly summary: string;
  /** Equivalent commands, one a line. */
  readonly commands: readonly string[];
}

/** An object that netloom made or changed. */
export interface OwnedObject {
  /** As applied; absent: a foreign object that we removed for the time being. */
  readonly object?: StateObject;
  /** What stood there before us and comes back when we go: a sysctl's value, an adopted link, an address taken away. */
  readonly original?: StateObject;
  /** Kernel's interface index, links only: finds an adopted link again. */
  readonly index?: number;
  /** nft tables only: the kernel's listing after the rules were loaded; shows what others changed inside since. */
  readonly listing?: string;
}

/** What one applied file (or one bind) owns. */
export interface OwnershipRecord {
  readonly version: 1;
  /** Name of the file or of the bind. */
  readonly name: string;
  /** Where the wanted state came from: a file's path, or a bind's options as JSON. */
  readonly source: string;
  readonly owned: Readonly<Record<string, OwnedObject>>;
  /** The wanted state as applied. */
  readonly desired: Desired;
}
