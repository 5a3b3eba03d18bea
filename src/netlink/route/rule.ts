/** Policy rules, which choose a routing table: RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (linux/fib_rules.h). */
import { formatPrefix, type IpAddress, type Prefix } from "../../base/address.ts";
import { attribute, attributeTable, decodeAttributes, encodeAttributes, struct } from "../attribute.ts";
import { ip, string, u8, u16, u32 } from "../codec.ts";
import { encodeBody, NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";
import { AF_INET, AF_INET6, AF_UNSPEC, type CreateMode, RTM_DELRULE, RTM_GETRULE, RTM_NEWRULE } from "./constants.ts";
import { createFlags } from "./family.ts";

const FR_ACT_TO_TBL = 1;
const FR_ACT_GOTO = 2;
const FIB_RULE_INVERT = 2;
const RT_TABLE_UNSPEC = 0;
const RT_TABLE_MAIN = 254;

/** struct fib_rule_hdr */
const HEADER = struct({
  family: u8,
  destinationLength: u8,
  sourceLength: u8,
  tos: u8,
  table: u8,
  reserved1: u8,
  reserved2: u8,
  action: u8,
  flags: u32,
});

/** struct fib_rule_port_range and fib_rule_uid_range */
const PORTS = struct({ first: u16, last: u16 });
const USERS = struct({ first: u32, last: u32 });

const TABLE = attributeTable({
  destination: attribute("FRA_DST", 1, ip),
  source: attribute("FRA_SRC", 2, ip),
  inputInterface: attribute("FRA_IIFNAME", 3, string),
  gotoPriority: attribute("FRA_GOTO", 4, u32),
  priority: attribute("FRA_PRIORITY", 6, u32),
  mark: attribute("FRA_FWMARK", 10, u32),
  suppressGroup: attribute("FRA_SUPPRESS_IFGROUP", 13, u32),
  suppressPrefixLength: attribute("FRA_SUPPRESS_PREFIXLEN", 14, u32),
  table: attribute("FRA_TABLE", 15, u32),
  markMask: attribute("FRA_FWMASK", 16, u32),
  outputInterface: attribute("FRA_OIFNAME", 17, string),
  masterDevice: attribute("FRA_L3MDEV", 19, u8),
  users: attribute("FRA_UID_RANGE", 20, USERS),
  protocol: attribute("FRA_PROTOCOL", 21, u8),
  transport: attribute("FRA_IP_PROTO", 22, u8),
  sourcePorts: attribute("FRA_SPORT_RANGE", 23, PORTS),
  destinationPorts: attribute("FRA_DPORT_RANGE", 24, PORTS),
});

export const RULE_MESSAGE = { fixedBytes: HEADER.size, table: TABLE };

interface Range {
  readonly first: number;
  readonly last: number;
}

/** A rule: which packets, and what becomes of them. */
export interface Rule {
  readonly family: 4 | 6;
  /** Lower goes first. Absent on creation: the kernel puts it before the others. */
  readonly priority?: number;
  /** FR_ACT_*: 1 look up `table` (default), 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 prohibit. */
  readonly action?: number;
  /** On creation 254 (main) when absent and the action is to look up. */
  readonly table?: number;
  readonly gotoPriority?: number;
  /** The rule is for packets that do not match. */
  readonly invert?: boolean;
  readonly source?: Prefix;
  readonly destination?: Prefix;
  readonly tos?: number;
  readonly inputInterface?: string;
  readonly outputInterface?: string;
  readonly mark?: number;
  readonly markMask?: number;
  /** Pass over routes found whose prefix is at most this long. */
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: number;
  readonly masterDevice?: number;
  readonly users?: Range;
  /** RTPROT_*: who made it. */
  readonly protocol?: number;
  /** IP protocol number. */
  readonly transport?: number;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
}

function encodeRule(rule: Rule, { action, table }: { action: number; table: number }): Uint8Array {
  const { family, source, destination } = rule;
  return encodeBody((writer) => {
    HEADER.append(writer, {
      family: family === 4 ? AF_INET : AF_INET6,
      destinationLength: destination?.length ?? 0,
      sourceLength: source?.length ?? 0,
      tos: rule.tos ?? 0,
      table: table > 255 ? RT_TABLE_UNSPEC : table,
      action,
      flags: rule.invert === true ? FIB_RULE_INVERT : 0,
    });
    encodeAttributes(writer, TABLE, {
      ...rule,
      source: source === undefined || source.length === 0 ? undefined : source.address,
      destination: destination === undefined || destination.length === 0 ? undefined : destination.address,
      table: table > 255 ? table : undefined,
    });
  });
}

function titleOf(rule: Rule): string {
  const from = rule.source === undefined ? "all" : formatPrefix(rule.source);
  return `rule ${rule.priority === undefined ? "" : `${rule.priority} `}from ${from}`;
}

/** Adds a rule: `ip rule add …`. EEXIST when there is one just like it. @throws NetloomError bad-value */
export function newRule(rule: Rule, mode: CreateMode = {}): NetlinkRequest {
  const action = rule.action ?? (rule.gotoPriority === undefined ? FR_ACT_TO_TBL : FR_ACT_GOTO);
  const table = rule.table ?? (action === FR_ACT_TO_TBL ? RT_TABLE_MAIN : RT_TABLE_UNSPEC);
  return {
    type: RTM_NEWRULE,
    flags: createFlags(mode),
    body: encodeRule(rule, { action, table }),
    operation: `add ${titleOf(rule)}`,
  };
}

/** Removes the first rule that has all that is given: `ip rule delete …`. ENOENT when there is none. */
export function deleteRule(rule: Rule): NetlinkRequest {
  // Action and table 0 match any.
  const { action = rule.gotoPriority === undefined ? 0 : FR_ACT_GOTO, table = RT_TABLE_UNSPEC } = rule;
  return {
    type: RTM_DELRULE,
    flags: 0,
    body: encodeRule(rule, { action, table }),
    operation: `delete ${titleOf(rule)}`,
  };
}

/** All rules of both families: `ip rule show`, `ip -6 rule show`. */
export function dumpRules(): NetlinkRequest {
  return {
    type: RTM_GETRULE,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => HEADER.append(writer, { family: AF_UNSPEC })),
    operation: "list rules",
  };
}

