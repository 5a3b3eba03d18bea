/** Network interfaces: RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (man 7 rtnetlink, linux/if_link.h). */
import {
  type AttributeTable,
  attribute,
  attributeTable,
  decodeAttributesInto,
  encodeAttribute,
  encodeAttributes,
  pick,
  type Values,
} from "../attribute.ts";
import { string, u32 } from "../codec.ts";
import { encodeBody, NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";
import type { Writer } from "../writer.ts";
import { AF_BRIDGE, type CreateMode, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK } from "./constants.ts";
import { createFlags } from "./family.ts";
import { type BridgePort, type KindData, kindNamed, LINK_KINDS, type LinkKindName } from "./kinds/registry.ts";
import { IFINFOMSG, LINK_ATTRIBUTES } from "./link-attributes.ts";
import { IFLA_AF_SPEC, type LinkFamilies } from "./link-families.ts";
import { encodeLinkInfo, type LinkInfo, linkInfoAttribute } from "./link-info.ts";

export const IFF_UP = 0x1;
export const IFF_LOOPBACK = 0x8;
/** Frames can pass: operational state up or unknown (RFC 2863). */
export const IFF_RUNNING = 0x40;
export const IFF_NOARP = 0x80;
export const IFF_PROMISC = 0x100;
export const IFF_ALLMULTI = 0x200;
const RTEXT_FILTER_SKIP_STATS = 8;

type LinkAttributes = Values<typeof LINK_ATTRIBUTES>;

/** An interface as the kernel shows it. */
export interface Link extends LinkAttributes, LinkInfo, LinkFamilies {
  readonly index: number;
  /** ARPHRD_*: 1 Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** IFF_* bits. */
  readonly flags: number;
  /** IFF_UP, the administrative state. */
  readonly up: boolean;
}

/** What can be set. Absent: left as it is, or the kernel's default on creation. */
export interface LinkSettings extends LinkAttributes, LinkInfo, LinkFamilies {
  /** On creation: the index that the link shall have. */
  readonly index?: number;
  readonly up?: boolean;
  /** Further IFF_* bits; only those in `flagsMask` change. */
  readonly flags?: number;
  readonly flagsMask?: number;
}

/** Which link: by index, or by name. */
export type LinkSelector = { readonly index: number } | { readonly name: string };

const LINK_TABLE = tableWith(linkInfoAttribute());
export const LINK_MESSAGE = { fixedBytes: IFINFOMSG.size, table: LINK_TABLE };
const REQUEST_TABLE = attributeTable({
  masterIndex: LINK_ATTRIBUTES.rows.masterIndex,
  extensionMask: attribute("IFLA_EXT_MASK", 29, u32),
});
const NAME_TABLE = attributeTable({ name: attribute("IFLA_IFNAME", 3, string) });

function tableWith(linkInfo: ReturnType<typeof linkInfoAttribute>) {
  return attributeTable({ ...LINK_ATTRIBUTES.rows, families: IFLA_AF_SPEC, linkInfo });
}

function encodeSettings(writer: Writer, settings: LinkSettings): void {
  const { index, up, flags = 0, flagsMask = 0 } = settings;
  IFINFOMSG.append(writer, {
    index: index ?? 0,
    flags: up === true ? flags | IFF_UP : flags,
    change: up === undefined ? flagsMask : flagsMask | IFF_UP,
  });
  encodeAttributes(writer, LINK_ATTRIBUTES, settings);
  if (settings.ipv6AddressGeneration !== undefined) encodeAttribute(writer, IFLA_AF_SPEC, settings);
  encodeLinkInfo(writer, settings);
}

function titleOf(link: { readonly name?: string; readonly index?: number }): string {
  return link.name ?? `with index ${link.index}`;
}

/**
 * Creates a link: `ip link add NAME type KIND …`. A kernel without the kind answers EOPNOTSUPP. Data of a bridge
 * port are ignored on creation; set them afterwards.
 * @throws NetloomError bad-value
 */
export function newLink(link: LinkSettings & { readonly kind: string }, mode: CreateMode = {}): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: createFlags(mode),
    body: encodeBody((writer) => encodeSettings(writer, link)),
    operation: `create ${link.kind} ${link.name ?? "link"}`,
  };
}

