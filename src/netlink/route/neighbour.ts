/** Neighbours, which are ARP and NDP entries: RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (linux/neighbour.h). */
import type { IpAddress, MacAddress } from "../../base/address.ts";
import { decodeAttributes, encodeAttributes } from "../attribute.ts";
import { encodeBody, NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  type CreateMode,
  RTM_DELNEIGH,
  RTM_GETNEIGH,
  RTM_NEWNEIGH,
} from "./constants.ts";
import { createFlags, kernelFamily } from "./family.ts";
import { NDMSG, NEIGHBOUR_TABLE, NTF_PROXY, NTF_ROUTER, NUD_PERMANENT } from "./neighbour-message.ts";

/** What an address on the link resolves to. */
export interface Neighbour {
  readonly linkIndex: number;
  readonly address: IpAddress;
  /** Absent while it is being resolved, and for proxy entries. */
  readonly macAddress?: MacAddress;
  /** NUD_* bits; permanent when absent. */
  readonly state?: number;
  /** NTF_* bits: 8 proxy, 128 router. */
  readonly flags?: number;
  readonly protocol?: number;
}

function encodeNeighbour(neighbour: Neighbour, state: number): Uint8Array {
  const { address, linkIndex, macAddress, flags = 0, protocol } = neighbour;
  return encodeBody((writer) => {
    NDMSG.append(writer, { family: kernelFamily(address), index: linkIndex, state, flags });
    encodeAttributes(writer, NEIGHBOUR_TABLE, { address, macAddress, protocol });
  });
}

function neighbourTitle({ address, linkIndex }: Neighbour): string {
  return `neighbour ${address} on link with index ${linkIndex}`;
}

/** Adds a neighbour: `ip neighbour add A lladdr M dev NAME nud permanent`. @throws NetloomError bad-value */
export function newNeighbour(neighbour: Neighbour, mode: CreateMode = {}): NetlinkRequest {
  return {
    type: RTM_NEWNEIGH,
    flags: createFlags(mode),
    body: encodeNeighbour(neighbour, neighbour.state ?? NUD_PERMANENT),
    operation: `add ${neighbourTitle(neighbour)}`,
  };
}

/** Removes a neighbour: `ip neighbour delete A dev NAME`. ENOENT when there is none. */
export function deleteNeighbour(neighbour: Neighbour): NetlinkRequest {
  const { linkIndex, address, flags = 0 } = neighbour;
  return {
    type: RTM_DELNEIGH,
    flags: 0,
    body: encodeNeighbour({ linkIndex, address, flags: flags & NTF_PROXY }, NUD_PERMANENT),
    operation: `delete ${neighbourTitle(neighbour)}`,
  };
}

/** Neighbours of both families, or of one link: `ip neighbour show [dev NAME] nud all`. Proxy entries are not in it. */
export function dumpNeighbours({ linkIndex }: { readonly linkIndex?: number } = {}): NetlinkRequest {
  return {
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => {
      NDMSG.append(writer, { family: AF_UNSPEC });
      encodeAttributes(writer, NEIGHBOUR_TABLE, { outputIndex: linkIndex });
    }),
    operation: "list neighbours",
  };
}

/** A neighbour of a dump or an event; undefined for another message, one too short, or another family. */
export function decodeNeighbour({ type, source, start, end }: NetlinkMessage): Neighbour | undefined {
  if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return undefined;
  const header = NDMSG.decode(source, start, end);
  if (header === undefined || (header.family !== AF_INET && header.family !== AF_INET6)) return undefined;
  const { address, macAddress, protocol } = decodeAttributes(NEIGHBOUR_TABLE, source, start + NDMSG.size, end);
  if (address === undefined) return undefined;
  return {
    linkIndex: header.index,
    address,
    ...(macAddress === undefined ? {} : { macAddress }),
    state: header.state,
    ...((header.flags & (NTF_PROXY | NTF_ROUTER)) === 0 ? {} : { flags: header.flags }),
    ...(protocol === undefined ? {} : { protocol }),
  };
}
