/**
 * The DHCPv4 server of a subnet on a real link: its machine bound to a packet socket and to a log of leases.
 *
 * The packet socket sees clients that have no address yet, renewals and what relays send, and answers go back as
 * frames to where the request came from. Frames come in batches; what a batch makes durable is synced at once, and its
 * ACKs leave after that, while offers and refusals do not wait for the disk.
 */
import { NetloomError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { BridgePorts } from "../kernel/bridge-ports.ts";
import { closeDescriptor, openNamespace, PacketSocket, type ReceivedFrame } from "../kernel/native.ts";
import { DHCP_REQUEST_AND_PROBE_FILTER, DHCP_REQUEST_FILTER } from "../kernel/packet-filter.ts";
import type { Dhcp4Class, Dhcp4ServerConfig } from "../protocol/dhcp4/server/config.ts";
import type { Lease } from "../protocol/dhcp4/server/lease.ts";
import { Dhcp4Server, type Dhcp4ServerEvent, type Dhcp4ServerOutput } from "../protocol/dhcp4/server/server.ts";
import { DHCP4_LEASES } from "../store/lease-log/dhcp4.ts";
import { LeaseLog, scanLeaseLog } from "../store/lease-log/lease-log.ts";
import { type Lock, takeLock } from "../store/lock.ts";
import { poolSize, writePoolNote } from "../store/pool-note.ts";
import { DHCP4_SERVER_PORT } from "../wire/dhcp4/message.ts";
import { BoundedLog } from "./bounded-log.ts";
import { type LocatedFrame, NewcomerQueue } from "./newcomer-queue.ts";
import { holdPort } from "./hold-port.ts";

const BATCH_FRAMES = 256;
/** A power cut ends, and all hosts of the link ask at one time. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** ACKs that wait for the disk; with more of them further requests are not taken in, the clients repeat them. */
const WAITING_FRAMES = 4096;
/** How often it is told, while it lasts, that a limit keeps clients from something. */
const LIMIT_TOLD_SECONDS = 60;

interface Dhcp4ServiceOptions {
  /** Default: our own network namespace. */
  readonly namespacePath?: string;
  readonly interfaceIndex: number;
  /** With `hasPorts` the interface is a bridge. */
  readonly config: Dhcp4ServerConfig;
  /** Where the leases are kept; its folder exists. */
  readonly leaseFile: string;
  readonly logger: Logger;
  /** Leases that were given, renewed or ended, once they are on disk and before their clients hear of them. */
  readonly onLeases?: (leases: readonly Lease[]) => void;
  /** Fields of every line of the log. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** How much of a server's addresses is in use. */
interface Dhcp4PoolUse {
  /** That can be given to whoever asks. */
  readonly addresses: number;
  readonly given: number;
  /** Somebody else was found to use them. */
  readonly declined: number;
  readonly free: number;
}

/** What happened since the start. */
interface Dhcp4ServiceStats {
  /** Leases taken up from the file. */
  readonly restored: number;
  /** Messages by type. */
  readonly received: Readonly<Record<string, number>>;
  readonly sent: Readonly<Record<string, number>>;
  /** Frames that met silence. */
  readonly ignored: number;
  /** How often a limit of the configuration was reached, by its name. */
  readonly limited: Readonly<Record<string, number>>;
  /** Addresses that were probed before they were offered, and those of them that somebody else had. */
  readonly probed: number;
  readonly conflicts: number;
  /** Frames that came while too many waited for the disk, or for the bridge to tell their port. */
  readonly refused: number;
  /** Replies that the kernel did not take; the client asks again. */
  readonly notSent: number;
}

/** What several frames that came at one time lead to. */
interface Batch {
  readonly leases: Lease[];
  /** To be sent when the leases are on disk. */
  readonly promised: Uint8Array[];
  /** To be sent at once. */
  readonly free: Uint8Array[];
}

/** Replies that leave together, once what they promise is on disk. */
interface Group {
  readonly kept: Promise<void>;
  readonly leases: Lease[];
  readonly frames: Uint8Array[];
}

/** Each is logged a few times in a while only. */
const SENT_LINES = { OFFER: "DHCP OFFER", ACK: "DHCP ACK", NAK: "DHCP NAK", BOOTP: "DHCP BOOTP" } as const;

export class Dhcp4Service implements AsyncDisposable {
  readonly #machine: Dhcp4Server;
  readonly #log: BoundedLog;
  readonly #leases: LeaseLog<Lease>;
  readonly #lock: Lock;
  readonly #restored: number;
  readonly #addresses: number;
  readonly #received: Record<string, number> = {};
  readonly #sent: Record<string, number> = {};
  readonly #limited: Record<string, number> = {};
  readonly #limitTold = new Map<string, number>();
  readonly #onLeases: ((leases: readonly Lease[]) => void) | undefined;
  readonly #newcomers: NewcomerQueue | undefined;
  #probed = 0;
  #conflicts = 0;
  #ignored = 0;
  #refused = 0;
  #notSent = 0;
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerSeconds: number | undefined;
  #group: Group | undefined;
  #socket: PacketSocket | undefined;
  #portHolder: number | undefined;

  /**
   * Serve until closed. A link that goes down stays served: answers resume when it is up.
   * @throws NetloomError bad-dhcp-server, locked when another server uses the file, bad-lease-log, write-failed;
   * SystemCallError when the link does not exist or the privilege for a packet socket is missing
   */
  constructor({ namespacePath, interfaceIndex, config, leaseFile, logger, onLeases, about = {} }: Dhcp4ServiceOptions) {
    this.#onLeases = onLeases;
    this.#machine = new Dhcp4Server(config, nowSeconds());
    this.#log = new BoundedLog(logger, about);
    if (config.hasPorts === true)
      this.#newcomers = new NewcomerQueue({
        ports: new BridgePorts(interfaceIndex, namespacePath),
        onLocated: (frames) => this.#handleLocated(frames),
        onError: (error) => this.#log.write("warn", "ports of the bridge", { error: messageOf(error) }),
      });
    this.#lock = takeLock(`${leaseFile}.lock`, `serve DHCP as ${config.serverAddress}`);
    try {
      const read = scanLeaseLog(DHCP4_LEASES, leaseFile, (lease) => void this.#machine.restore(lease));
      if (read.damagedBytes > 0)
        this.#log.write("warn", "a part of the leases was damaged", { file: leaseFile, bytes: read.damagedBytes });
      this.#restored = count(this.#machine.leases());
      this.#addresses = poolSize(writePoolNote(leaseFile, config));
      const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
      try {
        this.#open(interfaceIndex, config, namespace);
      } finally {
        if (namespace !== undefined) closeDescriptor(namespace);
      }
      this.#leases = new LeaseLog(DHCP4_LEASES, leaseFile, read, {
        all: () => this.#machine.leases(),
        onError: (error) => this.#log.write("warn", "the file of leases was not rewritten", { error: error.message }),
      });
    } catch (error) {
      this.#closeSockets();
      this.#lock.release();
      throw error;
    }
  }

  /** Clients are told something else from now on. @throws NetloomError as {@link Dhcp4Server.setClasses} */
  setClasses(classes: readonly Dhcp4Class[]): void {
    this.#machine.setClasses(classes);
  }

  #open(interfaceIndex: number, { serverAddress, probe }: Dhcp4ServerConfig, namespace: number | undefined): void {
    this.#socket = new PacketSocket({
      interfaceIndex,
      ...(namespace === undefined ? {} : { namespace }),
      filter: probe === undefined ? DHCP_REQUEST_FILTER : DHCP_REQUEST_AND_PROBE_FILTER,
      batch: BATCH_FRAMES,
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      onFrames: (frames) => this.#handle(frames),
      onError: (error) => this.#log.write("warn", "DHCP link error", { error: error.message }),
    });
    this.#portHolder = holdPort(serverAddress, DHCP4_SERVER_PORT, namespace, interfaceIndex);
    if (this.#portHolder === undefined)
      this.#log.write("warn", "another DHCP server holds port 67 of this address", { address: serverAddress });
  }

  #handle(received: readonly ReceivedFrame[]): void {
    const now = nowSeconds();
    const batch: Batch = { leases: [], promised: [], free: [] };
    for (const { buffer, offset, length, checksumNotReady } of received) {
      if (this.#waiting + batch.promised.length >= WAITING_FRAMES) {
        this.#refused++;
        continue;
      }
      const frame = new Uint8Array(buffer.buffer, buffer.byteOffset + offset, length);
      const output = this.#machine.handle({ frame, checksumNotReady }, now);
      if (output.asksForPort !== true) this.#collect(output, batch);
      else if (this.#newcomers?.add(frame, checksumNotReady) !== true) this.#refused++;
    }
    this.#finish(batch, now);
  }

  #handleLocated(located: readonly LocatedFrame[]): void {
    if (this.#socket === undefined) return;
    const now = nowSeconds();
    const batch: Batch = { leases: [], promised: [], free: [] };
    for (const frame of located) this.#collect(this.#machine.handle(frame, now), batch);
    this.#finish(batch, now);
  }

  #collect({ leases, frames, events }: Dhcp4ServerOutput, batch: Batch): void {
    for (const lease of leases) batch.leases.push(lease);
    for (const reply of frames) (leases.length > 0 ? batch.promised : batch.free).push(reply);
    for (const event of events) this.#record(event);
  }

  #finish({ leases, promised, free }: Batch, now: number): void {
    this.#send(free);
    if (leases.length > 0) this.#sendOnceKept(leases, promised);
    this.#arm(now);
  }

  /** Be back when the machine's next probe ends. */
  #arm(now: number): void {
    const deadline = this.#socket === undefined ? undefined : this.#machine.nextDeadline();
    if (deadline === this.#timerSeconds) return;
    clearTimeout(this.#timer);
    this.#timerSeconds = deadline;
    if (deadline === undefined) return;
    this.#timer = setTimeout(() => this.#handleDeadline(), Math.max(0, Math.ceil((deadline - now) * 1000)));
  }

  #handleDeadline(): void {
    const now = nowSeconds();
    const batch: Batch = { leases: [], promised: [], free: [] };
    this.#timerSeconds = undefined;
    this.#collect(this.#machine.handleDeadline(now), batch);
    this.#finish(batch, now);
  }

  #sendOnceKept(leases: readonly Lease[], frames: readonly Uint8Array[]): void {
    this.#waiting += frames.length;
    const kept = this.#leases.append(leases);
    if (this.#group?.kept === kept) {
      for (const frame of frames) this.#group.frames.push(frame);
      for (const lease of leases) this.#group.leases.push(lease);
      return;
    }
    this.#group = { kept, leases: [...leases], frames: [...frames] };
    void this.#sendGroup(this.#group);
  }

  async #sendGroup({ kept, leases, frames }: Group): Promise<void> {
    try {
      await kept;
      this.#onLeases?.(leases);
      this.#send(frames);
    } catch (error) {
      this.#notSent += frames.length;
      const code = error instanceof NetloomError ? error.code : "internal";
      this.#log.write("warn", "leases were not kept, so nobody is told of them", { code, error: messageOf(error) });
    } finally {
      this.#waiting -= frames.length;
    }
  }

  #send(frames: readonly Uint8Array[]): void {
    if (frames.length > 0) this.#notSent += frames.length - (this.#socket?.send(frames) ?? 0);
  }

  #record(event: Dhcp4ServerEvent): void {
    switch (event.event) {
      case "received":
        this.#received[event.message] = (this.#received[event.message] ?? 0) + 1;
        return;
      case "sent": {
        const { message, address, omittedOptions } = event;
        this.#sent[message] = (this.#sent[message] ?? 0) + 1;
        this.#log.write("info", SENT_LINES[message], address === undefined ? {} : { address });
        if (omittedOptions.length > 0) this.#log.write("warn", "DHCP options found no room", { omittedOptions });
        return;
      }
      case "released":
        this.#log.write("info", "DHCP address released", { address: event.address });
        return;
      case "declined":
        this.#log.write("warn", "DHCP address declined: somebody else on the link uses it", { address: event.address });
        return;
      case "conflict":
        this.#conflicts++;
        this.#log.write("warn", "DHCP address not offered: somebody on the link uses it", { address: event.address });
        return;
      case "probed":
        this.#probed++;
        return;
      case "limited":
        this.#limited[event.limit] = (this.#limited[event.limit] ?? 0) + 1;
        this.#tellLimit(event.limit);
        return;
      case "exhausted":
        this.#log.write("warn", "no address of the range is free", {});
        return;
      case "ignored":
        this.#ignored++;
        this.#log.write("debug", "DHCP frame ignored", { reason: event.reason });
    }
  }

  #tellLimit(limit: string): void {
    const now = nowSeconds();
    if (now - (this.#limitTold.get(limit) ?? Number.NEGATIVE_INFINITY) < LIMIT_TOLD_SECONDS) return;
    this.#limitTold.set(limit, now);
    this.#log.write("warn", "DHCP limit reached", { limit, times: this.#limited[limit] });
  }

  /** All that the server knows, also those that have ended; may be read while it works. */
  leases(): Iterable<Lease> {
    return this.#machine.leases();
  }

  /** How much of the ranges is in use. */
  pool(): Dhcp4PoolUse {
    const { given, declined } = this.#machine.use(nowSeconds());
    return { addresses: this.#addresses, given, declined, free: this.#addresses - given - declined };
  }

  /** A copy as of now. */
  stats(): Dhcp4ServiceStats {
    return {
      restored: this.#restored,
      received: { ...this.#received },
      sent: { ...this.#sent },
      ignored: this.#ignored,
      limited: { ...this.#limited },
      probed: this.#probed,
      conflicts: this.#conflicts,
      refused: this.#refused,
      notSent: this.#notSent,
    };
  }

  #closeSockets(): void {
    this.#newcomers?.[Symbol.dispose]();
    this.#socket?.close();
    this.#socket = undefined;
    if (this.#portHolder !== undefined) closeDescriptor(this.#portHolder);
    this.#portHolder = undefined;
    clearTimeout(this.#timer);
  }

  /** Nothing is sent afterwards; what was promised is on disk. */
  async close(): Promise<void> {
    this.#closeSockets();
    await this.#leases.close();
    this.#lock.release();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** Without holding them all. */
function count(values: Iterable<unknown>): number {
  const iterator = values[Symbol.iterator]();
  let found = 0;
  while (iterator.next().done !== true) found++;
  return found;
}

function nowSeconds(): number {
  return Date.now() / 1000;
}
