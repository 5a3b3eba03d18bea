/** Who asked for a boot file, and what each was told. Bounded: those that have been silent longest are forgotten. */
import type { Ipv4Address, MacAddress } from "../../base/address.ts";
import type { BootClient } from "../../protocol/pxe/client.ts";
import type { BootOffer } from "../../protocol/pxe/offer.ts";
import type { ProxyEvent } from "../../protocol/pxe/proxy.ts";
import { Pace } from "./pace.ts";

export interface AskedClient {
  readonly mac: MacAddress | undefined;
  /** Absent until it asked for one. */
  readonly address?: Ipv4Address;
  readonly client: BootClient;
  readonly offer?: BootOffer;
  /** Why it gets nothing. */
  readonly reason?: string;
  readonly latestSeconds: number;
}

const REMEMBERED = 1024;
/** Clients repeat themselves until they are answered, and somebody who watches has seen it. */
const TOLD_SECONDS = 10;
/** Somebody makes up clients, and nobody reads more of them. */
const MOST_TOLD_PER_SECOND = 50;

export class AskedClients {
  readonly #clients = new Map<string, AskedClient>();
  readonly #pace = new Pace(MOST_TOLD_PER_SECOND);

  /** @returns whether it is worth telling: not the same again within seconds, and not one of a flood */
  take(event: Extract<ProxyEvent, { event: "asked" }>, nowSeconds: number): boolean {
    const { client, offer, reason } = event;
    const key = client.mac ?? "";
    const before = this.#clients.get(key);
    const address = event.address ?? before?.address;
    const isNew =
      before === undefined ||
      before.offer?.bootFile !== offer?.bootFile ||
      before.client.isIpxe !== client.isIpxe ||
      before.reason !== reason ||
      nowSeconds - before.latestSeconds > TOLD_SECONDS;
    this.#clients.delete(key);
    this.#clients.set(key, {
      mac: client.mac,
      client,
      latestSeconds: nowSeconds,
      ...(address === undefined ? {} : { address }),
      ...(offer === undefined ? {} : { offer }),
      ...(reason === undefined ? {} : { reason }),
    });
    const [oldest] = this.#clients.keys();
    if (this.#clients.size > REMEMBERED && oldest !== undefined) this.#clients.delete(oldest);
    return isNew && this.#pace.take(nowSeconds);
  }

  /** The latest first. */
  list(): AskedClient[] {
    return [...this.#clients.values()].toReversed();
  }
}
