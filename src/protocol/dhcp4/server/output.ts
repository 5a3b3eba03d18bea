/** What a DHCPv4 server gives back for what it was given. */
import type { Ipv4Address } from "../../../base/address.ts";
import type { Dhcp4MessageType } from "../../../wire/dhcp4/codecs.ts";
import type { Dhcp4Limits } from "./config.ts";
import type { Lease } from "./lease.ts";

export type Dhcp4ServerEvent =
  | { readonly event: "received"; readonly message: Dhcp4MessageType | "BOOTP" }
  | {
      readonly event: "sent";
      readonly message: "OFFER" | "ACK" | "NAK" | "BOOTP";
      /** The address given, or refused; absent in the answer to INFORM. */
      readonly address?: Ipv4Address;
      /** Options that the client wanted and its maximum message size leaves no room for. */
      readonly omittedOptions: readonly number[];
    }
  | { readonly event: "released"; readonly address: Ipv4Address }
  | { readonly event: "declined"; readonly address: Ipv4Address }
  /** A probe found that somebody uses an address that was to be offered. */
  | { readonly event: "conflict"; readonly address: Ipv4Address }
  /** An answer waits for a probe of the address. */
  | { readonly event: "probed"; readonly address: Ipv4Address }
  | { readonly event: "exhausted" }
  /** One of the configuration's limits is reached: of offers, so that the oldest was made anew; else nothing was sent. */
  | { readonly event: "limited"; readonly limit: keyof Dhcp4Limits }
  /** Nothing was sent, and why. */
  | { readonly event: "ignored"; readonly reason: string };

export interface Dhcp4ServerOutput {
  /** What has to be durable before `frames` are sent. */
  readonly leases: readonly Lease[];
  /** To be sent as they are. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Dhcp4ServerEvent[];
  /** Nothing was done: the frame has to be given again with the port that it came by. */
  readonly asksForPort?: true;
}

export const ASKS_FOR_PORT: Dhcp4ServerOutput = { leases: [], frames: [], events: [], asksForPort: true };

export function silent(event: Dhcp4ServerEvent): Dhcp4ServerOutput {
  return { leases: [], frames: [], events: [event] };
}

export function ignored(reason: string): Dhcp4ServerOutput {
  return silent({ event: "ignored", reason });
}

/** One after the other. */
export function joined(outputs: readonly Dhcp4ServerOutput[]): Dhcp4ServerOutput {
  return {
    leases: outputs.flatMap(({ leases }) => leases),
    frames: outputs.flatMap(({ frames }) => frames),
    events: outputs.flatMap(({ events }) => events),
  };
}