/** A rule of a dump or an event; undefined for another message, one too short, or another family. */
export function decodeRule({ type, source: bytes, start, end }: NetlinkMessage): Rule | undefined {
  if (type !== RTM_NEWRULE && type !== RTM_DELRULE) return undefined;
  const header = HEADER.decode(bytes, start, end);
  if (header === undefined || (header.family !== AF_INET && header.family !== AF_INET6)) return undefined;
  const {
    source,
    destination,
    table = header.table,
    priority = 0,
    ...rest
  } = decodeAttributes(TABLE, bytes, start + HEADER.size, end);
  // The kernel says "suppress nothing" with -1.
  const { suppressPrefixLength, suppressGroup, ...others } = rest;
  return {
    family: header.family === AF_INET ? 4 : 6,
    priority,
    action: header.action,
    ...(table === RT_TABLE_UNSPEC ? {} : { table }),
    ...(header.tos === 0 ? {} : { tos: header.tos }),
    ...((header.flags & FIB_RULE_INVERT) === 0 ? {} : { invert: true }),
    ...prefix("source", source, header.sourceLength),
    ...prefix("destination", destination, header.destinationLength),
    ...(suppressPrefixLength === undefined || suppressPrefixLength === NONE ? {} : { suppressPrefixLength }),
    ...(suppressGroup === undefined || suppressGroup === NONE ? {} : { suppressGroup }),
    ...others,
  };
}

const NONE = 0xffff_ffff;

function prefix<Name extends string>(name: Name, address: IpAddress | undefined, length: number) {
  return (address === undefined ? {} : { [name]: { address, length } }) as { readonly [Key in Name]?: Prefix };
}
