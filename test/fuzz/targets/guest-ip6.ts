/** What answers a guest's IPv6: every answer is one sound packet to the guest. */
import { toHex } from "../../../src/base/bytes.ts";
import { SingleDhcp6Server } from "../../../src/protocol/dhcp6/single-server.ts";
import { SingleRouter } from "../../../src/protocol/ndp/single-router.ts";
import { IP_PROTOCOL_UDP } from "../../../src/wire/ipv4.ts";
import { decodeIpv6, encodeIpv6 } from "../../../src/wire/ipv6.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import {
  association,
  dhcp6Frame,
  GUEST_DUID,
  PLACE,
  type Received,
  SERVER_DUID,
  solicitation,
} from "../../support/ip6-client.ts";
import { mutateIp6 } from "../mutate-ip6.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

/** The answer to one frame is one frame that every link carries, whatever it asks. */
const LARGEST_ANSWER_BYTES = 14 + 1280;

const SEEDS: readonly Received[] = [
  solicitation(),
  solicitation(PLACE.routerAddress, { options: Uint8Array.of(1, 1, 2, 0, 0, 0, 0, 1) }),
  dhcp6Frame("SOLICIT", [GUEST_DUID, association(1, ["2001:db8::9"]), association(2)]),
  dhcp6Frame("RENEW", [GUEST_DUID, SERVER_DUID, association(1, ["2001:db8::5", "2001:db8::6"])]),
  dhcp6Frame("INFORMATION-REQUEST", [{ code: 6, data: Uint8Array.of(0, 23, 0, 24, 0, 25) }]),
];

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #router = new SingleRouter(PLACE, 0, Math.random);
  readonly #server = new SingleDhcp6Server(PLACE);
  #bytes: Uint8Array = new Uint8Array();
  #answered = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    const seed = SEEDS[this.#random(SEEDS.length)]!;
    this.#bytes = encodeIpv6(mutateIp6(seed.packet, this.#random));
    const packet = decodeIpv6(this.#bytes);
    if (packet instanceof Malformed) throw new Error(packet.reason);
    const { frames } =
      seed.packet.nextHeader === IP_PROTOCOL_UDP
        ? this.#server.handle(seed.frame, packet, false)
        : this.#router.handle(seed.frame, packet);
    demand(frames.length <= 1, "more than one answer");
    for (const frame of frames) {
      this.#answered++;
      demand(!(decodeIpv6(frame.subarray(14)) instanceof Malformed), "an answer that is malformed");
      demand(frame.length <= LARGEST_ANSWER_BYTES, `an answer of ${frame.length} bytes`);
    }
  }

  input(): string {
    return toHex(this.#bytes);
  }

  end(inputs: number): void {
    // The mutations are mild enough to get past the first checks.
    demand(this.#answered > inputs / 100, "too few inputs reached the router and the server");
  }
}

export const GUEST_IP6: FuzzTarget = { name: "guest-ip6", start: (random) => new Run(random) };
