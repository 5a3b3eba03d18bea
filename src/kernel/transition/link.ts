/**
 * Links as requests.
 *
 * A new link takes one request that creates it and one that gives it its alias, which marks it as ours, and sets the
 * rest. A name, and the MAC address of a link of somebody else, can only be changed while the link is down. How IPv6
 * addresses come by themselves is set to "none" before a link goes up and to anything else after: then going up makes
 * no address, and what is to be there is added by its own step.
 */
import { NetloomError } from "../../base/errors.ts";
import type { NetlinkRequest } from "../../netlink/message.ts";
import { setBridgePort } from "../../netlink/route/bridge-port.ts";
import { MACVLAN_MODES } from "../../netlink/route/kinds/macvlan.ts";
import { IFF_ALLMULTI, type LinkSettings, deleteLink, newLink, setLink } from "../../netlink/route/link.ts";
import { markOf } from "../../state/mark.ts";
import type { LinkObject } from "../../state/object/kernel.ts";
import type { LinkDirectory } from "./link-directory.ts";

const GENERATE_NO_ADDRESSES = 1;
const ETHERNET_MTU_BYTES = 1500;

export interface LinkContext {
  readonly links: LinkDirectory;
  /** An open descriptor of that namespace; stays open until the requests are sent. */
  readonly descriptorOf: (namespace: string) => number;
}

/**
 * Requests that create the link and set it up. A tap must be there already (it is opened, not created), and so must
 * a veth-peer (it comes with its other end). @throws NetloomError no-link
 */
export function createLinkRequests(object: LinkObject, context: LinkContext): NetlinkRequest[] {
  const { links } = context;
  const type = object.link;
  switch (type.type) {
    case "bridge":
      return [
        // A bridge keeps an MTU only when it is changed after creation; else it follows its ports.
        newLink({ ...creation(object, context), ...otherMtu(object), kind: "bridge", bridge: bridgeData(type) }),
        ...setUp(object, links, mtuOf(object)),
      ];
    case "dummy":
      return [newLink({ ...creation(object, context), ...mtuOf(object), kind: "dummy" }), ...setUp(object, links, {})];
    case "macvlan":
    case "macvtap": {
      const parentIndex = links.index(type.parentKey);
      if (parentIndex === undefined)
        throw new NetloomError("no-link", `create link ${object.name}: its parent (${type.parentKey}) does not exist`);
      const settings = { ...creation(object, context), ...mtuOf(object), linkIndex: parentIndex };
      return [
        newLink({ ...settings, kind: type.type, [type.type]: { mode: MACVLAN_MODES[type.mode] } }),
        ...setUp(object, links, {}),
      ];
    }
    case "veth": {
      const end = { ...creation(object, context), ...mtuOf(object), kind: "veth" as const };
      const peer = links.object(type.peerKey);
      const veth = peer === undefined ? {} : { veth: { peer: peerSettings(object, peer, context) } };
      return [newLink({ ...end, ...veth }), ...setUp(object, links, {})];
    }
    case "tap":
      return setUp(object, links, { ...mtuOf(object), ...macOf(object) });
    case "veth-peer":
      return setUp(object, links, {});
    case "adopted":
      throw new NetloomError("no-link", `adopt ${object.name}: there is no such link`);
  }
}

function creation(object: LinkObject, { links }: LinkContext): LinkSettings & { readonly name: string } {
  return { index: links.reserve(object), name: object.name, ...macOf(object) };
}

function peerSettings(object: LinkObject, peer: LinkObject, { links, descriptorOf }: LinkContext) {
  return {
    index: links.reserve(peer),
    name: peer.name,
    ...macOf(peer),
    ...mtuOf(peer),
    ...(peer.namespace === object.namespace ? {} : { namespaceDescriptor: descriptorOf(peer.namespace) }),
  };
}

/** What is set once the link is there. */
function setUp(object: LinkObject, links: LinkDirectory, further: LinkSettings): NetlinkRequest[] {
  const index = requireIndex(object, links);
  const { up, learning, ipv6AddressGeneration: generation } = object;
  const master = typeof object.masterKey === "string" ? { masterIndex: masterIndex(object, links) } : {};
  const requests: NetlinkRequest[] = [];
  const first = { index, alias: markOf(object.key), ...further, ...master, ...multicastOf(object) };
  if (generation === undefined) {
    requests.push(named(object, setLink({ ...first, ...(up === true ? { up } : {}) })));
  } else {
    const before = generation === GENERATE_NO_ADDRESSES ? { ipv6AddressGeneration: generation } : {};
    requests.push(named(object, setLink({ ...first, ...before })));
    if (up === true) requests.push(named(object, setLink({ index, up })));
    if (generation !== GENERATE_NO_ADDRESSES) {
      requests.push(named(object, setLink({ index, ipv6AddressGeneration: generation })));
    }
  }
  if (learning !== undefined) requests.push(named(object, setBridgePort(index, { learning })));
  return requests;
}

