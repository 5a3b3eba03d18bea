/**
 * What an answer section says of a name, link by link: CNAMEs and DNAMEs up to the records that were asked for. What
 * does not belong to that chain, or lies outside of what the answering server has a say in, is left out.
 */
import { nameData, readName } from "../../../wire/dns/data.ts";
import type { DnsQuestion, DnsRecord } from "../../../wire/dns/message.ts";
import { DNS_TYPE } from "../../../wire/dns/types.ts";
import { canonicalName, selfAndAncestors } from "./names.ts";

/** Aliases that one question is followed through. */
export const MOST_ALIASES = 12;
const LONGEST_NAME_BYTES = 254;

export interface Chain {
  /** In the order of the chain, with their signatures. */
  readonly records: readonly DnsRecord[];
  /** Where it ends, in lower case. */
  readonly last: string;
  /** Whether the records that were asked for are there. */
  readonly isComplete: boolean;
  /** Whether it ends because the server has no say in what follows. */
  readonly leavesZone: boolean;
  readonly aliases: number;
  /** It leads into itself, is too long, or leads to what is no name. */
  readonly isBroken: boolean;
}

type IsInside = (name: string) => boolean;

export function followChain(answers: readonly DnsRecord[], question: DnsQuestion, isInside: IsInside): Chain {
  const asked = canonicalName(question.name);
  // Most answers are what was asked for, and need nothing that follows.
  const direct = isInside(asked) ? wanted(ownedBy(answers, asked, question.class), question.type) : [];
  if (direct.length > 0)
    return { records: direct, last: asked, isComplete: true, leavesZone: false, aliases: 0, isBroken: false };
  const owners = byOwner(answers, question.class);
  const records: DnsRecord[] = [];
  const seen = new Set<string>();
  let name = asked;
  let aliases = 0;
  const end = (result: Partial<Chain>): Chain => ({
    records,
    last: name,
    isComplete: false,
    leavesZone: false,
    aliases,
    isBroken: false,
    ...result,
  });
  for (;;) {
    if (!isInside(name)) return end({ leavesZone: true });
    const found = wanted(owners.get(name) ?? [], question.type);
    if (found.length > 0) {
      records.push(...found);
      return end({ isComplete: true });
    }
    const link = aliasOf(owners, name, question.type, isInside);
    if (link === undefined) return end({});
    seen.add(name);
    records.push(...link.records);
    aliases++;
    name = canonicalName(link.target ?? "");
    if (link.target === undefined || seen.has(name) || aliases > MOST_ALIASES) return end({ isBroken: true });
  }
}

function ownedBy(answers: readonly DnsRecord[], name: string, recordClass: number): DnsRecord[] {
  return answers.filter((record) => record.class === recordClass && canonicalName(record.name) === name);
}

function byOwner(answers: readonly DnsRecord[], recordClass: number): Map<string, DnsRecord[]> {
  const owners = new Map<string, DnsRecord[]>();
  for (const record of answers) {
    if (record.class !== recordClass) continue;
    const owner = canonicalName(record.name);
    const records = owners.get(owner);
    if (records === undefined) owners.set(owner, [record]);
    else records.push(record);
  }
  return owners;
}

/** Records of the type with their signatures; of ANY all. */
function wanted(records: readonly DnsRecord[], type: number): DnsRecord[] {
  if (type === DNS_TYPE.ANY) return [...records];
  const found = records.filter((record) => record.type === type);
  return found.length === 0 || type === DNS_TYPE.RRSIG ? found : [...found, ...signatures(records, type)];
}

function signatures(records: readonly DnsRecord[], type: number): DnsRecord[] {
  return records.filter((record) => coveredType(record) === type);
}

/** What an RRSIG signs (RFC 4034 §3.1.1). */
export function coveredType({ type, data }: DnsRecord): number | undefined {
  return type === DNS_TYPE.RRSIG && data.length >= 2 ? (data[0]! << 8) | data[1]! : undefined;
}

interface Alias {
  readonly records: readonly DnsRecord[];
  /** Undefined: there can be no such name. */
  readonly target: string | undefined;
}

function aliasOf(
  owners: ReadonlyMap<string, readonly DnsRecord[]>,
  name: string,
  type: number,
  isInside: IsInside,
): Alias | undefined {
  for (const owner of selfAndAncestors(name)) {
    if (!isInside(owner)) break;
    const records = owners.get(owner) ?? [];
    const dname = owner === name ? undefined : records.find((record) => record.type === DNS_TYPE.DNAME);
    if (dname !== undefined) return throughDname(dname, signatures(records, DNS_TYPE.DNAME), name, owner);
  }
  if (type === DNS_TYPE.CNAME) return undefined;
  const own = owners.get(name) ?? [];
  const cname = own.find((record) => record.type === DNS_TYPE.CNAME);
  if (cname === undefined) return undefined;
  return { records: [cname, ...signatures(own, DNS_TYPE.CNAME)], target: readName(cname) };
}

/** RFC 6672 §3.1: the CNAME is made of it here, whatever the server made. */
function throughDname(dname: DnsRecord, signed: readonly DnsRecord[], name: string, owner: string): Alias {
  const base = readName(dname);
  const below = owner === "" ? name : name.slice(0, -owner.length - 1);
  const target = base === undefined ? undefined : `${below}${base === "" ? "" : `.${base}`}`;
  if (target === undefined || wireLength(target) > LONGEST_NAME_BYTES) return { records: [], target: undefined };
  const { class: recordClass, ttlSeconds } = dname;
  const cname = { name, type: DNS_TYPE.CNAME, class: recordClass, ttlSeconds, data: nameData(target) };
  return { records: [dname, ...signed, cname], target };
}

/** Without the root's zero; an escaped byte counts as one. */
function wireLength(name: string): number {
  return name.replace(/\\\d{3}/g, "x").length + 1;
}
