/** Reading network files in tests. */
import { type Mistake, NetworkFileError } from "../../src/model/mistakes.ts";
import type { Model } from "../../src/model/model.ts";
import { parseNetworkFile } from "../../src/model/parse.ts";

export const FILE = "office.yaml";

export function read(text: string, previous: ReadonlyMap<string, string> = new Map()): Model {
  return parseNetworkFile(text, FILE, { folder: "/srv/networks", previous });
}

/** All mistakes of a text that must have some. */
export function mistakesOf(text: string): readonly Mistake[] {
  try {
    read(text);
  } catch (thrown) {
    if (thrown instanceof NetworkFileError) return thrown.mistakes;
    throw thrown;
  }
  throw new Error(`no mistake was found in:\n${text}`);
}
