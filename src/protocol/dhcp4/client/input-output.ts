/** What goes into a DHCPv4 client and what comes out of it. */
import type { Ipv4Address, MacAddress } from "../../../base/address.ts";
import type { Dhcp4Lease } from "./lease.ts";
import type { ClientIdentity, ClientRequest } from "./messages.ts";

export interface Dhcp4ClientConfig extends ClientIdentity {
  /** From 0 up to 1, not to be guessed by others: transaction ids are made of it. */
  readonly random: () => number;
  /** An address from before: asked for at once, or, once its lease has ended, only wished for. */
  readonly remembered?: {
    readonly address: Ipv4Address;
    readonly leaseEnded: boolean;
    /** Who gave it: told when it is released before anybody confirmed it. */
    readonly from?: Pick<Dhcp4Lease, "server" | "serverMac">;
  };
  /** Whether the link is told of the address once it is ours; default yes. No for an address that nobody will use. */
  readonly announce?: boolean;
}

export type Dhcp4ClientInput =
  | { readonly input: "start" }
  /** Nothing happened but that time has passed. */
  | { readonly input: "time" }
  /** An Ethernet frame from its destination MAC on; not kept. `checksumNotReady`: TP_STATUS_CSUMNOTREADY. */
  | { readonly input: "frame"; readonly frame: Uint8Array; readonly checksumNotReady: boolean }
  /** The link has a carrier again: the network behind it may be another one. */
  | { readonly input: "attached" }
  /** Give the lease back and stop. */
  | { readonly input: "release" };

export type Dhcp4ClientEvent =
  | { readonly event: "sent"; readonly message: ClientRequest["type"]; readonly address?: Ipv4Address }
  | { readonly event: "offered"; readonly address: Ipv4Address; readonly server: Ipv4Address }
  /** The address may be used from now on, until `endSeconds`. */
  | { readonly event: "bound"; readonly lease: Dhcp4Lease; readonly endSeconds: number }
  /** The same address, for longer; the rest of the lease may be another. */
  | { readonly event: "extended"; readonly lease: Dhcp4Lease; readonly endSeconds: number }
  /** The address must not be used from now on. */
  | {
      readonly event: "lost";
      readonly address: Ipv4Address;
      readonly reason: "ended" | "refused" | "released" | "ipv6-only";
    }
  /** The network does without IPv4, and nothing is asked until then (RFC 8925). */
  | { readonly event: "ipv6-only"; readonly untilSeconds: number }
  /** A NAK. */
  | { readonly event: "refused"; readonly server?: Ipv4Address; readonly message?: string }
  /** Somebody has the address: it was declined. */
  | { readonly event: "conflict"; readonly address: Ipv4Address; readonly macAddress: MacAddress }
  /** The frame changed nothing, and why. */
  | { readonly event: "ignored"; readonly reason: string };

export interface Dhcp4ClientOutput {
  /** To be sent as they are, in order. */
  readonly frames: readonly Uint8Array[];
  readonly events: readonly Dhcp4ClientEvent[];
}
