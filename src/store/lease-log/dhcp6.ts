/**
 * A lease of DHCPv6 in a log:
 *
 *     state u8, kind u8, length u8, address 16 bytes, start u32, end u32, client u16 + bytes, MAC address u8 + text,
 *     host name u16 + UTF-8
 */
import { type Ipv6Address, ipFromBytes, ipToBytes } from "../../base/address.ts";
import type { Lease6, Lease6State } from "../../protocol/dhcp6/server/lease.ts";
import type { LeaseCodec } from "./format.ts";

const FIXED_BYTES = 32;
const STATES: readonly Lease6State[] = ["leased", "released", "declined"];
const KINDS: readonly Lease6["kind"][] = ["address", "temporary", "prefix"];

export const DHCP6_LEASES: LeaseCodec<Lease6> = {
  header: Buffer.from("netloom DHCPv6 leases 1\n"),

  bytesOf({ client, mac, hostName }) {
    return FIXED_BYTES + client.length + mac.length + Buffer.byteLength(hostName);
  },

  write(group, start, lease) {
    let offset = group.writeUInt8(STATES.indexOf(lease.state), start);
    offset = group.writeUInt8(KINDS.indexOf(lease.kind), offset);
    offset = group.writeUInt8(lease.length, offset);
    group.set(ipToBytes(lease.address), offset);
    offset = group.writeUInt32BE(lease.startSeconds, offset + 16);
    offset = group.writeUInt32BE(lease.endSeconds, offset);
    offset = group.writeUInt16BE(lease.client.length, offset);
    offset += group.write(lease.client, offset, "latin1");
    offset = group.writeUInt8(lease.mac.length, offset);
    offset += group.write(lease.mac, offset, "latin1");
    const nameBytes = group.write(lease.hostName, offset + 2, "utf8");
    return group.writeUInt16BE(nameBytes, offset) + nameBytes;
  },

  read(bytes, start, end) {
    const leases: Lease6[] = [];
    for (let offset = start; offset < end; ) {
      const clientStart = offset + 29;
      const clientEnd = clientStart + bytes.readUInt16BE(offset + 27);
      const macEnd = clientEnd + 1 + bytes.readUInt8(clientEnd);
      const nameEnd = macEnd + 2 + bytes.readUInt16BE(macEnd);
      leases.push({
        state: STATES[bytes.readUInt8(offset)] ?? "leased",
        kind: KINDS[bytes.readUInt8(offset + 1)] ?? "address",
        length: bytes.readUInt8(offset + 2),
        address: ipFromBytes(bytes.subarray(offset + 3, offset + 19)) as Ipv6Address,
        startSeconds: bytes.readUInt32BE(offset + 19),
        endSeconds: bytes.readUInt32BE(offset + 23),
        client: bytes.toString("latin1", clientStart, clientEnd),
        mac: bytes.toString("latin1", clientEnd + 1, macEnd),
        hostName: bytes.toString("utf8", macEnd + 2, nameEnd),
      });
      offset = nameEnd;
    }
    return leases;
  },
};
