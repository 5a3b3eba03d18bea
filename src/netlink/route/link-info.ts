/**
 * IFLA_LINKINFO: a link's kind and what belongs to that kind. Which table the data are of depends on the kind
 * beside them, so this is the one attribute that a table row cannot describe.
 */
import { attribute, decodeAttributes, encodeAttribute, encodeAttributes, forEachAttribute } from "../attribute.ts";
import { type Codec, text } from "../codec.ts";
import type { Writer } from "../writer.ts";
import { type BridgePort, type KindData, kindNamed, LINK_KINDS, type LinkKindName } from "./kinds/registry.ts";

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

const linkInfo: Codec<LinkInfo> = {
  encode: encodeInfo,
  decode(source, start, end) {
    let kind: string | undefined;
    let portKind: string | undefined;
    let data: readonly [number, number] | undefined;
    let portData: readonly [number, number] | undefined;
    forEachAttribute(source, start, end, (type, from, to) => {
      if (type === IFLA_INFO_KIND) kind = text.decode(source, from, to);
      if (type === IFLA_INFO_DATA) data = [from, to];
      if (type === IFLA_INFO_SLAVE_KIND) portKind = text.decode(source, from, to);
      if (type === IFLA_INFO_SLAVE_DATA) portData = [from, to];
    });
    const info: Record<string, unknown> = {};
    if (kind !== undefined) {
      info.kind = kind;
      const table = kindNamed(kind)?.data;
      if (table !== undefined && data !== undefined) info[kind] = decodeAttributes(table, source, ...data);
    }
    if (portKind !== undefined) {
      info.portKind = portKind;
      if (portKind === "bridge" && portData !== undefined) {
        info.bridgePort = decodeAttributes(LINK_KINDS.bridge.port, source, ...portData);
      }
    }
    return info;
  },
};

const IFLA_LINKINFO = attribute("IFLA_LINKINFO", 18, linkInfo);

/** Appends IFLA_LINKINFO when the settings have anything for it. @throws NetloomError bad-value */
export function encodeLinkInfo(writer: Writer, info: LinkInfo): void {
  if (info.kind !== undefined || info.bridgePort !== undefined) encodeAttribute(writer, IFLA_LINKINFO, info);
}

export { IFLA_LINKINFO };
