/** What a DHCPv4 client says while it handles one input: frames for the link, events for whoever runs it. */
import type { Ipv4Address } from "../../../base/address.ts";
import { type Destination, encodeAnnouncement, encodeProbe, encodeRequestFrame, TO_ALL } from "./frames.ts";
import type { Dhcp4ClientConfig, Dhcp4ClientEvent, Dhcp4ClientOutput } from "./input-output.ts";
import { type ClientRequest, encodeRequest } from "./messages.ts";
import { type LeaseSource, toServer } from "./phase.ts";

export class Outbox {
  readonly #config: Dhcp4ClientConfig;
  #frames: Uint8Array[] = [];
  #events: Dhcp4ClientEvent[] = [];

  constructor(config: Dhcp4ClientConfig) {
    this.#config = config;
  }

  /** All that was said since the last time. */
  take(): Dhcp4ClientOutput {
    const output = { frames: this.#frames, events: this.#events };
    this.#frames = [];
    this.#events = [];
    return output;
  }

  tell(event: Dhcp4ClientEvent): void {
    this.#events.push(event);
  }

  ignore(reason: string): void {
    this.tell({ event: "ignored", reason });
  }

  transactionId(): number {
    return Math.floor(this.#config.random() * 2 ** 32);
  }

  send(request: ClientRequest, to: Destination = TO_ALL): void {
    this.#frames.push(encodeRequestFrame(encodeRequest(request, this.#config), this.#config.mac, to));
    const address = request.requestedAddress ?? request.clientAddress;
    this.tell({ event: "sent", message: request.type, ...(address === undefined ? {} : { address }) });
  }

  release(lease: LeaseSource): void {
    const { address: clientAddress, server } = lease;
    this.send(
      { type: "RELEASE", transactionId: this.transactionId(), elapsedSeconds: 0, clientAddress, server },
      toServer(lease),
    );
  }

  decline({ address: requestedAddress, server }: LeaseSource): void {
    this.send({ type: "DECLINE", transactionId: this.transactionId(), elapsedSeconds: 0, requestedAddress, server });
  }

  probe(address: Ipv4Address): void {
    this.#frames.push(encodeProbe(this.#config.mac, address));
  }

  /** Unless nobody is going to use the address. */
  announce(address: Ipv4Address): void {
    if (this.#config.announce !== false) this.#frames.push(encodeAnnouncement(this.#config.mac, address));
  }
}
