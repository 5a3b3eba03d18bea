/** The DHCPv6 server of a link, with and without relays: nothing throws, answers are sound and small, it stays small. */
import { type Ipv6Address, macFromBytes, parseIpv6 } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { decodeAssociations } from "../../../src/wire/dhcp6/association.ts";
import { decodeDhcp6 } from "../../../src/wire/dhcp6/message.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { decodeUdp } from "../../../src/wire/udp.ts";
import {
  asks,
  CLIENT_MAC,
  ia,
  open,
  packetOf,
  packetOfPayload,
  RAPID,
  start,
} from "../../protocol/dhcp6/server/world.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const LEASES_AT_MOST = 8 + 4 + 1;
const TELLING = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 14, 18, 23, 25, 26, 39, 79, 128, 135, 0x7f, 0x80, 0xff];

const own = "2001:db8:1::10";
const name = { code: 39, data: Uint8Array.of(1, 3, 118, 109, 49, 0) };
const SEEDS = [
  packetOf("SOLICIT", [ia("address", 1, own), ia("temporary", 2), ia("prefix", 3), asks(23, 24, 31, 39, 56), name]),
  packetOf("SOLICIT", [RAPID, ia("address", 1), ia("prefix", 3, "2001:db8:100::/56")]),
  packetOf("REQUEST", [ia("address", 1, own), ia("prefix", 3)]),
  packetOf("RENEW", [ia("address", 1, own, "2001:db8:1::99"), ia("prefix", 3, "2001:db8:100:100::/56")]),
  packetOf("REBIND", [ia("temporary", 2, own)]),
  packetOf("CONFIRM", [ia("address", 1, own)]),
  packetOf("RELEASE", [ia("address", 1, own)]),
  packetOf("DECLINE", [ia("address", 1, own), ia("temporary", 2, own)]),
  packetOf("INFORMATION-REQUEST", [asks(23, 24, 32)]),
  packetOf("SOLICIT", [RAPID, ia("address", 5)], {
    relays: [
      { options: [{ code: 79, data: Uint8Array.of(0, 1, 2, 0, 0, 0, 0, 9) }] },
      { linkAddress: "::", options: [{ code: 18, data: Uint8Array.of(101, 116, 104, 48) }] },
    ],
  }),
].map(({ packet }) => {
  const datagram = decodeUdp(packet.payload, packet);
  if (datagram instanceof Malformed) throw new Error(datagram.reason);
  return { payload: datagram.payload, source: packet.source };
});

function mutate(seed: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let changes = random(5); changes > 0; changes--) {
    const at = random(bytes.length);
    const kind = random(8);
    if (kind < 3) bytes[at] = TELLING[random(TELLING.length)]!;
    else if (kind < 5) bytes[at] = random(256);
    else if (kind === 5) bytes[at] = bytes[at]! ^ (1 << random(8));
    else if (kind === 6) bytes = bytes.slice(0, Math.max(1, at));
    else bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(random(at + 1))]).slice(0, 1400);
  }
  return bytes;
}

const hosts = [{ mac: CLIENT_MAC, address: parseIpv6("2001:db8:1::beef") }];

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #server = start({ rapidCommit: true, hosts });
  readonly #restarted = start({ hosts });
  #payload: Uint8Array = new Uint8Array();
  #now = 0;
  #answered = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    const random = this.#random;
    const seed = SEEDS[random(SEEDS.length)]!;
    this.#payload = mutate(seed.payload, random);
    this.#now += random(50) === 0 ? random(5000) : 0;
    const mac = random(2) === 0 ? CLIENT_MAC : macFromBytes(Uint8Array.of(2, 0, 0, 0, 0, random(20)));
    const destination = parseIpv6("ff02::1:2");
    const said = { mac, source: seed.source, destination, sourcePort: 546 };
    const { frame, packet } = packetOfPayload(this.#payload, said);
    const { frames, leases, events } = this.#server.handle(frame, packet, false, this.#now);
    demand(events.length > 0, "nothing was reported");
    demand(frames.length <= 1 && leases.length <= 16, "more than one reply, or very many leases");
    for (const lease of leases) demand(this.#restarted.restore(lease), "a lease that the server would not take up");
    for (const bytes of frames) this.#check(bytes, seed.source);
  }

  #check(bytes: Uint8Array, source: Ipv6Address): void {
    const { packet: reply, datagram } = open(bytes);
    demand(bytes.length <= 14 + 1280, "the reply exceeds a packet");
    demand(reply.destination === source, "the reply goes to somebody else");
    this.#answered++;
    if (datagram.payload[0] === 13) return;
    const message = decodeDhcp6(datagram.payload);
    if (message instanceof Malformed) throw new Error("the reply is malformed");
    demand(!(decodeAssociations(message.options) instanceof Malformed), "an association is malformed");
    demand(["ADVERTISE", "REPLY"].includes(message.type), "not a server's message");
  }

  input(): string {
    return toHex(this.#payload);
  }

  end(inputs: number): void {
    demand(this.#answered > inputs / 20 && this.#answered < inputs, "too few inputs reached the server");
    demand([...this.#server.leases()].length <= LEASES_AT_MOST, "more leases than there are addresses and prefixes");
  }
}

export const DHCP6_SERVER: FuzzTarget = { name: "dhcp6-server", start: (random) => new Run(random) };
