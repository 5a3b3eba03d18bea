/**
 * The bytes of a lease log. A line of text that tells the version, then groups: each is what was made durable at one
 * time, whole or not at all.
 *
 *     group: "NLG1", length of the leases u32, their CRC-32 u32, leases
 *
 * All numbers in network order. What a lease is made of says its {@link LeaseCodec}. A group that is cut off or damaged
 * is passed over: what follows it is found by its mark.
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

const MARK = Buffer.from("NLG1");
const GROUP_HEADER_BYTES = 12;

export function encodeGroup<Lease>(codec: LeaseCodec<Lease>, leases: readonly Lease[]): Buffer {
  const bytes = leases.reduce((sum, lease) => sum + codec.bytesOf(lease), GROUP_HEADER_BYTES);
  const group = Buffer.allocUnsafe(bytes);
  MARK.copy(group);
  group.writeUInt32BE(bytes - GROUP_HEADER_BYTES, 4);
  let offset = GROUP_HEADER_BYTES;
  for (const lease of leases) offset = codec.write(group, offset, lease);
  group.writeUInt32BE(crc32(group.subarray(GROUP_HEADER_BYTES)), 8);
  return group;
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
    const group = decodeGroup(codec, bytes, offset);
    if (group === undefined) {
      offset = bytes.indexOf(MARK, offset + 1);
      continue;
    }
    for (const lease of group) take(lease);
    damagedBytes += offset - endBytes;
    offset += GROUP_HEADER_BYTES + bytes.readUInt32BE(offset + 4);
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

/** Undefined when there is no whole group. */
function decodeGroup<Lease>(codec: LeaseCodec<Lease>, bytes: Buffer, start: number): Lease[] | undefined {
  const body = start + GROUP_HEADER_BYTES;
  if (body > bytes.length || !bytes.subarray(start, start + MARK.length).equals(MARK)) return undefined;
  const end = body + bytes.readUInt32BE(start + 4);
  if (end > bytes.length || crc32(bytes.subarray(body, end)) !== bytes.readUInt32BE(start + 8)) return undefined;
  return codec.read(bytes, body, end);
}
