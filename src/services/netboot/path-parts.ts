/** iPXE writes a byte above 127 with its sign: %FFFFFFC3. The byte 255 is in no text, so that nothing else means this. */
const SIGN = /%FFFFFF(?=[89A-F][0-9A-F])/gi;

/**
 * The parts of a path in a URL, decoded once.
 * @returns undefined for one that leads upwards or cannot be decoded
 */
export function pathParts(urlPath: string): readonly string[] | undefined {
  let decoded: string;
  try {
    decoded = decodeURIComponent(urlPath.replaceAll(SIGN, "%"));
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    return undefined;
  }
  const parts = decoded.split("/").filter((part) => part !== "" && part !== ".");
  return parts.includes("..") || decoded.includes("\0") ? undefined : parts;
}
