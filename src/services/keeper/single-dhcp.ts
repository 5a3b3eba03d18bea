/** The single-client DHCP server as one of the keeper's services. */
import { statSync } from "node:fs";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { RouteNetlink } from "../../kernel/netlink.ts";
import { namespacePath } from "../../kernel/transition/namespace-path.ts";
import { decodeLink, getLink } from "../../netlink/route/link.ts";
import type { SingleDhcpObject } from "../../state/object.ts";
import { serveSingleDhcp, type SingleDhcpService as RunningServer } from "../dhcp4-single.ts";
import type { Service, ServiceReport } from "../service.ts";

/** The very link that a server listens on; a name may meanwhile belong to another one. */
interface Place {
  readonly namespaceInode: number;
  readonly interfaceIndex: number;
}

export class SingleDhcpService implements Service {
  readonly object: SingleDhcpObject;
  readonly #log: Logger;
  #running: { readonly server: RunningServer; readonly place: Place } | undefined;
  #trouble: string | undefined;

  constructor(object: SingleDhcpObject, log: Logger) {
    this.object = object;
    this.#log = log;
  }

  /** Also moves a server that listens on a link which was replaced by another one of the same name. */
  async start(): Promise<void> {
    try {
      const place = await this.#findPlace();
      if (this.#running !== undefined) {
        if (samePlace(this.#running.place, place)) return;
        this.#close();
      }
      const { clientMac, serverAddress, serverMac, lease } = this.object;
      const server = await serveSingleDhcp({
        namespacePath: namespacePath(this.object.namespace),
        link: place.interfaceIndex,
        config: { clientMac, serverAddress, serverMac, lease },
        logger: this.#log,
      });
      this.#running = { server, place };
      this.#trouble = undefined;
      this.#log.info("DHCP serves", {
        interface: this.object.interfaceName,
        namespace: this.object.namespace,
        client: clientMac,
      });
    } catch (error) {
      this.#close();
      this.#trouble = messageOf(error);
      throw error;
    }
  }

  async resume(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      this.#log.error("DHCP does not start", { interface: this.object.interfaceName, reason: messageOf(error) });
    }
  }

  stop(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  release(): Promise<void> {
    return this.stop();
  }

  report(): ServiceReport {
    const { address, hostName } = this.object.lease;
    const offered = { clientMac: this.object.clientMac, address, ...(hostName === undefined ? {} : { hostName }) };
    if (this.#running === undefined)
      return { state: "failed", reason: this.#trouble ?? "it was not started yet", details: offered };
    return { state: "running", details: { ...offered, ...this.#running.server.stats() } };
  }

  #close(): void {
    this.#running?.server.close();
    this.#running = undefined;
  }

  async #findPlace(): Promise<Place> {
    const path = namespacePath(this.object.namespace);
    const netlink = RouteNetlink.open({ namespacePath: path });
    try {
      const { index } = await netlink.get(getLink({ name: this.object.interfaceName }), decodeLink);
      return { namespaceInode: statSync(path).ino, interfaceIndex: index };
    } finally {
      netlink.close();
    }
  }
}

function samePlace(a: Place, b: Place): boolean {
  return a.namespaceInode === b.namespaceInode && a.interfaceIndex === b.interfaceIndex;
}
