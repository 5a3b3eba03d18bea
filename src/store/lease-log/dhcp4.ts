/**
 * A lease of DHCPv4 in a log:
 *
 *     state u8, address u32, start u32, end u32, client u16 + bytes, hardware u8 + bytes, host name u16 + UTF-8
 */
import { ipv4FromNumber, ipv4ToNumber } from "../../base/address.ts";
import type { Lease, LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import type { LeaseCodec } from "./format.ts";

const FIXED_BYTES = 18;
const STATES: readonly LeaseState[] = ["leased", "released", "declined"];

export const DHCP4_LEASES: LeaseCodec<Lease> = {
  header: Buffer.from("netloom leases 1\n"),

  bytesOf({ client, hardware, hostName }) {
    return FIXED_BYTES + client.length + hardware.length + (hostName === "" ? 0 : Buffer.byteLength(hostName));
  },

  write(group, start, lease) {
    let offset = group.writeUInt8(STATES.indexOf(lease.state), start);
    offset = group.writeUInt32BE(ipv4ToNumber(lease.address), offset);
    offset = group.writeUInt32BE(lease.startSeconds, offset);
    offset = group.writeUInt32BE(lease.endSeconds, offset);
    offset = group.writeUInt16BE(lease.client.length, offset);
    offset = writeCharacters(group, offset, lease.client);
    offset = group.writeUInt8(lease.hardware.length, offset);
    offset = writeCharacters(group, offset, lease.hardware);
    const nameBytes = lease.hostName === "" ? 0 : group.write(lease.hostName, offset + 2, "utf8");
    return group.writeUInt16BE(nameBytes, offset) + nameBytes;
  },

  read(bytes, start, end) {
    const leases: Lease[] = [];
    for (let offset = start; offset < end; ) {
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
  },
};

/** One byte for each. Few bytes are written sooner one by one than by a call of write(). */
function writeCharacters(group: Buffer, start: number, text: string): number {
  for (let i = 0; i < text.length; i++) group[start + i] = text.charCodeAt(i);
  return start + text.length;
}
