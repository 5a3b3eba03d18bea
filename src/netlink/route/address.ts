/** Addresses of interfaces: RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (linux/if_addr.h). */
import type { IpAddress } from "../../base/address.ts";
import { attribute, attributeTable, decodeAttributes, encodeAttributes, struct } from "../attribute.ts";
import { ip, string, u8, u32 } from "../codec.ts";
import { encodeBody, NLM_F_DUMP, type NetlinkMessage, type NetlinkRequest } from "../message.ts";
import { AF_UNSPEC, type CreateMode, RTM_DELADDR, RTM_GETADDR, RTM_NEWADDR } from "./constants.ts";
import { createFlags, kernelFamily } from "./family.ts";

/** IFA_F_* bits that are wanted most; `flags` takes any. */
export const IFA_F_NODAD = 0x02;
export const IFA_F_DADFAILED = 0x08;
export const IFA_F_HOMEADDRESS = 0x10;
export const IFA_F_TENTATIVE = 0x40;
export const IFA_F_PERMANENT = 0x80;
export const IFA_F_NOPREFIXROUTE = 0x200;
const FOREVER = 0xffff_ffff;

/** struct ifaddrmsg */
const IFADDRMSG = struct({ family: u8, prefixLength: u8, flags: u8, scope: u8, index: u32 });
/** struct ifa_cacheinfo */
const CACHE_INFO = struct({ preferredSeconds: u32, validSeconds: u32, created: u32, updated: u32 });

const TABLE = attributeTable({
  local: attribute("IFA_LOCAL", 2, ip),
  address: attribute("IFA_ADDRESS", 1, ip),
  broadcast: attribute("IFA_BROADCAST", 4, ip),
  label: attribute("IFA_LABEL", 3, string),
  flags: attribute("IFA_FLAGS", 8, u32),
  metric: attribute("IFA_RT_PRIORITY", 9, u32),
  cacheInfo: attribute("IFA_CACHEINFO", 6, CACHE_INFO),
  protocol: attribute("IFA_PROTO", 11, u8),
});

export const ADDRESS_MESSAGE = { fixedBytes: IFADDRMSG.size, table: TABLE };

/** An address of an interface; the same for setting and as shown. */
export interface InterfaceAddress {
  readonly linkIndex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The far end of a point-to-point link; the prefix length is then the peer's. */
  readonly peer?: IpAddress;
  readonly broadcast?: IpAddress;
  /** 0 global (default), 200 site, 253 link, 254 host. */
  readonly scope?: number;
  /** IPv4 only; begins with the link's name. */
  readonly label?: string;
  /** IFA_F_* bits, all 32. */
  readonly flags?: number;
  /** Absent: forever. */
  readonly preferredSeconds?: number;
  readonly validSeconds?: number;
  /** Metric of the route that the kernel derives. */
  readonly metric?: number;
  /** IFAPROT_*: who made it (kernel 6.x shows 1 loopback, 2 router advertisement, 3 link-local). */
  readonly protocol?: number;
}

function encodeAddress(address: InterfaceAddress): Uint8Array {
  const { address: local, flags = 0, preferredSeconds, validSeconds } = address;
  const limited = preferredSeconds !== undefined || validSeconds !== undefined;
  return encodeBody((writer) => {
    IFADDRMSG.append(writer, {
      family: kernelFamily(local),
      prefixLength: address.prefixLength,
      flags: flags & 0xff,
      scope: address.scope ?? 0,
      index: address.linkIndex,
    });
    encodeAttributes(writer, TABLE, {
      local,
      address: address.peer ?? local,
      broadcast: address.broadcast,
      label: address.label,
      flags: flags > 0xff ? flags : undefined,
      metric: address.metric,
      cacheInfo: limited ? lifetimes(preferredSeconds, validSeconds) : undefined,
      protocol: address.protocol,
    });
  });
}

function lifetimes(preferredSeconds: number | undefined, validSeconds = FOREVER) {
  return { preferredSeconds: preferredSeconds ?? validSeconds, validSeconds, created: 0, updated: 0 };
}

/** Adds an address: `ip address add A/L dev NAME`. EEXIST when it is there. @throws NetloomError bad-value */
export function newAddress(address: InterfaceAddress, mode: CreateMode = {}): NetlinkRequest {
  return {
    type: RTM_NEWADDR,
    flags: createFlags(mode),
    body: encodeAddress(address),
    operation: `add address ${address.address}/${address.prefixLength} to link with index ${address.linkIndex}`,
  };
}

/**
 * Removes an address: `ip address delete A/L dev NAME`. The kernel takes derived routes along, and with the first
 * IPv4 address of a subnet its secondaries (unless promote_secondaries). EADDRNOTAVAIL when it is not there.
 */
export function deleteAddress(address: InterfaceAddress): NetlinkRequest {
  const { linkIndex, prefixLength, address: local } = address;
  const identity = { linkIndex, prefixLength, address: local };
  const { peer, label } = address;
  return {
    type: RTM_DELADDR,
    flags: 0,
    body: encodeAddress({
      ...identity,
      ...(peer === undefined ? {} : { peer }),
      ...(label === undefined ? {} : { label }),
    }),
    operation: `delete address ${local}/${prefixLength} of link with index ${linkIndex}`,
  };
}

/** All addresses of both families, or those of one link: `ip address show [dev NAME]`. */
export function dumpAddresses(filter: { readonly linkIndex?: number } = {}): NetlinkRequest {
  return {
    type: RTM_GETADDR,
    flags: NLM_F_DUMP,
    body: encodeBody((writer) => IFADDRMSG.append(writer, { family: AF_UNSPEC, index: filter.linkIndex ?? 0 })),
    operation: "list addresses",
  };
}

/** An address of a dump or an event; undefined for another message or one too short. */
export function decodeAddress({ type, source, start, end }: NetlinkMessage): InterfaceAddress | undefined {
  if (type !== RTM_NEWADDR && type !== RTM_DELADDR) return undefined;
  const header = IFADDRMSG.decode(source, start, end);
  if (header === undefined) return undefined;
  const { local, address, flags, cacheInfo, ...rest } = decodeAttributes(TABLE, source, start + IFADDRMSG.size, end);
  const own = local ?? address;
  if (own === undefined) return undefined;
  const peer = address === undefined || address === own ? {} : { peer: address };
  return {
    linkIndex: header.index,
    address: own,
    prefixLength: header.prefixLength,
    ...peer,
    scope: header.scope,
    flags: flags ?? header.flags,
    ...(cacheInfo === undefined || cacheInfo.preferredSeconds === FOREVER
      ? {}
      : { preferredSeconds: cacheInfo.preferredSeconds }),
    ...(cacheInfo === undefined || cacheInfo.validSeconds === FOREVER ? {} : { validSeconds: cacheInfo.validSeconds }),
    ...rest,
  };
}
