/** IPv6 packets that are almost right. */
import { addWords, finishChecksum, pseudoHeader } from "../../src/wire/checksum.ts";
import { IP_PROTOCOL_UDP } from "../../src/wire/ipv4.ts";
import type { Ipv6Packet } from "../../src/wire/ipv6.ts";
import type { Random } from "./target.ts";

/** Changes, cuts or repeats a few bytes of the payload and makes the checksum right again, or it would end there. */
export function mutateIp6(packet: Ipv6Packet, random: Random): Ipv6Packet {
  let payload: Uint8Array = packet.payload.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(payload.length);
    const kind = random(4);
    if (kind === 0) payload = payload.slice(0, 4 + at);
    else if (kind === 1)
      payload = Uint8Array.from([...payload.subarray(0, at), ...payload.subarray(at >> 1)]).slice(0, 1400);
    else payload[at] = kind === 2 ? random(256) : payload[at]! ^ (1 << random(8));
  }
  const isUdp = packet.nextHeader === IP_PROTOCOL_UDP;
  if (payload.length >= 8) {
    const view = new DataView(payload.buffer, payload.byteOffset);
    if (isUdp) view.setUint16(4, payload.length);
    view.setUint16(isUdp ? 6 : 2, 0);
    const sum = finishChecksum(addWords(payload, pseudoHeader(packet, packet.nextHeader, payload.length)));
    view.setUint16(isUdp ? 6 : 2, isUdp && sum === 0 ? 0xffff : sum);
  }
  return { ...packet, payload };
}
