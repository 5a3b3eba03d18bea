/** The file's name in a request, as the parts of a path below a root. */
import { utf8Decode } from "../../base/bytes.ts";

/** A part of a name that cannot be one of ours: a temporary file of an upload that is under way. */
export const UPLOAD_PREFIX = ".netloom-upload-";

/**
 * "/", "\" and "//" all part folders, as clients of Windows and boot ROMs mix them; a leading one means the root. Nothing
 * is decoded: "%2e" is three characters of a name.
 * @param file as in a TftpRequest: bytes as characters; they are taken as UTF-8
 * @returns undefined for a name that no file below the root can have: with "..", control characters, or without a part
 */
export function parseFileName(file: string): readonly string[] | undefined {
  const text = utf8Decode(Uint8Array.from(file, (character) => character.charCodeAt(0)));
  const parts = text.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
  if (parts.length === 0 || parts.some(isForbidden)) return undefined;
  return parts;
}

function isForbidden(part: string): boolean {
  return part === ".." || part.startsWith(UPLOAD_PREFIX) || /[\p{Cc}\ufffd]/u.test(part);
}
