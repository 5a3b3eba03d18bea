/**
 * The bytes of a lease log. A line of text that tells the version, then groups: each is what was made durable at one
 * time, whole or not at all.
 *
 *     group: "NLG2", length of the leases u35, their CRC-32 u35, leases
 *
 * Both numbers are 5 bytes of 7 bits, the highest bit of each byte set; all others are in network order. What a lease is
 * made of says its {@link LeaseCodec}. A group that is cut off or damaged is passed over: what follows it is found by its
 * mark.
 *
 * Names and identifiers are of the clients' choice, and one of them could be a whole group, to be found when the group
 * around it is damaged. So no mark stands within a group: "NLG" in the leases is followed by a 0 that is not part of them.
 *
 * Groups of an earlier program, "NLG1", length u32, CRC-32 u32, leases without such a 0, are read where the group before
 * them ends.
 */
import { crc32 } from "node:zlib";
import { NetloomError } from "../../base/errors.ts";

/** The bytes of one kind of lease. */
export interface LeaseCodec<Lease> {
  /** The file's first line: what it holds, and the version, a number, at the end. */
  readonly header: Buffer;
  /** How many bytes {@link write} takes. */
  bytesOf(lease: Lease): number;
  /** @returns the offset behind the lease */
  write(group: Buffer, start: number, lease: Lease): number;
  /** All that was written between two offsets. */
  read(bytes: Buffer, start: number, end: number): Lease[];
}

const MARK = Buffer.from("NLG2");
/** What any mark begins with. */
const MARK_BEGINNING = MARK.subarray(0, 3);
const ESCAPED = Buffer.from("NLG\0");
const NUMBER_BYTES = 5;
const GROUP_HEADER_BYTES = MARK.length + 2 * NUMBER_BYTES;
const EARLIER_MARK = Buffer.from("NLG1");
const EARLIER_HEADER_BYTES = 12;

export function encodeGroup<Lease>(codec: LeaseCodec<Lease>, leases: readonly Lease[]): Buffer {
  const bytes = leases.reduce((sum, lease) => sum + codec.bytesOf(lease), GROUP_HEADER_BYTES);
  const plain = Buffer.allocUnsafe(bytes);
  MARK.copy(plain);
  let offset = GROUP_HEADER_BYTES;
  for (const lease of leases) offset = codec.write(plain, offset, lease);
  const group = replaceAll(plain, MARK_BEGINNING, ESCAPED, GROUP_HEADER_BYTES);
  const body = group.subarray(GROUP_HEADER_BYTES);
  writeNumber(group, MARK.length, body.length);
  writeNumber(group, MARK.length + NUMBER_BYTES, crc32(body));
  return group;
}

/** A copy, or the bytes themselves where there is nothing to replace. @param from where the first may be */
function replaceAll(bytes: Buffer, old: Buffer, replacement: Buffer, from: number): Buffer {
  let found = bytes.indexOf(old, from);
  if (found < 0) return bytes;
  const parts: Buffer[] = [];
  let start = 0;
  for (; found >= 0; found = bytes.indexOf(old, start)) {
    parts.push(bytes.subarray(start, found), replacement);
    start = found + old.length;
  }
  return Buffer.concat([...parts, bytes.subarray(start)]);
}

/** No byte of it can be part of a mark. */
function writeNumber(bytes: Buffer, offset: number, value: number): void {
  let rest = value;
  for (let i = NUMBER_BYTES - 1; i >= 0; i--) {
    bytes[offset + i] = 0x80 | (rest % 128);
    rest = Math.floor(rest / 128);
  }
}

/** Undefined: it is no number. */
function readNumber(bytes: Buffer, offset: number): number | undefined {
  let value = 0;
  for (let i = 0; i < NUMBER_BYTES; i++) {
    const byte = bytes[offset + i]!;
    if (byte < 0x80) return undefined;
    value = value * 128 + (byte & 0x7f);
  }
  return value;
}

export interface ScannedLog {
  /** Where the last good group ends. */
  readonly endBytes: number;
  /** Bytes passed over before `endBytes`. */
  readonly damagedBytes: number;
}

/**
 * Read a log's bytes. One that was cut off within its first line has no leases and ends at 0.
 * @param take is told of each lease in the order in which they were written
 * @throws NetloomError bad-lease-log when it is something else, or of another version
 */
export function scanLog<Lease>(
  codec: LeaseCodec<Lease>,
  path: string,
  bytes: Buffer,
  take: (lease: Lease) => void,
): ScannedLog {
  const { header } = codec;
  if (bytes.length < header.length && header.subarray(0, bytes.length).equals(bytes))
    return { endBytes: 0, damagedBytes: 0 };
  if (!bytes.subarray(0, header.length).equals(header)) {
    const version = versionOf(bytes, header);
    const reason =
      version === undefined ? "this is no file of leases of that kind" : `version ${version}, only 1 is known`;
    const hint = "Move the file away, or give another folder with --state DIR.";
    throw new NetloomError("bad-lease-log", `read ${path}: ${reason}`, { hint });
  }
  let endBytes = header.length;
  let damagedBytes = 0;
  for (let offset = header.length; offset >= 0; ) {
    const group = findGroup(bytes, offset) ?? (offset === endBytes ? findEarlierGroup(bytes, offset) : undefined);
    if (group === undefined) {
      offset = bytes.indexOf(MARK, offset + 1);
      continue;
    }
    for (const lease of codec.read(group.leases, 0, group.leases.length)) take(lease);
    damagedBytes += offset - endBytes;
    offset = group.end;
    endBytes = offset;
  }
  return { endBytes, damagedBytes };
}

/** Of a log of the same kind. */
function versionOf(bytes: Buffer, header: Buffer): string | undefined {
  const kind = header.toString("latin1").replace(/\d+\n$/, "");
  const start = bytes.toString("latin1", 0, kind.length + 10);
  return start.startsWith(kind) ? /^(\d+)\n/.exec(start.slice(kind.length))?.[1] : undefined;
}

interface FoundGroup {
  readonly leases: Buffer;
  readonly end: number;
}

/** Undefined when there is no whole group. */
function findGroup(bytes: Buffer, start: number): FoundGroup | undefined {
  const body = start + GROUP_HEADER_BYTES;
  if (body > bytes.length || !bytes.subarray(start, start + MARK.length).equals(MARK)) return undefined;
  const length = readNumber(bytes, start + MARK.length);
  const end = body + (length ?? Infinity);
  if (end > bytes.length) return undefined;
  const escaped = bytes.subarray(body, end);
  if (crc32(escaped) !== readNumber(bytes, start + MARK.length + NUMBER_BYTES)) return undefined;
  return { leases: replaceAll(escaped, ESCAPED, MARK_BEGINNING, 0), end };
}

function findEarlierGroup(bytes: Buffer, start: number): FoundGroup | undefined {
  const body = start + EARLIER_HEADER_BYTES;
  if (body > bytes.length || !bytes.subarray(start, start + EARLIER_MARK.length).equals(EARLIER_MARK)) return undefined;
  const end = body + bytes.readUInt32BE(start + 4);
  if (end > bytes.length || crc32(bytes.subarray(body, end)) !== bytes.readUInt32BE(start + 8)) return undefined;
  return { leases: bytes.subarray(body, end), end };
}
