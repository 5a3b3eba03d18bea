/** How many addresses are in quarantine, and at whose word. Bounded by the addresses that may be. */
interface Count {
  addresses: number;
  untilSeconds: number;
}

export class Quarantines {
  readonly #total: number;
  readonly #perClient: number;
  readonly #byClient = new Map<string, Count>();
  /** When each ends, the first one first; those of a file may last for any time. */
  readonly #ends: number[] = [];

  /** @param limits how many addresses in all, and at the word of one client */
  constructor({ declined, declinedPerClient }: { readonly declined: number; readonly declinedPerClient: number }) {
    this.#total = declined;
    this.#perClient = declinedPerClient;
  }

  /** Whether there is room for another one. */
  hasRoom(nowSeconds: number): boolean {
    while (this.#ends.length > 0 && this.#ends[0]! <= nowSeconds) this.#ends.shift();
    for (const [client, { untilSeconds }] of this.#byClient) {
      if (untilSeconds > nowSeconds) break;
      this.#byClient.delete(client);
    }
    return this.#ends.length < this.#total;
  }

  /** @returns which limit is reached; undefined when the address may be put there */
  refusal(client: string, nowSeconds: number): "declined" | "declinedPerClient" | undefined {
    if (!this.hasRoom(nowSeconds)) return "declined";
    return (this.#byClient.get(client)?.addresses ?? 0) < this.#perClient ? undefined : "declinedPerClient";
  }

  /** @param client absent: nobody's word but what a probe or a file says */
  add(untilSeconds: number, client?: string): void {
    let place = this.#ends.length;
    while (place > 0 && this.#ends[place - 1]! > untilSeconds) place--;
    this.#ends.splice(place, 0, untilSeconds);
    if (client === undefined) return;
    const addresses = (this.#byClient.get(client)?.addresses ?? 0) + 1;
    // Behind the others, which end earlier.
    this.#byClient.delete(client);
    this.#byClient.set(client, { addresses, untilSeconds });
  }
}
