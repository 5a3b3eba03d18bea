/** Randomness for what nobody may guess: ids of messages, the case of letters, who is asked. */

/** That many random bits as an unsigned number, 1 to 32 of them; from the system's source for keys. */
export type RandomBits = (bits: number) => number;

/** From 0 up to 1. */
export function randomShare(random: RandomBits): number {
  return random(24) / 2 ** 24;
}

/** The name with the case of each letter by chance (draft-vixie-dnsext-dns0x20). */
export function mixCase(name: string, random: RandomBits): string {
  let mixed = "";
  let bits = 0;
  for (let i = 0; i < name.length; i++) {
    if (i % 32 === 0) bits = random(32);
    mixed += ((bits >>> (i % 32)) & 1) === 1 ? name[i]!.toUpperCase() : name[i]!;
  }
  return mixed;
}
