/** What goes into a DHCPv6 client and what comes out of it. */
import type { Ipv6Address } from "../../../base/address.ts";
import type { Dhcp6Lease, Dhcp6Settings } from "./lease.ts";
import type { ClientIdentity6, ClientMessageType } from "./messages.ts";

export interface Dhcp6ClientConfig extends ClientIdentity6 {
  /** From 0 up to 1, not to be guessed by others: transaction ids are made of it. */
  readonly random: () => number;
  /**
   * A lease from before, times by the client's clock: confirmed at once or, once it has ended, only wished for. Of what
   * is not wished for now nothing is taken up.
   */
  readonly remembered?: Dhcp6Lease;
}

export type Dhcp6ClientInput =
  | { readonly input: "start" }
  /** Nothing happened but that time has passed. */
  | { readonly input: "time" }
  /** An Ethernet frame from its destination MAC on; not kept. `checksumNotReady`: TP_STATUS_CSUMNOTREADY. */
  | { readonly input: "frame"; readonly frame: Uint8Array; readonly checksumNotReady: boolean }
  /** The link has a carrier again: it may be another link now. */
  | { readonly input: "attached" }
  /** Somebody on the link has that address of ours already. */
  | { readonly input: "conflict"; readonly address: Ipv6Address }
  /** Give the lease back and stop; {@link Dhcp6ClientEvent} "released" tells when the server knows. */
  | { readonly input: "release" };

export type Dhcp6ClientEvent =
  | { readonly event: "sent"; readonly message: ClientMessageType }
  | { readonly event: "advertised"; readonly server: Ipv6Address; readonly preference: number }
  /** A lease is there, or one from before is good still. */
  | { readonly event: "bound"; readonly lease: Dhcp6Lease }
  /** The same lease lasts longer, has other parts, or lacks some of them. */
  | { readonly event: "changed"; readonly lease: Dhcp6Lease }
  /** Nothing of the lease must be used from now on. */
  | {
      readonly event: "lost";
      readonly lease: Dhcp6Lease;
      readonly reason: "ended" | "refused" | "released" | "conflict";
    }
  /** A server gave not what was asked for: its status code and words. */
  | { readonly event: "refused"; readonly status: string; readonly message: string }
  | { readonly event: "declined"; readonly address: Ipv6Address }
  /** The server has answered the release, or does not. */
  | { readonly event: "released" }
  /** Settings without a lease. */
  | { readonly event: "informed"; readonly settings: Dhcp6Settings; readonly server: Ipv6Address }
  /** The frame changed nothing, and why. */
  | { readonly event: "ignored"; readonly reason: string };

export interface Dhcp6ClientOutput {
  /** To be sent as they are, in order. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Dhcp6ClientEvent[];
}
