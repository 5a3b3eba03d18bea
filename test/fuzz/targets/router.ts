/** The router of a network: whoever asks whatever how often, what it sends is little. */
import { type Ipv6Prefix, macFromBytes, parseIpv6, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { Router } from "../../../src/protocol/ndp/router.ts";
import { decodeIpv6, encodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { GUEST_ADDRESS, type Received, solicitation } from "../../support/ip6-client.ts";
import { mutateIp6 } from "../mutate-ip6.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

/** Eight hosts by unicast and all by multicast. */
const ANSWERS_AT_MOST = 9;
const LARGEST_ANSWER_BYTES = 14 + 1280;
const CONFIG = {
  address: parseIpv6("fe80::1"),
  mac: parseMac("02:00:00:00:00:01"),
  told: {
    hopLimit: 64,
    managed: true,
    other: true,
    lifetimeSeconds: 1800,
    preference: "medium",
    prefixes: [
      {
        prefix: parsePrefix("2001:db8::/64") as Ipv6Prefix,
        onLink: true,
        autonomous: true,
        validSeconds: 7200,
        preferredSeconds: 3600,
      },
    ],
    routes: [],
    nameServers: [parseIpv6("2001:db8::53")],
    searchDomains: ["example.org"],
    dnsLifetimeSeconds: 1800,
  },
} as const;
const SOURCES = [GUEST_ADDRESS, parseIpv6("::"), ...Array.from({ length: 12 }, (_, i) => parseIpv6(`fe80::1:${i}`))];
const SEEDS: readonly Received[] = SOURCES.flatMap((source) => [
  solicitation(undefined, { source }),
  solicitation(undefined, { source, options: Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1) }),
]);

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #router = new Router(CONFIG, 0, Math.random);
  #bytes: Uint8Array = new Uint8Array();
  #now = 0;
  #accepted = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    const random = this.#random;
    const { frame, packet } = SEEDS[random(SEEDS.length)]!;
    this.#bytes = encodeIpv6(random(2) === 0 ? packet : mutateIp6(packet, random));
    const decoded = decodeIpv6(this.#bytes);
    if (decoded instanceof Malformed) throw new Error(decoded.reason);
    const source = macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, random(20)));
    const [event] = this.#router.handle({ ...frame, source }, decoded, this.#now);
    demand(event !== undefined, "nothing was reported");
    if (event.event === "received") this.#accepted++;
    if (random(4) === 0) this.#pass();
  }

  /** To the next deadline, or a little. */
  #pass(): void {
    this.#now = this.#random(3) === 0 ? Math.max(this.#now, this.#router.nextDeadline()) : this.#now + 0.1;
    const { frames } = this.#router.advertise(this.#now);
    demand(frames.length <= ANSWERS_AT_MOST, `${frames.length} answers at one time`);
    for (const frame of frames) {
      demand(frame.length <= LARGEST_ANSWER_BYTES, `an answer of ${frame.length} bytes`);
      demand(!(decodeIpv6(frame.subarray(14)) instanceof Malformed), "an answer that is malformed");
    }
  }

  input(): string {
    return toHex(this.#bytes);
  }

  end(inputs: number): void {
    demand(this.#accepted > inputs / 10 && this.#accepted < inputs, "too few inputs reached the router");
  }
}

export const ROUTER: FuzzTarget = { name: "router", start: (random) => new Run(random) };
