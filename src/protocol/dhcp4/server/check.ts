/** Whether a server can do what its configuration says. */
import {
  broadcastOf,
  contains,
  formatPrefix,
  type Ipv4Address,
  ipv4ToNumber,
  type Ipv4Prefix,
  networkOf,
  overlaps,
} from "../../../base/address.ts";
import { SubnetTable } from "../../../base/subnet-table.ts";
import { utf8Encode } from "../../../base/bytes.ts";
import { NetloomError } from "../../../base/errors.ts";
import { FILE_BYTES, SERVER_NAME_BYTES } from "../../../wire/dhcp4/options.ts";
import type { AddressRange, Dhcp4Host, Dhcp4ServerConfig, Dhcp4Settings, LeaseSeconds } from "./config.ts";
import { FOREVER_SECONDS } from "../../leases/time.ts";
import { isServerOption } from "./own-options.ts";

const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const MAC_PREFIX = /^[0-9a-f]{2}(:[0-9a-f]{2}){0,5}$/;
/** One part of option 61, or of a relay's option 82 behind its code and length. */
const IDENTIFIER_BYTES = { clientIdentifier: [2, 255], circuitId: [1, 253] } as const;

/** @throws NetloomError bad-dhcp-server */
export function checkConfig(config: Dhcp4ServerConfig): void {
  new Check(config).all();
}

class Check {
  readonly #config: Dhcp4ServerConfig;
  readonly #subnetTable: SubnetTable<Ipv4Prefix>;

  constructor(config: Dhcp4ServerConfig) {
    this.#config = config;
    const subnets = [config, ...(config.furtherSubnets ?? [])].map(({ subnet }) => networkOf(subnet));
    this.#subnetTable = new SubnetTable(subnets.map((subnet) => [subnet, subnet] as const));
  }

