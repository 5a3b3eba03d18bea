/**
 * All that is known of the addresses in use, as rows of numbers in a few arrays: a pool of a hundred thousand leases is
 * a hundred thousand times what one takes. A row is an address's for ever; there are at most as many as addresses.
 */
import { type Ipv4Address, ipv4FromNumber, ipv4ToNumber } from "../../../base/address.ts";
import { Expiry } from "../../leases/expiry.ts";
import { grown, type Ring, Rings } from "../../leases/rings.ts";
import { Accounts } from "./accounts.ts";
import type { Place, RangePlace } from "./layout.ts";
import type { ClientKey, Lease, LeaseState } from "./lease.ts";
import { mixed, RowIndex } from "./row-index.ts";

export class Range {
  readonly place: RangePlace;
  readonly ended: Expiry;
  /** In the order in which they end, as all last for the same time. */
  readonly offers: Ring;
  /** Offers whose time is over. */
  readonly lapsed: Ring;
  nextFresh: number;
  /** Addresses that may go to anybody, and how many of them are leased or on offer. */
  readonly addresses: number;
  taken = 0;

  constructor(place: RangePlace, addresses: number, bindings: Bindings, nowSeconds: number) {
    this.place = place;
    this.addresses = addresses;
    this.nextFresh = place.first;
    this.offers = bindings.rings.open();
    this.lapsed = bindings.rings.open();
    const options = {
      endOf: (row: number) => bindings.ends[row]!,
      onEnd: (row: number) => new Binding(bindings, row).uncount(),
    };
    this.ended = new Expiry(nowSeconds, options, bindings.rings);
  }
}

type State = LeaseState | "offered";

const STATES: readonly State[] = ["offered", "leased", "released", "declined"];
const STATE_BITS = 3;
/** It is in its range's ring of offers. */
const OFFER = 4;
/** Nobody else was found to use it since it became the client's. */
const PROBED = 8;
/** It was taken from another client that may still request it. */
const CONTESTED = 16;
/** It is one that its range's, and its accounts', addresses in use are. */
const COUNTED = 32;
/** The client's key, a short one, ends in the hardware address, as that of nearly all does. */
const HARDWARE_IN_KEY = 64;
const SHORT_KEY = 128;
const LONG_KEY = 256;
/** Of a hardware address with Ethernet's six bytes, also within a client identifier. */
const SHORT_KEY_BYTES = 8;
const FIRST_ROWS = 64;

export class Bindings {
  readonly rings = new Rings();
  readonly accounts = new Accounts();
  count = 0;
  ends = new Uint32Array(FIRST_ROWS);
  starts = new Uint32Array(FIRST_ROWS);
  flags = new Uint16Array(FIRST_ROWS);
  ports = new Uint16Array(FIRST_ROWS);
  circuits = new Uint16Array(FIRST_ROWS);
  readonly hostNames: string[] = [];
  readonly homes: (Range | Place)[] = [];
  #addresses = new Uint32Array(FIRST_ROWS);
  #homeNumbers = new Uint16Array(FIRST_ROWS);
  /** A short key's two halves. */
  #firstHalves = new Uint32Array(FIRST_ROWS);
  #secondHalves = new Uint32Array(FIRST_ROWS);
  readonly #longKeys = new Map<number, ClientKey>();
  readonly #hardware = new Map<number, string>();
  readonly #salt = Math.floor(Math.random() * 2 ** 32);
  readonly #byAddress = new RowIndex((row) => mixed(this.#addresses[row]!, this.#salt));
  readonly #byClient = new RowIndex((row) => this.#keyHashOf(row));

  at(address: Ipv4Address): Binding | undefined {
    const number = ipv4ToNumber(address);
    return this.#handle(this.#byAddress.find(mixed(number, this.#salt), (row) => this.#addresses[row] === number));
  }

  of(client: ClientKey): Binding | undefined {
    if (client.length !== SHORT_KEY_BYTES)
      return this.#handle(this.#byClient.find(this.#hash(client), (row) => this.#longKeys.get(row) === client));
    const [first, second] = [wordAt(client, 0), wordAt(client, 4)];
    const isIt = (row: number): boolean =>
      this.#firstHalves[row] === first && this.#secondHalves[row] === second && (this.flags[row]! & SHORT_KEY) !== 0;
    return this.#handle(this.#byClient.find(mixed(first, mixed(second, this.#salt)), isIt));
  }

  row(row: number): Binding {
    return new Binding(this, row);
  }

