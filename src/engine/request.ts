/** Which parts of the kernel's state must be read to plan a change: the ones that the objects at stake live in. */
import type { ObserveRequest } from "../kernel/observe.ts";
import { isService, type StateObject } from "../state/object.ts";

interface NamespaceRequest {
  readonly sysctls: Set<string>;
  readonly nft: Map<string, { family: string; name: string }>;
  foreignAccepts: boolean;
}

/** The namespaces, sysctls, tables and files of all given objects. */
export function observeRequest(objects: Iterable<StateObject>): ObserveRequest {
  const namespaces = new Map<string, NamespaceRequest>();
  const files = new Set<string>();
  const inNamespace = (name: string): NamespaceRequest => {
    let entry = namespaces.get(name);
    if (entry === undefined) {
      entry = { sysctls: new Set(), nft: new Map(), foreignAccepts: false };
      namespaces.set(name, entry);
    }
    return entry;
  };
  for (const object of objects) {
    if (isService(object)) {
      inNamespace(object.namespace);
      continue;
    }
    switch (object.kind) {
      case "namespace":
        inNamespace(object.name);
        break;
      case "sysctl":
        inNamespace(object.namespace).sysctls.add(object.path);
        break;
      case "nft-table":
        inNamespace(object.namespace).nft.set(`${object.family} ${object.name}`, {
          family: object.family,
          name: object.name,
        });
        break;
      case "foreign-accept":
        inNamespace(object.namespace).foreignAccepts = true;
        break;
      case "file":
        files.add(object.path);
        break;
      case "link":
      case "address":
      case "route":
      case "neighbour":
        inNamespace(object.namespace);
        break;
    }
  }
  return {
    namespaces: Array.from(namespaces, ([name, entry]) => ({
      name,
      sysctls: [...entry.sysctls],
      nft: [...entry.nft.values()],
      foreignAccepts: entry.foreignAccepts,
    })),
    files: [...files],
  };
}
