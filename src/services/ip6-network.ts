/**
 * Router advertisements and DHCPv6 for all hosts of a real link: both machines bound to one packet socket, and the
 * server's to a log of leases.
 *
 * Frames come in batches; what a batch makes durable is synced at once, and the answers that promise it leave after
 * that, while all others do not wait for the disk.
 */
import { messageOf, NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, openNamespace, PacketSocket, type ReceivedFrame } from "../kernel/native.ts";
import { IP6_SERVER_FILTER } from "../kernel/packet-filter.ts";
import type { Dhcp6ServerConfig } from "../protocol/dhcp6/server/config.ts";
import type { Lease6 } from "../protocol/dhcp6/server/lease.ts";
import { type Dhcp6PoolUse, Dhcp6Server, type Dhcp6ServerEvent } from "../protocol/dhcp6/server/server.ts";
import { Router, type RouterConfig, type RouterEvent } from "../protocol/ndp/router.ts";
import { DHCP6_LEASES } from "../store/lease-log/dhcp6.ts";
import { LeaseLog, scanLeaseLog } from "../store/lease-log/lease-log.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import { writePoolNote6 } from "../store/pool-note6.ts";
import { decodeEthernet, ETHERTYPE_IPV6, type EthernetFrame } from "../wire/ethernet.ts";
import { IP_PROTOCOL_ICMPV6 } from "../wire/icmpv6.ts";
import { decodeIpv6, type Ipv6Packet } from "../wire/ipv6.ts";
import { Malformed } from "../wire/malformed.ts";
import { BoundedLog } from "./bounded-log.ts";
import { DelegatedRoutes, type Delegation } from "./delegated-routes.ts";
import { holdPort6 } from "./hold-port6.ts";

const BATCH_FRAMES = 128;
/** A power cut ends, and all hosts of the link ask at one time. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** Leases that wait for the disk; with more of them further requests are not taken in, the clients repeat them. */
const WAITING_LEASES = 4096;

interface Ip6ServiceOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  /** Absent: nothing is advertised. */
  readonly router?: RouterConfig;
  /** Absent: no DHCPv6. */
  readonly dhcp?: Dhcp6ServerConfig;
  /** Where the leases are kept; its folder exists. */
  readonly leaseFile: string;
  /** Set the routes to delegated prefixes. */
  readonly routesPrefixes?: boolean;
  /** Leases that were given, renewed or ended, once they are on disk and before their clients hear of them. */
  readonly onLeases?: (leases: readonly Lease6[]) => void;
  readonly logger: Logger;
}

/** What happened since the start, by message: "SOLICIT", "ROUTER-ADVERTISEMENT", … */
interface Ip6ServiceStats {
  /** Leases taken up from the file. */
  readonly restored: number;
  readonly received: Readonly<Record<string, number>>;
  readonly sent: Readonly<Record<string, number>>;
  /** Packets that met silence. */
  readonly ignored: number;
  /** Frames that came while too many waited for the disk. */
  readonly refused: number;
  /** Answers that the kernel did not take; the host asks again. */
  readonly notSent: number;
}

/** What a batch of frames comes to. */
interface Batch {
  readonly leases: Lease6[];
  readonly delegations: Delegation[];
  /** To be sent once the leases are on disk. */
  readonly promised: Uint8Array[];
  readonly free: Uint8Array[];
}

