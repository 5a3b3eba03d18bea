/** The DHCPv6 client on a real link: its machine bound to a packet socket and a timer. */
import type { Ipv6Address } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, PacketSocket } from "../kernel/native.ts";
import { DHCP6_CLIENT_FILTER } from "../kernel/packet-filter.ts";
import { Dhcp6Client } from "../protocol/dhcp6/client/client.ts";
import type { Dhcp6ClientConfig, Dhcp6ClientEvent, Dhcp6ClientInput } from "../protocol/dhcp6/client/input-output.ts";
import type { Dhcp6ClientState } from "../protocol/dhcp6/client/phase.ts";
import { BoundedLog } from "./bounded-log.ts";
import { Alarm, steadySeconds, randomShare } from "./clock.ts";
import { holdClientPort6 } from "./hold-port6.ts";

interface Dhcp6LinkClientOptions {
  /** In our own namespace. */
  readonly interfaceName: string;
  readonly interfaceIndex: number;
  readonly config: Omit<Dhcp6ClientConfig, "random">;
  /** What happens to the lease; times are of `steadySeconds`. */
  readonly onEvent: (event: Dhcp6ClientEvent) => void;
  readonly logger: Logger;
}

export class Dhcp6LinkClient implements Disposable {
  readonly #machine: Dhcp6Client;
  readonly #socket: PacketSocket;
  readonly #portHolder: number;
  readonly #onEvent: (event: Dhcp6ClientEvent) => void;
  readonly #log: BoundedLog;
  readonly #alarm = new Alarm(() => this.#give({ input: "time" }));
  #released = Promise.withResolvers<void>();
  #closed = false;

  /**
   * Opens the link; nothing is sent before {@link start}.
   * @throws NetloomError bad-domain-name; SystemCallError ENODEV, EPERM without CAP_NET_RAW
   */
  constructor({ interfaceName, interfaceIndex, config, onEvent, logger }: Dhcp6LinkClientOptions) {
    this.#machine = new Dhcp6Client({ ...config, random: randomShare });
    this.#onEvent = onEvent;
    this.#log = new BoundedLog(logger, { interface: interfaceName });
    const { descriptor, isHeld } = holdClientPort6(interfaceName, interfaceIndex);
    this.#portHolder = descriptor;
    if (!isHeld) this.#log.write("warn", "another DHCPv6 client holds port 546 of this interface", {});
    try {
      this.#socket = new PacketSocket({
        interfaceIndex,
        filter: DHCP6_CLIENT_FILTER,
        batch: 16,
        onFrames: (frames) => {
          for (const { buffer, offset, length, checksumNotReady } of frames)
            this.#give({ input: "frame", frame: buffer.subarray(offset, offset + length), checksumNotReady });
        },
        onError: (error) => this.#log.write("warn", "DHCPv6 link error", { error: error.message }),
      });
    } catch (error) {
      closeDescriptor(descriptor);
      throw error;
    }
  }

  get state(): Dhcp6ClientState {
    return this.#machine.state;
  }

  /** When the client does something by itself, of `steadySeconds`; undefined: never. */
  nextDeadline(): number | undefined {
    return this.#machine.nextDeadline();
  }

  start(): void {
    this.#give({ input: "start" });
  }

  /** The link has a carrier again: what is held is confirmed at once, and stays meanwhile. */
  attached(): void {
    this.#give({ input: "attached" });
  }

  /** Somebody on the link has the address already: the server is told. */
  conflict(address: Ipv6Address): void {
    this.#give({ input: "conflict", address });
  }

  /** Tell the server that the lease is not used any more. Resolves when it has answered, or nobody does. */
  release(): Promise<void> {
    this.#give({ input: "release" });
    return this.#released.promise;
  }

  /** No event comes afterwards; repeating is harmless. */
  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#alarm[Symbol.dispose]();
    this.#socket.close();
    closeDescriptor(this.#portHolder);
    this.#released.resolve();
  }

  #give(input: Dhcp6ClientInput): void {
    if (this.#closed) return;
    const { frames, events } = this.#machine.handle(input, steadySeconds());
    if (frames.length > 0) this.#socket.send(frames);
    this.#alarm.set(this.#machine.nextDeadline());
    for (const event of events) {
      this.#tell(event);
      if (event.event === "released") this.#released.resolve();
      this.#onEvent(event);
    }
  }

  #tell(event: Dhcp6ClientEvent): void {
    switch (event.event) {
      case "sent":
        this.#log.write("info", `DHCPv6 ${event.message}`, {});
        return;
      case "advertised":
        this.#log.write("info", "DHCPv6 offer", { server: event.server, preference: event.preference });
        return;
      case "refused":
        this.#log.write("warn", "DHCPv6 server refused", {
          status: event.status,
          ...(event.message === "" ? {} : { message: JSON.stringify(event.message) }),
        });
        return;
      case "declined":
        this.#log.write("warn", "DHCPv6 address declined: somebody else on the link uses it", {
          address: event.address,
        });
        return;
      case "lost":
        this.#log.write(event.reason === "released" ? "info" : "warn", "DHCPv6 lease lost", { reason: event.reason });
        return;
      case "ignored":
        this.#log.write("debug", "DHCPv6 frame ignored", { reason: event.reason });
        return;
      case "bound":
      case "changed":
      case "released":
      case "informed":
    }
  }
}
