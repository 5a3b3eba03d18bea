/** What one server's answer says of a question: a piece of the whole answer, which may need several. */
import type { DnsMessage, DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE, RESPONSE_CODE } from "../../../wire/dns/types.ts";
import { type Chain, coveredType, followChain } from "./chain.ts";
import { canonicalName, isWithin } from "./names.ts";

export interface Piece {
  /** complete: the records are there; nodata, nxdomain: of `last`; continues: somebody has to be asked about `last`. */
  readonly state: "complete" | "nodata" | "nxdomain" | "continues" | "broken";
  readonly records: readonly DnsRecord[];
  readonly last: string;
  readonly aliases: number;
  /** SOA and proofs of DNSSEC. */
  readonly authorities: readonly DnsRecord[];
  /** The SOA of a zone that `last` is in came along. */
  readonly hasZoneStart: boolean;
  readonly authenticData: boolean;
  /** Records of the answer that were left out. */
  readonly dropped: number;
}

/** @param isInside whether the server has a say in a name */
export function readPiece(message: DnsMessage, question: DnsQuestion, isInside: (name: string) => boolean): Piece {
  const chain = followChain(message.answers, question, isInside);
  const authorities = keptAuthorities(message.authorities, chain, isInside);
  const hasZoneStart = authorities.some(({ type }) => type === DNS_TYPE.SOA);
  return {
    state: stateOf(message, chain, hasZoneStart),
    records: chain.records,
    last: chain.last,
    aliases: chain.aliases,
    authorities,
    hasZoneStart,
    authenticData: message.authenticData,
    dropped: droppedCount(message.answers, chain),
  };
}

function stateOf(message: DnsMessage, chain: Chain, hasZoneStart: boolean): Piece["state"] {
  if (chain.isBroken) return "broken";
  if (chain.isComplete) return "complete";
  if (chain.leavesZone) return "continues";
  if (message.responseCode === RESPONSE_CODE.NXDOMAIN) return "nxdomain";
  // Whether a server that only tells the alias looked behind it is seen by the SOA.
  return chain.aliases === 0 || hasZoneStart ? "nodata" : "continues";
}

function droppedCount(answers: readonly DnsRecord[], chain: Chain): number {
  // Nothing was made here where there is no alias, as in most answers.
  if (chain.aliases === 0) return answers.length - chain.records.length;
  const kept = new Set(chain.records);
  // The server's own CNAME beside a DNAME says the same as the one that was made here.
  const aliases = new Set(
    chain.records.flatMap(({ type, name }) => (type === DNS_TYPE.CNAME ? canonicalName(name) : [])),
  );
  return answers.filter(
    (record) => !kept.has(record) && !(record.type === DNS_TYPE.CNAME && aliases.has(canonicalName(record.name))),
  ).length;
}

const PROOFS: ReadonlySet<number> = new Set([DNS_TYPE.NSEC, DNS_TYPE.NSEC3]);

function keptAuthorities(
  authorities: readonly DnsRecord[],
  chain: Chain,
  isInside: (name: string) => boolean,
): DnsRecord[] {
  return authorities.filter((record) => {
    const owner = canonicalName(record.name);
    if (!isInside(owner)) return false;
    const kind = coveredType(record) ?? record.type;
    // That an alias comes of a wildcard, too, has to be proved.
    if (PROOFS.has(kind)) return true;
    return kind === DNS_TYPE.SOA && !chain.isComplete && !chain.leavesZone && isWithin(chain.last, owner);
  });
}
