/** ISC dhcpd's file of leases (dhcpd.leases(5)): a journal, of which the last entry of each address counts. */
import type { Lease, LeaseState } from "../../protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../protocol/leases/time.ts";
import type { Token } from "../dhcpd/lexer.ts";
import { padBytes } from "../dhcpd/option-definitions.ts";
import { parseStatements, type Statement } from "../dhcpd/statements.ts";
import type { AssociationKind } from "../../wire/dhcp6/association.ts";
import type { Problems } from "../problem.ts";
import { identifierBytes, leaseOf, type LeaseRecord, LeaseTable } from "./records.ts";

/** What begins a lease of IPv6. */
export const ASSOCIATIONS: ReadonlyMap<string, AssociationKind> = new Map([
  ["ia-na", "address"],
  ["ia-ta", "temporary"],
  ["ia-pd", "prefix"],
]);
/** By `binding state`; what is not here is an address that nobody has. */
const STATES: ReadonlyMap<string, LeaseState> = new Map([
  ["active", "leased"],
  ["bootp", "leased"],
  ["expired", "leased"],
  ["free", "released"],
  ["released", "released"],
  ["backup", "released"],
  ["reset", "released"],
  ["abandoned", "declined"],
]);
/** dhcpd.conf(5), abandon-lease-time: one day. */
const ABANDONED_SECONDS = 86_400;

export function looksLikeDhcpd(text: string): boolean {
  return /^[ \t]*(?:lease [\d.]+ \{|ia-(?:na|ta|pd) |authoring-byte-order |server-duid |# The format of this file is documented in the dhcpd\.leases)/m.test(
    text,
  );
}

export function readDhcpdLeases(text: string, nowSeconds: number, problems: Problems): Lease[] {
  const table = new LeaseTable<Lease>();
  for (const statement of parseStatements(text, problems)) {
    const [first, address] = statement.tokens;
    if (first?.text !== "lease" || address === undefined || statement.block === undefined) {
      if (first !== undefined && ASSOCIATIONS.has(first.text))
        problems.tell(statement.origin, "it is a lease of IPv6", "import it with netloom dhcp6 leases import");
      continue;
    }
    const record = readRecord(address.text, statement.block, nowSeconds);
    // An address that was never given, or was given back and has no client any more.
    if (record === undefined) table.delete(address.text);
    else {
      const lease = leaseOf(record, statement.origin, problems);
      if (lease !== undefined) table.set(lease);
    }
  }
  return table.all();
}

function readRecord(address: string, block: readonly Statement[], nowSeconds: number): LeaseRecord | undefined {
  const values = valuesOf(block);
  const word = (name: string, position: number): string => values.get(name)?.[position]?.text ?? "";
  const state = stateOf(values);
  const mac = word("hardware", 2);
  const uid = values.get("uid")?.[1];
  const identifier = uid === undefined ? undefined : readUid(uid);
  if (state !== "declined" && mac === "" && identifier === undefined) return undefined;
  const startSeconds = readTime(values.get("starts")) ?? Math.floor(nowSeconds);
  const end = readTime(values.get("ends")) ?? startSeconds;
  return {
    address,
    state,
    mac,
    ...(identifier === undefined ? {} : { identifier }),
    hostName: word("client-hostname", 1),
    startSeconds: Math.min(startSeconds, end),
    endSeconds: endOf(state, startSeconds, end),
  };
}

/** The words of each statement by its name. */
export type Values = ReadonlyMap<string, readonly Token[]>;

export function valuesOf(block: readonly Statement[]): Values {
  return new Map(block.map(({ tokens }) => [nameOf(tokens), tokens]));
}

export function stateOf(values: Values): LeaseState {
  return STATES.get(values.get("binding state")?.[2]?.text ?? "active") ?? "released";
}

export function endOf(state: LeaseState, startSeconds: number, endSeconds: number): number {
  return state === "declined" ? Math.max(endSeconds, startSeconds + ABANDONED_SECONDS) : endSeconds;
}

/** "binding state" and "next binding state" are told apart. */
function nameOf(tokens: readonly Token[]): string {
  const [first = "", second = ""] = tokens.map(({ text }) => text);
  return first === "binding" ? `${first} ${second}` : first;
}

/** Bytes in quotes or in hexadecimal. */
export function readUid({ kind, text }: Token): Uint8Array | undefined {
  if (kind !== "string") return identifierBytes(padBytes(text));
  return Uint8Array.from(text, (character) => character.charCodeAt(0) & 255);
}

/** `starts WEEKDAY YEAR/MONTH/DAY HOUR:MINUTE:SECOND` in UTC, `ends epoch SECONDS`, `ends never`. */
export function readTime(tokens: readonly Token[] | undefined): number | undefined {
  const [, first, second = "", third = ""] = (tokens ?? []).map(({ text }) => text);
  if (first === "never") return FOREVER_SECONDS;
  if (first === "epoch") return /^\d{1,10}$/.test(second) ? Math.min(Number(second), FOREVER_SECONDS) : undefined;
  const [, year, month, day] = /^(\d{4})\/(\d{1,2})\/(\d{1,2})$/.exec(second) ?? [];
  const [, hour, minute, seconds] = /^(\d{1,2}):(\d{1,2}):(\d{1,2})$/.exec(third) ?? [];
  if (year === undefined || hour === undefined) return undefined;
  const milliseconds = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(seconds),
  );
  return Math.max(0, Math.min(milliseconds / 1000, FOREVER_SECONDS));
}
