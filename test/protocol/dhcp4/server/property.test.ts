import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Ipv4Address,
  IPV4_ANY,
  ipv4FromNumber,
  ipv4ToNumber,
  macFromBytes,
} from "../../../../src/base/address.ts";
import type { Dhcp4ServerConfig } from "../../../../src/protocol/dhcp4/server/config.ts";
import type { Lease } from "../../../../src/protocol/dhcp4/server/lease.ts";
import type { Dhcp4Server, Dhcp4ServerOutput } from "../../../../src/protocol/dhcp4/server/server.ts";
import { ARP_REPLY, decodeArp, encodeArp } from "../../../../src/wire/arp.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../../src/wire/dhcp4/option-table.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_ARP } from "../../../../src/wire/ethernet.ts";
import { Malformed } from "../../../../src/wire/malformed.ts";
import { type ClientMessage, readReply } from "../../../support/dhcp4-client.ts";
import { chosen, CONFIG, macOf, PORT, rebinding, renewing, requested, RICH, say, SERVER, start } from "./world.ts";

const CLIENTS = 14;
const FIRST = CONFIG.ranges[0]!.first;
const KINDS = ["discover", "select", "reboot", "renew", "rebind", "decline", "release", "elsewhere", "bootp"] as const;
/** Hosts with fixed addresses, which answer when they are asked for. */
const FOREIGN: ReadonlySet<string> = new Set(["192.0.2.12", "198.51.100.10"]);

