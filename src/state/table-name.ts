/**
 * Names of nft tables of ours: "netloom_" and what they are for. Two names stay two: what nft takes in no identifier is
 * written as /XX in hexadecimal, and neither links nor anything in the network file has a slash in its name.
 */
export function tableName(...parts: readonly string[]): string {
  return ["netloom", ...parts.map((part) => part.replaceAll(/[^A-Za-z0-9._-]/gu, escaped))].join("_");
}

function escaped(character: string): string {
  return `/${character.codePointAt(0)!.toString(16)}`;
}
