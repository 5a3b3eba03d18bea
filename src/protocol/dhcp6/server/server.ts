/**
 * A DHCPv6 server for one link, without I/O: packets and the time in; leases, frames and events out (RFC 8415 §18.3).
 *
 * The answer to a message comes in two parts: leases that have to be kept, and a frame to be sent once they are. What is
 * promised is thus known to survive the server's end. What is only advertised is not held: the client's next message
 * names it, and gets it as long as it is free.
 *
 * Time is in seconds since 1970, as leases outlive the process.
 */
import { contains, type Ipv6Address } from "../../../base/address.ts";
import {
  encodeAddress,
  encodeAssociation,
  encodePrefix,
  type IdentityAssociation,
  type NamedLease,
  NO_TIMES,
} from "../../../wire/dhcp6/association.ts";
import type { Dhcp6MessageType, Dhcp6Option } from "../../../wire/dhcp6/message.ts";
import { decodeClientName, DHCP6_OPTION, encodeStatus, optionsOf } from "../../../wire/dhcp6/options.ts";
import type { EthernetFrame } from "../../../wire/ethernet.ts";
import type { Ipv6Packet } from "../../../wire/ipv6.ts";
import { Malformed } from "../../../wire/malformed.ts";
import { partOfLifetime } from "../../guest-lease6.ts";
import { endOf } from "../../leases/time.ts";
import { Quarantines } from "../../leases/quarantines.ts";
import {
  addressRange,
  checkConfig,
  declineLimits,
  delegatedRange,
  type Dhcp6ServerConfig,
  type Host6,
} from "./config.ts";
import { Hosts6 } from "./hosts.ts";
import { clientKeyOf, duidOf, formatLease6, type Lease6 } from "./lease.ts";
import { type Binding6, isHeld, leaseOf, Pool6, type PoolUse6 } from "./pool.ts";
import { Reply6 } from "./reply.ts";
import { readRequest, type Request6 } from "./request.ts";

/** How long nobody gets an address that a client has found in use by somebody else. */
export const QUARANTINE_SECONDS = 600;
const NAME_LIMIT = 255;
/** A client that has us need not wait for other servers. */
const PREFERENCE: Dhcp6Option = { code: DHCP6_OPTION.preference, data: Uint8Array.of(255) };
const RAPID_COMMIT: Dhcp6Option = { code: DHCP6_OPTION.rapidCommit, data: new Uint8Array() };

export type Dhcp6ServerEvent =
  | { readonly event: "received"; readonly message: Dhcp6MessageType }
  | {
      readonly event: "sent";
      readonly message: "ADVERTISE" | "REPLY";
      /** Given or advertised: "2001:db8::5", "2001:db8:100::/56". */
      readonly leases: readonly string[];
    }
  | { readonly event: "released" | "declined"; readonly lease: string }
  /** Nothing of that kind is free. */
  | { readonly event: "exhausted"; readonly kind: IdentityAssociation["kind"] }
  /** Nothing was sent, and why. */
  | { readonly event: "ignored"; readonly reason: string };

/** Of what anybody may get; absent what is not given out at all. */
export interface Dhcp6PoolUse {
  readonly addresses?: PoolUse6;
  readonly prefixes?: PoolUse6;
}

export interface Dhcp6ServerOutput {
  /** Link-local address of the client that this is about; absent for one behind a relay agent, or nobody. */
  readonly client?: Ipv6Address;
  /** What has to be durable before `frames` are sent. */
  readonly leases: readonly Lease6[];
  /** To be sent as they are: one answer, in fragments where it is long. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Dhcp6ServerEvent[];
}

/** What one message comes to, while its associations are gone through. */
interface Work {
  readonly request: Request6;
  readonly host: Host6 | undefined;
  readonly nowSeconds: number;
  /** Given to the client, not only advertised. */
  readonly commits: boolean;
  readonly taken: Set<Ipv6Address>;
  readonly leases: Lease6[];
  /** What the answer names. */
  readonly told: string[];
  readonly events: Dhcp6ServerEvent[];
}

function ignored(reason: string): Dhcp6ServerOutput {
  return { leases: [], frames: [], events: [{ event: "ignored", reason }] };
}

export class Dhcp6Server {
  readonly #config: Dhcp6ServerConfig;
  readonly #random: () => number;
  readonly #addresses: Pool6 | undefined;
  readonly #prefixes: Pool6 | undefined;
  readonly #hosts: Hosts6;
  readonly #quarantines: Quarantines;
  readonly #startSeconds: number;
  readonly #reply: Reply6;

