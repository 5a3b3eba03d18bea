/** The hosts of a network's DNS server: those that are known, and clients for as long as they hold their leases. */
import { familyOf, type IpAddress } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import { LeaseNames, type NameChange } from "../protocol/dns/lease-names.ts";
import type { DnsHost, NetworkDnsObject } from "../state/object/network-dns.ts";
import { identifierOwner, type LeaseBoard, type LeaseSource, type ToldLease } from "./lease-board.ts";

/** Who answers with the names. */
interface HostTable {
  setHost(name: string, addresses: readonly IpAddress[]): void;
  removeHost(name: string): void;
}

/** Of Node's timers. */
const LONGEST_TIMER_MILLISECONDS = 0x7fff_ffff;

export class NetworkNames {
  readonly #names: LeaseNames;
  readonly #table: HostTable;
  readonly #logger: Logger;
  readonly #about: Readonly<Record<string, unknown>>;
  /** Names that records of the file have. */
  #recorded: ReadonlySet<string>;
  readonly #following: Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerSeconds: number | undefined;

  /** Begins with the leases that are there. */
  constructor(
    { network, domain, records, namesLeases }: NetworkDnsObject,
    table: HostTable,
    board: LeaseBoard,
    logger: Logger,
  ) {
    this.#names = new LeaseNames(domain);
    this.#table = table;
    this.#logger = logger;
    this.#about = { network };
    this.#recorded = new Set(records.map(({ name }) => name));
    this.#apply(this.#names.know(this.#reserved()));
    if (namesLeases)
      this.#following = board.follow(network, {
        onAll: (source, leases) => this.#takeAll(source, leases),
        onSome: (leases) => this.#take(leases),
      });
  }

  /**
   * From now on these, and no others, are known beside the clients.
   * @param records of the file, whose names no client takes; default: those of before
   */
  know(hosts: readonly DnsHost[], records?: NetworkDnsObject["records"]): void {
    if (records !== undefined) this.#recorded = new Set(records.map(({ name }) => name));
    const known = hosts.map(({ name, addresses, mac, clientIdHex }) => ({
      name,
      addresses,
      owners: [
        ...(mac === undefined ? [] : [mac]),
        ...(clientIdHex === undefined ? [] : [identifierOwner(clientIdHex.replaceAll(/(..)(?=.)/g, "$1:"))]),
      ],
    }));
    this.#apply(this.#names.know([...known, ...this.#reserved()]));
  }

  /** No client takes a name of the file's records. */
  #reserved(): { name: string; addresses: []; owners: [] }[] {
    return Array.from(this.#recorded, (name) => ({ name, addresses: [], owners: [] }));
  }

  #takeAll(source: LeaseSource, leases: Iterable<ToldLease>): void {
    const gone = new Set(this.#names.holders().filter((address) => sourceOf(address) === source));
    const told = [...leases].filter(({ isHeld }) => isHeld);
    for (const { address } of told) gone.delete(address);
    for (const address of gone) this.#apply(this.#names.release(address));
    // Whoever was there first has the name again.
    this.#take(told.sort((a, b) => a.startSeconds - b.startSeconds));
  }

  #take(leases: Iterable<ToldLease>): void {
    const now = nowSeconds();
    for (const lease of leases)
      this.#apply(lease.isHeld ? this.#names.hold(lease, now) : this.#names.release(lease.address));
    this.#arm();
  }

  #apply(changes: readonly NameChange[]): void {
    for (const { name, addresses } of changes) {
      this.#logger.debug("DNS name", { ...this.#about, name, addresses });
      if (addresses.length === 0) this.#table.removeHost(name);
      else this.#table.setHost(name, addresses);
    }
  }

  /** Be back when the next lease ends. */
  #arm(): void {
    const deadline = this.#names.nextDeadline();
    if (deadline === this.#timerSeconds) return;
    clearTimeout(this.#timer);
    this.#timerSeconds = deadline;
    if (deadline === undefined) return;
    const milliseconds = Math.min(LONGEST_TIMER_MILLISECONDS, Math.max(0, (deadline - nowSeconds()) * 1000));
    this.#timer = setTimeout(() => {
      this.#timerSeconds = undefined;
      this.#apply(this.#names.handleDeadline(nowSeconds()));
      this.#arm();
    }, milliseconds);
  }

  close(): void {
    this.#following?.[Symbol.dispose]();
    clearTimeout(this.#timer);
  }
}

function sourceOf(address: IpAddress): LeaseSource {
  return familyOf(address) === 4 ? "dhcp4" : "dhcp6";
}

function nowSeconds(): number {
  return Date.now() / 1000;
}
