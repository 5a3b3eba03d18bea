/**
 * Conditions of dhcpd.conf (dhcp-eval(5)) as the classes that a network file has: what a client's vendor class, user
 * class, architecture and hardware address are. What cannot be said by these is no class.
 */
import { bothMatch, joinArchitectures, type Match } from "../draft.ts";
import { fromHex, toHex, utf8Decode } from "../../base/bytes.ts";
import { NetloomError } from "../../base/errors.ts";
import { DHCP4_OPTION } from "../../wire/dhcp4/option-table.ts";
import type { Token } from "./lexer.ts";
import { padBytes } from "./option-definitions.ts";

/** What of a client is compared. */
export interface Subject {
  readonly what: "vendor" | "user" | "architecture" | "hardware" | "hardware-text";
  /** Where the part that is compared begins. */
  readonly offset: number;
}

/** One of several must hold; undefined: it cannot be said. */
type Alternatives = readonly Match[] | undefined;

interface Reader {
  readonly tokens: readonly Token[];
  readonly codeOf: (name: string) => number | undefined;
  position: number;
}

const MOST_ALTERNATIVES = 64;
/** Hardware type Ethernet stands before the address. */
const ETHERNET = "01";

/** Undefined when no class says the same. @param codeOf the number of an option that the file names */
export function parseCondition(tokens: readonly Token[], codeOf: Reader["codeOf"]): Alternatives {
  const reader: Reader = { tokens, codeOf, position: 0 };
  const matches = readOr(reader, 0);
  if (reader.position < tokens.length || matches === undefined || matches.length === 0) return undefined;
  return matches.some((match) => Object.keys(match).length === 0) ? undefined : joinArchitectures(matches);
}

/** The words of a class's `match`, by which its subclasses are told apart. */
export function parseSubject(tokens: readonly Token[], codeOf: Reader["codeOf"]): Subject | undefined {
  const reader: Reader = { tokens, codeOf, position: 0 };
  const subject = readSubject(reader, 0);
  return reader.position === tokens.length ? subject : undefined;
}

/** What a client is whose subject is this value. */
export function matchOf({ what, offset }: Subject, value: Token): Match | undefined {
  if (what === "vendor" || what === "user") {
    // The length that RFC 3004 puts before a user class may be passed over.
    const isStart = offset === 0 || (what === "user" && offset === 1);
    const words = value.kind === "string" ? value.text : textOfBytes(value.text);
    return isStart && words !== undefined && words !== "" ? { [what]: words } : undefined;
  }
  if (what === "architecture") return offset === 0 ? architectureOf(value) : undefined;
  const hex = what === "hardware-text" ? spelledBytes(value.text) : bytesOf(value);
  if (hex === undefined) return undefined;
  if (offset > 1 || (offset === 0 && !hex.startsWith(ETHERNET))) return undefined;
  const address = offset === 1 ? hex : hex.slice(2);
  if (address.length < 2 || address.length > 12) return undefined;
  return { mac: address.replaceAll(/(..)(?=.)/g, "$1:") };
}

function architectureOf(value: Token): Match | undefined {
  const hex = bytesOf(value) ?? "";
  return hex.length === 4 ? { architecture: [Number.parseInt(hex, 16)] } : undefined;
}

/** In hexadecimal. */
function bytesOf({ kind, text }: Token): string | undefined {
  if (kind === "string") return undefined;
  return /^[0-9a-f]{1,2}(:[0-9a-f]{1,2})*$/i.test(text) ? toHex(fromHex(padBytes(text))) : undefined;
}

/** "0:c:29" as binary-to-ascii makes it. */
function spelledBytes(text: string): string | undefined {
  return /^[0-9a-f]{1,2}(:[0-9a-f]{1,2})*$/i.test(text) ? padBytes(text.toLowerCase()).replaceAll(":", "") : undefined;
}

function textOfBytes(text: string): string | undefined {
  try {
    const bytes = fromHex(padBytes(text));
    return bytes.every((byte) => byte >= 32 && byte < 127) ? utf8Decode(bytes) : undefined;
  } catch (error) {
    if (error instanceof NetloomError) return undefined;
    throw error;
  }
}

function peek({ tokens, position }: Reader): string {
  const token = tokens[position];
  return token === undefined || token.kind === "string" ? "" : token.text.toLowerCase();
}

function accept(reader: Reader, word: string): boolean {
  if (peek(reader) !== word) return false;
  reader.position++;
  return true;
}

