/** Which machine has which address and which NIC, read back from applied state, so that a changed file moves nobody. */
import type { IpAddress } from "../base/address.ts";
import type { KnownNic } from "../model/nic-numbers.ts";
import type { Desired } from "../state/desired.ts";

/** By machine and NIC, "pod1/0" and "pod1/0/6" for IPv6: what `parseNetworkFile` takes as `previous`. */
export function allocationsOf(desired: Desired): ReadonlyMap<string, string> {
  // What stands on the pod itself comes before what its guest is told, which may be a private network's.
  const found = { pod: new Map<string, string>(), guest: new Map<string, string>() };
  const note = (where: keyof typeof found, nic: string | undefined, address: IpAddress): void => {
    if (nic === undefined || address.startsWith("fe80:")) return;
    const key = address.includes(":") ? `${nic}/6` : nic;
    if (!found[where].has(key)) found[where].set(key, address);
  };
  const macs = new Map<string, string>();
  for (const object of desired.objects) {
    if (object.kind !== "vm") continue;
    for (const { id, macAddress } of object.nics) macs.set(macAddress, `${object.name}/${id.replace("nic", "")}`);
  }
  for (const object of desired.objects) {
    if (object.kind === "address") {
      note("pod", /(?:^|\/)address\/([^/]+\/\d+)\//.exec(object.key)?.[1], object.address);
      note("pod", object.linkKey.endsWith(" stand-in") ? nicOf(object.linkKey) : undefined, object.address);
    } else if (object.kind === "dhcp-single") {
      // A VM took the NIC over: the address is in its lease, and nowhere else in the legacy profile.
      note("guest", nicOf(object.linkKey), object.lease.address);
    } else if (object.kind === "ip6-single") {
      for (const address of object.lease.addresses) note("guest", nicOf(object.linkKey), address);
    } else if (object.kind === "dhcp-network" || object.kind === "ip6-network") {
      for (const { mac, address } of object.hosts)
        if (mac !== undefined && address !== undefined) note("guest", macs.get(mac), address);
    }
  }
  return new Map([...found.guest, ...found.pod]);
}

/** NICs straight on networks, by guest: what `parseNetworkFile` takes as `previousNics`. */
export function guestNicsOf({ objects }: Desired): ReadonlyMap<string, readonly KnownNic[]> {
  const networks = new Map<string, string>();
  for (const object of objects)
    if (object.kind === "link" && typeof object.masterKey === "string")
      networks.set(object.key, object.masterKey.slice(object.masterKey.lastIndexOf("/") + 1));
  return new Map(
    objects.flatMap((object) => {
      if (object.kind !== "vm" || object.namespace !== "") return [];
      const nics = object.nics.flatMap(({ id, tapKey, macAddress }): KnownNic[] => {
        const network = networks.get(tapKey);
        return network === undefined ? [] : [{ number: Number(id.replace("nic", "")), network, macAddress }];
      });
      return [[object.name, nics] as const];
    }),
  );
}

/** "pod1/0" of "link/pod1/0", "link/pod1/0 tap". */
function nicOf(linkKey: string): string | undefined {
  return /(?:^|\/)link\/([^/]+\/\d+)(?: |$)/.exec(linkKey)?.[1];
}
