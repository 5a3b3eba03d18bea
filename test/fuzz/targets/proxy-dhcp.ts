/**
 * The proxyDHCP server: nothing throws, at most one answer that gives no address, and only to who wants to boot. Beside a
 * DHCP server of ours: no answer on its port, and no other server is seen where only ours is named.
 */
import { IPV4_ANY, parseIpv4 } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { peerVendorClass } from "../../../src/protocol/pxe/peer.ts";
import { ProxyDhcp, PXE_PORT } from "../../../src/protocol/pxe/proxy.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { CONFIG, SERVER } from "../../protocol/pxe/world.ts";
import { BOOT_MAC, bootFrame, secondStep } from "../../support/boot-client.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { mutate } from "../../support/mutate-dhcp4.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const client = parseIpv4("192.0.2.17");
const SEEDS = [
  bootFrame({ architecture: 0 }),
  bootFrame({ architecture: 7, options: [[61, new Uint8Array(300)]] }),
  bootFrame({ architecture: 0, ipxe: true }),
  bootFrame({ architecture: 16, bootClass: "HTTPClient" }),
  bootFrame({ architecture: 7, fields: { relayAddress: SERVER }, options: [[82, new Uint8Array(300)]] }),
  secondStep({ architecture: 7 }, { client, server: SERVER }),
  clientFrame({ mac: BOOT_MAC, type: "DISCOVER" }),
  clientFrame({
    mac: BOOT_MAC,
    type: "DISCOVER",
    options: [optionEntry(DHCP4_OPTION.vendorClass, peerVendorClass(parseIpv4("192.0.1.17")))],
  }),
];

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #proxy = new ProxyDhcp(CONFIG);
  readonly #beside = new ProxyDhcp({ ...CONFIG, besideOwnServer: true });
  #frame: Uint8Array = new Uint8Array();
  #answered = 0;
  #others = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    this.#frame = mutate(SEEDS, this.#random);
    const { frames, event } = this.#proxy.handle(this.#frame, true);
    demand(frames.length <= 1, "more than one answer");
    demand(frames.length === 0 || (event.event === "asked" && event.offer !== undefined), "an answer to nobody");
    for (const bytes of frames) {
      const { message, ethernet } = readReply(bytes);
      demand(ethernet.payload.length <= 1500, "the answer exceeds the link");
      demand(message.operation === "reply" && message.yourAddress === IPV4_ANY, "an address was given");
      const type = readOption(message.options, DHCP4_OPTION.messageType);
      demand(type === "OFFER" || type === "ACK", "the answer has no server's type");
      this.#answered++;
    }
    this.#nextBeside();
  }

  #nextBeside(): void {
    const { frames, event } = this.#beside.handle(this.#frame, true);
    for (const bytes of frames)
      demand(readReply(bytes).datagram.sourcePort === PXE_PORT, "an answer on the server's port");
    if (event.event !== "other-server") return;
    demand(frames.length === 0 && event.server !== SERVER, "another server that is none");
    this.#others++;
  }

  input(): string {
    return toHex(this.#frame);
  }

  end(inputs: number): void {
    demand(this.#answered > inputs / 20 && this.#answered < inputs, "too few inputs reached the server");
    demand(this.#others > inputs / 200, "too few inputs named another server");
  }
}

export const PROXY_DHCP: FuzzTarget = { name: "proxy-dhcp", start: (random) => new Run(random) };
