/** Where a route leads: one gateway or device, or several with weights (struct rtnexthop, RTA_MULTIPATH). */
import type { IpAddress } from "../../base/address.ts";
import { attribute, attributeTable, decodeAttributes, encodeAttributes } from "../attribute.ts";
import { type Codec, ip, u8 } from "../codec.ts";
import { LITTLE_ENDIAN } from "../writer.ts";
import { AF_INET, AF_INET6 } from "./constants.ts";
import { kernelFamily } from "./family.ts";

export const RTNH_F_ONLINK = 4;
const RTNEXTHOP_BYTES = 8;

export interface RouteNextHop {
  readonly linkIndex?: number;
  /** Of the other family than the destination (an IPv6 router for IPv4): sent as RTA_VIA. */
  readonly gateway?: IpAddress;
  /** 1 to 256; only among several. */
  readonly weight?: number;
  /** The gateway counts as reachable on the link though no route says so. */
  readonly onlink?: boolean;
  /** RTNH_F_* bits as shown (1 dead, 16 carrier missing), without onlink. */
  readonly flags?: number;
}

/** struct rtvia: a gateway with its family in front. */
export const via: Codec<IpAddress> = {
  encode(writer, value) {
    const offset = writer.reserve(2);
    writer.view.setUint16(offset, kernelFamily(value), LITTLE_ENDIAN);
    ip.encode(writer, value);
  },
  decode(source, start, end) {
    if (end - start < 2) return undefined;
    const family = source.view.getUint16(start, LITTLE_ENDIAN);
    const bytes = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
    return bytes > 0 && start + 2 + bytes <= end ? ip.decode(source, start + 2, start + 2 + bytes) : undefined;
  },
};

const TABLE = attributeTable({ gateway: attribute("RTA_GATEWAY", 5, ip), via: attribute("RTA_VIA", 18, via) });

/** The gateway as the attribute that it must stand in beside a destination of `family`. */
export function gatewayFields(gateway: IpAddress | undefined, family: number) {
  if (gateway === undefined) return {};
  return kernelFamily(gateway) === family ? { gateway } : { via: gateway };
}

/** Value of RTA_MULTIPATH for a route of one family. */
export interface Multipath {
  readonly family: number;
  readonly nextHops: readonly RouteNextHop[];
}

export const multipath: Codec<Multipath> = {
  encode(writer, { family, nextHops }) {
    for (const { linkIndex = 0, gateway, weight = 1, onlink = false } of nextHops) {
      const mark = writer.mark;
      const offset = writer.reserve(RTNEXTHOP_BYTES);
      writer.view.setUint8(offset + 2, onlink ? RTNH_F_ONLINK : 0);
      u8.put(writer.view, offset + 3, weight - 1);
      writer.view.setInt32(offset + 4, linkIndex, LITTLE_ENDIAN);
      encodeAttributes(writer, TABLE, gatewayFields(gateway, family));
      writer.patch16(mark, writer.mark - mark);
    }
  },
  decode(source, start, end) {
    const nextHops: RouteNextHop[] = [];
    for (let offset = start; offset + RTNEXTHOP_BYTES <= end; ) {
      const length = source.view.getUint16(offset, LITTLE_ENDIAN);
      if (length < RTNEXTHOP_BYTES || offset + length > end) break;
      const fields = decodeAttributes(TABLE, source, offset + RTNEXTHOP_BYTES, offset + length);
      nextHops.push({
        ...decodeNextHop(source.view.getInt32(offset + 4, LITTLE_ENDIAN), source.view.getUint8(offset + 2), fields),
        weight: source.view.getUint8(offset + 3) + 1,
      });
      offset += (length + 3) & ~3;
    }
    return { family: 0, nextHops };
  },
};

export function decodeNextHop(
  linkIndex: number,
  allFlags: number,
  fields: { readonly gateway?: IpAddress; readonly via?: IpAddress },
): RouteNextHop {
  const gateway = fields.gateway ?? fields.via;
  const flags = allFlags & 0xff & ~RTNH_F_ONLINK;
  return {
    ...(linkIndex === 0 ? {} : { linkIndex }),
    ...(gateway === undefined ? {} : { gateway }),
    ...((allFlags & RTNH_F_ONLINK) === 0 ? {} : { onlink: true }),
    ...(flags === 0 ? {} : { flags }),
  };
}
