/** What each of a client's messages does to the addresses, and its answer (RFC 2131 §4.3). */
import { type Ipv4Address, IPV4_ANY, ipv4ToNumber, macFromBytes } from "../../../base/address.ts";
import type { Dhcp4MessageType } from "../../../wire/dhcp4/codecs.ts";
import { HARDWARE_ETHERNET } from "../../../wire/dhcp4/message.ts";
import { DHCP4_OPTION, readOption } from "../../../wire/dhcp4/option-table.ts";
import type { Dhcp4ServerConfig } from "./config.ts";
import type { Identity } from "./identify.ts";
import { type Layout, OWN_LINK, type Place } from "./layout.ts";
import { type ClientKey, hardwareOf, type Lease } from "./lease.ts";
import { endOf } from "../../leases/time.ts";
import { NO_ACCOUNT } from "./accounts.ts";
import { limitsOf, RateLimit } from "./limits.ts";
import { Quarantines } from "../../leases/quarantines.ts";
import { toldHostLabel } from "./names.ts";
import { Newcomers, portName } from "./newcomers.ts";
import { ASKS_FOR_PORT, type Dhcp4ServerOutput, ignored, silent } from "./output.ts";
import { type Binding, leaseOf, type Range } from "./bindings.ts";
import { Pool } from "./pool.ts";
import type { Prober } from "./probe.ts";
import { type Profile, Profiles } from "./profile.ts";
import { RangeChoice, type Whereabouts } from "./range-choice.ts";
import { type Reply, ReplyEncoder, type Request } from "./reply.ts";

/** How long an offered address waits for its client's REQUEST. */
export const OFFER_SECONDS = 60;
/** How long nobody gets an address that a client has found in use by somebody else. */
export const QUARANTINE_SECONDS = 600;

export interface Client extends Request, Identity, Whereabouts {
  /** The message as it came. */
  readonly frame: Uint8Array;
  /** Of the bridge; undefined: not known yet. */
  readonly port: number | undefined;
  readonly circuit: string | undefined;
}

export class Answers {
  readonly #config: Dhcp4ServerConfig;
  readonly #layout: Layout;
  readonly #pool: Pool;
  #profiles: Profiles;
  readonly #replies: ReplyEncoder;
  readonly #newClients: RateLimit;
  readonly #newcomers: Newcomers;
  readonly #quarantines: Quarantines;
  readonly #prober: Prober | undefined;
  readonly #ranges: RangeChoice;

  constructor(config: Dhcp4ServerConfig, layout: Layout, prober: Prober | undefined, nowSeconds: number) {
    const limits = limitsOf(config);
    this.#config = config;
    this.#layout = layout;
    this.#pool = new Pool(layout, limits.offers, nowSeconds);
    this.#profiles = new Profiles(config);
    this.#replies = new ReplyEncoder(config);
    this.#newClients = new RateLimit(limits.newClientsPerSecond, nowSeconds);
    this.#newcomers = new Newcomers(limits, this.#pool.accounts, nowSeconds);
    this.#quarantines = new Quarantines(limits);
    this.#prober = prober;
    this.#ranges = new RangeChoice(this.#pool.ranges, layout.subnets);
  }

  /** What clients are told beside their addresses, which stay the same. */
  setSettings(config: Dhcp4ServerConfig): void {
    this.#profiles = new Profiles(config);
  }

