/** The dhcp-host lines of a dnsmasq configuration in the networks that their addresses are of. */
import type { Ipv4Address } from "../../base/address.ts";
import type { Budget } from "../budget.ts";
import { type DraftNetwork, hostName, MOST_HOSTS, Names, type Settings } from "../draft.ts";
import type { Problems } from "../problem.ts";
import type { SubnetIndex } from "../subnet-index.ts";
import { draftHost, type HostLine, identityOf, readHost } from "./hosts.ts";
import type { Line } from "./lines.ts";
import { macPrefix } from "./matches.ts";
import type { Tags } from "./tags.ts";

/** What is known of the configuration when its hosts are read. */
interface Parts {
  readonly networks: readonly DraftNetwork[];
  readonly bySubnet: SubnetIndex<DraftNetwork>;
  readonly tags: Tags;
  /** What clients of all networks are told. */
  readonly common: Settings;
  readonly budget: Budget;
  readonly problems: Problems;
}

export class Hosts {
  readonly #parts: Parts;
  readonly #names = new Map<DraftNetwork, Names>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  #tell({ origin }: Line, [reason, remedy]: readonly [string, string]): void {
    this.#parts.problems.tell(origin, reason, remedy);
  }

  readAll(lines: readonly Line[]): void {
    for (const line of lines) {
      const host = readHost(line, this.#parts.problems);
      if (host.isIgnored) this.#readIgnored(host);
      else if (host.address === undefined) this.#readHostWithoutAddress(host);
      else this.#addHost(host, host.address);
    }
  }

  #readIgnored({ line, macs }: HostLine): void {
    if (macs.length === 0)
      this.#tell(line, ["only MAC addresses are ignored", "write the host's MAC address under ignore:"]);
    for (const mac of macs) {
      const match = macPrefix(mac)?.mac;
      if (match === undefined) this.#tell(line, [`${mac} is not the beginning of a MAC address`, "write each address"]);
      else this.ignore(match, line);
    }
  }

  /** In every network. */
  ignore(mac: string, { origin }: Line): void {
    for (const network of this.#parts.networks) {
      if (!this.#parts.budget.take(1, origin)) return;
      network.ignore.push({ value: mac, origin });
    }
  }

  #addHost(host: HostLine, address: Ipv4Address): void {
    const network = this.#parts.bySubnet.find(address);
    if (network === undefined) {
      this.#tell(host.line, [
        `${address} is of no subnet that has a dhcp-range`,
        "give its subnet a dhcp-range, or change it",
      ]);
      return;
    }
    const identity = identityOf(host, this.#parts.problems);
    if (identity === undefined) {
      this.#tell(host.line, [
        "the host is known by its name alone, or by a part of its MAC address",
        "add its MAC address",
      ]);
      return;
    }
    if (network.hosts.length >= MOST_HOSTS) {
      this.#tell(host.line, [`a network has at most ${MOST_HOSTS} hosts`, "part them among several networks"]);
      return;
    }
    if (!this.#parts.budget.take(5, host.line.origin)) return;
    const taken = this.#names.get(network) ?? new Names();
    this.#names.set(network, taken);
    const name = host.name === undefined ? undefined : taken.unused(hostName(host.name));
    const draft = draftHost({ ...host, name }, address, identity);
    network.hosts.push(draft);
    for (const tag of host.tags) this.#parts.tags.of(tag).hosts.push(draft);
  }

  /** It sets tags, a name, a lease time: what a class says. */
  #readHostWithoutAddress({ line, macs, tags, name, leaseSeconds }: HostLine): void {
    const matches = macs.flatMap((mac) => macPrefix(mac) ?? []);
    for (const tag of tags) for (const match of matches) this.#parts.tags.add(tag, match);
    if (matches.length === 0 || matches.length < macs.length || (tags.length === 0 && leaseSeconds === undefined))
      this.#tell(line, ["a host without an address has nothing of its own", "give it an address"]);
    else if (name !== undefined)
      this.#tell(line, [`${name} is not told to a host without an address`, "give it an address"]);
    if (leaseSeconds === undefined || matches.length === 0) return;
    const tag = name ?? macs[0]!;
    if (!tags.includes(tag)) for (const match of matches) this.#parts.tags.add(tag, match);
    for (const settings of this.#parts.tags.audience([tag], this.#parts.common, line.origin) ?? [])
      settings.leaseDefault = { value: leaseSeconds, origin: line.origin };
  }
}
