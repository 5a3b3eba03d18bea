/**
 * IFLA_LINKINFO: a link's kind and what belongs to that kind. Which table the data are of depends on the kind
 * beside them, so this is the one attribute that a table row cannot describe.
 */
import {
  type Attribute,
  type AttributeTable,
  attribute,
  attributeTable,
  decodeAttributes,
  encodeAttribute,
  encodeAttributes,
  forEachAttribute,
  nested,
} from "../attribute.ts";
import { type Source, text } from "../codec.ts";
import type { Writer } from "../writer.ts";
import {
  type BridgePort,
  type BridgePortRows,
  type KindData,
  kindNamed,
  LINK_KINDS,
  type LinkKindName,
} from "./kinds/registry.ts";

const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_INFO_SLAVE_KIND = 4;
const IFLA_INFO_SLAVE_DATA = 5;

export interface LinkInfo extends KindData {
  /** "veth", "bridge"…; kinds without a table are decoded by name only. */
  readonly kind?: string;
  /** Kind of the master: "bridge" for a bridge port. */
  readonly portKind?: string;
  readonly bridgePort?: BridgePort;
}

function encodeText(writer: Writer, type: number, value: string): void {
  const mark = writer.openAttribute(type);
  text.encode(writer, value);
  writer.closeAttribute(mark);
}

function encodeInfo(writer: Writer, info: LinkInfo): void {
  if (info.kind !== undefined) {
    encodeText(writer, IFLA_INFO_KIND, info.kind);
    const kind = kindNamed(info.kind);
    const data = info[info.kind as LinkKindName];
    if (kind !== undefined && data !== undefined) {
      const mark = writer.openAttribute(IFLA_INFO_DATA);
      encodeAttributes(writer, kind.data, data);
      writer.closeAttribute(mark);
    }
  }
  if (info.bridgePort !== undefined) {
    encodeText(writer, IFLA_INFO_SLAVE_KIND, "bridge");
    const mark = writer.openAttribute(IFLA_INFO_SLAVE_DATA);
    encodeAttributes(writer, LINK_KINDS.bridge.port, info.bridgePort);
    writer.closeAttribute(mark);
  }
}

/** Tables to decode with: of a kind's own data, and of the ports of a bridge. */
interface InfoTables {
  readonly dataOf: (kind: string) => AttributeTable | undefined;
  readonly bridgePort: AttributeTable<BridgePortRows> | undefined;
}

const ALL_TABLES: InfoTables = { dataOf: (kind) => kindNamed(kind)?.data, bridgePort: LINK_KINDS.bridge.port };

function infoTable(source: Source, start: number, end: number): AttributeTable {
  let kind: string | undefined;
  forEachAttribute(source, start, end, (type, from, to) => {
    if (type === IFLA_INFO_KIND) kind = text.decode(source, from, to);
  });
  return attributeTable({
    data: attribute("IFLA_INFO_DATA", IFLA_INFO_DATA, nested(kindNamed(kind ?? "")?.data ?? attributeTable({}))),
    port: attribute("IFLA_INFO_SLAVE_DATA", IFLA_INFO_SLAVE_DATA, nested(LINK_KINDS.bridge.port)),
  });
}

/** IFLA_LINKINFO as a row of a table. */
export function linkInfoAttribute(tables: InfoTables = ALL_TABLES): Attribute<LinkInfo> {
  return attribute("IFLA_LINKINFO", 18, {
    inner: infoTable,
    encode: encodeInfo,
    decode(source, start, end) {
      const info: Record<string, unknown> = {};
      decodeInfo(info, tables, source, start, end);
      return info;
    },
    decodeInto: (values, source, start, end) => decodeInfo(values, tables, source, start, end),
  });
}

function decodeInfo(
  info: Record<string, unknown>,
  { dataOf, bridgePort }: InfoTables,
  source: Source,
  start: number,
  end: number,
): void {
  let kind: string | undefined;
  let portKind: string | undefined;
  let data: readonly [number, number] | undefined;
  let portData: readonly [number, number] | undefined;
  forEachAttribute(source, start, end, (type, from, to) => {
    if (type === IFLA_INFO_KIND) kind = text.decode(source, from, to);
    else if (type === IFLA_INFO_DATA) data = [from, to];
    else if (type === IFLA_INFO_SLAVE_KIND) portKind = text.decode(source, from, to);
    else if (type === IFLA_INFO_SLAVE_DATA) portData = [from, to];
  });
  if (kind !== undefined) info.kind = kind;
  if (portKind !== undefined) info.portKind = portKind;
  const table = kind === undefined ? undefined : dataOf(kind);
  if (kind !== undefined && table !== undefined && data !== undefined) {
    info[kind] = decodeAttributes(table, source, data[0], data[1]);
  }
  if (portKind === "bridge" && bridgePort !== undefined && portData !== undefined) {
    info.bridgePort = decodeAttributes(bridgePort, source, portData[0], portData[1]);
  }
}

const IFLA_LINKINFO = linkInfoAttribute();

/** Appends IFLA_LINKINFO when the settings have anything for it. @throws NetloomError bad-value */
export function encodeLinkInfo(writer: Writer, info: LinkInfo): void {
  if (info.kind !== undefined || info.bridgePort !== undefined) encodeAttribute(writer, IFLA_LINKINFO, info);
}
