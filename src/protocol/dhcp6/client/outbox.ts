/** What a DHCPv6 client says while it handles one input: frames for the link, events for whoever runs it. */
import type { StatusCode } from "../../../wire/dhcp6/assignment.ts";
import { encodeClientFrame } from "./frames.ts";
import type { Dhcp6ClientEvent, Dhcp6ClientOutput } from "./input-output.ts";
import { type ClientIdentity6, type ClientMessage, encodeClientMessage } from "./messages.ts";

export class Outbox6 {
  readonly #identity: ClientIdentity6;
  #frames: Uint8Array[] = [];
  #events: Dhcp6ClientEvent[] = [];

  constructor(identity: ClientIdentity6) {
    this.#identity = identity;
  }

  /** All that was said since the last time. */
  take(): Dhcp6ClientOutput {
    const output = { frames: this.#frames, events: this.#events };
    this.#frames = [];
    this.#events = [];
    return output;
  }

  tell(event: Dhcp6ClientEvent): void {
    this.#events.push(event);
  }

  ignore(reason: string): void {
    this.tell({ event: "ignored", reason });
  }

  refuse({ status, code, message }: StatusCode): void {
    this.tell({ event: "refused", status: status ?? String(code), message });
  }

  send(message: ClientMessage): void {
    this.#frames.push(encodeClientFrame(encodeClientMessage(message, this.#identity), this.#identity));
    this.tell({ event: "sent", message: message.type });
  }
}
