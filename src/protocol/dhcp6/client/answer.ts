/** A server's message as an answer to this client: checked, and what it comes to (RFC 8415 §16.3, §16.10, §18.2.10). */
import type { Ipv6Address } from "../../../base/address.ts";
import { equalBytes } from "../../../base/bytes.ts";
import { type Assignment, decodeAssignments, statusOf, type StatusCode } from "../../../wire/dhcp6/assignment.ts";
import type { AssociationKind } from "../../../wire/dhcp6/association.ts";
import type { Dhcp6Message, Dhcp6Option } from "../../../wire/dhcp6/message.ts";
import { DHCP6_OPTION, isDuid, optionsOf } from "../../../wire/dhcp6/options.ts";
import { readPreference } from "../../../wire/dhcp6/settings.ts";
import { Malformed } from "../../../wire/malformed.ts";
import type { ServerMessage6 } from "./frames.ts";
import { acceptableLeases, type Dhcp6Lease, givesSomething, merge, settingsOf, timesOf } from "./lease.ts";
import type { ClientIdentity6 } from "./messages.ts";
import type { Offer6 } from "./phase.ts";

export interface Answer {
  readonly type: "ADVERTISE" | "REPLY";
  readonly options: readonly Dhcp6Option[];
  readonly serverDuid: Uint8Array;
  readonly source: Ipv6Address;
  /** Of the whole message. */
  readonly status: StatusCode;
  /** One of each kind that is wished for, under our identifier. */
  readonly assignments: readonly Assignment[];
}

export function readAnswer(
  { message, source }: ServerMessage6,
  transactionId: number,
  identity: ClientIdentity6,
): Answer | Malformed {
  const { type, options } = message;
  if (type !== "ADVERTISE" && type !== "REPLY") return new Malformed(`${type}: not a server's answer`);
  const serverDuid = serverOf(message, transactionId, identity);
  if (serverDuid instanceof Malformed) return new Malformed(`${type}: ${serverDuid.reason}`);
  const status = statusOf(options);
  if (status instanceof Malformed) return status;
  const assignments = assignmentsOf(options, identity);
  if (assignments instanceof Malformed) return assignments;
  return { type, options, serverDuid, source, status, assignments };
}

function serverOf(
  { transactionId, options }: Dhcp6Message,
  expected: number,
  { duid }: ClientIdentity6,
): Uint8Array | Malformed {
  if (transactionId !== expected) return new Malformed("another transaction");
  const [client, ...others] = optionsOf(options, DHCP6_OPTION.clientIdentifier);
  if (client === undefined || others.length > 0 || !equalBytes(client, duid))
    return new Malformed("not for this client's identifier");
  const [server, ...more] = optionsOf(options, DHCP6_OPTION.serverIdentifier);
  if (server === undefined || more.length > 0 || !isDuid(server)) return new Malformed("no server identifier");
  return server.slice();
}

function assignmentsOf(
  options: readonly Dhcp6Option[],
  { wishes, identifier }: ClientIdentity6,
): readonly Assignment[] | Malformed {
  const all = decodeAssignments(options);
  if (all instanceof Malformed) return all;
  const first = (kind: AssociationKind): readonly Assignment[] =>
    all.filter((assignment) => assignment.kind === kind && assignment.identifier === identifier).slice(0, 1);
  return [...(wishes.address ? first("address") : []), ...(wishes.prefix === undefined ? [] : first("prefix"))];
}

/** Why nothing was given: the message's own status, or that of the first association that has one. */
export function faultOf({ status, assignments }: Answer): StatusCode {
  if (status.status !== "success") return status;
  return assignments.find((assignment) => assignment.status.status !== "success")?.status ?? status;
}

/** Undefined: it offers nothing. */
export function offerOf(answer: Answer): Offer6 | undefined {
  const given = answer.assignments.filter(givesSomething);
  if (given.length === 0 || answer.status.status !== "success") return undefined;
  const leases = (kind: AssociationKind) =>
    given.filter((assignment) => assignment.kind === kind).flatMap(acceptableLeases);
  return {
    serverDuid: answer.serverDuid,
    server: answer.source,
    preference: readPreference(answer.options),
    given: given.length,
    addresses: leases("address"),
    prefixes: leases("prefix"),
  };
}

/**
 * The lease after a reply; without addresses and prefixes when it leaves nothing.
 * @param before what is held already
 */
export function leaseOf(
  { options, serverDuid, source, assignments }: Answer,
  before: Pick<Dhcp6Lease, "addresses" | "prefixes">,
  now: number,
): Dhcp6Lease {
  const told = (kind: AssociationKind) =>
    assignments.filter((assignment) => assignment.kind === kind).flatMap(acceptableLeases);
  const addresses = merge(before.addresses, told("address"), now);
  const prefixes = merge(before.prefixes, told("prefix"), now);
  const times = timesOf(assignments.filter(givesSomething), [...addresses, ...prefixes], now);
  return { ...settingsOf(options), addresses, prefixes, serverDuid, serverAddress: source, ...times };
}
