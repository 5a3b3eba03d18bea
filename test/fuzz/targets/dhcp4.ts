/** DHCPv4's decoders and the server of a single client: nothing throws, replies are well formed, at most one. */
import { IPV4_ANY, type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { SingleDhcp4Server } from "../../../src/protocol/dhcp4/single-server.ts";
import { decodeDhcp4 } from "../../../src/wire/dhcp4/message.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { HEADERS_BYTES, mutate } from "../../support/mutate-dhcp4.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const serverAddress = parseIpv4("169.254.75.10");
const server = new SingleDhcp4Server({
  clientMac: mac,
  serverAddress,
  serverMac: parseMac("02:00:00:00:00:fe"),
  lease: {
    address,
    prefixLength: 24,
    router: parseIpv4("192.0.2.1"),
    routes: [{ destination: parsePrefix("198.51.100.0/24") as Ipv4Prefix, gateway: parseIpv4("192.0.2.9") }],
    nameServers: [parseIpv4("192.0.2.53")],
    searchDomains: ["example.org"],
    leaseSeconds: 3600,
  },
});

const SEEDS = [
  clientFrame({
    mac,
    type: "DISCOVER",
    options: [optionEntry(DHCP4_OPTION.parameterRequestList, [1, 3, 6, 119, 121, 249])],
  }),
  clientFrame({
    mac,
    type: "REQUEST",
    options: [optionEntry(DHCP4_OPTION.requestedAddress, address), [61, new Uint8Array(300)]],
  }),
  clientFrame({
    mac,
    type: "REQUEST",
    fields: { clientAddress: address },
    source: address,
    destination: serverAddress,
  }),
  clientFrame({
    mac,
    type: "INFORM",
    source: address,
    options: [optionEntry(DHCP4_OPTION.maximumMessageSize, 300), [52, Uint8Array.of(3)]],
  }),
  clientFrame({
    mac,
    type: "DECLINE",
    options: [optionEntry(DHCP4_OPTION.domainSearch, ["a.example.org", "example.org"])],
  }),
  fromHex(
    `ffffffffffff 525400000017 0806 0001080006040001 525400000017 c0000211 000000000000 a9fe4b0a ${"00".repeat(18)}`,
  ),
];

/** Everything that may be said of any frame. @returns how many frames came back */
export function checkSingleDhcp4(frame: Uint8Array): number {
  const { frames, events } = server.handle({ frame, checksumNotReady: true }, 0);
  demand(frames.length <= 1, "more than one reply");
  demand(events.length > 0, "nothing was reported");
  const [reply] = frames;
  if (reply !== undefined && reply[12] === 8 && reply[13] === 0) {
    const { message, ethernet } = readReply(reply);
    demand(ethernet.payload.length <= 1500, "the reply exceeds the link");
    demand(
      ["OFFER", "ACK", "NAK"].includes(readOption(message.options, DHCP4_OPTION.messageType) ?? ""),
      "the reply has no server's type",
    );
    demand(message.yourAddress === address || message.yourAddress === IPV4_ANY, "another address was given");
  }
  const message = decodeDhcp4(frame.subarray(HEADERS_BYTES));
  if (!(message instanceof Malformed))
    for (const option of Object.values(DHCP4_OPTION)) readOption<unknown>(message.options, option);
  return frames.length;
}

class Run implements FuzzRun {
  readonly #random: Random;
  #frame: Uint8Array = new Uint8Array();
  #answered = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    this.#frame = mutate(SEEDS, this.#random);
    this.#answered += checkSingleDhcp4(this.#frame);
  }

  input(): string {
    return toHex(this.#frame);
  }

  end(inputs: number): void {
    demand(this.#answered > inputs / 20 && this.#answered < inputs, "too few inputs reached the server");
  }
}

export const DHCP4: FuzzTarget = { name: "dhcp4", start: (random) => new Run(random) };
