/**
 * The fingerprint of an nft table's rules that stands in the table's comment ("netloom:" + fingerprint), so
 * that a look at the table tells whether it holds what is wanted.
 *
 * 64 bits in two lanes of 32: FNV-1a with two different offsets and primes, each finished with the mixing
 * step of MurmurHash3. It guards against mistakes, not against an enemy.
 * @returns 16 hexadecimal digits
 */
export function fingerprint(rules: string): string {
  let low = 0x811c9dc5;
  let high = 0xcbf29ce4;
  for (let i = 0; i < rules.length; i++) {
    const unit = rules.charCodeAt(i);
    low = Math.imul(low ^ unit, 0x01000193);
    high = Math.imul(high ^ unit, 0x5bd1e995);
  }
  return hex(mix(high ^ rules.length)) + hex(mix(low));
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
