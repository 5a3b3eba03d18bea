/**
 * Domain names on the wire (RFC 1035 §3.1, §4.1.4): labels with a length byte, a zero at the end, and
 * pointers to names that stand earlier in the same message.
 *
 * As text a name has no final dot and the root is ""; a byte that is a dot, a backslash or not printable
 * ASCII is written \DDD (RFC 1035 §5.1), so text and bytes can be told apart and round trip.
 */
import { NetloomError } from "../base/errors.ts";
import { Malformed } from "./malformed.ts";

const LABEL_LIMIT = 63;
/** Length of a name on the wire with its length bytes and the final zero. */
const NAME_LIMIT = 255;
const DOT = 0x2e;
const BACKSLASH = 0x5c;
const ZERO = 0x30;
/** Characters of a byte that is written \DDD. */
const LONGEST_ESCAPE = 4;
const POINTER_LIMIT = 0x3fff;
/** As many as a name can have labels: more are only there to keep the reader busy. */
const MOST_POINTERS = 127;

/**
 * Read the name at `offset`; `next` is the offset behind it. Pointers must lead backwards and the name stays
 * within 255 bytes, so hostile bytes end the loop.
 */
export function decodeDomainName(bytes: Uint8Array, offset: number): { name: string; next: number } | Malformed {
  let characters = 0;
  let position = offset;
  let next: number | undefined;
  let earliest = offset;
  let nameBytes = 1;
  let pointers = 0;
  for (;;) {
    const length = bytes[position];
    if (length === undefined) return new Malformed("domain name: runs over the end");
    if (length === 0) return { name: textOf(characters), next: next ?? position + 1 };
    if (length >= 0xc0) {
      const low = bytes[position + 1];
      if (low === undefined) return new Malformed("domain name: runs over the end");
      const target = ((length & 0x3f) << 8) | low;
      if (target >= earliest) return new Malformed("domain name: pointer does not lead backwards");
      if (++pointers > MOST_POINTERS) return new Malformed("domain name: too many pointers");
      next ??= position + 2;
      position = target;
      earliest = target;
      continue;
    }
    if (length > LABEL_LIMIT) return new Malformed("domain name: label type is not known");
    nameBytes += length + 1;
    if (nameBytes > NAME_LIMIT) return new Malformed("domain name: longer than 255 bytes");
    const end = position + 1 + length;
    if (end > bytes.length) return new Malformed("domain name: runs over the end");
    if (characters > 0) TEXT[characters++] = DOT;
    for (position++; position < end; position++) characters = putByte(bytes[position]!, characters);
  }
}

/** Character codes of the name that is being read: one string of all of them costs less than a string for each. */
const TEXT: number[] = Array.from({ length: LONGEST_ESCAPE * NAME_LIMIT }, () => 0);

function textOf(characters: number): string {
  return characters === 0 ? "" : String.fromCharCode.apply(undefined, TEXT.slice(0, characters));
}

/** @returns where the next one goes */
function putByte(byte: number, at: number): number {
  if (byte > 0x20 && byte < 0x7f && byte !== DOT && byte !== BACKSLASH) {
    TEXT[at] = byte;
    return at + 1;
  }
  TEXT[at] = BACKSLASH;
  TEXT[at + 1] = ZERO + Math.floor(byte / 100);
  TEXT[at + 2] = ZERO + (Math.floor(byte / 10) % 10);
  TEXT[at + 3] = ZERO + (byte % 10);
  return at + LONGEST_ESCAPE;
}

function labelText(label: Uint8Array): string {
  let characters = 0;
  for (const byte of label) characters = putByte(byte, characters);
  return textOf(characters);
}

/**
 * Encode names one after the other; a suffix that was written before is replaced by a pointer to it.
 * A final dot is accepted.
 * @throws NetloomError bad-domain-name for an empty label, a label over 63 bytes, a name over 255 bytes, or
 * text that is not ASCII
 */
