/**
 * Who is answered where nobody has said it: this host, the networks that it is in, and all private addresses. A server
 * that answered the whole world would be used to flood others with its answers.
 *
 * Networks that the host joins later are seen when somebody asks from there; those that it leaves count no more from the
 * next stranger's question on.
 */
import { networkInterfaces } from "node:os";
import { type IpAddress, parsePrefix, type Prefix } from "../../base/address.ts";
import { decodeAddress } from "../../kernel/socket-address.ts";
import { steadySeconds } from "../clock.ts";
import { AllowList, type Askers } from "./allow-list.ts";

/** RFC 6890, RFC 1918, RFC 6598, RFC 4193. */
const PRIVATE: readonly Prefix[] = [
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::1/128",
  "fc00::/7",
  "fe80::/10",
].map(parsePrefix);
/** Strangers may ask a hundred thousand times a second. */
const LOOK_SECONDS = 1;

interface NeighboursOptions {
  /** Hears of the first stranger, once. */
  readonly onStranger: (address: IpAddress) => void;
  /** Default: the networks of this process's namespace. */
  readonly connected?: () => readonly Prefix[];
  readonly now?: () => number;
}

export class Neighbours implements Askers {
  readonly #options: NeighboursOptions;
  readonly #connected: () => readonly Prefix[];
  readonly #now: () => number;
  #list: AllowList;
  #lookedAt: number;
  #isTold = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#connected = options.connected ?? connectedNetworks;
    this.#now = options.now ?? steadySeconds;
    this.#list = new AllowList([...PRIVATE, ...this.#connected()]);
    this.#lookedAt = this.#now();
  }

  allows(sockaddrs: Uint8Array, offset: number): boolean {
    return (
      this.#list.allows(sockaddrs, offset) ||
      (this.#look() && this.#list.allows(sockaddrs, offset)) ||
      this.#tell(() => decodeAddress(sockaddrs.subarray(offset)))
    );
  }

  allowsAddress(address: IpAddress): boolean {
    return (
      this.#list.allowsAddress(address) ||
      (this.#look() && this.#list.allowsAddress(address)) ||
      this.#tell(() => address)
    );
  }

  /** @returns whether there was something new to see */
  #look(): boolean {
    const now = this.#now();
    if (now - this.#lookedAt < LOOK_SECONDS) return false;
    this.#lookedAt = now;
    try {
      this.#list = new AllowList([...PRIVATE, ...this.#connected()]);
    } catch {
      // A flood may have taken all descriptors, one of which is needed to look: nobody is served worse for that.
      return false;
    }
    return true;
  }

  /** Of a stranger. */
  #tell(address: () => IpAddress): false {
    if (!this.#isTold) this.#options.onStranger(address());
    this.#isTold = true;
    return false;
  }
}

function connectedNetworks(): readonly Prefix[] {
  return Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ cidr }) => {
      const prefix = cidr === null ? undefined : parsePrefix(cidr);
      // All addresses are no network.
      return prefix === undefined || prefix.length === 0 ? [] : [prefix];
    }),
  );
}
