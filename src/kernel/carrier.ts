/** Hears when a link of our own namespace has its carrier again, as after a cable was plugged in elsewhere. */
import type { Logger } from "../base/logger.ts";
import { IFF_RUNNING } from "../netlink/route/link.ts";
import { RouteMonitor } from "./netlink/monitor.ts";

interface CarrierWatchOptions {
  readonly linkIndex: number;
  /** Frames pass again; also where events were lost that may have told so. */
  readonly onReturn: () => void;
  readonly logger: Logger;
}

export class CarrierWatch implements Disposable {
  readonly #monitor: RouteMonitor;
  /** How often it had one. */
  #count: number | undefined;

  /** Listens from now on; tells nothing before {@link begin}. */
  constructor({ linkIndex, onReturn, logger }: CarrierWatchOptions) {
    this.#monitor = new RouteMonitor({
      kinds: ["link"],
      onEvent: (event) => {
        if (event.kind !== "link" || event.link.index !== linkIndex) return;
        const { flags, carrierUpCount } = event.link;
        // The kernel tells at most once a second: of a short loss nothing is seen but the count.
        if (this.#count === undefined || (flags & IFF_RUNNING) === 0 || carrierUpCount === this.#count) return;
        this.#count = carrierUpCount;
        onReturn();
      },
      onOverrun: () => {
        if (this.#count !== undefined) onReturn();
      },
      onError: (error) => logger.warn("the carrier is not watched", { reason: error.message }),
    });
  }

  /** @param count how often the link had a carrier until now */
  begin(count: number): void {
    this.#count = count;
  }

  [Symbol.dispose](): void {
    this.#monitor.close();
  }
}
