/** What the answer of a zone's server means: the answer, the way further down, or that it does not know the zone. */
import type { IpAddress } from "../../../base/address.ts";
import { readAddress, readName } from "../../../wire/dns/data.ts";
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";
import { MOST_NAME_SERVERS, type Referral } from "./delegations.ts";
import { canonicalName, isWithin } from "./names.ts";
import { type Piece, readPiece } from "./piece.ts";

export type Meaning =
  | { readonly kind: "piece"; readonly piece: Piece }
  | { readonly kind: "referral"; readonly referral: Referral }
  | { readonly kind: "lame"; readonly reason: string };

/**
 * @param zone whose server was asked
 * @param isForeign names that it has no say in, wherever they are
 */
export function classify(
  message: DnsMessage,
  question: DnsQuestion,
  zone: string,
  isForeign: (name: string) => boolean,
): Meaning {
  const piece = readPiece(message, question, (name) => isWithin(name, zone) && !isForeign(name));
  if (piece.records.length > 0 || piece.state === "broken") return { kind: "piece", piece };
  const referral = piece.hasZoneStart ? undefined : referralIn(message, question, zone);
  if (referral !== undefined && piece.state !== "nxdomain") return { kind: "referral", referral };
  if (piece.hasZoneStart || message.authoritative) return { kind: "piece", piece };
  return { kind: "lame", reason: `does not know ${zone === "" ? "the root" : zone}` };
}

/** To a zone below this one that the name is in. */
function referralIn(message: DnsMessage, question: DnsQuestion, zone: string): Referral | undefined {
  const name = canonicalName(question.name);
  const isBelow = (owner: string): boolean =>
    owner !== zone &&
    isWithin(owner, zone) &&
    isWithin(name, owner) &&
    !(question.type === DNS_TYPE.DS && owner === name);
  const first = message.authorities.find(
    ({ type, name: owner }) => type === DNS_TYPE.NS && isBelow(canonicalName(owner)),
  );
  if (first === undefined) return undefined;
  const child = canonicalName(first.name);
  const records = message.authorities.filter(
    (record) => record.type === DNS_TYPE.NS && canonicalName(record.name) === child,
  );
  const names = new Set(records.slice(0, MOST_NAME_SERVERS).flatMap((record) => readName(record)?.toLowerCase() ?? []));
  const glue = glueOf(message.additionals, names, zone);
  // The servers' own names are found through the zone itself: the delegation lives no longer than their addresses.
  const glueSeconds = glue.flatMap(({ owner, ttlSeconds }) => (isWithin(owner, child) ? [ttlSeconds] : []));
  return {
    zone: child,
    nameServers: Array.from(names, (server) => ({
      name: server,
      glue: glue.flatMap(({ owner, address }) => (owner === server ? [address] : [])),
    })),
    ttlSeconds: Math.min(...records.map(({ ttlSeconds }) => ttlSeconds), ...glueSeconds),
  };
}

interface Glue {
  readonly owner: string;
  readonly address: IpAddress;
  readonly ttlSeconds: number;
}

/** Only of names that the asked server has a say in: of others anything could be said. */
function glueOf(additionals: readonly DnsRecord[], names: ReadonlySet<string>, zone: string): Glue[] {
  return additionals.flatMap((record) => {
    const owner = canonicalName(record.name);
    const address = readAddress(record);
    if (address === undefined || !names.has(owner) || !isWithin(owner, zone)) return [];
    return [{ owner, address, ttlSeconds: record.ttlSeconds }];
  });
}
