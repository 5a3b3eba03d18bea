/** The DHCPv4 client on a real link: its machine bound to a packet socket and a timer. */
import type { Ipv4Address } from "../base/address.ts";
import type { Logger } from "../base/logger.ts";
import { closeDescriptor, PacketSocket, type ReceivedFrame } from "../kernel/native.ts";
import { DHCP_CLIENT_AND_ARP_FILTER } from "../kernel/packet-filter.ts";
import { Dhcp4Client } from "../protocol/dhcp4/client/client.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientEvent, Dhcp4ClientInput } from "../protocol/dhcp4/client/input-output.ts";
import type { Dhcp4ClientState } from "../protocol/dhcp4/client/phase.ts";
import { DHCP4_CLIENT_PORT } from "../wire/dhcp4/message.ts";
import { BoundedLog } from "./bounded-log.ts";
import { Alarm, steadySeconds, randomShare } from "./clock.ts";
import { holdPort } from "./hold-port.ts";

interface DhcpClientOptions {
  /** In our own namespace. */
  readonly interfaceIndex: number;
  readonly config: Omit<Dhcp4ClientConfig, "random">;
  /** What happens to the lease; `endSeconds` is of `steadySeconds`. */
  readonly onEvent: (event: Dhcp4ClientEvent) => void;
  readonly logger: Logger;
}

export class DhcpClient implements Disposable {
  readonly #machine: Dhcp4Client;
  readonly #socket: PacketSocket;
  readonly #onEvent: (event: Dhcp4ClientEvent) => void;
  readonly #log: BoundedLog;
  /** Whether the address is going to be on the interface. */
  readonly #used: boolean;
  readonly #alarm = new Alarm(() => this.#give({ input: "time" }));
  #held: { readonly address: Ipv4Address; readonly descriptor: number | undefined } | undefined;
  #closed = false;

  /**
   * Opens the link; nothing is sent before {@link start}.
   * @throws NetloomError bad-option; SystemCallError ENODEV, EPERM without CAP_NET_RAW
   */
  constructor({ interfaceIndex, config, onEvent, logger }: DhcpClientOptions) {
    this.#machine = new Dhcp4Client({ ...config, random: randomShare });
    this.#onEvent = onEvent;
    this.#log = new BoundedLog(logger, {});
    this.#socket = new PacketSocket({
      interfaceIndex,
      filter: DHCP_CLIENT_AND_ARP_FILTER,
      batch: 16,
      onFrames: (frames) => {
        for (const frame of frames) this.#receive(frame);
      },
      onError: (error) => this.#log.write("warn", "DHCP link error", { error: error.message }),
    });
    this.#used = config.announce !== false;
  }

  get state(): Dhcp4ClientState {
    return this.#machine.state;
  }

  /** When the client does something by itself, of `steadySeconds`: it renews a lease that it holds; undefined: never. */
  nextDeadline(): number | undefined {
    return this.#machine.nextDeadline();
  }

  /** Ask; a link that is down is asked again when it is up. */
  start(): void {
    this.#give({ input: "start" });
  }

  /** The link has a carrier again: what is held is asked for at once, and stays meanwhile. */
  attached(): void {
    this.#give({ input: "attached" });
  }

  /** Keeps the kernel from refusing the server's unicast to the address, which is read below it. */
  #holdPortOf(address: Ipv4Address): void {
    if (this.#held?.address === address) return;
    this.#letPortGo();
    this.#held = { address, descriptor: holdPort(address, DHCP4_CLIENT_PORT) };
  }

  /** Tell the server that the address is not used any more. Nothing else is sent afterwards. */
  release(): void {
    this.#give({ input: "release" });
  }

  /** No event comes afterwards; repeating is harmless. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#alarm[Symbol.dispose]();
    this.#socket.close();
    this.#letPortGo();
  }

  #letPortGo(): void {
    if (this.#held?.descriptor !== undefined) closeDescriptor(this.#held.descriptor);
    this.#held = undefined;
  }

  #receive({ buffer, offset, length, checksumNotReady }: ReceivedFrame): void {
    this.#give({ input: "frame", frame: buffer.subarray(offset, offset + length), checksumNotReady });
  }

  #give(input: Dhcp4ClientInput): void {
    if (this.#closed) return;
    const { frames, events } = this.#machine.handle(input, steadySeconds());
    if (frames.length > 0) this.#socket.send(frames);
    this.#alarm.set(this.#machine.nextDeadline());
    for (const event of events) {
      if (this.#used && (event.event === "bound" || event.event === "extended")) this.#holdPortOf(event.lease.address);
      this.#tell(event);
      this.#onEvent(event);
    }
  }

  #tell(event: Dhcp4ClientEvent): void {
    switch (event.event) {
      case "sent":
        this.#log.write("info", `DHCP ${event.message}`, event.address === undefined ? {} : { address: event.address });
        return;
      case "offered":
        this.#log.write("info", "DHCP offer", { address: event.address, server: event.server });
        return;
      case "refused":
        this.#log.write("warn", "DHCP server refused", {
          ...(event.server === undefined ? {} : { server: event.server }),
          ...(event.message === undefined ? {} : { message: JSON.stringify(event.message) }),
        });
        return;
      case "conflict":
        this.#log.write("warn", "DHCP address declined: somebody else on the link uses it", {
          address: event.address,
          macAddress: event.macAddress,
        });
        return;
      case "lost":
        this.#log.write(event.reason === "released" ? "info" : "warn", "DHCP lease lost", {
          address: event.address,
          reason: event.reason,
        });
        return;
      case "ipv6-only":
        this.#log.write("info", "the network does without IPv4", {
          seconds: Math.round(event.untilSeconds - steadySeconds()),
        });
        return;
      case "ignored":
        this.#log.write("debug", "DHCP frame ignored", { reason: event.reason });
        return;
      case "bound":
      case "extended":
    }
  }
}
