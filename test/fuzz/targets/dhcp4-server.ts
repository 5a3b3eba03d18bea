/** The DHCPv4 server of a network: nothing throws, replies are well formed, at most one, and what it holds is bounded. */
import { contains, type Ipv4Address, IPV4_ANY, parseIpv4 } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { Dhcp4Server, type Dhcp4ServerOutput } from "../../../src/protocol/dhcp4/server/server.ts";
import { encodeArp } from "../../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_ARP } from "../../../src/wire/ethernet.ts";
import { decodeIpv4, IP_PROTOCOL_UDP } from "../../../src/wire/ipv4.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import {
  chosen,
  macOf,
  PORT,
  renewing,
  requested,
  RICH,
  SERVER,
  SERVER_MAC,
} from "../../protocol/dhcp4/server/world.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { mutate } from "../../support/mutate-dhcp4.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const ADDRESSES = 14;

const mac = macOf(5);
const boot = optionEntry(DHCP4_OPTION.vendorClass, "boot");
const relayed = { fields: { relayAddress: SERVER }, destination: SERVER } as const;
const SEEDS = [
  clientFrame({ mac, type: "DISCOVER", options: [optionEntry(DHCP4_OPTION.parameterRequestList, [1, 3, 6, 119])] }),
  clientFrame({
    mac,
    type: "DISCOVER",
    options: [
      [80, new Uint8Array(0)],
      [61, fromHex("ff01020304")],
    ],
  }),
  clientFrame({ mac, type: "DISCOVER", ...relayed, options: [[82, fromHex("01020304 0504c0000200 0b04c0000209")]] }),
  clientFrame({ mac, type: "REQUEST", options: [requested("192.0.2.10"), chosen(SERVER)] }),
  clientFrame({ mac, type: "REQUEST", options: [requested("192.0.2.11"), [61, new Uint8Array(300)]] }),
  clientFrame({ mac, type: "REQUEST", ...renewing("192.0.2.10"), options: [[51, fromHex("ffffffff")]] }),
  clientFrame({ mac, type: "INFORM", ...renewing("192.0.2.10"), options: [optionEntry(DHCP4_OPTION.hostName, "vm1")] }),
  clientFrame({ mac, type: "DECLINE", options: [requested("192.0.2.10"), chosen(SERVER)] }),
  clientFrame({ mac, type: "RELEASE", ...renewing("192.0.2.10"), options: [chosen(SERVER)] }),
  clientFrame({ mac: macOf(0), options: [boot] }),
  clientFrame({ mac: macOf(1), type: "DISCOVER", options: [boot, [81, fromHex("05000003766d31")]] }),
  clientFrame({ mac, type: "DISCOVER", options: [[82, Uint8Array.of(1, PORT.length, ...PORT)]] }),
  clientFrame({ mac: macOf(2), type: "REQUEST", options: [requested("192.0.2.13"), [61, fromHex("0002")]] }),
  encodeEthernet({
    destination: SERVER_MAC,
    source: macOf(9),
    etherType: ETHERTYPE_ARP,
    payload: encodeArp({
      operation: 2,
      senderMac: macOf(9),
      senderAddress: parseIpv4("192.0.2.10"),
      targetMac: SERVER_MAC,
      targetAddress: IPV4_ANY,
    }),
  }),
];

function isProbe(frame: Uint8Array): boolean {
  const ethernet = decodeEthernet(frame);
  if (ethernet instanceof Malformed || ethernet.etherType === ETHERTYPE_ARP) return true;
  const packet = decodeIpv4(ethernet.payload);
  return packet instanceof Malformed || packet.protocol !== IP_PROTOCOL_UDP;
}

function isServed(address: Ipv4Address): boolean {
  return [RICH, ...RICH.furtherSubnets!].some(({ subnet }) => contains(subnet, address));
}

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #server = new Dhcp4Server({ ...RICH, rapidCommit: true, hasPorts: true }, 0);
  readonly #restarted = new Dhcp4Server(RICH, 0);
  #frame: Uint8Array = new Uint8Array();
  #now = 0;
  #answered = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  next(): void {
    const random = this.#random;
    this.#frame = mutate(SEEDS, random);
    this.#now += random(50) === 0 ? random(5000) : 0;
    const output = this.#give();
    demand(output.frames.length <= 1 && output.leases.length <= 3, "more than one reply or its leases");
    demand(output.events.length > 0 || isProbe(this.#frame), "nothing was reported");
    demand(output.asksForPort !== true, "the port was asked for twice");
    this.#check(output);
    if (random(10) === 0) this.#check(this.#server.handleDeadline(this.#now + 1));
  }

  /** As the service does: where the bridge's port is asked for, the frame is given again with it. */
  #give(): Dhcp4ServerOutput {
    const input = { frame: this.#frame, checksumNotReady: true };
    const output = this.#server.handle(input, this.#now);
    if (output.asksForPort !== true) return output;
    demand(output.frames.length + output.leases.length === 0, "something was done without the port");
    return this.#server.handle({ ...input, port: this.#random(3) }, this.#now);
  }

  #check({ frames, leases }: Dhcp4ServerOutput): void {
    let acknowledged = 0;
    for (const lease of leases) demand(this.#restarted.restore(lease), "a lease outside the range");
    for (const bytes of frames) {
      if (isProbe(bytes)) continue;
      const { message, ethernet } = readReply(bytes);
      demand(ethernet.payload.length <= 1500, "the reply exceeds the link");
      const isGiven = message.yourAddress !== IPV4_ANY;
      demand(!isGiven || isServed(message.yourAddress), "an address of another subnet was given");
      this.#answered++;
      if (!message.options.has(DHCP4_OPTION.messageType.code)) continue;
      const type = readOption(message.options, DHCP4_OPTION.messageType) ?? "";
      demand(["OFFER", "ACK", "NAK"].includes(type), "the reply has no server's type");
      if (type !== "ACK" || !isGiven) continue;
      acknowledged++;
      const isLeased = leases.some(({ address, state }) => address === message.yourAddress && state === "leased");
      demand(isLeased, "an ACK without a lease");
    }
    demand(leases.filter(({ state }) => state === "leased").length === acknowledged, "a lease without an ACK");
  }

  input(): string {
    return toHex(this.#frame);
  }

  end(inputs: number): void {
    demand(this.#answered > inputs / 20 && this.#answered < inputs, "too few inputs reached the server");
    demand([...this.#server.leases()].length <= ADDRESSES, "more leases than addresses");
  }
}

export const DHCP4_SERVER: FuzzTarget = { name: "dhcp4-server", start: (random) => new Run(random) };
