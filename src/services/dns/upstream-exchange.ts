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

export class UpstreamExchange {
  readonly #onEvent: (event: UpstreamEvent) => void;
  readonly #udp: UpstreamUdp;
  readonly #streams: UpstreamStreams;
  #isClosed = false;

  /** @param onEvent never called from within {@link send} or {@link end} */
  constructor(namespace: number | undefined, onEvent: (event: UpstreamEvent) => void) {
    this.#onEvent = (event) => {
      if (!this.#isClosed) onEvent(event);
    };
    this.#udp = new UpstreamUdp(namespace, this.#onEvent);
    this.#streams = new UpstreamStreams(namespace, this.#onEvent);
  }

  send(queries: readonly UpstreamQuery[]): void {
    for (const query of queries) this.#send(query);
  }

  #send(query: UpstreamQuery): void {
    try {
      if (this.#udp.open + this.#streams.open >= MOST_SOCKETS) throw new Error("too many sockets are open");
      if (query.transport === "udp") this.#udp.send(query);
      else this.#streams.send(query);
    } catch (error) {
      const isCutOff = error instanceof SystemCallError && CUT_OFF.has(error.errnoName);
      setImmediate(() => this.#onEvent({ query: query.query, kind: "failed", reason: messageOf(error), isCutOff }));
    }
  }

  end(queries: readonly number[]): void {
    for (const query of queries) {
      this.#udp.end(query);
      this.#streams.end(query);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#udp.close();
    this.#streams.close();
  }
}
