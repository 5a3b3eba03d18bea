/** What changed, from the kernel's multicast messages. Groups to listen to: RTNLGRP_* in constants.ts. */
import type { NetlinkMessage } from "../message.ts";
import { decodeAddress, type InterfaceAddress } from "./address.ts";
import { type BridgePortLink, decodeBridgePort } from "./bridge-port.ts";
import {
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from "./constants.ts";
import { decodeForwarding, type ForwardingEntry } from "./forwarding.ts";
import { decodeLink, type Link } from "./link.ts";
import { decodeNeighbour, type Neighbour } from "./neighbour.ts";
import { decodeRoute, type Route } from "./route.ts";
import { decodeRule, type Rule } from "./rule.ts";

/** `gone`: the object was deleted; otherwise it is new or changed, and this is how it is now. */
export type RouteEvent = { readonly gone: boolean } & (
  | { readonly kind: "link"; readonly link: Link }
  | { readonly kind: "bridge-port"; readonly bridgePort: BridgePortLink }
  | { readonly kind: "address"; readonly address: InterfaceAddress }
  | { readonly kind: "route"; readonly route: Route }
  | { readonly kind: "neighbour"; readonly neighbour: Neighbour }
  | { readonly kind: "forwarding"; readonly forwarding: ForwardingEntry }
  | { readonly kind: "rule"; readonly rule: Rule }
);

/** The event in a message; undefined for what is none of ours or cannot be decoded. */
export function decodeRouteEvent(message: NetlinkMessage): RouteEvent | undefined {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK: {
      const gone = message.type === RTM_DELLINK;
      const link = decodeLink(message);
      if (link !== undefined) return { kind: "link", gone, link };
      const bridgePort = decodeBridgePort(message);
      return bridgePort && { kind: "bridge-port", gone, bridgePort };
    }
    case RTM_NEWADDR:
    case RTM_DELADDR: {
      const address = decodeAddress(message);
      return address && { kind: "address", gone: message.type === RTM_DELADDR, address };
    }
    case RTM_NEWROUTE:
    case RTM_DELROUTE: {
      const route = decodeRoute(message);
      return route && { kind: "route", gone: message.type === RTM_DELROUTE, route };
    }
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH: {
      const gone = message.type === RTM_DELNEIGH;
      const neighbour = decodeNeighbour(message);
      if (neighbour !== undefined) return { kind: "neighbour", gone, neighbour };
      const forwarding = decodeForwarding(message);
      return forwarding && { kind: "forwarding", gone, forwarding };
    }
    case RTM_NEWRULE:
    case RTM_DELRULE: {
      const rule = decodeRule(message);
      return rule && { kind: "rule", gone: message.type === RTM_DELRULE, rule };
    }
    default:
      return undefined;
  }
}
