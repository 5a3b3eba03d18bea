/**
 * Blocks are counted from 1 without end here, and by 16 bits on the wire.
 *
 * RFC 1350 does not say what follows 65535. Nearly all clients expect 0; who asks for "rollover" 1 (an option of
 * tftp-hpa) expects 1, and then 0 stands for the acknowledgement of the options only.
 */
export type Rollover = 0 | 1;

/** The number of a block on the wire. @param block 0: before the first one */
export function wireNumber(block: number, rollover: Rollover): number {
  if (rollover === 0 || block === 0) return block & 0xffff;
  return ((block - 1) % 0xffff) + 1;
}

/** How many blocks after `base` the number on the wire means: 0 to 65535, or to 65534 with rollover 1. */
export function blocksAfter(base: number, number: number, rollover: Rollover): number {
  if (rollover === 0) return (number - base) & 0xffff;
  if (base === 0) return number;
  // 0 is nothing but the options then: never the next one.
  if (number === 0) return 0xffff;
  return (number - wireNumber(base, 1) + 0xffff) % 0xffff;
}
