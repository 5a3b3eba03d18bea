/**
 * The single-client DHCPv4 server on a real link: its machine bound to a packet socket.
 *
 * The socket takes frames whatever their destination MAC and sends whole frames, so neither the server address nor
 * the server MAC needs to be on any interface of the namespace. Bind it to the tap itself: on a bridge above it the
 * replies would also reach the other ports.
 */
import type { Logger } from "../base/logger.ts";
import { PacketSocket, closeDescriptor, openNamespace, type ReceivedFrame } from "../kernel/native.ts";
import { RouteNetlink } from "../kernel/netlink.ts";
import { DHCP_SERVER_FILTER } from "../kernel/packet-filter.ts";
import { decodeLink, getLink } from "../netlink/route/link.ts";
import { BoundedLog } from "./bounded-log.ts";
import { SingleDhcp4Server, type SingleServerConfig, type SingleServerEvent } from "../protocol/dhcp4/single-server.ts";

interface SingleDhcpOptions {
  /** Path of the network namespace; absent: our own. */
  readonly namespacePath?: string;
  /** The link, by name or by its index in that namespace. */
  readonly link: string | number;
  readonly config: SingleServerConfig;
  readonly logger: Logger;
  /** Seconds of a clock that does not go back; default the process's monotonic clock. */
  readonly nowSeconds?: () => number;
}

/** What happened since the start. */
interface SingleDhcpStats {
  /** Requests of the client by message type: DISCOVER, REQUEST, INFORM, RELEASE, DECLINE. */
  readonly received: Readonly<Record<string, number>>;
  /** Replies by message type: OFFER, ACK, NAK. */
  readonly sent: Readonly<Record<string, number>>;
  readonly arpAnswered: number;
  /** Frames that met silence: other clients, broken ones, DISCOVER while the address is held back. */
  readonly ignored: number;
  /** Replies that the kernel did not take; the client asks again. */
  readonly notSent: number;
}

export interface SingleDhcpService {
  /** A copy as of now. */
  stats(): SingleDhcpStats;
  /** Ends the service; nothing is sent afterwards. Repeating is harmless. */
  close(): void;
}

/**
 * Serve one client on one link until `close()`. A link that goes down stays served: answers resume when it is up.
 *
 * @throws NetloomError bad-dhcp-lease, bad-option, bad-domain-name for a lease that options cannot carry;
 * SystemCallError when namespace or link do not exist or the privilege for a packet socket is missing
 */
export async function serveSingleDhcp(options: SingleDhcpOptions): Promise<SingleDhcpService> {
  const machine = new SingleDhcp4Server(options.config);
  const interfaceIndex = typeof options.link === "number" ? options.link : await findLink(options, options.link);
  const service = new Service(machine, options);
  const namespace = options.namespacePath === undefined ? undefined : openNamespace(options.namespacePath);
  try {
    service.open(interfaceIndex, namespace);
  } finally {
    if (namespace !== undefined) closeDescriptor(namespace);
  }
  return service;
}

async function findLink({ namespacePath }: SingleDhcpOptions, name: string): Promise<number> {
  const netlink = RouteNetlink.open(namespacePath === undefined ? {} : { namespacePath });
  try {
    const link = await netlink.get(getLink({ name }), decodeLink);
    return link.index;
  } finally {
    netlink.close();
  }
}

class Service implements SingleDhcpService {
  readonly #machine: SingleDhcp4Server;
  readonly #log: BoundedLog;
  readonly #nowSeconds: () => number;
  readonly #received: Record<string, number> = {};
  readonly #sent: Record<string, number> = {};
  #arpAnswered = 0;
  #ignored = 0;
  #notSent = 0;
  #socket: PacketSocket | undefined;

  constructor(machine: SingleDhcp4Server, { config, link, logger, nowSeconds }: SingleDhcpOptions) {
    this.#machine = machine;
    this.#nowSeconds = nowSeconds ?? (() => performance.now() / 1000);
    this.#log = new BoundedLog(logger, { link, clientMac: config.clientMac });
  }

  open(interfaceIndex: number, namespace: number | undefined): void {
    this.#socket = new PacketSocket({
      interfaceIndex,
      ...(namespace === undefined ? {} : { namespace }),
      filter: DHCP_SERVER_FILTER,
      batch: 16,
      onFrames: (frames) => {
        for (const frame of frames) this.#handle(frame);
      },
      onError: (error) => {
        this.#log.write("warn", "DHCP link error", { error: error.message });
      },
    });
  }

  stats(): SingleDhcpStats {
    return {
      received: { ...this.#received },
      sent: { ...this.#sent },
      arpAnswered: this.#arpAnswered,
      ignored: this.#ignored,
      notSent: this.#notSent,
    };
  }

  close(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #handle({ buffer, offset, length, checksumNotReady }: ReceivedFrame): void {
    const frame = buffer.subarray(offset, offset + length);
    const { frames, events } = this.#machine.handle({ frame, checksumNotReady }, this.#nowSeconds());
    const taken = frames.length === 0 ? 0 : (this.#socket?.send(frames) ?? 0);
    this.#notSent += frames.length - taken;
    for (const event of events) this.#record(event);
  }

  #record(event: SingleServerEvent): void {
    switch (event.event) {
      case "received":
        this.#received[event.message] = (this.#received[event.message] ?? 0) + 1;
        return;
      case "sent": {
        this.#sent[event.message] = (this.#sent[event.message] ?? 0) + 1;
        const { address, omittedOptions } = event;
        this.#log.write("info", `DHCP ${event.message}`, address === undefined ? {} : { address });
        if (omittedOptions.length > 0) this.#log.write("warn", "DHCP options found no room", { omittedOptions });
        return;
      }
      case "answered-arp":
        this.#arpAnswered++;
        return;
      case "released":
        this.#log.write("info", "DHCP address released", { address: event.address });
        return;
      case "declined":
        this.#log.write("warn", "DHCP address declined: somebody else on the link uses it", {
          address: event.address,
          offeredAgainAfterSeconds: event.holdSeconds,
        });
        return;
      case "ignored":
        this.#ignored++;
        this.#log.write("debug", "DHCP frame ignored", { reason: event.reason });
    }
  }
}