export function encodeDomainNames(names: readonly string[]): Uint8Array {
  const bytes: number[] = [];
  const written = new Map<string, number>();
  for (const name of names) {
    const labels = labelsOf(name);
    let complete = true;
    for (let i = 0; i < labels.length; i++) {
      const suffix = labels.slice(i).map(labelText).join(".").toLowerCase();
      const earlier = written.get(suffix);
      if (earlier !== undefined) {
        bytes.push(0xc0 | (earlier >>> 8), earlier & 0xff);
        complete = false;
        break;
      }
      if (bytes.length <= POINTER_LIMIT) written.set(suffix, bytes.length);
      bytes.push(labels[i]!.length, ...labels[i]!);
    }
    if (complete) bytes.push(0);
  }
  return Uint8Array.from(bytes);
}

/**
 * One name, never with a pointer: DHCPv6 and router advertisements forbid them (RFC 8415 §10, RFC 8106 §5.2).
 * @throws NetloomError bad-domain-name as {@link encodeDomainNames}
 */
export function encodeDomainName(name: string): Uint8Array {
  return WIRE.slice(0, writeDomainName(name, WIRE, 0));
}

/** One name at a time: it is copied out of it at once. */
const WIRE = new Uint8Array(NAME_LIMIT);

/**
 * As {@link encodeDomainName}, to `at`, where there must be room for 255 bytes. Bytes behind the name are undefined.
 * @returns its length
 * @throws NetloomError bad-domain-name as {@link encodeDomainNames}
 */
export function writeDomainName(name: string, bytes: Uint8Array, at: number): number {
  const plainBytes = writePlain(name, bytes, at);
  if (plainBytes > 0) return plainBytes;
  const wire = encodeDomainNames([name]);
  bytes.set(wire, at);
  return wire.length;
}

/**
 * Names without escapes and faults, which nearly all are: a character is one byte, a dot the next label's length.
 * @returns the length; 0: it is another name
 */
function writePlain(name: string, bytes: Uint8Array, at: number): number {
  const { length } = name;
  if (length + 2 > NAME_LIMIT) return 0;
  let start = at;
  for (let i = 0; length > 0 && i <= length; i++) {
    const code = i < length ? name.charCodeAt(i) : DOT;
    const position = at + i;
    if (code === DOT) {
      if (position === start || position - start > LABEL_LIMIT) return 0;
      bytes[start] = position - start;
      start = position + 1;
    } else if (code === BACKSLASH || code > 127) return 0;
    else bytes[position + 1] = code;
  }
  bytes[start] = 0;
  return start + 1 - at;
}

/** The labels' bytes, from the left; a final dot is accepted. @throws NetloomError bad-domain-name */
function labelsOf(name: string): Uint8Array[] {
  const refuse = (reason: string): NetloomError =>
    new NetloomError("bad-domain-name", `domain name ${JSON.stringify(name)}: ${reason}`);
  const labels: number[][] = [[]];
  for (let i = 0; i < name.length; i++) {
    const escaped = name[i] === "\\" ? /^\d{3}$/.exec(name.slice(i + 1, i + 4))?.[0] : undefined;
    const code = escaped === undefined ? name.charCodeAt(i) : Number(escaped);
    if (escaped === undefined && name[i] === ".") labels.push([]);
    else if (name[i] === "\\" && escaped === undefined) throw refuse("a backslash needs three digits after it");
    else if (code > (escaped === undefined ? 127 : 255)) throw refuse("not ASCII; use the xn-- form");
    else labels.at(-1)!.push(code);
    if (escaped !== undefined) i += 3;
  }
  if (labels.at(-1)!.length === 0) labels.pop();
  if (labels.some((label) => label.length === 0)) throw refuse("an empty label");
  if (labels.some((label) => label.length > LABEL_LIMIT)) throw refuse("a label of more than 63 bytes");
  if (labels.reduce((sum, label) => sum + label.length + 1, 1) > NAME_LIMIT) throw refuse("longer than 255 bytes");
  return labels.map((label) => Uint8Array.from(label));
}
