/**
 * The parts of a path in a URL, decoded once.
 * @returns undefined for one that leads upwards or cannot be decoded
 */
export function pathParts(urlPath: string): readonly string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
  const parts = decoded.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") || decoded.includes("\0") ? undefined : parts;
}
