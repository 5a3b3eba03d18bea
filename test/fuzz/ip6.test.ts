/** Hostile frames against what answers a guest's IPv6. NETLOOM_FUZZ_INPUTS sets the number, NETLOOM_FUZZ_SEED repeats a run. */
import { expect, test } from "vitest";
import { SingleDhcp6Server } from "../../src/protocol/dhcp6/single-server.ts";
import { SingleRouter } from "../../src/protocol/ndp/single-router.ts";
import { addWords, finishChecksum, pseudoHeader } from "../../src/wire/checksum.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { decodeIpv6, encodeIpv6, type Ipv6Packet } from "../../src/wire/ipv6.ts";
import {
  association,
  dhcp6Frame,
  GUEST_DUID,
  PLACE,
  type Received,
  SERVER_DUID,
  solicitation,
} from "../support/ip6-client.ts";
import { randomNumbers } from "../support/random.ts";

const INPUTS = Number(process.env["NETLOOM_FUZZ_INPUTS"] ?? 60_000);
const SEED = Number(process.env["NETLOOM_FUZZ_SEED"] ?? Date.now() % 0x7fffffff);
/** The answer to one frame is one frame that every link carries, whatever it asks. */
const LARGEST_ANSWER_BYTES = 14 + 1280;

const SEEDS: readonly Received[] = [
  solicitation(),
  solicitation(PLACE.routerAddress, { options: Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1) }),
  dhcp6Frame("SOLICIT", [GUEST_DUID, association(1, ["2001:db8::9"]), association(2)]),
  dhcp6Frame("RENEW", [GUEST_DUID, SERVER_DUID, association(1, ["2001:db8::5", "2001:db8::6"])]),
  dhcp6Frame("INFORMATION-REQUEST", [{ code: 6, data: Uint8Array.of(0, 23, 0, 24, 0, 25) }]),
];

/** Changes, cuts or repeats a few bytes of the payload and makes the checksum right again, or it would end there. */
function mutate({ packet }: Received, random: (below: number) => number): Ipv6Packet {
  let payload: Uint8Array = packet.payload.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    const at = random(payload.length);
    const kind = random(4);
    if (kind === 0) payload = payload.slice(0, 4 + at);
    else if (kind === 1)
      payload = Uint8Array.from([...payload.subarray(0, at), ...payload.subarray(at >> 1)]).slice(0, 1400);
    else payload[at] = kind === 2 ? random(256) : payload[at]! ^ (1 << random(8));
  }
  const udp = packet.nextHeader === 17;
  if (payload.length >= 8) {
    const view = new DataView(payload.buffer, payload.byteOffset);
    if (udp) view.setUint16(4, payload.length);
    view.setUint16(udp ? 6 : 2, 0);
    const sum = finishChecksum(addWords(payload, pseudoHeader(packet, packet.nextHeader, payload.length)));
    view.setUint16(udp ? 6 : 2, udp && sum === 0 ? 0xffff : sum);
  }
  return { ...packet, payload };
}

test("no input throws, and every answer is one sound packet to the guest", () => {
  const random = randomNumbers(SEED);
  const router = new SingleRouter(PLACE, 0, Math.random);
  const server = new SingleDhcp6Server(PLACE);
  let answered = 0;
  for (let i = 0; i < INPUTS; i++) {
    const seed = SEEDS[random(SEEDS.length)]!;
    const packet = decodeIpv6(encodeIpv6(mutate(seed, random)));
    if (packet instanceof Malformed) throw new Error(`seed ${SEED}, input ${i}: ${packet.reason}`);
    const { frames } =
      seed.packet.nextHeader === 17 ? server.handle(seed.frame, packet, false) : router.handle(seed.frame, packet);
    if (frames.length > 1) throw new Error(`seed ${SEED}, input ${i}: ${frames.length} answers`);
    for (const frame of frames) {
      answered++;
      const sound = decodeIpv6(frame.subarray(14));
      if (sound instanceof Malformed || frame.length > LARGEST_ANSWER_BYTES)
        throw new Error(`seed ${SEED}, input ${i}: an answer of ${frame.length} bytes`);
    }
  }
  // The mutations are mild enough to get past the first checks.
  expect(answered).toBeGreaterThan(INPUTS / 100);
});