  restore(lease: Lease, nowSeconds: number): boolean {
    if (!this.#pool.restore(lease)) return false;
    if (lease.state === "declined" && lease.endSeconds > nowSeconds) this.#quarantines.add(lease.endSeconds);
    return true;
  }

  leases(): Iterable<Lease> {
    return this.#pool.leases();
  }

  use(nowSeconds: number): ReturnType<Pool["use"]> {
    return this.#pool.use(nowSeconds);
  }

  /** Whether the client with this hardware address was given the address, and has not given it back. */
  isLeased(key: ClientKey, address: Ipv4Address, hardware: string): boolean {
    const binding = this.#pool.find(key);
    return binding?.address === address && binding.state === "leased" && binding.hardware === hardware;
  }

  answer(type: Dhcp4MessageType | "BOOTP", client: Client, nowSeconds: number): Dhcp4ServerOutput {
    switch (type) {
      case "DISCOVER":
        return this.#handleDiscover(client, nowSeconds);
      case "REQUEST":
        return this.#handleRequest(client, nowSeconds);
      case "DECLINE":
        return this.#handleDecline(client, nowSeconds);
      case "RELEASE":
        return this.#handleRelease(client, nowSeconds);
      case "INFORM":
        return this.#handleInform(client);
      case "BOOTP":
        return this.#handleBootp(client, nowSeconds);
      case "OFFER":
      case "ACK":
      case "NAK":
        return ignored(`${type} is a server's message`);
    }
  }

  /** RFC 2131 §4.3.1. */
  #handleDiscover(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { options } = client.message;
    this.#pool.turn(nowSeconds);
    const reserved = this.#reserved(client, nowSeconds);
    if (reserved !== undefined) return this.#offer(client, reserved, nowSeconds);
    const ranges = this.#ranges.of(client);
    const held = this.#held(client);
    const refusal = this.#refuseNewcomer(client, ranges, nowSeconds, held);
    if (refusal !== undefined) return refusal;
    if (held !== undefined) {
      this.#locate(client, held);
      return this.#offer(client, held, nowSeconds);
    }
    if (!this.#newClients.take(nowSeconds)) return silent({ event: "limited", limit: "newClientsPerSecond" });
    const wanted = readOption(options, DHCP4_OPTION.requestedAddress);
    const found =
      this.#pool.claim(client.key, wanted, ranges, nowSeconds) ?? this.#pool.allocate(client.key, ranges, nowSeconds);
    if (found === undefined) return silent({ event: "exhausted" });
    this.#locate(client, found);
    const isContested = found.isContested;
    const output = this.#offer(client, found, nowSeconds);
    return isContested ? { ...output, events: [{ event: "limited", limit: "offers" }, ...output.events] } : output;
  }

  /** Undefined for a client that may have a lease, one that has it among them. `known`: what it was offered or had. */
  #refuseNewcomer(
    { port, circuit, host }: Client,
    ranges: readonly Range[],
    nowSeconds: number,
    known?: Binding,
  ): Dhcp4ServerOutput | undefined {
    const isLocated = known !== undefined && known.port !== NO_ACCOUNT;
    if (this.#config.hasPorts === true && port === undefined && !isLocated) return ASKS_FOR_PORT;
    if (host !== undefined || known?.isCounted === true) return undefined;
    const { accounts } = this.#pool;
    const whereabouts = {
      port: port === undefined ? (known?.port ?? NO_ACCOUNT) : accounts.find(portName(port)),
      circuit: circuit === undefined ? NO_ACCOUNT : accounts.find(circuit),
      isBehindCircuit: circuit !== undefined,
    };
    const limit = this.#newcomers.refusal(whereabouts, ranges, nowSeconds);
    return limit === undefined ? undefined : silent({ event: "limited", limit });
  }

  /** The client's place becomes that of what it is given. */
  #locate({ port, circuit }: Client, binding: Binding): void {
    const { accounts } = this.#pool;
    if (binding.range === undefined || (port === undefined && circuit === undefined)) return;
    const at = port === undefined ? binding.port : accounts.open(portName(port));
    binding.setAccounts(at, circuit === undefined ? NO_ACCOUNT : accounts.open(circuit));
  }

