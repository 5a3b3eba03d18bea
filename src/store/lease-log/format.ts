/**
 * The bytes of a lease log. A line of text that tells the version, then groups: each is what was made durable at one
 * time, whole or not at all.
 *
 *     group: "NLG1", length of the leases u32, their CRC-32 u32, leases
 *     lease: state u8, address u32, start u32, end u32, client u16 + bytes, hardware u8 +
 *            bytes, host name u16 + UTF-8
 *
 * All numbers in network order. A group that is cut off or damaged is passed over: what follows it is found by its mark.
 */
import { crc32 } from "node:zlib";
import { ipv4FromNumber, ipv4ToNumber } from "../../base/address.ts";
import { NetloomError } from "../../base/errors.ts";
import type { Lease, LeaseState } from "../../protocol/dhcp4/server/lease.ts";

export const HEADER = Buffer.from("netloom leases 1\n");
const HEADER_FORM = /^netloom leases (\d+)\n/;

const MARK = Buffer.from("NLG1");
const GROUP_HEADER_BYTES = 12;
const LEASE_FIXED_BYTES = 18;
const STATES: readonly LeaseState[] = ["leased", "released", "declined"];

export function encodeGroup(leases: readonly Lease[]): Buffer {
  const bytes = leases.reduce(
    (sum, { client, hardware, hostName }) =>
      sum + LEASE_FIXED_BYTES + client.length + hardware.length + Buffer.byteLength(hostName),
    GROUP_HEADER_BYTES,
  );
  const group = Buffer.allocUnsafe(bytes);
  MARK.copy(group);
  group.writeUInt32BE(bytes - GROUP_HEADER_BYTES, 4);
  let offset = GROUP_HEADER_BYTES;
  for (const lease of leases) offset = writeLease(group, offset, lease);
  group.writeUInt32BE(crc32(group.subarray(GROUP_HEADER_BYTES)), 8);
  return group;
}

function writeLease(group: Buffer, start: number, lease: Lease): number {
  let offset = group.writeUInt8(STATES.indexOf(lease.state), start);
  offset = group.writeUInt32BE(ipv4ToNumber(lease.address), offset);
  offset = group.writeUInt32BE(lease.startSeconds, offset);
  offset = group.writeUInt32BE(lease.endSeconds, offset);
  offset = group.writeUInt16BE(lease.client.length, offset);
  offset += group.write(lease.client, offset, "latin1");
  offset = group.writeUInt8(lease.hardware.length, offset);
  offset += group.write(lease.hardware, offset, "latin1");
  const nameBytes = group.write(lease.hostName, offset + 2, "utf8");
  return group.writeUInt16BE(nameBytes, offset) + nameBytes;
}

export interface ReadLog {
  /** In the order in which they were written; of two for one address the later one counts. */
  readonly leases: readonly Lease[];
  /** Where the last good group ends. */
  readonly endBytes: number;
  /** Bytes passed over before `endBytes`. */
  readonly damagedBytes: number;
}

/**
 * Read a log's bytes. One that was cut off within its first line has no leases and ends at 0.
 * @throws NetloomError bad-lease-log when it is something else, or of another version
 */
export function decodeLog(path: string, bytes: Buffer): ReadLog {
  if (bytes.length < HEADER.length && HEADER.subarray(0, bytes.length).equals(bytes))
    return { leases: [], endBytes: 0, damagedBytes: 0 };
  const version = HEADER_FORM.exec(bytes.toString("latin1", 0, 40))?.[1];
  if (version !== "1") {
    const reason = version === undefined ? "this is no file of leases" : `version ${version}, only 1 is known`;
    const hint = "Move the file away, or give another folder with --state DIR.";
    throw new NetloomError("bad-lease-log", `read ${path}: ${reason}`, { hint });
  }
  const leases: Lease[] = [];
  let endBytes = HEADER.length;
  let damagedBytes = 0;
  for (let offset = HEADER.length; offset >= 0; ) {
    const group = decodeGroup(bytes, offset);
    if (group === undefined) {
      offset = bytes.indexOf(MARK, offset + 1);
      continue;
    }
    for (const lease of group) leases.push(lease);
    damagedBytes += offset - endBytes;
    offset += GROUP_HEADER_BYTES + bytes.readUInt32BE(offset + 4);
    endBytes = offset;
  }
  return { leases, endBytes, damagedBytes };
}

/** Undefined when there is no whole group. */
function decodeGroup(bytes: Buffer, start: number): Lease[] | undefined {
  const body = start + GROUP_HEADER_BYTES;
  if (body > bytes.length || !bytes.subarray(start, start + MARK.length).equals(MARK)) return undefined;
  const end = body + bytes.readUInt32BE(start + 4);
  if (end > bytes.length || crc32(bytes.subarray(body, end)) !== bytes.readUInt32BE(start + 8)) return undefined;
  const leases: Lease[] = [];
  for (let offset = body; offset < end; ) {
    const clientStart = offset + 15;
    const clientEnd = clientStart + bytes.readUInt16BE(offset + 13);
    const hardwareEnd = clientEnd + 1 + bytes.readUInt8(clientEnd);
    const nameEnd = hardwareEnd + 2 + bytes.readUInt16BE(hardwareEnd);
    leases.push({
      state: STATES[bytes.readUInt8(offset)] ?? "leased",
      address: ipv4FromNumber(bytes.readUInt32BE(offset + 1)),
      startSeconds: bytes.readUInt32BE(offset + 5),
      endSeconds: bytes.readUInt32BE(offset + 9),
      client: bytes.toString("latin1", clientStart, clientEnd),
      hardware: bytes.toString("latin1", clientEnd + 1, hardwareEnd),
      hostName: bytes.toString("utf8", hardwareEnd + 2, nameEnd),
    });
    offset = nameEnd;
  }
  return leases;
}
