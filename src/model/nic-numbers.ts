/**
 * Which NIC of a guest is which, when its list in the file changes while it runs: a number that stands in the names of
 * its tap, its device and its addresses. A NIC keeps its number by its declared MAC address or, where the guest has one
 * NIC on a network before and after, by its network. Any other has the number of its place in the list, if that is free.
 */
import type { MacAddress } from "../base/address.ts";

/** A NIC that the guest has. */
export interface KnownNic {
  readonly number: number;
  readonly network: string;
  readonly macAddress: MacAddress;
}

interface DeclaredNic {
  readonly network: string;
  readonly mac?: MacAddress | undefined;
}

/** The number of each declared NIC, in their order; without known ones 0, 1, 2 … */
export function numberNics(nics: readonly DeclaredNic[], known: readonly KnownNic[]): readonly number[] {
  const numbers = new Map<DeclaredNic, number>();
  const used = new Set<number>();
  const give = (nic: DeclaredNic, number: number | undefined): void => {
    if (number === undefined || numbers.has(nic) || used.has(number)) return;
    numbers.set(nic, number);
    used.add(number);
  };
  for (const nic of nics) give(nic, known.find(({ macAddress }) => macAddress === nic.mac)?.number);
  for (const nic of nics) {
    const before = known.filter(({ network }) => network === nic.network);
    const isOnlyOne = nics.filter(({ network }) => network === nic.network).length === 1;
    if (isOnlyOne && before.length === 1) give(nic, before[0]?.number);
  }
  for (const [place, nic] of nics.entries()) give(nic, place);
  return nics.map((nic) => {
    let number = 0;
    while (used.has(number)) number++;
    give(nic, number);
    return numbers.get(nic) ?? number;
  });
}
