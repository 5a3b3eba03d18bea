/** Frames that are almost right: what a fuzzer of DHCPv4 makes of good ones. */
import { concatBytes } from "../../src/base/bytes.ts";
import { addWords, finishChecksum } from "../../src/wire/checksum.ts";

/** Bytes that mean something somewhere: ends, pads, pointers, lengths at an edge. */
const TELLING = [
  0, 1, 3, 6, 26, 51, 52, 53, 54, 55, 57, 58, 59, 61, 119, 121, 249, 0x3f, 0x40, 0x45, 0x7f, 0x80, 0xc0, 0xff,
];
/** Ethernet, IPv4 without options, UDP. */
export const HEADERS_BYTES = 14 + 20 + 8;
const OPTIONS_OFFSET = HEADERS_BYTES + 240;

/** One of the frames with up to six changes; mostly with lengths and checksum right again. */
export function mutate(seeds: readonly Uint8Array[], random: (below: number) => number): Uint8Array {
  let frame: Uint8Array = seeds[random(seeds.length)]!.slice();
  for (let changes = 1 + random(6); changes > 0; changes--) {
    // Most changes hit the options; a change of the headers mostly ends in a checksum.
    const start = random(4) === 0 ? 0 : Math.min(OPTIONS_OFFSET, frame.length - 1);
    const position = start + random(frame.length - start);
    const kind = random(8);
    if (kind < 3) frame[position] = TELLING[random(TELLING.length)]!;
    else if (kind < 5) frame[position] = random(256);
    else if (kind === 5) frame[position]! ^= 1 << random(8);
    else if (kind === 6) frame = frame.slice(0, Math.max(1, frame.length - random(80)));
    else frame = concatBytes([frame.subarray(0, position), frame.subarray(random(position + 1)).subarray(0, 600)]);
  }
  return random(3) === 0 ? frame : repaired(frame);
}

/** Set lengths and checksum right again, so that the change reaches the layers above. */
function repaired(frame: Uint8Array): Uint8Array {
  if (frame.length < HEADERS_BYTES || frame[12] !== 8 || frame[13] !== 0) return frame;
  const view = new DataView(frame.buffer);
  const headerBytes = Math.max(20, (frame[14]! & 15) * 4);
  if (frame.length < 14 + headerBytes + 8) return frame;
  frame[14] = 0x40 | (headerBytes / 4);
  view.setUint16(16, frame.length - 14);
  view.setUint16(24, 0);
  view.setUint16(24, finishChecksum(addWords(frame.subarray(14, 14 + headerBytes))));
  view.setUint16(14 + headerBytes + 4, frame.length - 14 - headerBytes);
  view.setUint16(14 + headerBytes + 6, 0);
  return frame;
}
