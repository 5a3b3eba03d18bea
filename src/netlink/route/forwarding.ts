/** Forwarding entries of bridges and vxlan devices: the bridge family's neighbours (`bridge fdb`, linux/neighbour.h). */
import type { IpAddress, MacAddress } from "../../base/address.ts";
import { decodeAttributes, encodeAttributes } from "../attribute.ts";
import {
  encodeBody,
  NLM_F_APPEND,
  NLM_F_CREATE,
  NLM_F_DUMP,
  type NetlinkMessage,
  type NetlinkRequest,
} from "../message.ts";
import { AF_BRIDGE, type CreateMode, RTM_DELNEIGH, RTM_GETNEIGH, RTM_NEWNEIGH } from "./constants.ts";
import { createFlags } from "./family.ts";
import { NDMSG, NEIGHBOUR_TABLE, NTF_MASTER, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE } from "./neighbour-message.ts";

/** Where a bridge (or vxlan device) sends frames for a MAC. */
export interface ForwardingEntry {
  readonly linkIndex: number;
  readonly macAddress: MacAddress;
  /** The bridge that the port belongs to; shown only. */
  readonly masterIndex?: number;
  /**
   * NUD_* bits: 128 local ("permanent"), 64 static, 2 learned. Absent on creation: static. A vxlan device's entries
   * want NUD_NOARP | NUD_PERMANENT.
   */
  readonly state?: number;
  /** NTF_SELF, NTF_MASTER… Default NTF_MASTER on creation. */
  readonly flags?: number;
  readonly vlan?: number;
  /** vxlan: the remote end, its UDP port, and its network. */
  readonly remote?: IpAddress;
  readonly port?: number;
  readonly vni?: number;
  readonly sourceVni?: number;
  readonly outputIndex?: number;
  readonly nextHopId?: number;
}

function encodeForwarding(entry: ForwardingEntry, defaultState: number): Uint8Array {
  const { linkIndex, macAddress, state = defaultState, flags = NTF_MASTER, remote } = entry;
  return encodeBody((writer) => {
    NDMSG.append(writer, { family: AF_BRIDGE, index: linkIndex, state, flags });
    encodeAttributes(writer, NEIGHBOUR_TABLE, {
      macAddress,
      address: remote,
      vlan: entry.vlan,
      port: entry.port,
      vni: entry.vni,
      sourceVni: entry.sourceVni,
      outputIndex: entry.outputIndex,
      nextHopId: entry.nextHopId,
    });
  });
}

function forwardingTitle({ macAddress, linkIndex }: ForwardingEntry): string {
  return `forwarding entry ${macAddress} on link with index ${linkIndex}`;
}

/** Adds a forwarding entry: `bridge fdb add M dev NAME master static`. @throws NetloomError bad-value */
export function newForwarding(
  entry: ForwardingEntry,
  mode: CreateMode & { readonly append?: boolean } = {},
): NetlinkRequest {
  return {
    type: RTM_NEWNEIGH,
    flags: mode.append === true ? NLM_F_CREATE | NLM_F_APPEND : createFlags(mode),
    body: encodeForwarding(entry, NUD_NOARP | NUD_REACHABLE),
    operation: `add ${forwardingTitle(entry)}`,
  };
}

/** Removes a forwarding entry: `bridge fdb delete M dev NAME`. ENOENT when there is none. */
export function deleteForwarding(entry: ForwardingEntry): NetlinkRequest {
  return {
    type: RTM_DELNEIGH,
    flags: 0,
    body: encodeForwarding(entry, NUD_NOARP | NUD_PERMANENT),
    operation: `delete ${forwardingTitle(entry)}`,
  };
}

/** Forwarding entries of all bridges and vxlan devices, or of one bridge: `bridge fdb show [br NAME]`. */
export function dumpForwarding({ masterIndex }: { readonly masterIndex?: number } = {}): NetlinkRequest {
  return {
    type: RTM_GETNEIGH,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => {
      NDMSG.append(writer, { family: AF_BRIDGE });
      encodeAttributes(writer, NEIGHBOUR_TABLE, { masterIndex });
    }),
    operation: "list forwarding entries",
  };
}

/** Where a bridge sends frames for one MAC address: `bridge fdb get M [vlan VLAN] br NAME`. ENOENT when it knows none. */
export function getForwarding(entry: {
  readonly bridgeIndex: number;
  readonly macAddress: MacAddress;
  readonly vlan?: number;
}): NetlinkRequest {
  const { bridgeIndex, macAddress, vlan } = entry;
  return {
    type: RTM_GETNEIGH,
    flags: 0,
    body: encodeBody((writer) => {
      NDMSG.append(writer, { family: AF_BRIDGE });
      encodeAttributes(writer, NEIGHBOUR_TABLE, { macAddress, vlan, masterIndex: bridgeIndex });
    }),
    operation: `show forwarding entry ${macAddress} of bridge with index ${bridgeIndex}`,
  };
}

/** A forwarding entry of a dump or an event; undefined for anything else. */
export function decodeForwarding({ type, source, start, end }: NetlinkMessage): ForwardingEntry | undefined {
  if (type !== RTM_NEWNEIGH && type !== RTM_DELNEIGH) return undefined;
  const header = NDMSG.decode(source, start, end);
  if (header === undefined || header.family !== AF_BRIDGE) return undefined;
  const { macAddress, address, cacheInfo, probes, protocol, extendedFlags, ...rest } = decodeAttributes(
    NEIGHBOUR_TABLE,
    source,
    start + NDMSG.size,
    end,
  );
  if (macAddress === undefined) return undefined;
  return {
    linkIndex: header.index,
    macAddress,
    state: header.state,
    flags: header.flags,
    ...(address === undefined ? {} : { remote: address }),
    ...rest,
  };
}