  #refuse(reason: string): never {
    throw new NetloomError(
      "bad-dhcp-server",
      `DHCP server of ${formatPrefix(networkOf(this.#config.subnet))}: ${reason}`,
    );
  }

  all(): void {
    const { subnet, serverAddress, leaseSeconds, furtherSubnets = [], classes = [], hosts = [] } = this.#config;
    if (!contains(subnet, serverAddress)) this.#refuse(`${serverAddress} is not of that subnet`);
    this.#subnets();
    this.#ranges();
    this.#rising(leaseSeconds, [leaseSeconds.minimum, leaseSeconds.default, leaseSeconds.maximum]);
    this.#settings("the network", this.#config);
    for (const each of furtherSubnets) this.#settings(formatPrefix(each.subnet), each);
    for (const { ranges } of [this.#config, ...furtherSubnets])
      for (const range of ranges) this.#settings(`the range ${range.first}-${range.last}`, range);
    for (const each of classes) this.#settings(`class ${each.name}`, each);
    for (const { macPrefix } of classes) if (macPrefix !== undefined) this.#macPrefix(macPrefix);
    for (const prefix of this.#config.ignore ?? []) this.#macPrefix(prefix);
    this.#hosts(hosts);
  }

  #subnets(): void {
    const { subnet, furtherSubnets = [] } = this.#config;
    const before = [subnet];
    for (const further of furtherSubnets) {
      const other = before.find((each) => overlaps(each, further.subnet));
      if (other !== undefined)
        this.#refuse(`the subnets ${formatPrefix(other)} and ${formatPrefix(further.subnet)} overlap`);
      before.push(further.subnet);
    }
  }

  #ranges(): void {
    const { furtherSubnets = [], classes = [] } = this.#config;
    const known: AddressRange[] = [];
    const take = (range: AddressRange): void => {
      const [first, last] = [ipv4ToNumber(range.first), ipv4ToNumber(range.last)];
      if (first > last) this.#refuse(`the range ${range.first}-${range.last} begins behind its end`);
      known.push(range);
    };
    for (const { subnet, ranges } of [this.#config, ...furtherSubnets]) {
      for (const range of ranges) {
        for (const address of [range.first, range.last])
          if (!contains(subnet, address)) this.#refuse(`${address} is not of that subnet`);
        take(range);
      }
    }
    for (const { name, range } of classes) {
      if (range === undefined) continue;
      const subnet = this.#subnetTable.find(range.first);
      if (subnet === undefined || !contains(subnet, range.last))
        this.#refuse(`class ${name}: the range ${range.first}-${range.last} is not of one subnet`);
      take(range);
    }
    known.sort((a, b) => ipv4ToNumber(a.first) - ipv4ToNumber(b.first));
    for (const [i, range] of known.entries()) {
      const before = known[i - 1];
      if (before !== undefined && ipv4ToNumber(before.last) >= ipv4ToNumber(range.first))
        this.#refuse(`the ranges ${before.first}-${before.last} and ${range.first}-${range.last} overlap`);
    }
  }

  #settings(what: string, { options, leaseSeconds = {}, serverName, bootFile }: Dhcp4Settings): void {
    const own = [...(options?.keys() ?? [])].find(isServerOption);
    if (own !== undefined) this.#refuse(`option ${own} cannot be set: the server answers it itself`);
    for (const seconds of [leaseSeconds.minimum, leaseSeconds.default, leaseSeconds.maximum]) {
      if (seconds !== undefined && (!Number.isInteger(seconds) || seconds < 1 || seconds > FOREVER_SECONDS))
        this.#refuse(`a duration of ${seconds} s is not 1 to ${FOREVER_SECONDS}`);
    }
    this.#rising(leaseSeconds, [leaseSeconds.minimum, leaseSeconds.default, leaseSeconds.maximum]);
    for (const [field, text, room] of [
      ["server name", serverName, SERVER_NAME_BYTES],
      ["boot file", bootFile, FILE_BYTES],
    ] as const) {
      if (text !== undefined && utf8Encode(text).length >= room)
        this.#refuse(`${what}: the ${field} has more than ${room - 1} bytes`);
    }
  }

  #rising({ minimum, maximum, ...rest }: Partial<LeaseSeconds>, all: readonly (number | undefined)[]): void {
    const named = all.filter((seconds) => seconds !== undefined);
    if (named.some((seconds, i) => i > 0 && named[i - 1]! > seconds))
      this.#refuse(`the durations ${minimum ?? "-"}, ${rest.default ?? "-"} and ${maximum ?? "-"} s do not rise`);
  }

  #macPrefix(prefix: string): void {
    if (!MAC_PREFIX.test(prefix))
      this.#refuse(`${JSON.stringify(prefix)} is no beginning of a MAC address such as 00:50:56`);
  }

  #hosts(hosts: readonly Dhcp4Host[]): void {
    const addresses = new Map<Ipv4Address, string>();
    const identities = new Set<string>();
    for (const host of hosts) {
      const { identity, address, name } = host;
      const what = name === undefined ? "a host" : `host ${name}`;
      if (name !== undefined && !LABEL.test(name))
        this.#refuse(`${JSON.stringify(name)} is no name of a host: letters, digits and hyphens, 1 to 63`);
      this.#settings(what, host);
      const key = this.#identityKey(what, identity);
      if (identities.has(key)) this.#refuse(`${what} is there twice`);
      identities.add(key);
      if (address === undefined) continue;
      const other = addresses.get(address);
      if (other !== undefined) this.#refuse(`${address} is both that of ${other} and of ${what}`);
      addresses.set(address, what);
      const subnet = this.#subnetTable.find(address);
      if (subnet === undefined) this.#refuse(`${what}: ${address} is not of that subnet`);
      const ends = subnet.length < 31 ? [networkOf(subnet).address, broadcastOf(subnet)] : [];
      if (address === this.#config.serverAddress || ends.includes(address))
        this.#refuse(`${what}: ${address} cannot be a host's`);
    }
  }

  #identityKey(what: string, identity: Dhcp4Host["identity"]): string {
    if ("mac" in identity) return `mac ${identity.mac}`;
    const [kind, bytes] =
      "circuitId" in identity
        ? (["circuitId", identity.circuitId] as const)
        : (["clientIdentifier", identity.clientIdentifier] as const);
    const [least, most] = IDENTIFIER_BYTES[kind];
    if (bytes.length < least || bytes.length > most)
      this.#refuse(`${what}: an identifier of ${bytes.length} bytes is not ${least} to ${most}`);
    return `${kind} ${bytes.join(".")}`;
  }
}