  #offer(client: Client, binding: Binding, nowSeconds: number): Dhcp4ServerOutput {
    const end = endOf(nowSeconds, OFFER_SECONDS);
    // A lease that has not ended stays one: a restart must know of it.
    const isLeased = binding.state === "leased" && binding.endSeconds > nowSeconds;
    if (!isLeased) {
      const question = this.#probe(client, binding, nowSeconds);
      if (question !== undefined) {
        this.#pool.offer(binding, end);
        return question;
      }
    }
    if (this.#config.rapidCommit && readOption(client.message.options, DHCP4_OPTION.rapidCommit) === true)
      return this.#grant(client, binding, nowSeconds, true);
    if (isLeased) this.#pool.prolong(binding, end);
    else this.#pool.offer(binding, end);
    const profile = this.#profiles.of(binding.place, client);
    return this.#send(client, {
      type: "OFFER",
      address: binding.address,
      seconds: leaseSecondsOf(client, profile),
      profile,
    });
  }

  /** Undefined when the address can be offered at once. */
  #probe(client: Client, { address, isProbed }: Binding, nowSeconds: number): Dhcp4ServerOutput | undefined {
    const prober = this.#prober;
    if (prober === undefined || isProbed) return undefined;
    if (prober.isUnderWay(address)) return ignored("the address is being probed");
    // Where no more addresses may be found in use, the answer to the question would be of no use.
    if (!prober.hasRoom() || !this.#quarantines.hasRoom(nowSeconds)) return undefined;
    const { frame, sourceMac, port, message } = client;
    const isRelayed = message.relayAddress !== IPV4_ANY;
    const question = prober.ask({ address, frame, sourceMac, port, isRelayed, nowSeconds });
    return { leases: [], frames: [question], events: [{ event: "probed", address }] };
  }

  /** Nobody answered for the address. */
  passProbe(address: Ipv4Address): void {
    const binding = this.#pool.at(address);
    if (binding !== undefined) binding.isProbed = true;
  }

  /** Somebody answered for the address: nobody else gets it for a while. */
  failProbe(address: Ipv4Address, nowSeconds: number): Dhcp4ServerOutput {
    const binding = this.#pool.at(address);
    // It may have become somebody's lease since.
    if (binding?.state !== "offered") return { leases: [], frames: [], events: [] };
    return { ...this.#quarantine(binding, nowSeconds), events: [{ event: "conflict", address }] };
  }

  #quarantine(binding: Binding, nowSeconds: number, client?: string): Dhcp4ServerOutput {
    const end = endOf(nowSeconds, QUARANTINE_SECONDS);
    this.#pool.quarantine(binding, end);
    this.#quarantines.add(end, client);
    return { leases: [leaseOf(binding, "declined")], frames: [], events: [] };
  }

  /** The address that the configuration has for the host, unless somebody else still uses it. */
  #reserved({ host, key, ownKey, link }: Client, nowSeconds: number): Binding | undefined {
    if (host?.address === undefined || !this.#isOnLink(host.address, link)) return undefined;
    return this.#pool.reserved([key, ownKey], host.address, nowSeconds);
  }

  #heldAnywhere({ key, ownKey }: Client): Binding | undefined {
    return this.#pool.find(key) ?? (key === ownKey ? undefined : this.#pool.find(ownKey));
  }

  /** What the client has or had, if the configuration still lets it. */
  #held(client: Client): Binding | undefined {
    const binding = this.#heldAnywhere(client);
    if (binding?.range === undefined) return undefined;
    return this.#ranges.of(client).includes(binding.range) ? binding : undefined;
  }

  #isOnLink(address: Ipv4Address, link: Place | undefined): boolean {
    return this.#layout.subnetOf(address)?.link === (link?.link ?? OWN_LINK);
  }

  /** RFC 2131 §4.3.2. Without a server identifier the client is in INIT-REBOOT, RENEWING or REBINDING. */
  #handleRequest(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { options, clientAddress } = client.message;
    const chosen = readOption(options, DHCP4_OPTION.serverIdentifier);
    const isRestart = clientAddress === IPV4_ANY;
    const wanted = isRestart ? readOption(options, DHCP4_OPTION.requestedAddress) : clientAddress;
    const known = this.#heldAnywhere(client);
    if (chosen !== undefined && !this.#isOurs(client, chosen)) {
      if (known?.state === "offered") this.#pool.free(known, nowSeconds);
      return ignored("the client chose another server");
    }
    if (wanted === undefined) return ignored("REQUEST names no address");
    const reserved = this.#reserved(client, nowSeconds);
    const own = reserved ?? this.#held(client);
    if (own !== undefined && own.address === wanted) return this.#grant(client, own, nowSeconds, false);
    const isKnown = known !== undefined || reserved !== undefined;
    let refusal: Dhcp4ServerOutput | undefined;
    if (chosen === undefined && !this.#config.authoritative) {
      const isRefusable =
        this.#config.uninvited === true
          ? isKnown && this.#layout.rangeOf(ipv4ToNumber(wanted)) !== undefined
          : // A client that starts on another link than before has to be told; any other may be another server's.
            isKnown || (isRestart && !this.#isOnLink(wanted, client.link));
      if (!isRefusable) return ignored(isKnown ? "an address of another server" : "an unknown client");
    } else {
      const ranges = this.#ranges.of(client);
      const isContesting = chosen !== undefined && reserved === undefined && this.#pool.isContested(wanted, ranges);
      if (!isKnown || isContesting) refusal = this.#refuseNewcomer(client, ranges, nowSeconds);
      if (refusal?.asksForPort === true) return refusal;
      const claimed =
        isKnown || refusal !== undefined ? undefined : this.#pool.claim(client.key, wanted, ranges, nowSeconds);
      const found =
        claimed ??
        (isContesting && refusal === undefined ? this.#pool.contest(client.key, wanted, nowSeconds) : undefined);
      if (found !== undefined) return this.#grant(client, found, nowSeconds, false);
    }
    const told = this.#send(client, { type: "NAK", address: wanted, reason: `${wanted} is not this client's address` });
    return { ...told, events: [...(refusal?.events ?? []), ...told.events] };
  }

  #grant(client: Client, binding: Binding, nowSeconds: number, rapid: boolean): Dhcp4ServerOutput {
    if (binding.range !== undefined) {
      const refusal = this.#refuseNewcomer(client, this.#ranges.of(client), nowSeconds, binding);
      if (refusal !== undefined) return refusal;
    }
    this.#locate(client, binding);
    const isNew = binding.state !== "leased" || !binding.isCounted;
    const profile = this.#profiles.of(binding.place, client);
    const seconds = leaseSecondsOf(client, profile);
    if (binding.state === "offered") this.#newClients.giveBack();
    if (binding.state !== "leased" || binding.endSeconds <= nowSeconds) binding.startSeconds = Math.floor(nowSeconds);
    binding.hardware = hardwareOf(client.message);
    binding.hostName = client.host?.name ?? toldHostLabel(client.message.options) ?? binding.hostName;
    const left = this.#pool.lease(binding, endOf(nowSeconds, seconds), nowSeconds);
    if (isNew && binding.isCounted) this.#newcomers.admit(binding, nowSeconds);
    const leases = [leaseOf(binding, "leased")];
    if (left !== undefined) leases.push(leaseOf(left, "released"));
    this.#dismissOld(client, binding, leases, nowSeconds);
    return { ...this.#send(client, { type: "ACK", address: binding.address, seconds, rapid, profile }), leases };
  }

  /** What a host had under its own identifier before it became one that is known by its hardware address. */
  #dismissOld({ key, ownKey }: Client, binding: Binding, leases: Lease[], nowSeconds: number): void {
    if (key === ownKey || binding.client !== key) return;
    const old = this.#pool.find(ownKey);
    const left = old === undefined ? undefined : this.#pool.dismiss(old, nowSeconds);
    if (left !== undefined) leases.push(leaseOf(left, "released"));
  }

  /** RFC 2131 §4.3.3. Only who has the address can say that somebody else uses it, and not of too many. */
  #handleDecline(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const address = readOption(client.message.options, DHCP4_OPTION.requestedAddress);
    const binding = this.#leasedTo(client, address);
    if (binding === undefined) return ignored("DECLINE of an address that is not this client's");
    if (!isFromClient(client)) return ignored("DECLINE that somebody else sent");
    const limit = this.#quarantines.refusal(binding.hardware, nowSeconds);
    if (limit !== undefined) return silent({ event: "limited", limit });
    const { hardware } = binding;
    return {
      ...this.#quarantine(binding, nowSeconds, hardware),
      events: [{ event: "declined", address: binding.address }],
    };
  }

  /** RFC 2131 §4.3.4: the address is free, and kept for the client as long as there are others. */
  #handleRelease(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { clientAddress } = client.message;
    const binding = this.#leasedTo(client, clientAddress);
    if (binding === undefined) return ignored("RELEASE of an address that is not this client's");
    // RFC 2131 §4.4.6: sent by unicast, and so from the address that is released.
    if (client.source !== clientAddress) return ignored("RELEASE from another address than the released one");
    this.#pool.free(binding, nowSeconds);
    return {
      leases: [leaseOf(binding, "released")],
      frames: [],
      events: [{ event: "released", address: binding.address }],
    };
  }

  /** What the client has, if it is that address, and the client has the hardware address that it got it with. */
  #leasedTo(client: Client, address: Ipv4Address | undefined): Binding | undefined {
    const server = readOption(client.message.options, DHCP4_OPTION.serverIdentifier);
    if (server === undefined || !this.#isOurs(client, server)) return undefined;
    const own = this.#heldAnywhere(client);
    if (own === undefined || own.address !== address || own.state !== "leased") return undefined;
    return own.hardware === hardwareOf(client.message) ? own : undefined;
  }

  /** A lease from before its relay set another identifier is renewed all the same. */
  #isOurs(client: Client, server: Ipv4Address): boolean {
    return server === client.serverIdentifier || server === this.#config.serverAddress;
  }

  /** RFC 2131 §4.3.5: settings without an address; nothing of a lease in it. */
  #handleInform(client: Client): Dhcp4ServerOutput {
    const { clientAddress } = client.message;
    const place = this.#layout.placeOf(clientAddress === IPV4_ANY ? client.source : clientAddress);
    if (place === undefined) return ignored("INFORM from another subnet");
    return this.#send(client, { type: "ACK", profile: this.#profiles.of(place, client) });
  }

  /**
   * RFC 1534 §2: a client that knows nothing of leases has its address for good, and so gets only one that the
   * configuration keeps for its hardware address.
   */
  #handleBootp(client: Client, nowSeconds: number): Dhcp4ServerOutput {
    const { host } = client;
    if (host === undefined || !("mac" in host.identity)) return ignored("a BOOTP client that is no known host");
    const binding = this.#reserved(client, nowSeconds);
    if (binding === undefined) return ignored("a BOOTP client without an address of its own");
    const profile = this.#profiles.of(binding.place, client);
    return this.#send(client, { type: "BOOTP", address: binding.address, profile });
  }

  #send(client: Client, reply: Reply): Dhcp4ServerOutput {
    const { frame, omittedOptions } = this.#replies.encode(client, reply);
    const address = reply.address === undefined ? {} : { address: reply.address };
    return {
      leases: [],
      frames: [frame],
      events: [{ event: "sent", message: reply.type, ...address, omittedOptions }],
    };
  }
}

function leaseSecondsOf({ message }: Client, { leaseSeconds }: Profile): number {
  const asked = readOption(message.options, DHCP4_OPTION.leaseTime) ?? leaseSeconds.default;
  return Math.min(leaseSeconds.maximum, Math.max(leaseSeconds.minimum, asked));
}

/** What a client on the link sends for itself comes from its own hardware address; a relay's word is taken. */
function isFromClient({ message, sourceMac }: Client): boolean {
  const { relayAddress, hardwareType, hardwareAddress } = message;
  if (relayAddress !== IPV4_ANY || hardwareType !== HARDWARE_ETHERNET || hardwareAddress.length !== 6) return true;
  return macFromBytes(hardwareAddress) === sourceMac;
}
