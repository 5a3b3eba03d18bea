/** Questions to other servers, over what each asks for; what becomes of them is told as events. */
import { messageOf } from "../../base/errors.ts";
import { SystemCallError } from "../../kernel/native.ts";
import type { UpstreamEvent, UpstreamQuery } from "../../protocol/dns/exchange.ts";
import { UpstreamStreams } from "./upstream-stream.ts";
import { UpstreamUdp } from "./upstream-udp.ts";

/** Well below the usual limit of open files; more at a time is a flood. */
const MOST_SOCKETS = 4096;

/** No route of that family, or no address to ask from. */
const CUT_OFF: ReadonlySet<string> = new Set(["ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL"]);

/** Sockets of one network namespace. */
class Way {
  readonly udp: UpstreamUdp;
  readonly streams: UpstreamStreams;

  constructor(namespace: number | undefined, onEvent: (event: UpstreamEvent) => void) {
    this.udp = new UpstreamUdp(namespace, onEvent);
    this.streams = new UpstreamStreams(namespace, onEvent);
  }

  get open(): number {
    return this.udp.open + this.streams.open;
  }
}

export class UpstreamExchange {
  readonly #onEvent: (event: UpstreamEvent) => void;
  readonly #own: Way;
  readonly #network: Way;
  readonly #mostSockets: number;
  #isClosed = false;

  /**
   * @param network descriptor of the network namespace of servers that are on the network; undefined: our own, as for all others
   * @param onEvent never called from within {@link send} or {@link end}
   */
  constructor(network: number | undefined, onEvent: (event: UpstreamEvent) => void, mostSockets = MOST_SOCKETS) {
    this.#mostSockets = mostSockets;
    this.#onEvent = (event) => {
      if (!this.#isClosed) onEvent(event);
    };
    this.#own = new Way(undefined, this.#onEvent);
    this.#network = new Way(network, this.#onEvent);
  }

  send(queries: readonly UpstreamQuery[]): void {
    for (const query of queries) this.#send(query);
  }

  #send(query: UpstreamQuery): void {
    try {
      const { udp, streams } = query.server.onNetwork === true ? this.#network : this.#own;
      if (this.#isFull && !this.#own.streams.closeIdle() && !this.#network.streams.closeIdle())
        throw new Error("too many sockets are open");
      if (query.transport === "udp") udp.send(query);
      else streams.send(query);
    } catch (error) {
      const isCutOff = error instanceof SystemCallError && CUT_OFF.has(error.errnoName);
      setImmediate(() => this.#onEvent({ query: query.query, kind: "failed", reason: messageOf(error), isCutOff }));
    }
  }

  get #isFull(): boolean {
    return this.#own.open + this.#network.open >= this.#mostSockets;
  }

  end(queries: readonly number[]): void {
    for (const { udp, streams } of [this.#own, this.#network]) {
      for (const query of queries) {
        udp.end(query);
        streams.end(query);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { udp, streams } of [this.#own, this.#network]) {
      udp.close();
      streams.close();
    }
  }
}
