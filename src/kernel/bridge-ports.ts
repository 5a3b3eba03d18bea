/** At which port of a bridge a host is, as the bridge has learned from the frames that came from it. */
import type { MacAddress } from "../base/address.ts";
import { decodeForwarding, getForwarding } from "../netlink/route/forwarding.ts";
import { NUD_PERMANENT } from "../netlink/route/neighbour-message.ts";
import { NetlinkError } from "./netlink/error.ts";
import { RouteNetlink } from "./netlink.ts";

/** Of untagged frames where the bridge filters VLANs, unless somebody has chosen another. */
const DEFAULT_VLAN = 1;

export class BridgePorts implements Disposable {
  readonly #bridgeIndex: number;
  readonly #namespacePath: string | undefined;
  /** Open while there are questions. */
  #netlink: RouteNetlink | undefined;
  #isClosed = false;

  /** @param namespacePath default our own */
  constructor(bridgeIndex: number, namespacePath?: string) {
    this.#bridgeIndex = bridgeIndex;
    this.#namespacePath = namespacePath;
  }

  /**
   * @returns the interface index of the port; undefined when the bridge knows none: it does not learn there, has no
   * room, or has forgotten; or the address is its own or that of a port
   * @throws NetlinkError, SystemCallError
   */
  async find(macAddress: MacAddress): Promise<number | undefined> {
    const bridgeIndex = this.#bridgeIndex;
    return (await this.#get({ bridgeIndex, macAddress })) ?? this.#get({ bridgeIndex, macAddress, vlan: DEFAULT_VLAN });
  }

  async #get(entry: Parameters<typeof getForwarding>[0]): Promise<number | undefined> {
    if (this.#isClosed) return undefined;
    const path = this.#namespacePath;
    this.#netlink ??= RouteNetlink.open(path === undefined ? {} : { namespacePath: path });
    try {
      const { linkIndex, state = 0 } = await this.#netlink.get(getForwarding(entry), decodeForwarding);
      // Of an interface of this host: who sends as if he were that is somewhere else.
      return (state & NUD_PERMANENT) === 0 ? linkIndex : undefined;
    } catch (error) {
      if (error instanceof NetlinkError && error.errnoName === "ENOENT") return undefined;
      throw error;
    }
  }

  /** There are no more questions for now: with a thousand bridges nothing is kept open for each. */
  rest(): void {
    this.#netlink?.close();
    this.#netlink = undefined;
  }

  /** A question that is under way ends with an error, further ones find nothing. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.rest();
  }
}
