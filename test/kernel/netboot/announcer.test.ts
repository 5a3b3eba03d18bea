/** Two that give addresses on one link, because neither saw the other when it began: one goes on, whichever was first. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ipv4Address, parseIpv4 } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { Announcer } from "../../../src/engine/netboot-announcer.ts";
import { PacketSocket } from "../../../src/kernel/native.ts";
import { DHCP_CLIENT_FILTER } from "../../../src/kernel/packet-filter.ts";
import { readInterface } from "../../../src/kernel/read-interface.ts";
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
async function start(own: Ipv4Address): Promise<Announcer> {
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
    onGiver: nothing,
    logger,
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
    const opened = atOnce ? await Promise.all(order.map(start)) : [await start(order[0]), await start(order[1])];
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
