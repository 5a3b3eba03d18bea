/** Virtual Ethernet pairs (linux/veth.h). Creating one end creates the other, as the peer's attributes say. */
import { attribute, decodeAttributes, encodeAttributes, type Values } from "../../attribute.ts";
import type { Codec } from "../../codec.ts";
import { IFINFOMSG, LINK_ATTRIBUTES } from "../link-attributes.ts";
import { linkKind } from "./kind.ts";

/**
 * The other end. `namespaceDescriptor` or `namespacePid` create it there at once, which is sixty times quicker
 * than moving it. It cannot be created up: the kernel answers ENOTCONN.
 */
export type VethPeer = Values<typeof LINK_ATTRIBUTES> & { readonly index?: number };

const peer: Codec<VethPeer> = {
  encode(writer, { index, ...attributes }) {
    IFINFOMSG.append(writer, index === undefined ? {} : { index });
    encodeAttributes(writer, LINK_ATTRIBUTES, attributes);
  },
  decode(source, start, end) {
    const header = IFINFOMSG.decode(source, start, end);
    if (header === undefined) return undefined;
    const attributes = decodeAttributes(LINK_ATTRIBUTES, source, start + IFINFOMSG.size, end);
    return header.index === 0 ? attributes : { ...attributes, index: header.index };
  },
};

/** Only for creating; the kernel never sends it. What a veth's peer is stands in the link's `linkIndex`. */
export const veth = linkKind({ data: { peer: attribute("VETH_INFO_PEER", 1, peer) } });
