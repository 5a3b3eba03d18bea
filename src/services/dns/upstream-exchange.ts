/** Questions to other servers, over what each asks for; what becomes of them is told as events. */
import type { IpAddress } from "../../base/address.ts";
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
interface Way {
  readonly udp: UpstreamUdp;
  readonly streams: UpstreamStreams;
}

export class UpstreamExchange {
  readonly #namespaceOf: (server: IpAddress) => number | undefined;
  readonly #onEvent: (event: UpstreamEvent) => void;
  readonly #ways = new Map<number | undefined, Way>();
  #isClosed = false;

  /**
   * @param namespaceOf descriptor of the network namespace that a server is asked from; undefined: our own
   * @param onEvent never called from within {@link send} or {@link end}
   */
  constructor(namespaceOf: (server: IpAddress) => number | undefined, onEvent: (event: UpstreamEvent) => void) {
    this.#namespaceOf = namespaceOf;
    this.#onEvent = (event) => {
      if (!this.#isClosed) onEvent(event);
    };
  }

  send(queries: readonly UpstreamQuery[]): void {
    for (const query of queries) this.#send(query);
  }

  #send(query: UpstreamQuery): void {
    try {
      const { udp, streams } = this.#wayTo(query.server.address);
      if (udp.open + streams.open >= MOST_SOCKETS) throw new Error("too many sockets are open");
      if (query.transport === "udp") udp.send(query);
      else streams.send(query);
    } catch (error) {
      const isCutOff = error instanceof SystemCallError && CUT_OFF.has(error.errnoName);
      setImmediate(() => this.#onEvent({ query: query.query, kind: "failed", reason: messageOf(error), isCutOff }));
    }
  }

  #wayTo(server: IpAddress): Way {
    const namespace = this.#namespaceOf(server);
    let way = this.#ways.get(namespace);
    if (way === undefined) {
      way = {
        udp: new UpstreamUdp(namespace, this.#onEvent),
        streams: new UpstreamStreams(namespace, this.#onEvent),
      };
      this.#ways.set(namespace, way);
    }
    return way;
  }

  end(queries: readonly number[]): void {
    for (const { udp, streams } of this.#ways.values()) {
      for (const query of queries) {
        udp.end(query);
        streams.end(query);
      }
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const { udp, streams } of this.#ways.values()) {
      udp.close();
      streams.close();
    }
  }
}
