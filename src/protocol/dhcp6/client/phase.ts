/** Where a DHCPv6 client stands, and what it must remember there. Times in seconds of its clock. */
import type { Ipv6Address, Ipv6Prefix } from "../../../base/address.ts";
import type { AssociationKind } from "../../../wire/dhcp6/association.ts";
import type { Dhcp6Lease } from "./lease.ts";
import { firstEnd } from "./lease.ts";
import type { ClientMessage } from "./messages.ts";
import { nextWait, type Retransmission } from "./timing.ts";

/** One question that is repeated until it is answered. */
export interface Exchange6 {
  readonly transactionId: number;
  readonly startSeconds: number;
  readonly rule: Retransmission;
  /** The first wait is not shorter than the rule says. */
  readonly forward: boolean;
  attempts: number;
  waitSeconds: number | undefined;
  /** Of the next repetition. */
  nextSeconds: number;
}

/** What a server advertises. */
export interface Offer6 {
  readonly serverDuid: Uint8Array;
  readonly server: Ipv6Address;
  readonly preference: number;
  /** Kinds of what is wished for that it gives. */
  readonly given: number;
  readonly addresses: readonly Ipv6Prefix[];
  readonly prefixes: readonly Ipv6Prefix[];
}

export type Phase6 =
  | { readonly state: "stopped" }
  /** Begins at `at`. */
  | { readonly state: "waiting"; readonly at: number; readonly next: "soliciting" | "informing" }
  | { readonly state: "soliciting"; readonly exchange: Exchange6; readonly offers: Offer6[] }
  | {
      readonly state: "requesting";
      readonly exchange: Exchange6;
      readonly offer: Offer6;
      readonly spare: readonly Offer6[];
      /** Where a server knew nothing of a part of it. */
      readonly lease?: Dhcp6Lease;
      readonly unbound: ReadonlySet<AssociationKind>;
    }
  /** A lease from before: CONFIRM, or REBIND where prefixes are in it. */
  | {
      readonly state: "confirming";
      readonly exchange: Exchange6;
      readonly message: "CONFIRM" | "REBIND";
      readonly lease: Dhcp6Lease;
    }
  | { readonly state: "bound"; readonly lease: Dhcp6Lease }
  | { readonly state: "renewing" | "rebinding"; readonly exchange: Exchange6; readonly lease: Dhcp6Lease }
  | {
      readonly state: "declining";
      readonly exchange: Exchange6;
      readonly address: Ipv6Address;
      readonly serverDuid: Uint8Array;
      /** Without the address. */
      readonly lease: Dhcp6Lease;
    }
  | { readonly state: "releasing"; readonly exchange: Exchange6; readonly released: Dhcp6Lease }
  | { readonly state: "informing"; readonly exchange: Exchange6 }
  | { readonly state: "informed"; readonly at: number };

/** One that asks something. */
export type Asking = Extract<Phase6, { readonly exchange: Exchange6 }>;
/** What the next SOLICIT names. */
export type Wish6 = Pick<ClientMessage, "addresses" | "prefixes">;

export type Dhcp6ClientState = Phase6["state"];

/** When something is to be done though nothing happens; undefined: never. */
export function deadlineOf(phase: Phase6): number | undefined {
  const wanted = ownDeadline(phase);
  const deadline = "lease" in phase && phase.lease !== undefined ? Math.min(wanted, firstEnd(phase.lease)) : wanted;
  return deadline === Number.POSITIVE_INFINITY ? undefined : deadline;
}

function ownDeadline(phase: Phase6): number {
  switch (phase.state) {
    case "stopped":
      return Number.POSITIVE_INFINITY;
    case "waiting":
    case "informed":
      return phase.at;
    case "bound":
      return phase.lease.renewAt;
    case "renewing":
      return Math.min(phase.exchange.nextSeconds, phase.lease.rebindAt);
    case "confirming":
      return Math.min(phase.exchange.nextSeconds, endOfExchange(phase.exchange));
    default:
      return phase.exchange.nextSeconds;
  }
}

/** MRD */
export function endOfExchange({ startSeconds, rule }: Exchange6): number {
  return startSeconds + (rule.durationSeconds ?? Number.POSITIVE_INFINITY);
}

/** Takes note that the question is asked now. */
export function takeNote(exchange: Exchange6, now: number, random: number): void {
  exchange.attempts++;
  exchange.waitSeconds = nextWait(exchange.rule, exchange.waitSeconds, random, exchange.forward);
  exchange.nextSeconds = now + exchange.waitSeconds;
}

/** The one that gives most, and among these the server's preference (RFC 8415 §18.2.9). */
export function byWorth(a: Offer6, b: Offer6): number {
  return b.given - a.given || b.preference - a.preference;
}

/** What the phase asks. */
export function questionOf(phase: Asking, wish: Wish6): Omit<ClientMessage, "transactionId" | "elapsedSeconds"> {
  switch (phase.state) {
    case "soliciting":
      return { type: "SOLICIT", ...wish };
    case "requesting": {
      const { serverDuid, addresses, prefixes } = phase.offer;
      return { type: "REQUEST", serverDuid, addresses, prefixes };
    }
    case "confirming":
      return { type: phase.message, addresses: phase.lease.addresses, prefixes: phase.lease.prefixes };
    case "renewing": {
      const { serverDuid, addresses, prefixes } = phase.lease;
      return { type: "RENEW", serverDuid, addresses, prefixes };
    }
    case "rebinding":
      return { type: "REBIND", addresses: phase.lease.addresses, prefixes: phase.lease.prefixes };
    case "declining": {
      const { serverDuid, address } = phase;
      return { type: "DECLINE", serverDuid, addresses: [{ address, length: 128 }], prefixes: [] };
    }
    case "releasing": {
      const { serverDuid, addresses, prefixes } = phase.released;
      return { type: "RELEASE", serverDuid, addresses, prefixes };
    }
    case "informing":
      return { type: "INFORMATION-REQUEST", addresses: [], prefixes: [] };
  }
}