/**
 * Changes a link: `ip link set dev NAME …`. The link is found by `index` if that is given (and `name` is then its new
 * name, which before Linux 6.2 a link gets only while it is down: EBUSY), else by `name`. Port data (`bridgePort`) want
 * the link to be a port already: one request for the master, a second for them. Safe to repeat.
 * @throws NetloomError bad-value
 */
export function setLink(link: LinkSettings & LinkSelector): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: 0,
    body: encodeBody((writer) => encodeSettings(writer, link)),
    operation: `change link ${titleOf(link)}`,
  };
}

/**
 * Deletes a link, or at one blow every link of a group: `ip link delete dev NAME`, `ip link delete group N`.
 * Deleting either end of a veth takes the other along. Use a group number that nobody else does: the kernel does
 * not ask who made the links.
 */
export function deleteLink(link: LinkSelector | { readonly group: number }): NetlinkRequest {
  return {
    type: RTM_DELLINK,
    flags: 0,
    body: encodeBody((writer) => {
      IFINFOMSG.append(writer, "index" in link ? { index: link.index } : {});
      encodeAttributes(writer, LINK_ATTRIBUTES, "index" in link ? {} : link);
    }),
    operation: "group" in link ? `delete links of group ${link.group}` : `delete link ${titleOf(link)}`,
  };
}

/** One link: `ip link show dev NAME`, without statistics. The kernel answers ENODEV when there is none. */
export function getLink(link: LinkSelector): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    flags: 0,
    body: encodeBody((writer) => {
      IFINFOMSG.append(writer, "index" in link ? { index: link.index } : {});
      encodeAttributes(writer, NAME_TABLE, "name" in link ? { name: link.name } : {});
      encodeAttributes(writer, REQUEST_TABLE, { extensionMask: RTEXT_FILTER_SKIP_STATS });
    }),
    operation: `show link ${titleOf(link)}`,
  };
}

/** All links, or the ports of one master, without statistics: `ip link show [master NAME]`. */
export function dumpLinks(filter: { readonly masterIndex?: number } = {}): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => {
      IFINFOMSG.append(writer, {});
      encodeAttributes(writer, REQUEST_TABLE, { ...filter, extensionMask: RTEXT_FILTER_SKIP_STATS });
    }),
    operation: "list links",
  };
}

/**
 * A link of a dump, of an answer, or of an event (where the type tells a new from a deleted one). Undefined for
 * another kind of message, for one too short, and for the bridge family's view of a port, which is no link.
 */
export function decodeLink(message: NetlinkMessage): Link | undefined {
  return decodeLinkWith(LINK_TABLE, message);
}

/** Fields that a reader of thousands of links has a use for. Kind, flags and index always come. */
export interface LinkFieldChoice {
  readonly link: readonly (keyof LinkAttributes | keyof LinkFamilies)[];
  readonly kinds?: { readonly [Kind in LinkKindName]?: readonly (keyof NonNullable<KindData[Kind]>)[] };
  readonly bridgePort?: readonly (keyof BridgePort)[];
}

/** A `decodeLink` that passes over all other fields: a third of the time for a bridge port. */
export function linkDecoder({ link, kinds = {}, bridgePort }: LinkFieldChoice): typeof decodeLink {
  const data = new Map<string, AttributeTable>();
  for (const [kind, fields] of Object.entries(kinds)) data.set(kind, pick(kindNamed(kind)!.data, fields));
  const linkInfo = linkInfoAttribute({
    dataOf: (kind) => data.get(kind),
    bridgePort: bridgePort && pick(LINK_KINDS.bridge.port, bridgePort),
  });
  const fields = link.map((field) => (field === "ipv6AddressGeneration" ? "families" : field));
  const table = pick(tableWith(linkInfo), [...fields, "linkInfo"]);
  return (message) => decodeLinkWith(table, message);
}

function decodeLinkWith(table: typeof LINK_TABLE, { type, source, start, end }: NetlinkMessage): Link | undefined {
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
  const header = IFINFOMSG.decode(source, start, end);
  if (header === undefined || header.family === AF_BRIDGE) return undefined;
  const { index, flags } = header;
  const link = { index, hardwareType: header.type, flags, up: (flags & IFF_UP) !== 0 };
  decodeAttributesInto(link, table, source, start + IFINFOMSG.size, end);
  return link;
}
