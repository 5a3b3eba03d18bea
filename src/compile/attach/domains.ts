/** Which links of a unit are on one wire: addresses are given once on each, and networks may have the same subnet. */
import type { Desired } from "../../state/desired.ts";

/** Links by key, joined over bridges, pairs and what stands on another. */
export class Domains {
  readonly #parents = new Map<string, string>();

  constructor({ objects }: Desired) {
    for (const object of objects) {
      if (object.kind !== "link") continue;
      const { key, masterKey, link } = object;
      if (typeof masterKey === "string") this.#join(key, masterKey);
      if ("peerKey" in link) this.#join(key, link.peerKey);
      if ("parentKey" in link) this.#join(key, link.parentKey);
    }
  }

  /**
   * Whether what stands on the link may be met on the bridge: it is on that one, or on no known one.
   * @param bridges keys of all networks' bridges
   */
  mayMeet(linkKey: string, bridge: string, bridges: Iterable<string>): boolean {
    const own = this.#root(linkKey);
    if (own === this.#root(bridge)) return true;
    for (const other of bridges) if (this.#root(other) === own) return false;
    return true;
  }

  #join(one: string, other: string): void {
    const [a, b] = [this.#root(one), this.#root(other)];
    if (a !== b) this.#parents.set(a, b);
  }

  #root(key: string): string {
    let root = key;
    for (let parent = this.#parents.get(root); parent !== undefined; parent = this.#parents.get(root)) root = parent;
    return root;
  }
}
