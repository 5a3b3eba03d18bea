/**
 * Keys of different files must differ, or a file would take another's bridge for its own: both may call a
 * network "lan". So everything that an applied file asks for carries the file's name in front of its key.
 */
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import type { LinkType } from "../state/object/kernel.ts";

/** The same wanted state with `prefix/` in front of every key and every mention of one. */
export function qualifyKeys(desired: Desired, prefix: string): Desired {
  const qualify = (key: string): string => `${prefix}/${key}`;
  const all = (objects: readonly StateObject[]): StateObject[] =>
    objects.map((object) => qualifyObject(object, qualify));
  return { ...desired, objects: all(desired.objects), absent: all(desired.absent) };
}

function qualifyObject(object: StateObject, qualify: (key: string) => string): StateObject {
  const key = qualify(object.key);
  if ("linkKey" in object) return { ...object, key, linkKey: qualify(object.linkKey) };
  switch (object.kind) {
    case "link": {
      const { link, masterKey } = object;
      return {
        ...object,
        key,
        link: qualifyLink(link, qualify),
        ...(typeof masterKey === "string" ? { masterKey: qualify(masterKey) } : {}),
      };
    }
    case "route": {
      const nextHops = object.nextHops.map((hop) =>
        hop.linkKey === undefined ? hop : { ...hop, linkKey: qualify(hop.linkKey) },
      );
      return { ...object, key, nextHops };
    }
    case "vm":
      return { ...object, key, nics: object.nics.map((nic) => ({ ...nic, tapKey: qualify(nic.tapKey) })) };
    default:
      return { ...object, key };
  }
}

function qualifyLink(link: LinkType, qualify: (key: string) => string): LinkType {
  if ("peerKey" in link) return { ...link, peerKey: qualify(link.peerKey) };
  if ("parentKey" in link) return { ...link, parentKey: qualify(link.parentKey) };
  return link;
}
