/** A server on one link as one of the keeper's services; what it serves is the business of its `open`. */
import { statSync } from "node:fs";
import type { MacAddress } from "../../base/address.ts";
import { messageOf, NetloomError } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { RouteNetlink } from "../../kernel/netlink.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import { decodeLink, getLink } from "../../netlink/route/link.ts";
import { nameOf, type ServiceObject } from "../../state/object.ts";
import type { Service, ServiceReport } from "../service.ts";

/** The very link that a server listens on; a name may meanwhile belong to another one. */
export interface Place {
  readonly namespacePath: string;
  readonly interfaceIndex: number;
  readonly macAddress: MacAddress;
}

/** What runs on the link. */
export interface LinkServer {
  /** Counters, plain JSON. */
  stats(): object;
  /** @param meant whether the service ends for good, or another process goes on in its place */
  close(meant: boolean): void | Promise<void>;
  /** Goes on as another object without a break. @returns false: it cannot. */
  become?(goal: LinkServiceObject): boolean;
  /** Ends in favour of what serves another object on the same link. Absent: it ends for good. */
  closeFor?(goal: LinkServiceObject): Promise<void>;
}

export interface Kind {
  /** What it offers, for the report. */
  readonly offers: Readonly<Record<string, unknown>>;
  open(place: Place): LinkServer | Promise<LinkServer>;
  /** What takes its place on the same link when the object changes; undefined: it has to end, and another begins. */
  successor?(goal: LinkServiceObject): Kind | undefined;
}

/** What a {@link LinkService} runs. */
type LinkServiceObject = Exclude<ServiceObject, { readonly kind: "vm" | "dhcp-client" | "dhcp6-client" }>;

export class LinkService implements Service {
  readonly #log: Logger;
  #object: LinkServiceObject;
  #kind: Kind;
  #running: { readonly server: LinkServer; readonly place: Place; readonly namespaceInode: number } | undefined;
  #trouble: string | undefined;

  constructor(object: LinkServiceObject, log: Logger, kind: Kind) {
    this.#object = object;
    this.#log = log;
    this.#kind = kind;
  }

  get object(): LinkServiceObject {
    return this.#object;
  }

  async change(goal: ServiceObject): Promise<boolean> {
    if (goal.kind === "vm" || goal.kind === "dhcp-client" || goal.kind === "dhcp6-client") return false;
    const successor = this.#kind.successor?.(goal);
    if (successor === undefined) return false;
    const running = this.#running;
    this.#object = goal;
    this.#kind = successor;
    if (running?.server.become?.(goal) === true) return true;
    this.#running = undefined;
    if (running?.server.closeFor === undefined) await running?.server.close(true);
    else await running.server.closeFor(goal);
    return true;
  }

  /** Also moves a server that listens on a link which was replaced by another one of the same name. */
  async start(): Promise<void> {
    try {
      const place = await this.#findPlace();
      const namespaceInode = statSync(place.namespacePath).ino;
      const running = this.#running;
      if (running !== undefined) {
        if (running.namespaceInode === namespaceInode && running.place.interfaceIndex === place.interfaceIndex) return;
        await this.#close(false);
      }
      this.#running = { server: await this.#kind.open(place), place, namespaceInode };
      this.#trouble = undefined;
      this.#log.info("serves", { service: nameOf(this.object), ...this.#kind.offers });
    } catch (error) {
      await this.#close(false);
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  async resume(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      this.#log.error("does not start", { service: nameOf(this.object), reason: messageOf(error) });
    }
  }

  stop(): Promise<void> {
    return this.#close(true);
  }

  release(): Promise<void> {
    return this.#close(false);
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  report(): ServiceReport {
    if (this.#running === undefined)
      return { state: "failed", reason: this.#trouble ?? "it was not started yet", details: this.#kind.offers };
    return { state: "running", details: { ...this.#kind.offers, ...this.#running.server.stats() } };
  }

  async #close(meant: boolean): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.server.close(meant);
  }

  async #findPlace(): Promise<Place> {
    const path = namespacePath(this.object.namespace);
    const netlink = RouteNetlink.open({ namespacePath: path });
    try {
      const { index, macAddress } = await netlink.get(getLink({ name: this.object.interfaceName }), decodeLink);
      if (macAddress === undefined)
        throw new NetloomError("interface-unfit", `${nameOf(this.object)}: the link has no MAC address`);
      return { namespacePath: path, interfaceIndex: index, macAddress };
    } finally {
      netlink.close();
    }
  }
}
