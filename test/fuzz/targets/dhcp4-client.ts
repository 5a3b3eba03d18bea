/**
 * The DHCPv4 client in each of its states: nothing throws, what it sends is well formed and little, what it takes up
 * makes sense. Inputs that know the transaction are made too: nobody else's reach the machine.
 */
import { IPV4_ANY, type Ipv4Address, parseIpv4, parseMac, type Prefix } from "../../../src/base/address.ts";
import { toHex } from "../../../src/base/bytes.ts";
import { Dhcp4Client } from "../../../src/protocol/dhcp4/client/client.ts";
import type { Dhcp4ClientState } from "../../../src/protocol/dhcp4/client/phase.ts";
import { DHCP4_OPTION, optionEntry } from "../../../src/wire/dhcp4/option-table.ts";
import { arpFrame, readClientFrame, serverFrame } from "../../support/dhcp4-server.ts";
import { mutate } from "../../support/mutate-dhcp4.ts";
import { demand, type FuzzRun, type FuzzTarget, type Random } from "../target.ts";

const mac = parseMac("52:54:00:00:00:17");
const address = parseIpv4("192.0.2.17");
const server = parseIpv4("192.0.2.1");
/** What the client below always takes. */
const TRANSACTION = 0x80000000;
const subnet = (text: string, length: number): Prefix<Ipv4Address> => ({ address: parseIpv4(text), length });
const common = {
  server,
  serverMac: parseMac("02:00:00:00:00:fe"),
  clientMac: mac,
  transactionId: TRANSACTION,
  address,
};
const OPTIONS = [
  optionEntry(DHCP4_OPTION.routers, [server]),
  optionEntry(DHCP4_OPTION.domainSearch, ["a.example.org", "example.org"]),
  optionEntry(DHCP4_OPTION.classlessRoutes, [{ destination: subnet("198.51.100.0", 24), gateway: server }]),
  optionEntry(DHCP4_OPTION.renewalTime, 100),
  optionEntry(DHCP4_OPTION.domainName, "example.org"),
];
const SEEDS = [
  serverFrame({ ...common, type: "OFFER", options: OPTIONS }),
  serverFrame({ ...common, type: "ACK", options: OPTIONS }),
  serverFrame({
    ...common,
    type: "ACK",
    options: [optionEntry(DHCP4_OPTION.ipv6OnlyPreferred, 900), [52, Uint8Array.of(3)], [224, new Uint8Array(300)]],
  }),
  serverFrame({ ...common, type: "NAK", options: [optionEntry(DHCP4_OPTION.message, "no")] }),
  arpFrame({ senderMac: parseMac("52:54:00:00:00:99"), senderAddress: address }),
  arpFrame({ operation: 1, senderMac: parseMac("52:54:00:00:00:99"), senderAddress: IPV4_ANY, targetAddress: address }),
];
const STATES = ["rebooting", "selecting", "requesting", "checking", "bound", "confirming", "renewing"] as const;

type Events = ReturnType<Dhcp4Client["handle"]>["events"];

class Run implements FuzzRun {
  readonly #random: Random;
  readonly #states = new Map<Dhcp4ClientState, number>();
  #client = new Dhcp4Client({ mac, random: () => 0.5 });
  #frame: Uint8Array = new Uint8Array();
  #now = 0;

  constructor(random: Random) {
    this.#random = random;
    this.#client.handle({ input: "start" }, 0);
  }

  next(): void {
    const random = this.#random;
    this.#frame = mutate(SEEDS, random);
    const client = this.#client;
    const { frames, events } = client.handle({ input: "frame", frame: this.#frame, checksumNotReady: true }, this.#now);
    demand(frames.length <= 2, "more than two frames for one");
    demand(events.length > 0 || client.state === "checking", "nothing was reported");
    for (const sent of frames) {
      readClientFrame(sent);
      demand(sent.length <= 600, "a large frame");
    }
    this.#checkLeases(events);
    this.#states.set(client.state, (this.#states.get(client.state) ?? 0) + 1);
    this.#pass();
  }

  #checkLeases(events: Events): void {
    for (const event of events) {
      if (event.event !== "bound" && event.event !== "extended") continue;
      const { lease, endSeconds } = event;
      const isInOrder = endSeconds > this.#now && lease.renewalSeconds <= lease.rebindingSeconds;
      demand(isInOrder, "times that make no sense");
      demand(lease.routes.length <= 64 && lease.searchDomains.length <= 64, "long lists");
      const names = [lease.domainName ?? "", ...lease.searchDomains];
      demand(
        names.every((name) => /^[\w.-]*$/.test(name)),
        "a bad name",
      );
    }
  }

  /** Now and then time passes, to the deadline or far beyond it, and a client begins anew. */
  #pass(): void {
    const random = this.#random;
    const deadline = this.#client.nextDeadline();
    if (deadline !== undefined && random(6) === 0) this.#now = deadline + (random(20) === 0 ? random(100_000) : 0);
    this.#client.handle({ input: "time" }, this.#now);
    if (random(50) === 0) this.#client.handle({ input: "attached" }, this.#now);
    if (random(200) !== 0) return;
    const remembered = { address, leaseEnded: random(2) === 0 };
    this.#client = new Dhcp4Client({ mac, random: () => 0.5, remembered, ipv6OnlyOk: random(2) === 0 });
    this.#client.handle({ input: "start" }, this.#now);
  }

  input(): string {
    return `${this.#client.state} ${toHex(this.#frame)}`;
  }

  end(inputs: number): void {
    for (const state of STATES)
      demand((this.#states.get(state) ?? 0) > inputs / 2000, `too few inputs in state ${state}`);
  }
}

export const DHCP4_CLIENT: FuzzTarget = { name: "dhcp4-client", start: (random) => new Run(random) };
