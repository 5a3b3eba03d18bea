/** Who is being served: by the client's port, and how many of each client there are. */
import type { IpAddress } from "../../base/address.ts";
import { TFTP_ERROR } from "../../wire/tftp.ts";
import { TftpRefusal } from "./refusal.ts";
import type { RunningTransfer } from "./transfer.ts";

const DEFAULT_TRANSFERS = 2000;
const DEFAULT_TRANSFERS_OF_CLIENT = 100;

export interface StartedLimits {
  readonly transfers?: number;
  readonly transfersOfClient?: number;
}

/** A request that was taken. */
export interface Started {
  /** The client's socket address as text. */
  readonly key: string;
  /** All that it says, to know it again. */
  readonly request: string;
  readonly clientAddress: IpAddress;
  /** Undefined while its file is being opened. */
  transfer: RunningTransfer | undefined;
}

export class StartedTransfers {
  readonly #limits: StartedLimits;
  readonly #byKey = new Map<string, Started>();
  readonly #ofClient = new Map<IpAddress, number>();
  /** Of which nothing had come back when they were last looked at; the oldest first. */
  readonly #unheard = new Set<Started>();

  constructor(limits: StartedLimits) {
    this.#limits = limits;
  }

  find(key: string): Started | undefined {
    return this.#byKey.get(key);
  }

  /**
   * When all places are taken the one goes that has waited longest for a first word: requests with made-up addresses
   * would keep them all for as long as a client is given to answer.
   * @throws TftpRefusal when there are too many
   */
  add(started: Omit<Started, "transfer">): Started {
    const { transfers = DEFAULT_TRANSFERS, transfersOfClient = DEFAULT_TRANSFERS_OF_CLIENT } = this.#limits;
    const ofClient = this.#ofClient.get(started.clientAddress) ?? 0;
    if (ofClient >= transfersOfClient)
      throw new TftpRefusal(TFTP_ERROR.undefined, "too many transfers of this client now");
    if (this.#byKey.size >= transfers) this.#makeRoom();
    if (this.#byKey.size >= transfers) throw new TftpRefusal(TFTP_ERROR.undefined, "too many transfers now");
    const own: Started = { ...started, transfer: undefined };
    this.#byKey.set(own.key, own);
    this.#unheard.add(own);
    this.#ofClient.set(own.clientAddress, ofClient + 1);
    return own;
  }

  /** Those that have begun are looked at once only. */
  #makeRoom(): void {
    for (const started of this.#unheard) {
      if (started.transfer === undefined) continue;
      if (!hasBegun(started)) return started.transfer.abandon("no answer yet, and others wait");
      this.#unheard.delete(started);
    }
  }

  /** A transfer that ends has to do it. */
  remove(started: Started): void {
    this.#unheard.delete(started);
    if (this.#byKey.get(started.key) === started) this.#byKey.delete(started.key);
    const left = (this.#ofClient.get(started.clientAddress) ?? 1) - 1;
    if (left > 0) this.#ofClient.set(started.clientAddress, left);
    else this.#ofClient.delete(started.clientAddress);
  }
}

/** The client has heard of the transfer. */
export function hasBegun({ transfer }: Started): boolean {
  return transfer !== undefined && transfer.view().bytes > 0;
}
