/** Two that give addresses on one link, because neither saw the other when it began: one goes on, whichever was first. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ipv4Address, networkOf, parseIpv4 } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { type AddressGiver, Announcer } from "../../../src/engine/netboot-announcer.ts";
import { PacketSocket } from "../../../src/kernel/native.ts";
import { DHCP_CLIENT_FILTER } from "../../../src/kernel/packet-filter.ts";
import { readInterface } from "../../../src/kernel/read-interface.ts";
import { Dhcp4Service } from "../../../src/services/dhcp4-server.ts";
import { derivePool } from "../../../src/services/netboot/pool.ts";
import { DHCP4_OPTION, optionEntry } from "../../../src/wire/dhcp4/option-table.ts";
import { BOOT_MAC } from "../../support/boot-client.ts";
import { clientFrame } from "../../support/dhcp4-client.ts";
import { Folder, shell, until } from "../../support/network.ts";

const LOWER = parseIpv4("192.0.2.9");
const HIGHER = parseIpv4("192.0.2.10");
const INTERFACES = { [LOWER]: "left", [HIGHER]: "right" };

let folder: Folder;
const warnings: string[] = [];

beforeAll(() => {
  folder = new Folder();
  // Two ends of one cable.
  shell(`ip link add left type veth peer name right
    ip address add ${LOWER}/24 dev left; ip address add ${HIGHER}/24 dev right
    ip link set left up; ip link set right up`);
});

afterAll(() => {
  shell("ip link delete left");
  folder[Symbol.dispose]();
});

const nothing = (): void => undefined;
const logger = { ...SILENT, warn: (text: string) => void warnings.push(text) };

/** As `netloom netboot` where no other server answered. */
async function start(own: Ipv4Address, onGiver: (giver: AddressGiver) => void = nothing): Promise<Announcer> {
  const interfaceName = INTERFACES[own]!;
  const link = await readInterface(interfaceName);
  const [address] = link.addresses;
  return Announcer.open({
    interfaceName,
    link,
    address: address!,
    giver: { mode: "pool", ranges: derivePool(address!, []) },
    place: { address: own, httpPort: 80 },
    files: {},
    leaseFile: () => folder.join(`${interfaceName}.leases`),
    onAsked: nothing,
    onGiver,
    logger,
  });
}

/** The network's own DHCP server, at the other end. */
async function startForeign(): Promise<Dhcp4Service> {
  const link = await readInterface("right");
  return new Dhcp4Service({
    interfaceIndex: link.index,
    config: {
      serverAddress: HIGHER,
      serverMac: link.mac,
      subnet: networkOf(link.addresses[0]!),
      ranges: [{ first: parseIpv4("192.0.2.50"), last: parseIpv4("192.0.2.60") }],
      leaseSeconds: { default: 3600, minimum: 120, maximum: 3600 },
      options: new Map(),
      authoritative: true,
      rapidCommit: false,
      mtuBytes: link.mtuBytes,
    },
    leaseFile: folder.join("foreign.leases"),
    logger: SILENT,
  });
}

/** At the other end: a client that was offered addresses by both, and takes that of this one. */
async function takeFrom(server: Ipv4Address): Promise<void> {
  const { index } = await readInterface(INTERFACES[server]!);
  const options = [
    optionEntry(DHCP4_OPTION.requestedAddress, parseIpv4("192.0.2.200")),
    optionEntry(DHCP4_OPTION.serverIdentifier, server),
  ];
  using socket = new PacketSocket({
    interfaceIndex: index,
    filter: DHCP_CLIENT_FILTER,
    onFrames: nothing,
    onError: nothing,
  });
  socket.send([clientFrame({ mac: BOOT_MAC, type: "REQUEST", options })]);
}

test.each([
  ["at once", [LOWER, HIGHER], true],
  ["the lower address first", [LOWER, HIGHER], false],
  ["the higher address first", [HIGHER, LOWER], false],
] as const)(
  "%s: that with the lower address gives addresses, also when clients name both",
  async (_, order, atOnce) => {
    const opened = atOnce
      ? await Promise.all(order.map((own) => start(own)))
      : [await start(order[0]), await start(order[1])];
    await using resources = new AsyncDisposableStack();
    for (const each of opened) resources.use(each);
    await Promise.all(order.map(takeFrom));
    const [lower, higher] = order[0] === LOWER ? opened : opened.toReversed();
    await until("one to give way", () => opened.some(({ giver }) => giver.mode === "proxy"));
    expect([lower!.giver.mode, higher!.giver]).toEqual(["pool", { mode: "proxy", server: LOWER }]);
    expect(warnings.splice(0)).toEqual([
      "another DHCP server answers here: no more addresses are given, only files told of beside it",
    ]);
  },
);

test("a link without carrier: nobody is given an address before it was looked into behind it, each time that it comes", async () => {
  shell("ip link set left down");
  const modes: string[] = [];
  await using announcer = await start(LOWER, ({ mode }) => void modes.push(mode));
  expect([announcer.giver, modes.splice(0)]).toEqual([{ mode: "waiting" }, ["waiting"]]);
  shell("ip link set left up");
  await until("addresses where nobody else gives any", () => modes.includes("pool"));
  expect(modes.splice(0).slice(-2)).toEqual(["looking", "pool"]);
  shell("ip link set left down");
  await until("word of the carrier", () => modes.includes("waiting"));
  await using _foreign = await startForeign();
  shell("ip link set left up");
  await until("somebody else to give the addresses", () => announcer.giver.mode === "proxy");
  expect(announcer.giver).toEqual({ mode: "proxy", server: HIGHER });
  expect(modes).not.toContain("pool");
});