const step = fc.record({
  kind: fc.constantFrom(...KINDS),
  client: fc.nat(CLIENTS - 1),
  /** Absent: the address that the client was last told. */
  address: fc.option(fc.nat(11), { nil: undefined }),
  seconds: fc.constantFrom(0, 0, 1, 30, 61, 570, 599, 700, 5000),
  leaseSeconds: fc.option(fc.constantFrom(600, 7200), { nil: undefined }),
  /** It tells its identifier, is at the port of a host, is of a class. */
  isIdentified: fc.boolean(),
  isAtPort: fc.boolean(),
  isOfClass: fc.boolean(),
  /**
   * After this step the server is killed, and what it wrote is there; or its file was rewritten just before that; or it
   * starts with another configuration.
   */
  end: fc.constantFrom("none", "none", "killed", "rewritten", "reconfigured"),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

function extrasOf({
  client,
  leaseSeconds,
  isIdentified,
  isAtPort,
  isOfClass,
}: Step): (readonly [number, Uint8Array])[] {
  return [
    ...(leaseSeconds === undefined ? [] : [optionEntry(DHCP4_OPTION.leaseTime, leaseSeconds)]),
    ...(isIdentified ? [[61, Uint8Array.of(0, client)] as const] : []),
    ...(isOfClass ? [optionEntry(DHCP4_OPTION.vendorClass, "boot")] : []),
    ...(isAtPort ? [[82, Uint8Array.of(1, PORT.length, ...PORT)] as const] : []),
  ];
}

function messageOf(kind: (typeof KINDS)[number], address: Ipv4Address): Partial<ClientMessage> {
  switch (kind) {
    case "discover":
      return { type: "DISCOVER", options: [requested(address)] };
    case "select":
      return { type: "REQUEST", options: [requested(address), chosen(SERVER)] };
    case "elsewhere":
      return { type: "REQUEST", options: [requested(address), chosen("192.0.2.99")] };
    case "reboot":
      return { type: "REQUEST", options: [requested(address)] };
    case "renew":
      return { type: "REQUEST", ...renewing(address) };
    case "rebind":
      return { type: "REQUEST", ...rebinding(address) };
    case "decline":
      return { type: "DECLINE", options: [requested(address), chosen(SERVER)] };
    case "bootp":
      return {};
    case "release":
      return { type: "RELEASE", ...renewing(address), options: [chosen(SERVER)] };
  }
}

/** A server, what it has written, and what its clients have been told. */
class World {
  now = 1000;
  config: Dhcp4ServerConfig;
  server: Dhcp4Server;
  readonly lastTold = new Map<number, Ipv4Address>();
  readonly #written: Lease[] = [];
  /** By address: for whom and until when. */
  readonly #held = new Map<Ipv4Address, { client: number; until: number }>();

  constructor(config: Dhcp4ServerConfig) {
    this.config = config;
    this.server = start(config, this.now);
  }

  wait(seconds: number): void {
    this.now += seconds;
    const deadline = this.server.nextDeadline();
    if (deadline !== undefined && deadline <= this.now) this.take(this.server.handleDeadline(this.now));
  }

  take(output: Dhcp4ServerOutput): void {
    this.#written.push(...output.leases);
    for (const { address, state } of output.leases) if (state !== "leased") this.#held.delete(address);
    for (const frame of output.frames) {
      const ethernet = decodeEthernet(frame);
      const asked = ethernet instanceof Malformed ? ethernet : decodeArp(ethernet.payload);
      if (asked instanceof Malformed) this.#takeReply(frame, output.leases);
      else if (FOREIGN.has(asked.targetAddress)) this.#answerProbe(asked.targetAddress);
    }
  }

  #answerProbe(senderAddress: Ipv4Address): void {
    const target = { targetMac: CONFIG.serverMac, targetAddress: IPV4_ANY };
    const payload = encodeArp({ operation: ARP_REPLY, senderMac: macOf(99), senderAddress, ...target });
    const frame = encodeEthernet({
      destination: CONFIG.serverMac,
      source: macOf(99),
      etherType: ETHERTYPE_ARP,
      payload,
    });
    this.take(this.server.handle({ frame, checksumNotReady: false }, this.now));
  }

  #takeReply(frame: Uint8Array, leases: readonly Lease[]): void {
    const { yourAddress, options, hardwareAddress } = readReply(frame).message;
    const type = readOption(options, DHCP4_OPTION.messageType);
    if (type === "NAK") return;
    const client = hardwareAddress[5]!;
    const holder = this.#held.get(yourAddress);
    const isTaken = holder !== undefined && holder.until > this.now && holder.client !== client;
    const owner = this.config.hosts?.find(({ address }) => address === yourAddress)?.identity;
    const isAnothers = owner !== undefined && "mac" in owner && owner.mac !== macOf(client);
    expect(isAnothers, `${yourAddress} told to ${client}, but it is a host's`).toBe(false);
    expect(isTaken, `${yourAddress} told to ${client} while ${holder?.client} has it`).toBe(false);
    this.lastTold.set(client, yourAddress);
    if (type !== "ACK") return;
    expect(leases[0]).toMatchObject({ address: yourAddress, state: "leased" });
    const until = this.now + (readOption(options, DHCP4_OPTION.leaseTime) ?? 0);
    this.#held.set(yourAddress, { client, until });
  }

  restart(end: Step["end"]): void {
    if (end === "none") return;
    if (end === "rewritten") this.#written.splice(0, this.#written.length, ...this.server.leases());
    if (end === "reconfigured") this.config = this.config === RICH ? CONFIG : RICH;
    this.server = start(this.config, this.now);
    for (const lease of this.#written) this.server.restore(lease);
  }
}

test.each([
  ["a plain configuration", CONFIG],
  ["a rich one", RICH],
] as const)(
  "whatever clients say, whenever the server is killed: no address has two clients at one time, %s",
  (_, config) => {
    const property = fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const world = new World(config);
      for (const each of steps) {
        const { kind, client, address: offset, seconds, end } = each;
        world.wait(seconds);
        const address =
          offset === undefined
            ? (world.lastTold.get(client) ?? FIRST)
            : ipv4FromNumber(ipv4ToNumber(FIRST) + offset - 1);
        const message = messageOf(kind, address);
        const options = [...(message.options ?? []), ...extrasOf(each)];
        world.take(say(world.server, { ...message, mac: macOf(client), options }, world.now));
        world.restart(end);
      }
    });
    fc.assert(property, { numRuns: 300 });
  },
);

test("a pool of 4094 addresses is given out, ends and is given to others, each address once", () => {
  const first = ipv4ToNumber("192.0.0.1" as Ipv4Address);
  const wide = {
    subnet: { address: "192.0.0.0" as Ipv4Address, length: 20 },
    ranges: [{ first: ipv4FromNumber(first), last: ipv4FromNumber(first + 4093) }],
    serverAddress: "192.0.2.1" as Ipv4Address,
    options: new Map<number, Uint8Array>(),
    rapidCommit: true,
  };
  const server = start(wide);
  const rapid = [optionEntry(DHCP4_OPTION.rapidCommit, true)];
  for (const [round, now] of [
    [0, 0],
    [1, 3600],
  ] as const) {
    const given = new Set<string>();
    for (let i = 0; i < 4093; i++) {
      const mac = macFromBytes(Uint8Array.of(2, 0, 0, round, i >> 8, i));
      const [lease] = say(server, { type: "DISCOVER", mac, options: rapid }, now).leases;
      given.add(lease!.address);
    }
    expect(given.size).toBe(4093);
    expect(say(server, { type: "DISCOVER", options: rapid }, now).frames).toEqual([]);
  }
  expect([...server.leases()]).toHaveLength(4093);
});
