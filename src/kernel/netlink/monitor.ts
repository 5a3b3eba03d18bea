/** Changes to a namespace's links, addresses, routes, neighbours and rules, as they happen (`ip monitor`). */
import { sourceOf } from "../../netlink/codec.ts";
import { decodeMessages } from "../../netlink/message.ts";
import {
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV4_ROUTE,
  RTNLGRP_IPV4_RULE,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_IPV6_ROUTE,
  RTNLGRP_IPV6_RULE,
  RTNLGRP_LINK,
  RTNLGRP_NEIGH,
} from "../../netlink/route/constants.ts";
import { decodeRouteEvent, type RouteEvent } from "../../netlink/route/event.ts";
import { closeDescriptor, NetlinkEvents, openNamespace, type SystemCallError } from "../native.ts";

/** Groups by the kind of object that their events tell of; link also has bridge ports, neighbour forwarding entries. */
const GROUPS = {
  link: [RTNLGRP_LINK],
  address: [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
  route: [RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE],
  neighbour: [RTNLGRP_NEIGH],
  rule: [RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE],
} as const;

export interface RouteMonitorOptions {
  /** Absent: our own namespace. */
  readonly namespacePath?: string;
  readonly kinds: readonly (keyof typeof GROUPS)[];
  readonly onEvent: (event: RouteEvent) => void;
  /** Events were lost: dump again. */
  readonly onOverrun: () => void;
  readonly onError: (error: SystemCallError) => void;
}

export class RouteMonitor implements Disposable {
  readonly #events: NetlinkEvents;

  /** Listens from now on; what was there before is a dump's business. @throws SystemCallError ENOENT */
  constructor({ namespacePath, kinds, onEvent, onOverrun, onError }: RouteMonitorOptions) {
    const namespace = namespacePath === undefined ? undefined : openNamespace(namespacePath);
    try {
      this.#events = new NetlinkEvents({
        ...(namespace === undefined ? {} : { namespace }),
        groups: kinds.flatMap((kind) => GROUPS[kind]),
        onMessages(bytes) {
          const whole = decodeMessages(sourceOf(bytes), 0, bytes.length, (message) => {
            const event = decodeRouteEvent(message);
            if (event !== undefined) onEvent(event);
          });
          if (!whole) onOverrun();
        },
        onOverrun,
        onError,
      });
    } finally {
      if (namespace !== undefined) closeDescriptor(namespace);
    }
  }

  close(): void {
    this.#events.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
