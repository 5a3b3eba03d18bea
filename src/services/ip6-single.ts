/**
 * Router advertisements and DHCPv6 for one guest on a real link: both machines bound to one packet socket.
 *
 * As for DHCPv4 the socket sits on the tap itself, takes frames whatever their destination MAC and sends whole ones, so
 * that none of the addresses need be on an interface.
 */
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, openNamespace, PacketSocket, type ReceivedFrame } from "../kernel/native.ts";
import { GUEST_IP6_FILTER } from "../kernel/packet-filter.ts";
import { type SingleServer6Event, SingleDhcp6Server } from "../protocol/dhcp6/single-server.ts";
import type { GuestPlace6 } from "../protocol/guest-lease6.ts";
import { SingleRouter, type SingleRouterEvent } from "../protocol/ndp/single-router.ts";
import { decodeEthernet, ETHERTYPE_IPV6 } from "../wire/ethernet.ts";
import { IP_PROTOCOL_ICMPV6 } from "../wire/icmpv6.ts";
import { decodeIpv6 } from "../wire/ipv6.ts";
import { Malformed } from "../wire/malformed.ts";
import { BoundedLog } from "./bounded-log.ts";

interface SingleIp6Options {
  readonly namespacePath: string;
  readonly interfaceIndex: number;
  readonly place: GuestPlace6;
  readonly logger: Logger;
}

/** What happened since the start, by message: "SOLICIT", "ROUTER-ADVERTISEMENT", … */
interface SingleIp6Stats {
  readonly received: Readonly<Record<string, number>>;
  readonly sent: Readonly<Record<string, number>>;
  readonly ignored: number;
  /** Answers that the kernel did not take; the guest asks again. */
  readonly notSent: number;
}

/** Serve one guest on one link until it is closed. @throws NetloomError bad-domain-name; SystemCallError */
export class SingleIp6Server {
  readonly #router: SingleRouter;
  readonly #dhcp: SingleDhcp6Server;
  readonly #log: BoundedLog;
  readonly #received: Record<string, number> = {};
  readonly #sent: Record<string, number> = {};
  #ignored = 0;
  #notSent = 0;
  #socket: PacketSocket | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ namespacePath, interfaceIndex, place, logger }: SingleIp6Options) {
    this.#router = new SingleRouter(place, nowSeconds(), Math.random);
    this.#dhcp = new SingleDhcp6Server(place);
    this.#log = new BoundedLog(logger, { interfaceIndex, clientMac: place.clientMac });
    const namespace = openNamespace(namespacePath);
    try {
      this.#socket = new PacketSocket({
        interfaceIndex,
        namespace,
        filter: GUEST_IP6_FILTER,
        batch: 16,
        onFrames: (frames) => {
          for (const frame of frames) this.#handle(frame);
        },
        onError: (error) => this.#log.write("warn", "IPv6 link error", { error: error.message }),
      });
    } finally {
      closeDescriptor(namespace);
    }
    this.#advertise();
  }

  stats(): SingleIp6Stats {
    return {
      received: { ...this.#received },
      sent: { ...this.#sent },
      ignored: this.#ignored,
      notSent: this.#notSent,
    };
  }

  /** @param farewell the guest is told that the router goes; false where another process goes on in our place */
  close(farewell: boolean): void {
    clearTimeout(this.#timer);
    if (farewell) this.#send(this.#router.farewell());
    this.#socket?.close();
    this.#socket = undefined;
  }

  #advertise(): void {
    const { frames, events } = this.#router.advertise(nowSeconds());
    this.#send(frames);
    for (const event of events) this.#record(event);
    const milliseconds = Math.max(0, 1000 * (this.#router.nextDeadline() - nowSeconds()));
    this.#timer = setTimeout(() => this.#advertise(), milliseconds).unref();
  }

  #handle({ buffer, offset, length, checksumNotReady }: ReceivedFrame): void {
    const frame = decodeEthernet(buffer.subarray(offset, offset + length));
    if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV6) return;
    const packet = decodeIpv6(frame.payload);
    if (packet instanceof Malformed) {
      this.#record({ event: "ignored", reason: packet.reason });
      return;
    }
    const { frames, events } =
      packet.nextHeader === IP_PROTOCOL_ICMPV6
        ? this.#router.handle(frame, packet)
        : this.#dhcp.handle(frame, packet, checksumNotReady);
    this.#send(frames);
    for (const event of events) this.#record(event);
  }

  #send(frames: readonly Uint8Array[]): void {
    const taken = frames.length === 0 ? 0 : (this.#socket?.send([...frames]) ?? 0);
    this.#notSent += frames.length - taken;
  }

  #record(event: SingleRouterEvent | SingleServer6Event): void {
    switch (event.event) {
      case "received":
        this.#received[event.message] = (this.#received[event.message] ?? 0) + 1;
        return;
      case "sent":
        this.#sent[event.message] = (this.#sent[event.message] ?? 0) + 1;
        // Neighbour discovery goes on all the time.
        if (event.message !== "NEIGHBOUR-ADVERTISEMENT") this.#log.write("info", `IPv6 ${event.message}`, {});
        return;
      case "released":
        this.#log.write("info", "DHCPv6 addresses released", { addresses: event.addresses });
        return;
      case "declined":
        this.#log.write("warn", "DHCPv6 addresses declined: somebody else on the link uses them", {
          addresses: event.addresses,
        });
        return;
      case "ignored":
        this.#ignored++;
        this.#log.write("debug", "IPv6 frame ignored", { reason: event.reason });
    }
  }
}

function nowSeconds(): number {
  return performance.now() / 1000;
}
