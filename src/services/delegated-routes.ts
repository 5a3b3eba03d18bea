/**
 * The way to delegated prefixes: each goes to the router that has it, at the address from which it asked. A route ends
 * with its lease, by the kernel's own clock, so that it neither needs this process nor outlives the lease without it.
 */
import { messageOf } from "../base/errors.ts";
import { RouteNetlink } from "../kernel/netlink.ts";
import type { NetlinkRequest } from "../netlink/message.ts";
import { deleteRoute, newRoute } from "../netlink/route/route.ts";
import type { Ipv6Address } from "../base/address.ts";
import { FOREVER_SECONDS } from "../protocol/leases/time.ts";
import type { Lease6 } from "../protocol/dhcp6/server/lease.ts";

/** linux/rtnetlink.h */
const RTPROT_DHCP = 16;
/** Behind 1024, which a route that somebody sets by hand has. */
const METRIC = 2048;
const ESRCH = 3;

/** A router has a prefix, or has given it back. */
export interface Delegation {
  readonly lease: Lease6;
  readonly router: Ipv6Address;
}

export class DelegatedRoutes {
  readonly #netlink: RouteNetlink;
  readonly #linkIndex: number;
  readonly #onError: (reason: string) => void;

  /** @param namespacePath default: our own network namespace. @throws SystemCallError */
  constructor(namespacePath: string | undefined, linkIndex: number, onError: (reason: string) => void) {
    this.#netlink = RouteNetlink.open(namespacePath === undefined ? {} : { namespacePath });
    this.#linkIndex = linkIndex;
    this.#onError = onError;
  }

  /**
   * `ip -6 route replace 2001:db8:100::/56 via fe80::7 dev lan expires 43200`, or `delete`. What fails is told, and tried
   * again at the next renewal.
   */
  async follow(delegations: readonly Delegation[], nowSeconds: number): Promise<void> {
    const requests = delegations.map((delegation) => this.#requestOf(delegation, nowSeconds));
    try {
      for (const error of await this.#netlink.executeAll(requests))
        if (error !== undefined && error.errno !== ESRCH) this.#onError(messageOf(error));
    } catch (error) {
      this.#onError(messageOf(error));
    }
  }

  #requestOf({ lease, router }: Delegation, nowSeconds: number): NetlinkRequest {
    const { address, length, state, endSeconds } = lease;
    const route = {
      destination: { address, length },
      nextHops: [{ linkIndex: this.#linkIndex, gateway: router }],
      protocol: RTPROT_DHCP,
      metric: METRIC,
    };
    if (state !== "leased") return deleteRoute(route);
    const expires = endSeconds === FOREVER_SECONDS ? {} : { expiresSeconds: Math.ceil(endSeconds - nowSeconds) };
    return newRoute({ ...route, ...expires }, { replace: true });
  }

  close(): void {
    this.#netlink.close();
  }
}
