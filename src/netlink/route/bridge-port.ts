/** Bridge ports as the bridge family shows and changes them: `bridge link` (RTM_GETLINK, RTM_SETLINK of AF_BRIDGE). */
import { attribute, attributeTable, decodeAttributes, encodeAttributes, nested } from "../attribute.ts";
import { u32 } from "../codec.ts";
import { encodeBody, NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";
import { AF_BRIDGE, RTM_DELLINK, RTM_GETLINK, RTM_NEWLINK, RTM_SETLINK } from "./constants.ts";
import { type BridgePort, LINK_KINDS } from "./kinds/registry.ts";
import { IFINFOMSG, LINK_ATTRIBUTES } from "./link-attributes.ts";

const TABLE = attributeTable({
  name: LINK_ATTRIBUTES.rows.name,
  masterIndex: attribute("IFLA_MASTER", 10, u32),
  port: attribute("IFLA_PROTINFO", 12, nested(LINK_KINDS.bridge.port), { nestedFlag: true }),
});

/** A port, found by the interface index of its link. */
export interface BridgePortLink {
  readonly linkIndex: number;
  readonly name?: string;
  readonly masterIndex?: number;
  readonly port: BridgePort;
}

/** Changes a port: `bridge link set dev NAME …`. The kernel answers EINVAL when the link is no port. Safe to repeat. */
export function setBridgePort(linkIndex: number, port: BridgePort): NetlinkRequest {
  return {
    type: RTM_SETLINK,
    flags: 0,
    body: encodeBody((writer) => {
      IFINFOMSG.append(writer, { family: AF_BRIDGE, index: linkIndex });
      encodeAttributes(writer, TABLE, { port });
    }),
    operation: `change bridge port with index ${linkIndex}`,
  };
}

/** All ports of all bridges: `bridge link show`. */
export function dumpBridgePorts(): NetlinkRequest {
  return {
    type: RTM_GETLINK,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => IFINFOMSG.append(writer, { family: AF_BRIDGE })),
    operation: "list bridge ports",
  };
}

/** A port of a dump or of an event. Undefined for other messages, and for the bridge itself. */
export function decodeBridgePort({ type, source, start, end }: NetlinkMessage): BridgePortLink | undefined {
  if (type !== RTM_NEWLINK && type !== RTM_DELLINK) return undefined;
  const header = IFINFOMSG.decode(source, start, end);
  if (header === undefined || header.family !== AF_BRIDGE) return undefined;
  const { port, ...attributes } = decodeAttributes(TABLE, source, start + IFINFOMSG.size, end);
  if (port !== undefined) return { linkIndex: header.index, ...attributes, port };
  // The message that a link ceases to be a port says no more than of which bridge.
  const ended = type === RTM_DELLINK && attributes.masterIndex !== undefined;
  return ended ? { linkIndex: header.index, ...attributes, port: {} } : undefined;
}