/** Requests that make the observed link `before` the link `after`. @throws NetloomError no-link, no-master */
export function changeLinkRequests(before: LinkObject, after: LinkObject, { links }: LinkContext): NetlinkRequest[] {
  const index = links.indexOf(before);
  if (index === undefined) throw new NetloomError("no-link", `change link ${before.name}: it does not exist any more`);
  links.set(after, index);
  const adopted = after.link.type === "adopted";
  const newMac = after.macAddress !== undefined && after.macAddress !== before.macAddress;
  const bounce = before.name !== after.name || (adopted && newMac);
  const upAfter = after.up ?? before.up ?? true;
  const generation = after.ipv6AddressGeneration;
  const newGeneration = generation !== undefined && generation !== before.ipv6AddressGeneration;
  const newMaster = after.masterKey !== undefined && after.masterKey !== (before.masterKey ?? null);
  const requests: NetlinkRequest[] = [];
  if (bounce && before.up !== false) requests.push(setLink({ index, up: false }));
  const settings: LinkSettings = {
    ...(before.name === after.name ? {} : { name: after.name }),
    ...(newMac ? macOf(after) : {}),
    ...(after.mtuBytes === before.mtuBytes ? {} : mtuOf(after)),
    ...(adopted ? {} : { alias: markOf(after.key) }),
    ...(newMaster ? { masterIndex: masterIndex(after, links) } : {}),
    ...(after.allMulticast === before.allMulticast ? {} : multicastOf(after)),
    ...(newGeneration && generation === GENERATE_NO_ADDRESSES ? { ipv6AddressGeneration: generation } : {}),
    ...(!bounce && after.up === false && before.up !== false ? { up: false } : {}),
    ...(after.link.type === "bridge" && !sameBridge(before, after)
      ? { kind: "bridge", bridge: bridgeData(after.link) }
      : {}),
  };
  if (Object.keys(settings).length > 0) requests.push(setLink({ index, ...settings }));
  if (upAfter && (bounce || before.up !== true)) requests.push(setLink({ index, up: true }));
  if (after.learning !== undefined && (newMaster || after.learning !== before.learning)) {
    requests.push(setBridgePort(index, { learning: after.learning }));
  }
  if (newGeneration && generation !== GENERATE_NO_ADDRESSES) {
    requests.push(setLink({ index, ipv6AddressGeneration: generation }));
  }
  return requests.map((request) => named(after, request));
}

/** None when the link is gone already, or is not ours to delete. */
export function deleteLinkRequests(object: LinkObject, { links }: LinkContext): NetlinkRequest[] {
  const index = object.link.type === "adopted" ? undefined : links.indexOf(object);
  if (index === undefined) return [];
  links.forget(object.key);
  if (object.link.type === "veth" || object.link.type === "veth-peer") links.forget(object.link.peerKey);
  return [named(object, deleteLink({ index }))];
}

function sameBridge(before: LinkObject, after: LinkObject): boolean {
  if (before.link.type !== "bridge" || after.link.type !== "bridge") return false;
  const { forwardDelayCentiseconds: delay, stp } = after.link;
  return (
    (delay === undefined || delay === before.link.forwardDelayCentiseconds) &&
    (stp === undefined || stp === before.link.stp)
  );
}

function bridgeData(type: LinkObject["link"] & { readonly type: "bridge" }) {
  const { forwardDelayCentiseconds, stp } = type;
  return {
    ...(forwardDelayCentiseconds === undefined ? {} : { forwardDelayCentiseconds }),
    ...(stp === undefined ? {} : { stpState: stp ? 1 : 0 }),
  };
}

function macOf({ macAddress }: LinkObject): LinkSettings {
  return macAddress === undefined ? {} : { macAddress };
}

function mtuOf({ mtuBytes }: LinkObject): LinkSettings {
  return mtuBytes === undefined ? {} : { mtuBytes };
}

/** Where the kernel's default is what is wanted, another one to begin with: then setting it is a change. */
function otherMtu({ mtuBytes }: LinkObject): LinkSettings {
  return mtuBytes === ETHERNET_MTU_BYTES ? { mtuBytes: ETHERNET_MTU_BYTES - 1 } : {};
}

function multicastOf({ allMulticast }: LinkObject): LinkSettings {
  return allMulticast === undefined ? {} : { flags: allMulticast ? IFF_ALLMULTI : 0, flagsMask: IFF_ALLMULTI };
}

function masterIndex(object: LinkObject, links: LinkDirectory): number {
  if (typeof object.masterKey !== "string") return 0;
  const index = links.index(object.masterKey);
  if (index !== undefined) return index;
  throw new NetloomError("no-master", `attach link ${object.name}: its bridge (${object.masterKey}) does not exist`);
}

function requireIndex(object: LinkObject, links: LinkDirectory): number {
  const index = links.index(object.key);
  if (index !== undefined) return index;
  throw new NetloomError("no-link", `set up link ${object.name}: it does not exist`);
}

/** The request under the link's name and not its index, for errors. */
function named(object: LinkObject, request: NetlinkRequest): NetlinkRequest {
  return {
    ...request,
    operation: request.operation.replace(/(?:link|bridge port) with index \d+/, `link ${object.name}`),
  };
}