  #handle(row: number | undefined): Binding | undefined {
    return row === undefined ? undefined : new Binding(this, row);
  }

  /** @param home the range, or the place of an address that is not given to anybody who comes: a host's own */
  create(address: Ipv4Address, home: Range | Place): Binding {
    const row = this.count++;
    if (row >= this.ends.length) this.#grow(row);
    let number = this.homes.indexOf(home);
    if (number < 0) number = this.homes.push(home) - 1;
    this.#homeNumbers[row] = number;
    this.#addresses[row] = ipv4ToNumber(address);
    this.hostNames.push("");
    this.#byAddress.add(row);
    return new Binding(this, row);
  }

  #grow(row: number): void {
    this.ends = grown(this.ends, row);
    this.starts = grown(this.starts, row);
    this.flags = grown(this.flags, row);
    this.ports = grown(this.ports, row);
    this.circuits = grown(this.circuits, row);
    this.#addresses = grown(this.#addresses, row);
    this.#homeNumbers = grown(this.#homeNumbers, row);
    this.#firstHalves = grown(this.#firstHalves, row);
    this.#secondHalves = grown(this.#secondHalves, row);
  }

  /** In the order in which they came into use. */
  *all(): Generator<Binding> {
    for (let row = 0; row < this.count; row++) yield new Binding(this, row);
  }

  address(row: number): Ipv4Address {
    return ipv4FromNumber(this.#addresses[row]!);
  }

  home(row: number): Range | Place {
    return this.homes[this.#homeNumbers[row]!]!;
  }

  client(row: number): ClientKey {
    const flags = this.flags[row]!;
    if ((flags & LONG_KEY) !== 0) return this.#longKeys.get(row) ?? "";
    return (flags & SHORT_KEY) === 0 ? "" : wordText(this.#firstHalves[row]!) + wordText(this.#secondHalves[row]!);
  }

  /** The key leads to this row and no other; "": the row is nobody's. What the hardware address was is to be told anew. */
  setClient(row: number, client: ClientKey): void {
    const hardware = client === "" ? this.hardware(row) : "";
    if ((this.flags[row]! & (SHORT_KEY | LONG_KEY)) !== 0) this.#byClient.remove(row);
    this.flags[row]! &= ~(SHORT_KEY | LONG_KEY | HARDWARE_IN_KEY);
    if (this.#longKeys.size > 0) this.#longKeys.delete(row);
    if (client !== "") {
      const other = this.of(client);
      if (other !== undefined) this.#byClient.remove(other.row);
      this.#putKey(row, client);
      this.#byClient.add(row);
    }
    this.setHardware(row, hardware);
  }

  #putKey(row: number, client: ClientKey): void {
    if (client.length === SHORT_KEY_BYTES) {
      this.#firstHalves[row] = wordAt(client, 0);
      this.#secondHalves[row] = wordAt(client, 4);
      this.flags[row]! |= SHORT_KEY;
    } else {
      this.#longKeys.set(row, client);
      this.flags[row]! |= LONG_KEY;
    }
  }

  #keyHashOf(row: number): number {
    if ((this.flags[row]! & LONG_KEY) !== 0) return this.#hash(this.#longKeys.get(row) ?? "");
    return mixed(this.#firstHalves[row]!, mixed(this.#secondHalves[row]!, this.#salt));
  }

  #hash(text: string): number {
    let hash = this.#salt;
    for (let i = 0; i < text.length; i++) hash = mixed(text.charCodeAt(i), hash);
    return hash;
  }

  hardware(row: number): string {
    return (this.flags[row]! & HARDWARE_IN_KEY) === 0 ? (this.#hardware.get(row) ?? "") : this.client(row).slice(1);
  }

  setHardware(row: number, hardware: string): void {
    if (this.#isInKey(row, hardware)) this.flags[row]! |= HARDWARE_IN_KEY;
    else {
      this.flags[row]! &= ~HARDWARE_IN_KEY;
      if (hardware !== "") {
        this.#hardware.set(row, hardware);
        return;
      }
    }
    if (this.#hardware.size > 0) this.#hardware.delete(row);
  }

  #isInKey(row: number, hardware: string): boolean {
    if (hardware.length + 1 !== SHORT_KEY_BYTES || (this.flags[row]! & SHORT_KEY) === 0) return false;
    const [first, second] = [this.#firstHalves[row]!, this.#secondHalves[row]!];
    return wordAt(hardware, 3) === second && wordAt(hardware, -1) === (first & 0xff_ffff);
  }
}

/** Four characters as a number; what is before the text counts as 0. */
function wordAt(text: string, offset: number): number {
  const high = (text.charCodeAt(offset) << 24) | (text.charCodeAt(offset + 1) << 16);
  return (high | (text.charCodeAt(offset + 2) << 8) | text.charCodeAt(offset + 3)) >>> 0;
}

function wordText(word: number): string {
  return String.fromCharCode(word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255);
}

/** One row: an address of a pool with what is known of it. There may be several of one row. */
export class Binding {
  readonly row: number;
  readonly #table: Bindings;

  constructor(table: Bindings, row: number) {
    this.#table = table;
    this.row = row;
  }

  isSameAs(other: Binding | undefined): boolean {
    return other?.row === this.row;
  }

  get address(): Ipv4Address {
    return this.#table.address(this.row);
  }

  /** Absent where the address is not given to anybody who comes. */
  get range(): Range | undefined {
    const home = this.#table.home(this.row);
    return home instanceof Range ? home : undefined;
  }

  get place(): Place {
    const home = this.#table.home(this.row);
    return home instanceof Range ? home.place : home;
  }

  get client(): ClientKey {
    return this.#table.client(this.row);
  }

  set client(client: ClientKey) {
    this.#table.setClient(this.row, client);
  }

  /** As of the client's last ACK. */
  get hardware(): string {
    return this.#table.hardware(this.row);
  }

  set hardware(hardware: string) {
    this.#table.setHardware(this.row, hardware);
  }

  get hostName(): string {
    return this.#table.hostNames[this.row]!;
  }

  set hostName(name: string) {
    this.#table.hostNames[this.row] = name;
  }

  get startSeconds(): number {
    return this.#table.starts[this.row]!;
  }

  set startSeconds(seconds: number) {
    this.#table.starts[this.row] = seconds;
  }

  get endSeconds(): number {
    return this.#table.ends[this.row]!;
  }

  set endSeconds(seconds: number) {
    this.#table.ends[this.row] = seconds;
  }

  get state(): State {
    return STATES[this.#table.flags[this.row]! & STATE_BITS]!;
  }

  set state(state: State) {
    const { flags } = this.#table;
    flags[this.row] = (flags[this.row]! & ~STATE_BITS) | STATES.indexOf(state);
  }

  #has(flag: number): boolean {
    return (this.#table.flags[this.row]! & flag) !== 0;
  }

  #set(flag: number, isSet: boolean): void {
    const { flags } = this.#table;
    flags[this.row] = isSet ? flags[this.row]! | flag : flags[this.row]! & ~flag;
  }

  /** It is in its range's ring of offers. */
  get isOffer(): boolean {
    return this.#has(OFFER);
  }

  set isOffer(is: boolean) {
    this.#set(OFFER, is);
  }

  /** Nobody else was found to use it since it became the client's. */
  get isProbed(): boolean {
    return this.#has(PROBED);
  }

  set isProbed(is: boolean) {
    this.#set(PROBED, is);
  }

  /** It was taken from another client that may still request it. */
  get isContested(): boolean {
    return this.#has(CONTESTED);
  }

  set isContested(is: boolean) {
    this.#set(CONTESTED, is);
  }

  /** It is a lease or an offer that has not ended, and counts for where its client is. */
  get isCounted(): boolean {
    return this.#has(COUNTED);
  }

  /** Accounts of where the client is: 0 where that is not known. */
  get port(): number {
    return this.#table.ports[this.row]!;
  }

  get circuit(): number {
    return this.#table.circuits[this.row]!;
  }

  setAccounts(port: number, circuit: number): void {
    const { accounts, ports, circuits } = this.#table;
    if (port === this.port && circuit === this.circuit) return;
    const wasCounted = this.isCounted;
    this.uncount();
    for (const account of [port, circuit]) accounts.use(account);
    for (const account of [this.port, this.circuit]) accounts.leave(account);
    ports[this.row] = port;
    circuits[this.row] = circuit;
    if (wasCounted) this.count();
  }

  count(): void {
    this.#addToCounts(true);
  }

  uncount(): void {
    this.#addToCounts(false);
  }

  #addToCounts(isCounted: boolean): void {
    const { range } = this;
    if (range === undefined || this.isCounted === isCounted) return;
    this.#set(COUNTED, isCounted);
    const change = isCounted ? 1 : -1;
    range.taken += change;
    for (const account of [this.port, this.circuit]) this.#table.accounts.add(account, change);
  }
}

/** A copy that does not change. */
export function leaseOf(binding: Binding, state: LeaseState): Lease {
  const { address, client, hardware, hostName, startSeconds, endSeconds } = binding;
  return { address, state, client, hardware, hostName, startSeconds, endSeconds };
}