/** Serves from its making until {@link close}. */
export class Ip6Service {
  readonly #router: Router | undefined;
  readonly #server: Dhcp6Server | undefined;
  readonly #log: BoundedLog;
  readonly #leases: LeaseLog<Lease6>;
  readonly #lock: Lock;
  readonly #restored: number;
  readonly #onLeases: ((leases: readonly Lease6[]) => void) | undefined;
  readonly #received: Record<string, number> = {};
  readonly #sent: Record<string, number> = {};
  #ignored = 0;
  #refused = 0;
  #notSent = 0;
  #waiting = 0;
  #socket: PacketSocket | undefined;
  #routes: DelegatedRoutes | undefined;
  #portHolder: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  /**
   * A link that goes down stays served: answers resume when it is up.
   * @throws NetloomError bad-router, bad-dhcp6-server, bad-domain-name, locked when another server uses the file,
   * bad-lease-log, write-failed; SystemCallError when the link does not exist or a privilege is missing
   */
  constructor(options: Ip6ServiceOptions) {
    const { interfaceName, router, dhcp, leaseFile, logger } = options;
    this.#onLeases = options.onLeases;
    this.#router = router === undefined ? undefined : new Router(router, monotonicSeconds(), Math.random);
    this.#server = dhcp === undefined ? undefined : new Dhcp6Server(dhcp, wallSeconds(), Math.random);
    this.#log = new BoundedLog(logger, { interface: interfaceName });
    this.#lock = takeLock(`${leaseFile}.lock`, `serve IPv6 on ${interfaceName}`);
    try {
      const restored = new Set<string>();
      const read = scanLeaseLog(DHCP6_LEASES, leaseFile, (lease) => {
        if (this.#server?.restore(lease) === true) restored.add(lease.address);
      });
      if (read.damagedBytes > 0)
        this.#log.write("warn", "a part of the leases was damaged", { file: leaseFile, bytes: read.damagedBytes });
      this.#restored = restored.size;
      if (dhcp !== undefined) writePoolNote6(leaseFile, dhcp);
      // Before the log, which only this object's end closes; frames come no earlier than the next turn.
      this.#open(options);
      this.#leases = new LeaseLog(DHCP6_LEASES, leaseFile, read, {
        all: () => this.#server?.leases() ?? [],
        onError: (error) => this.#log.write("warn", "the file of leases was not rewritten", { error: error.message }),
      });
    } catch (error) {
      this.#closeSockets();
      this.#lock.release();
      throw error;
    }
    this.#advertise();
  }

  #open({ namespacePath, interfaceName, interfaceIndex, routesPrefixes }: Ip6ServiceOptions): void {
    if (routesPrefixes === true)
      this.#routes = new DelegatedRoutes(namespacePath, interfaceIndex, (reason) =>
        this.#log.write("warn", "no route to a delegated prefix", { reason }),
      );
    const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
    try {
      this.#socket = new PacketSocket({
        interfaceIndex,
        ...(namespace === undefined ? {} : { namespace }),
        filter: IP6_SERVER_FILTER,
        batch: BATCH_FRAMES,
        receiveBufferBytes: RECEIVE_BUFFER_BYTES,
        onFrames: (frames) => this.#handle(frames),
        onError: (error) => this.#log.write("warn", "IPv6 link error", { error: error.message }),
      });
      const { descriptor, isHeld } = holdPort6(interfaceName, interfaceIndex, namespace);
      this.#portHolder = descriptor;
      if (!isHeld && this.#server !== undefined)
        this.#log.write("warn", "another DHCPv6 server holds port 547 of this interface", {});
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  /** A copy as of now. */
  stats(): Ip6ServiceStats {
    return {
      restored: this.#restored,
      received: { ...this.#received },
      sent: { ...this.#sent },
      ignored: this.#ignored,
      refused: this.#refused,
      notSent: this.#notSent,
    };
  }

  /** All that the server knows, also those that have ended; may be read while it works. */
  leases(): Iterable<Lease6> {
    return this.#server?.leases() ?? [];
  }

  /** How much of the range and of the delegated prefixes is in use; undefined without DHCPv6. */
  pool(): Dhcp6PoolUse | undefined {
    return this.#server?.use(wallSeconds());
  }

  #advertise(): void {
    if (this.#router === undefined || this.#socket === undefined) return;
    const { frames, events } = this.#router.advertise(monotonicSeconds());
    this.#send(frames);
    for (const event of events) this.#record(event);
    this.#schedule(this.#router);
  }

  #schedule(router: Router): void {
    clearTimeout(this.#timer);
    const milliseconds = Math.max(0, 1000 * (router.nextDeadline() - monotonicSeconds()));
    this.#timer = setTimeout(() => this.#advertise(), milliseconds);
  }

  #handle(received: readonly ReceivedFrame[]): void {
    const batch: Batch = { leases: [], delegations: [], promised: [], free: [] };
    for (const { buffer, offset, length, checksumNotReady } of received) {
      if (this.#waiting + batch.leases.length >= WAITING_LEASES) {
        this.#refused++;
        continue;
      }
      const frame = decodeEthernet(buffer.subarray(offset, offset + length));
      if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV6) continue;
      const packet = decodeIpv6(frame.payload);
      if (packet instanceof Malformed) this.#record({ event: "ignored", reason: packet.reason });
      else this.#handlePacket(frame, packet, checksumNotReady, batch);
    }
    this.#send(batch.free);
    if (batch.leases.length > 0) void this.#sendKept(batch);
  }

  #handlePacket(frame: EthernetFrame, packet: Ipv6Packet, checksumNotReady: boolean, batch: Batch): void {
    if (packet.nextHeader === IP_PROTOCOL_ICMPV6) {
      if (this.#router === undefined) return;
      for (const event of this.#router.handle(frame, packet, monotonicSeconds())) this.#record(event);
      this.#schedule(this.#router);
      return;
    }
    if (this.#server === undefined) return;
    const output = this.#server.handle(frame, packet, checksumNotReady, wallSeconds());
    for (const lease of output.leases) {
      batch.leases.push(lease);
      if (lease.kind === "prefix" && output.client !== undefined)
        batch.delegations.push({ lease, router: output.client });
    }
    for (const reply of output.frames) (output.leases.length > 0 ? batch.promised : batch.free).push(reply);
    for (const event of output.events) this.#record(event);
  }

  async #sendKept({ leases, delegations, promised }: Batch): Promise<void> {
    this.#waiting += leases.length;
    try {
      await this.#leases.append(leases);
      this.#onLeases?.(leases);
      if (delegations.length > 0) await this.#routes?.follow(delegations, wallSeconds());
      this.#send(promised);
    } catch (error) {
      this.#notSent += promised.length;
      const code = error instanceof NetloomError ? error.code : "internal";
      this.#log.write("warn", "leases were not kept, so nobody is told of them", { code, error: messageOf(error) });
    } finally {
      this.#waiting -= leases.length;
    }
  }

  #send(frames: readonly Uint8Array[]): void {
    if (frames.length > 0) this.#notSent += frames.length - (this.#socket?.send(frames) ?? 0);
  }

  #record(event: RouterEvent | Dhcp6ServerEvent): void {
    switch (event.event) {
      case "received":
        this.#received[event.message] = (this.#received[event.message] ?? 0) + 1;
        return;
      case "sent": {
        this.#sent[event.message] = (this.#sent[event.message] ?? 0) + 1;
        const leases = event.message === "ROUTER-ADVERTISEMENT" ? [] : event.leases;
        this.#log.write("info", `IPv6 ${event.message}`, leases.length === 0 ? {} : { leases });
        return;
      }
      case "released":
        this.#log.write("info", "DHCPv6 lease released", { lease: event.lease });
        return;
      case "declined":
        this.#log.write("warn", "DHCPv6 address declined: somebody else on the link uses it", { address: event.lease });
        return;
      case "exhausted":
        this.#log.write("warn", "nothing of the DHCPv6 range is free", { kind: event.kind });
        return;
      case "ignored":
        this.#ignored++;
        this.#log.write("debug", "IPv6 packet ignored", { reason: event.reason });
    }
  }

  #closeSockets(): void {
    clearTimeout(this.#timer);
    this.#socket?.close();
    this.#socket = undefined;
    if (this.#portHolder !== undefined) closeDescriptor(this.#portHolder);
    this.#portHolder = undefined;
    this.#routes?.close();
    this.#routes = undefined;
  }

  /**
   * Nothing is sent afterwards; what was promised is on disk.
   * @param farewell hosts are told that the router goes, or what of it: what the next one does not tell any more; false
   * where another process goes on in our place
   */
  async close(farewell: boolean | { readonly next: RouterConfig }): Promise<void> {
    const next = typeof farewell === "object" ? farewell.next.told : undefined;
    if (farewell !== false && this.#router !== undefined) this.#send([this.#router.farewell(next)]);
    this.#closeSockets();
    await this.#leases.close();
    this.#lock.release();
  }
}

function wallSeconds(): number {
  return Date.now() / 1000;
}

/** Of intervals: a clock that is set must not hold up advertisements. */
function monotonicSeconds(): number {
  return performance.now() / 1000;
}
