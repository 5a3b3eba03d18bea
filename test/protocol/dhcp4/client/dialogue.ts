/** A DHCPv4 client, its clock and a server's half of the dialogue. */
import { expect } from "vitest";
import { parseIpv4, parseMac } from "../../../../src/base/address.ts";
import { Dhcp4Client } from "../../../../src/protocol/dhcp4/client/client.ts";
import type {
  Dhcp4ClientConfig,
  Dhcp4ClientEvent,
  Dhcp4ClientOutput,
} from "../../../../src/protocol/dhcp4/client/input-output.ts";
import { DHCP4_OPTION, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { readClientFrame, serverFrame, type ServerMessage } from "../../../support/dhcp4-server.ts";

export const mac = parseMac("52:54:00:00:00:17");
export const serverMac = parseMac("02:00:00:00:00:fe");
export const strangerMac = parseMac("52:54:00:00:00:99");
export const server = parseIpv4("192.0.2.1");
export const second = parseIpv4("192.0.2.2");
export const address = parseIpv4("192.0.2.17");
export const other = parseIpv4("192.0.2.18");

/** Randomness is 0.5: waits are exact, T1 a fortieth early. */
class Dialogue {
  readonly client: Dhcp4Client;
  now = 1000;
  last: Dhcp4ClientOutput = { frames: [], events: [] };
  #transactionId = 0;

  constructor(config: Partial<Dhcp4ClientConfig> = {}) {
    this.client = new Dhcp4Client({ mac, random: () => 0.5, ...config });
  }

  start(): this {
    return this.#take(this.client.handle({ input: "start" }, this.now));
  }

  #take(output: Dhcp4ClientOutput): this {
    this.last = output;
    for (const frame of output.frames) {
      const read = readClientFrame(frame);
      if ("dhcp" in read) this.#transactionId = read.dhcp.message.transactionId;
    }
    return this;
  }

  frame(bytes: Uint8Array): this {
    return this.#take(this.client.handle({ input: "frame", frame: bytes, checksumNotReady: false }, this.now));
  }

  says(message: Partial<ServerMessage>): this {
    const common = { server, serverMac, clientMac: mac, transactionId: this.#transactionId, address };
    return this.frame(serverFrame({ ...common, ...message }));
  }

  /** The carrier came back. */
  attach(): this {
    return this.#take(this.client.handle({ input: "attached" }, this.now));
  }

  release(): this {
    return this.#take(this.client.handle({ input: "release" }, this.now));
  }

  /** To the next deadline. @returns how long that took */
  wait(): number {
    const deadline = this.client.nextDeadline();
    if (deadline === undefined) throw new Error("there is no deadline");
    const seconds = deadline - this.now;
    this.now = deadline;
    this.#take(this.client.handle({ input: "time" }, this.now));
    return seconds;
  }

  at(seconds: number): this {
    this.now = seconds;
    return this.#take(this.client.handle({ input: "time" }, this.now));
  }

  /** From OFFER and ACK through the check. */
  bind(message: Partial<ServerMessage> = {}): this {
    this.says({ type: "OFFER", ...message }).says({ type: "ACK", ...message });
    return this.pass();
  }

  /** Nobody answers the probes. */
  pass(): this {
    while (this.client.state === "checking") this.wait();
    return this;
  }

  get sent() {
    return this.last.frames.map((bytes) => readClientFrame(bytes));
  }

  /** The only message sent last. */
  get message() {
    const messages = this.sent.flatMap((read) => ("dhcp" in read ? [read.dhcp] : []));
    expect(messages).toHaveLength(1);
    const { ethernet, packet, message } = messages[0]!;
    return {
      type: readOption(message.options, DHCP4_OPTION.messageType),
      to: packet.destination,
      from: packet.source,
      toMac: ethernet.destination,
      ciaddr: message.clientAddress,
      requested: readOption(message.options, DHCP4_OPTION.requestedAddress),
      server: readOption(message.options, DHCP4_OPTION.serverIdentifier),
      seconds: message.elapsedSeconds,
      transactionId: message.transactionId,
      message,
    };
  }

  event<Name extends Dhcp4ClientEvent["event"]>(name: Name): Extract<Dhcp4ClientEvent, { event: Name }> | undefined {
    return this.last.events.find((event): event is Extract<Dhcp4ClientEvent, { event: Name }> => event.event === name);
  }

  get reason(): string | undefined {
    return this.event("ignored")?.reason;
  }
}

export const dialogue = (config?: Partial<Dhcp4ClientConfig>): Dialogue => new Dialogue(config).start();
