/** Bytes in the text of zone files: \X is the character X, \DDD the byte of that number (RFC 1035 §5.1). */
import { utf8Encode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";

/** @param special characters that get a backslash, besides the backslash itself */
export function escapeBytes(bytes: Uint8Array, special: string): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    if (byte < 0x20 || byte > 0x7e) text += `\\${String(byte).padStart(3, "0")}`;
    else text += special.includes(character) || character === "\\" ? `\\${character}` : character;
  }
  return text;
}

/** Other characters than ASCII are written in UTF-8. @throws NetloomError bad-record */
export function unescapeBytes(text: string): Uint8Array {
  if (!text.includes("\\")) return utf8Encode(text);
  const bytes: number[] = [];
  for (const part of text.match(/\\\d{3}|\\?[^]/gu) ?? []) {
    if (part === "\\") throw new NetloomError("bad-record", `text ${JSON.stringify(text)}: a backslash at its end`);
    const code = /^\\\d{3}$/.test(part) ? Number(part.slice(1)) : undefined;
    if (code !== undefined && code > 255)
      throw new NetloomError("bad-record", `text ${JSON.stringify(text)}: ${part} is no byte`);
    if (code === undefined) bytes.push(...utf8Encode(part.length > 1 && part[0] === "\\" ? part.slice(1) : part));
    else bytes.push(code);
  }
  return Uint8Array.from(bytes);
}
