/** Where a DHCPv4 client stands (RFC 2131 figure 5), and what it must remember there. Times in seconds of its clock. */
import type { Ipv4Address } from "../../../base/address.ts";
import type { Destination } from "./frames.ts";
import type { ClientRequest } from "./messages.ts";
import { type Dhcp4Lease, INFINITE_LEASE_SECONDS } from "./lease.ts";

/** One question that is repeated until it is answered. */
export interface Exchange {
  readonly transactionId: number;
  /** When it was asked for the first time: leases count from there. */
  readonly startSeconds: number;
  attempts: number;
  /** Of the next repetition. */
  nextSeconds: number;
}

export interface Held {
  readonly lease: Dhcp4Lease;
  /** All by the clock; infinite where the lease is. */
  readonly renewAt: number;
  readonly rebindAt: number;
  readonly endAt: number;
}

export type Phase =
  | { readonly state: "stopped" }
  /** Begins at `at`. */
  | { readonly state: "init"; readonly at: number }
  | { readonly state: "rebooting"; readonly exchange: Exchange; readonly address: Ipv4Address }
  /** Whether the address may be used on this link, too. */
  | { readonly state: "confirming"; readonly held: Held; readonly exchange: Exchange }
  | { readonly state: "selecting"; readonly exchange: Exchange }
  | {
      readonly state: "requesting";
      readonly exchange: Exchange;
      readonly offer: Dhcp4Lease;
      readonly spare: Dhcp4Lease[];
      readonly elapsedSeconds: number;
    }
  | { readonly state: "checking"; readonly held: Held; probes: number; nextSeconds: number }
  | { readonly state: "bound"; readonly held: Held }
  | { readonly state: "renewing"; readonly held: Held; readonly exchange: Exchange }
  | { readonly state: "rebinding"; readonly held: Held; readonly exchange: Exchange }
  /** Without IPv4 until then. */
  | { readonly state: "ipv6-only"; readonly until: number };

/** One that repeats its question until it is answered. */
export type Asking = Extract<Phase, { readonly state: "rebooting" | "confirming" | "selecting" | "requesting" }>;

export type Dhcp4ClientState = Phase["state"];

/** When something is to be done though nothing happens; undefined: never. */
export function deadlineOf(phase: Phase): number | undefined {
  switch (phase.state) {
    case "stopped":
      return undefined;
    case "init":
      return phase.at;
    case "rebooting":
    case "selecting":
    case "requesting":
      return phase.exchange.nextSeconds;
    case "checking":
      return Math.min(phase.nextSeconds, phase.held.endAt);
    case "confirming":
      return Math.min(phase.exchange.nextSeconds, phase.held.endAt);
    case "ipv6-only":
      return phase.until;
    case "bound":
      return phase.held.renewAt === Number.POSITIVE_INFINITY ? undefined : phase.held.renewAt;
    case "renewing":
    case "rebinding":
      return phase.exchange.nextSeconds;
  }
}

/** What was asked for; undefined: whatever there is. */
export function addressOf(phase: Extract<Phase, { readonly exchange: Exchange }>): Ipv4Address | undefined {
  switch (phase.state) {
    case "selecting":
      return undefined;
    case "rebooting":
      return phase.address;
    case "requesting":
      return phase.offer.address;
    case "confirming":
    case "renewing":
    case "rebinding":
      return phase.held.lease.address;
  }
}

/** @param wish an address that would be welcome */
export function questionOf(phase: Asking, elapsedSeconds: number, wish: Ipv4Address | undefined): ClientRequest {
  const { transactionId } = phase.exchange;
  switch (phase.state) {
    case "selecting":
      return {
        type: "DISCOVER",
        transactionId,
        elapsedSeconds,
        ...(wish === undefined ? {} : { requestedAddress: wish }),
      };
    case "rebooting":
      return { type: "REQUEST", transactionId, elapsedSeconds, requestedAddress: phase.address };
    case "confirming":
      return { type: "REQUEST", transactionId, elapsedSeconds, requestedAddress: phase.held.lease.address };
    case "requesting": {
      const { address: requestedAddress, server } = phase.offer;
      // RFC 2131 §3.1: the value of the DISCOVER, so that relays treat both alike.
      return { type: "REQUEST", transactionId, elapsedSeconds: phase.elapsedSeconds, requestedAddress, server };
    }
  }
}

/**
 * RFC 2131 §4.4.1: a lease counts from when it was first asked for. T1 comes up to a twentieth earlier by chance, so
 * that clients that were bound together do not renew together (§4.4.5).
 */
export function hold(lease: Dhcp4Lease, start: number, random: number): Held {
  const forEver = lease.leaseSeconds === INFINITE_LEASE_SECONDS;
  const after = (seconds: number): number => (forEver ? Number.POSITIVE_INFINITY : start + seconds);
  return {
    lease,
    renewAt: after(lease.renewalSeconds * (1 - random / 20)),
    rebindAt: after(lease.rebindingSeconds),
    endAt: after(lease.leaseSeconds),
  };
}

/** What it takes to give a lease back. */
export type LeaseSource = Pick<Dhcp4Lease, "address" | "server" | "serverMac">;

/** To the frame's sender of the last reply: the server itself, or the router that leads to it. */
export function toServer(lease: LeaseSource): Destination {
  return { source: lease.address, destination: lease.server, destinationMac: lease.serverMac };
}
