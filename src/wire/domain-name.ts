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
const POINTER_LIMIT = 0x3fff;
/** As many as a name can have labels: more are only there to keep the reader busy. */
const MOST_POINTERS = 127;

/**
 * Read the name at `offset`; `next` is the offset behind it. Pointers must lead backwards and the name stays
 * within 255 bytes, so hostile bytes end the loop.
 */
export function decodeDomainName(bytes: Uint8Array, offset: number): { name: string; next: number } | Malformed {
  const labels: string[] = [];
  let position = offset;
  let next: number | undefined;
  let earliest = offset;
  let nameBytes = 1;
  let pointers = 0;
  for (;;) {
    const length = bytes[position];
    if (length === undefined) return new Malformed("domain name: runs over the end");
    if (length === 0) return { name: labels.join("."), next: next ?? position + 1 };
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
    if (position + 1 + length > bytes.length) return new Malformed("domain name: runs over the end");
    labels.push(labelText(bytes.subarray(position + 1, position + 1 + length)));
    position += length + 1;
  }
}

function labelText(label: Uint8Array): string {
  let text = "";
  for (const byte of label) {
    const plain = byte > 0x20 && byte < 0x7f && byte !== 0x2e && byte !== 0x5c;
    text += plain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, "0")}`;
  }
  return text;
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
  return plainWire(name) ?? encodeDomainNames([name]);
}

/** Of names without escapes and faults, which nearly all are: a character is one byte, a dot the next label's length. */
function plainWire(name: string): Uint8Array | undefined {
  const { length } = name;
  if (length === 0) return Uint8Array.of(0);
  if (length + 2 > NAME_LIMIT) return undefined;
  const bytes = new Uint8Array(length + 2);
  let start = 0;
  for (let i = 0; i <= length; i++) {
    const code = i < length ? name.charCodeAt(i) : DOT;
    if (code === DOT) {
      if (i === start || i - start > LABEL_LIMIT) return undefined;
      bytes[start] = i - start;
      start = i + 1;
    } else if (code === BACKSLASH || code > 127) return undefined;
    else bytes[i + 1] = code;
  }
  return bytes;
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
