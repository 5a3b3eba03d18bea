/** Where a plan changes what. */
import { nameOf, type StateObject } from "../../state/object.ts";
import type { Step } from "../../state/step.ts";
import type { ChangeKind } from "../watch/namespace.ts";

export type Touched = ReadonlyMap<string, ChangeKind | "all">;

/** Where steps change something, both ends of a pair included. */
export function touchedBy(steps: readonly Step[], objects: readonly StateObject[]): Touched {
  const byKey = new Map(objects.map((object) => [object.key, object]));
  const found = new Map<string, ChangeKind | "all">();
  const add = (object: StateObject | undefined): void => {
    if (object === undefined || object.kind === "file") return;
    const namespace = object.kind === "namespace" ? object.name : object.namespace;
    const routingOnly = !["namespace", "nft-table", "foreign-accept"].includes(object.kind);
    found.set(namespace, routingOnly && found.get(namespace) !== "all" ? "routing" : "all");
  };
  for (const { before, after, along = [] } of steps) {
    for (const object of [before, after, ...along]) {
      add(object);
      if (object?.kind === "link" && "peerKey" in object.link) add(byKey.get(object.link.peerKey));
    }
  }
  return found;
}

export function nameOfStep({ before, after, key }: Step): string {
  const object = after ?? before;
  return object === undefined ? key : nameOf(object);
}
