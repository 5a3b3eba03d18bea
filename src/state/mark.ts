/**
 * The mark that says "ours" on an object in the kernel: a link's alias and a rule's comment carry the object's key, an
 * nft table's comment the fingerprint of its rules. Only marks that record or journal know of count as this unit's.
 */
const PREFIX = "netloom:";

export function markOf(keyOrFingerprint: string): string {
  return `${PREFIX}${keyOrFingerprint}`;
}

/** Whether netloom made it, be it for another file or in another state folder. */
export function isMarked(text: string | undefined): text is string {
  return text?.startsWith(PREFIX) === true;
}

/** The key or fingerprint in a mark; undefined when the text is none. */
export function markedKey(text: string | undefined): string | undefined {
  return isMarked(text) ? text.slice(PREFIX.length) : undefined;
}