function readOr(reader: Reader, depth: number): Alternatives {
  let matches = readAnd(reader, depth);
  while (accept(reader, "or")) {
    const others = readAnd(reader, depth);
    matches = matches === undefined || others === undefined ? undefined : bounded([...matches, ...others]);
  }
  return matches;
}

function bounded(matches: readonly Match[]): Alternatives {
  return matches.length > MOST_ALTERNATIVES ? undefined : matches;
}

function readAnd(reader: Reader, depth: number): Alternatives {
  let matches = readOne(reader, depth);
  while (accept(reader, "and")) {
    const others = readOne(reader, depth);
    matches =
      matches === undefined || others === undefined
        ? undefined
        : bounded(matches.flatMap((match) => others.flatMap((other) => bothMatch(match, other) ?? [])));
  }
  return matches;
}

function readOne(reader: Reader, depth: number): Alternatives {
  if (depth > 32) return undefined;
  if (accept(reader, "exists")) {
    // Beside a comparison of the same option it says nothing more; alone it leaves a match of nothing.
    const name = peek(reader);
    reader.position++;
    return reader.codeOf(name) === undefined ? undefined : [{}];
  }
  if (accept(reader, "(")) {
    const matches = readOr(reader, depth + 1);
    return accept(reader, ")") ? matches : undefined;
  }
  return readComparison(reader, depth);
}

function readComparison(reader: Reader, depth: number): Alternatives {
  const subject = readSubject(reader, depth);
  if (subject === undefined || !accept(reader, "=")) return undefined;
  const value = reader.tokens[reader.position++];
  const match = value === undefined || value.kind === "punctuation" ? undefined : matchOf(subject, value);
  return match === undefined ? undefined : [match];
}

/** `option NAME`, `hardware`, or a function of one of them. */
function readSubject(reader: Reader, depth: number): Subject | undefined {
  if (depth > 32) return undefined;
  if (accept(reader, "hardware")) return { what: "hardware", offset: 0 };
  if (accept(reader, "option")) {
    const code = reader.codeOf(peek(reader));
    reader.position++;
    if (code === DHCP4_OPTION.vendorClass.code) return { what: "vendor", offset: 0 };
    if (code === DHCP4_OPTION.userClass.code) return { what: "user", offset: 0 };
    return code === DHCP4_OPTION.clientArchitecture.code ? { what: "architecture", offset: 0 } : undefined;
  }
  if (accept(reader, "substring")) return readSubstring(reader, depth);
  if (accept(reader, "pick-first-value")) return readFirstValue(reader, depth);
  return accept(reader, "binary-to-ascii") ? readBinaryToAscii(reader, depth) : undefined;
}

/** `substring(SUBJECT, OFFSET, LENGTH)` */
function readSubstring(reader: Reader, depth: number): Subject | undefined {
  if (!accept(reader, "(")) return undefined;
  const inner = readSubject(reader, depth + 1);
  if (inner === undefined || !accept(reader, ",")) return undefined;
  const offset = Number(peek(reader));
  reader.position++;
  if (!accept(reader, ",")) return undefined;
  const length = Number(peek(reader));
  reader.position++;
  const isGood = accept(reader, ")") && Number.isInteger(offset) && Number.isInteger(length) && length > 0;
  // Text of bytes is cut at characters, of which a byte may have one or two.
  if (!isGood || inner.what === "hardware-text") return undefined;
  return { what: inner.what, offset: inner.offset + offset };
}

/** `pick-first-value(option dhcp-client-identifier, hardware)`: the identifier of most clients is their address. */
function readFirstValue(reader: Reader, depth: number): Subject | undefined {
  if (!accept(reader, "(")) return undefined;
  accept(reader, "option");
  if (reader.codeOf(peek(reader)) !== DHCP4_OPTION.clientIdentifier.code) return undefined;
  reader.position++;
  const subject = accept(reader, ",") ? readSubject(reader, depth + 1) : undefined;
  return accept(reader, ")") ? subject : undefined;
}

/** `binary-to-ascii(16, 8, ":", SUBJECT)` */
function readBinaryToAscii(reader: Reader, depth: number): Subject | undefined {
  if (!(accept(reader, "(") && accept(reader, "16") && accept(reader, ",") && accept(reader, "8"))) return undefined;
  if (!accept(reader, ",") || reader.tokens[reader.position++]?.text !== ":" || !accept(reader, ",")) return undefined;
  const subject = readSubject(reader, depth + 1);
  if (!accept(reader, ")") || subject?.what !== "hardware") return undefined;
  return { what: "hardware-text", offset: subject.offset };
}
