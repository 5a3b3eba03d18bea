/** The clients that something is kept for, each found by one look-up in a map. */
import type { MacAddress } from "../../../base/address.ts";
import type { Host6 } from "./config.ts";

export class Hosts6 {
  readonly #byDuid = new Map<string, Host6>();
  readonly #byMac = new Map<MacAddress, Host6>();

  constructor(hosts: readonly Host6[]) {
    for (const host of hosts) {
      if (host.duid !== undefined) add(this.#byDuid, String.fromCharCode(...host.duid), host);
      if (host.mac !== undefined) add(this.#byMac, host.mac, host);
    }
  }

  /** @param duid one character for each byte */
  find(duid: string, mac: MacAddress | undefined): Host6 | undefined {
    return this.#byDuid.get(duid) ?? (mac === undefined ? undefined : this.#byMac.get(mac));
  }
}

/** An address and a prefix may be kept for one client by two entries. */
function add<Key>(hosts: Map<Key, Host6>, key: Key, host: Host6): void {
  hosts.set(key, { ...hosts.get(key), ...host });
}