  /**
   * @param random for temporary addresses and fragments; from 0 to below 1, as Math.random
   * @throws NetloomError bad-dhcp6-server when the settings contradict each other, bad-domain-name
   */
  constructor(config: Dhcp6ServerConfig, nowSeconds: number, random: () => number) {
    checkConfig(config);
    this.#config = config;
    this.#random = random;
    const [addresses, prefixes] = [addressRange(config), delegatedRange(config)];
    this.#addresses = addresses === undefined ? undefined : new Pool6(addresses, nowSeconds);
    this.#prefixes = prefixes === undefined ? undefined : new Pool6(prefixes, nowSeconds);
    this.#hosts = new Hosts6(config.hosts);
    this.#quarantines = new Quarantines(declineLimits(config));
    this.#startSeconds = nowSeconds;
    this.#reply = new Reply6(config, random);
  }

  /**
   * Take up a lease of an earlier run; of two for one address the later call counts.
   * @returns false for what this server does not give out any more
   */
  restore(lease: Lease6): boolean {
    if (this.#poolOf(lease)?.restore(lease) !== true) return false;
    if (lease.state === "declined" && lease.endSeconds > this.#startSeconds) this.#quarantines.add(lease.endSeconds);
    return true;
  }

  /** All that {@link restore} has to be told after a restart. May be read while the server works. */
  *leases(): Generator<Lease6> {
    for (const pool of [this.#addresses, this.#prefixes]) if (pool !== undefined) yield* pool.leases();
  }

  /** How much is in use. */
  use(nowSeconds: number): Dhcp6PoolUse {
    return {
      ...(this.#addresses === undefined ? {} : { addresses: this.#addresses.use(nowSeconds) }),
      ...(this.#prefixes === undefined ? {} : { prefixes: this.#prefixes.use(nowSeconds) }),
    };
  }

  #poolOf({ kind }: Pick<Lease6, "kind">): Pool6 | undefined {
    return kind === "prefix" ? this.#prefixes : this.#addresses;
  }

  /**
   * Handle one packet; UDP. `checksumNotReady`: the kernel left the checksum to the device.
   *
   * Never throws, whatever the packet holds.
   */
  handle(frame: EthernetFrame, packet: Ipv6Packet, checksumNotReady: boolean, nowSeconds: number): Dhcp6ServerOutput {
    const request = readRequest(this.#config, frame, packet, checksumNotReady);
    if (request instanceof Malformed) return ignored(request.reason);
    const { type } = request.message;
    const output = request.isUnicast
      ? this.#finish("REPLY", request, [encodeStatus("useMulticast", "send to ff02::1:2")])
      : this.#answer(request, nowSeconds);
    const client = request.relays.length === 0 ? { client: request.from.address } : {};
    return { ...output, ...client, events: [{ event: "received", message: type }, ...output.events] };
  }

  #answer(request: Request6, nowSeconds: number): Dhcp6ServerOutput {
    switch (request.message.type) {
      case "SOLICIT":
        return this.#handleSolicit(request, nowSeconds);
      case "REQUEST":
      case "RENEW":
      case "REBIND":
        return this.#handleRequest(request, nowSeconds);
      case "CONFIRM":
        return this.#handleConfirm(request);
      case "RELEASE":
      case "DECLINE":
        return this.#handleReturn(request, nowSeconds);
      case "INFORMATION-REQUEST":
        if (request.associations.length > 0) return ignored("INFORMATION-REQUEST: it asks for addresses");
        return this.#finish("REPLY", request, this.#reply.settingsFor(request));
      default:
        return ignored(`${request.message.type}: not for a server`);
    }
  }

  #workOn(request: Request6, nowSeconds: number, commits: boolean): Work {
    const host = this.#hosts.find(request.duid, request.mac);
    return { request, host, nowSeconds, commits, taken: new Set(), leases: [], told: [], events: [] };
  }

  /** RFC 8415 §18.3.1, §18.3.9. */
  #handleSolicit(request: Request6, nowSeconds: number): Dhcp6ServerOutput {
    const { associations, message } = request;
    const wishesRapid = optionsOf(message.options, DHCP6_OPTION.rapidCommit).length > 0;
    const work = this.#workOn(request, nowSeconds, this.#config.rapidCommit && wishesRapid);
    const told = associations.map((association) => this.#assign(work, association));
    const settings = this.#reply.settingsFor(request);
    // Where nothing was given there is nothing to commit to.
    if (work.leases.length > 0) return this.#finish("REPLY", request, [RAPID_COMMIT, ...told, ...settings], work);
    const preference = this.#config.authoritative ? [PREFERENCE] : [];
    return this.#finish("ADVERTISE", request, [...preference, ...told, ...settings], work);
  }

  /** RFC 8415 §18.3.2, §18.3.4, §18.3.5. */
  #handleRequest(request: Request6, nowSeconds: number): Dhcp6ServerOutput {
    const { type } = request.message;
    const work = this.#workOn(request, nowSeconds, true);
    const told = request.associations.flatMap((association) =>
      type === "REQUEST" ? [this.#assignRequested(work, association)] : this.#extend(work, association),
    );
    if (type === "REBIND" && told.length === 0) return ignored("REBIND: of another server's client");
    return this.#finish("REPLY", request, [...told, ...this.#reply.settingsFor(request)], work);
  }

  #assignRequested(work: Work, association: IdentityAssociation): Dhcp6Option {
    const foreign = association.kind !== "prefix" && !association.named.every((named) => this.#isOnLink(named));
    if (!foreign) return this.#assign(work, association);
    return encodeAssociation(association, NO_TIMES, [encodeStatus("notOnLink", "no address of this link")]);
  }

  #isOnLink({ address }: NamedLease): boolean {
    return this.#config.prefixes.some((prefix) => contains(prefix, address));
  }

  /** What the client has and shall not use any longer is told with no time left. */
  #extend(work: Work, association: IdentityAssociation): Dhcp6Option[] {
    if (!this.#config.authoritative && this.#ownBinding(work, association) === undefined) {
      if (work.request.message.type === "REBIND") return [];
      return [encodeAssociation(association, NO_TIMES, [encodeStatus("noBinding", "not known here")])];
    }
    return [this.#assign(work, association, true)];
  }

  /** The client's own lease, unless it is kept for somebody else by now. */
  #ownBinding({ request, host }: Work, association: IdentityAssociation): Binding6 | undefined {
    const pool = this.#poolOf(association);
    const own = pool?.find(clientKeyOf(association, request.duid));
    if (pool === undefined || own === undefined || !pool.isReserved(own.address)) return own;
    return own.address === keptFor(host, association) ? own : undefined;
  }

  #assign(work: Work, association: IdentityAssociation, tellsWithdrawn = false): Dhcp6Option {
    const pool = this.#poolOf(association);
    const address = pool === undefined ? undefined : this.#chooseFor(pool, work, association);
    const { preferredSeconds, validSeconds } = this.#config;
    const withdrawn = !tellsWithdrawn
      ? []
      : association.named
          .filter((named) => named.address !== address && named.address !== "::")
          .map((named) => encodeLease(association, named, 0, 0));
    if (pool === undefined || address === undefined) {
      if (pool !== undefined) work.events.push({ event: "exhausted", kind: association.kind });
      const code = association.kind === "prefix" ? "noPrefixAvailable" : "noAddressesAvailable";
      return encodeAssociation(association, NO_TIMES, [...withdrawn, encodeStatus(code, "none is free")]);
    }
    work.taken.add(address);
    const lease = { address, length: pool.lengthOf(address) };
    work.told.push(formatLease6(lease));
    if (work.commits) work.leases.push(this.#give(pool, work, association, address));
    const times = {
      renewSeconds: partOfLifetime(preferredSeconds, 0.5),
      rebindSeconds: partOfLifetime(preferredSeconds, 0.8),
    };
    const given = encodeLease(association, lease, preferredSeconds, validSeconds);
    return encodeAssociation(association, times, [given, ...withdrawn]);
  }

  /** What is kept for the client, else its own, else what it asks for, else any. */
  #chooseFor(pool: Pool6, work: Work, association: IdentityAssociation): Ipv6Address | undefined {
    const { request, host, taken, nowSeconds } = work;
    const key = clientKeyOf(association, request.duid);
    const kept = keptFor(host, association);
    if (kept !== undefined && !taken.has(kept) && this.#isFreeFor(pool.at(kept), key, work)) return kept;
    const own = this.#ownBinding(work, association);
    if (own !== undefined && !taken.has(own.address)) return own.address;
    const wanted = association.named.map(({ address }) => address);
    const random = association.kind === "temporary" ? this.#random : undefined;
    return pool.choose(key, wanted, taken, nowSeconds, random);
  }

  /** Whether the client that something is kept for can have it: another association of its own may hold it. */
  #isFreeFor(holder: Binding6 | undefined, key: string, { host, nowSeconds }: Work): boolean {
    if (holder === undefined || holder.client === key || !isHeld(holder, nowSeconds)) return true;
    // The same machine with another identifier: it has started another system.
    return duidOf(holder.client) !== duidOf(key) && host?.mac !== undefined && holder.mac === host.mac;
  }

  #give(pool: Pool6, { request, nowSeconds }: Work, association: IdentityAssociation, address: Ipv6Address): Lease6 {
    const key = clientKeyOf(association, request.duid);
    const own = pool.find(key);
    const binding = own?.address === address ? own : pool.bind(key, address);
    if (!isHeld(binding, nowSeconds)) binding.startSeconds = Math.floor(nowSeconds);
    binding.kind = association.kind;
    binding.mac = request.mac ?? "";
    binding.link = request.link;
    const [data] = optionsOf(request.message.options, DHCP6_OPTION.clientName);
    const name = data === undefined ? undefined : decodeClientName(data);
    if (name !== undefined && !(name instanceof Malformed)) binding.hostName = name.slice(0, NAME_LIMIT);
    pool.hold(binding, endOf(nowSeconds, this.#config.validSeconds));
    return leaseOf(binding);
  }

  /** RFC 8415 §18.3.3: whether the client is still on the link of its addresses. */
  #handleConfirm(request: Request6): Dhcp6ServerOutput {
    const named = request.associations.flatMap((association) =>
      association.kind === "prefix" ? [] : association.named,
    );
    if (named.length === 0) return ignored("CONFIRM: it names no address");
    const status = named.every((lease) => this.#isOnLink(lease))
      ? encodeStatus("success", "all are of this link")
      : encodeStatus("notOnLink", "ask anew");
    return this.#finish("REPLY", request, [status]);
  }

  /**
   * RFC 8415 §18.3.7, §18.3.8. Only who has an address can give it back, or say that somebody else uses it. Everybody on
   * the link has heard its identifier, so that it also has to come from where the lease was given.
   */
  #handleReturn(request: Request6, nowSeconds: number): Dhcp6ServerOutput {
    const isRelease = request.message.type === "RELEASE";
    const work = this.#workOn(request, nowSeconds, true);
    const unknown: Dhcp6Option[] = [];
    for (const association of request.associations) {
      // A prefix that is in use elsewhere is nothing that a client can notice.
      if (!isRelease && association.kind === "prefix") continue;
      const pool = this.#poolOf(association);
      const own = pool?.find(clientKeyOf(association, request.duid));
      const isNamed = association.named.some(({ address }) => address === own?.address);
      if (pool === undefined || own === undefined || !isNamed || own.state !== "leased" || !isFrom(request, own)) {
        unknown.push(encodeAssociation(association, NO_TIMES, [encodeStatus("noBinding", "not this client's")]));
        continue;
      }
      if (isRelease) pool.free(own, nowSeconds);
      else if (!this.#quarantine(pool, own, work)) continue;
      work.leases.push(leaseOf(own));
      work.events.push({ event: isRelease ? "released" : "declined", lease: formatLease6(own) });
    }
    return this.#finish("REPLY", request, [encodeStatus("success", "noted"), ...unknown], work);
  }

  /** @returns false for a client, or for all together, that have said this too often to be believed */
  #quarantine(pool: Pool6, binding: Binding6, { request, nowSeconds, events }: Work): boolean {
    const client = request.mac ?? request.duid;
    if (this.#quarantines.refusal(client, nowSeconds) !== undefined) {
      events.push({ event: "ignored", reason: "DECLINE: too many addresses are declined already" });
      return false;
    }
    const end = endOf(nowSeconds, QUARANTINE_SECONDS);
    this.#quarantines.add(end, client);
    pool.quarantine(binding, end);
    return true;
  }

  #finish(
    type: "ADVERTISE" | "REPLY",
    request: Request6,
    options: readonly Dhcp6Option[],
    { leases, told, events }: Pick<Work, "leases" | "told" | "events"> = { leases: [], told: [], events: [] },
  ): Dhcp6ServerOutput {
    const frames = this.#reply.encode(type, request, options);
    if (frames.length === 0) {
      const reason = `${request.message.type}: the answer exceeds a packet`;
      return { leases, frames, events: [...events, { event: "ignored", reason }] };
    }
    return { leases, frames, events: [...events, { event: "sent", message: type, leases: told }] };
  }
}

/** Whether the client is where it was when it got the lease: its hardware address, and the relay's link. */
function isFrom({ mac, link }: Request6, binding: Binding6): boolean {
  if (binding.link !== undefined && binding.link !== link) return false;
  return binding.mac === "" || mac === undefined || binding.mac === mac;
}

function keptFor(host: Host6 | undefined, { kind }: IdentityAssociation): Ipv6Address | undefined {
  if (kind === "temporary") return undefined;
  return kind === "prefix" ? host?.prefix?.address : host?.address;
}

function encodeLease(
  { kind }: IdentityAssociation,
  lease: NamedLease,
  preferredSeconds: number,
  validSeconds: number,
): Dhcp6Option {
  if (kind === "prefix") return encodePrefix(lease, preferredSeconds, validSeconds);
  return encodeAddress(lease.address, preferredSeconds, validSeconds);
}
