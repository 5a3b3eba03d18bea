/** What the file says for those who are attached to its networks later. */
import type { IpAddress } from "../base/address.ts";
import type { Model, TapNic } from "../model/model.ts";
import type { Declared, Desired } from "../state/desired.ts";
import type { Facts } from "./facts.ts";
import type { Layout } from "./layout.ts";
import { networkDns } from "./resolver.ts";

/** Nothing of it: nothing is returned, so that most records stay without. */
export function declaredBy({ machines }: Model, layout: Layout, facts: Facts): Pick<Desired, "declared"> {
  const reserved = machines.flatMap((machine) => (machine.kind === "vm" ? reservedFor(machine.taps) : []));
  const told = [...layout.networks].flatMap(([name, place]) => {
    const dns = networkDns(place, layout, facts);
    return dns.servers === undefined && dns.search === undefined ? [] : [[name, dns] as const];
  });
  const guarded = [...layout.networks].flatMap(([name, { network }]) => (network.guard === true ? [name] : []));
  const declared: Declared = {
    ...(reserved.length === 0 ? {} : { reserved }),
    ...(told.length === 0 ? {} : { dns: Object.fromEntries(told) }),
    ...(guarded.length === 0 ? {} : { guarded }),
  };
  return Object.keys(declared).length === 0 ? {} : { declared };
}

/** Addresses of NICs that nothing is served on: their guests have them by themselves. */
export function reservedFor(taps: readonly Pick<TapNic, "dhcp" | "address" | "address6">[]): readonly IpAddress[] {
  return taps.flatMap(({ dhcp, address, address6 }) =>
    dhcp === "none" ? [address, address6].filter((given) => given !== undefined) : [],
  );
}
