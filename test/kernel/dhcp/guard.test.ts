/** Machines of a network with a DHCP server of ours cannot serve each other; what a person lets through is. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseIpv4, parseIpv6 } from "../../../src/base/address.ts";
import { fromHex } from "../../../src/base/bytes.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { encodeIcmpv6 } from "../../../src/wire/icmpv6.ts";
import { encodeIpv4 } from "../../../src/wire/ipv4.ts";
import { encodeIpv6 } from "../../../src/wire/ipv6.ts";
import { encodeUdp } from "../../../src/wire/udp.ts";
import { Capture } from "../../support/capture.ts";
import { done, Folder, netloom, shell, until } from "../../support/network.ts";

const NOTHING = [{ code: 0x06, jt: 0, jf: 0, k: 0 }];
/** Broadcast, from a MAC address that no link has. */
const ETHERNET = "ffffffffffff 525400beef00";

const ipv4 = { source: parseIpv4("192.0.2.2"), destination: parseIpv4("255.255.255.255") };
const ipv6 = { source: parseIpv6("fe80::beef"), destination: parseIpv6("ff02::1") };

function udp4(sourcePort: number, destinationPort: number): Uint8Array {
  const payload = encodeUdp({ sourcePort, destinationPort, payload: new Uint8Array(20) }, ipv4);
  const packet = encodeIpv4({ ...ipv4, timeToLive: 64, protocol: 17, dontFragment: true, payload });
  return Uint8Array.from([...fromHex(`${ETHERNET} 0800`), ...packet]);
}

function frame6(nextHeader: number, payload: Uint8Array): Uint8Array {
  const packet = encodeIpv6({ ...ipv6, nextHeader, hopLimit: 255, payload });
  return Uint8Array.from([...fromHex(`${ETHERNET} 86dd`), ...packet]);
}

function udp6(sourcePort: number, destinationPort: number): Uint8Array {
  return frame6(17, encodeUdp({ sourcePort, destinationPort, payload: new Uint8Array(20) }, ipv6));
}

const advertisement = encodeIcmpv6({ type: 134, code: 0, body: new Uint8Array(12) }, ipv6);

/** With tags of no VLAN but a priority, which hosts take for one without. */
function tagged(frame: Uint8Array, ...tags: string[]): Uint8Array {
  return Uint8Array.from([...frame.slice(0, 12), ...fromHex(tags.join("")), ...frame.slice(12)]);
}
const PRIORITY = "8100e000";
/** The kernel takes the first tag out of what it receives. */
const received = (frame: Uint8Array): Uint8Array =>
  [0x81, 0x88].includes(frame[12]!) ? Uint8Array.from([...frame.slice(0, 12), ...frame.slice(16)]) : frame;

/** What a server says to clients; the hidden ones behind a header of six bytes of padding (RFC 7113) and behind tags. */
const ANSWERS: readonly (readonly [string, Uint8Array])[] = [
  ["DHCP", udp4(67, 68)],
  ["DHCP from another port", udp4(4000, 68)],
  ["DHCPv6", udp6(547, 546)],
  ["advertisement", frame6(58, advertisement)],
  ["hidden advertisement", frame6(60, Uint8Array.from([58, 0, 1, 4, 0, 0, 0, 0, ...advertisement]))],
  ["tagged DHCP", tagged(udp4(4002, 68), PRIORITY)],
  ["DHCP with two tags", tagged(udp4(4003, 68), PRIORITY, PRIORITY)],
  ["DHCP with two tags of two kinds", tagged(udp4(4004, 68), "88a80000", PRIORITY)],
  ["tagged DHCPv6", tagged(udp6(4002, 546), PRIORITY)],
  [
    "tagged advertisement",
    tagged(frame6(58, encodeIcmpv6({ type: 134, code: 0, body: new Uint8Array(20) }, ipv6)), PRIORITY),
  ],
];
/** What clients and relay agents ask, and what is nobody's business. The last one tells that all before have come. */
const OTHERS: readonly (readonly [string, Uint8Array])[] = [
  ["relay agent", udp4(67, 67)],
  ["client", udp4(68, 67)],
  ["client of DHCPv6", udp6(546, 547)],
  ["solicitation", frame6(58, encodeIcmpv6({ type: 133, code: 0, body: new Uint8Array(4) }, ipv6))],
  ["last", udp4(4000, 4001)],
];
const names = (frames: typeof ANSWERS): string[] => frames.map(([name]) => name);

let folder: Folder;
let state: string;

beforeEach(() => {
  folder = new Folder();
  state = folder.join("state");
});

afterEach(async () => {
  // Nothing is left to take back unless the test has failed.
  if (shell("ip link show type bridge").includes("lan")) {
    await netloom(["detach", "--netns", "guest", "--state", state]);
    await netloom(["destroy", folder.join("office.yaml"), "--state", state]);
  }
  shell("ip netns delete guest 2>/dev/null || true");
  folder[Symbol.dispose]();
});

const FILE = `version: 1
name: office
networks:
  lan: { subnet: 192.0.2.0/24, dhcp: true }
  open: { subnet: 198.51.100.0/24, dhcp: { guard: false } }
machines:
  one: { kind: namespace, nics: [{ network: lan }, { network: open }] }
  two: { kind: namespace, nics: [{ network: lan }, { network: open }] }
`;

/** What of all that the one says to everybody reaches the other. */
async function reaching(from: string, to: string, link = "eth0"): Promise<string[]> {
  const sender = await openSender(from, link);
  using capture = await Capture.open(to, link);
  const said = [...ANSWERS, ...OTHERS];
  const heard = (): string[] => {
    const frames = capture.frames().map((frame) => Buffer.from(frame));
    return said.filter(([, bytes]) => frames.some((frame) => frame.equals(received(bytes)))).map(([name]) => name);
  };
  try {
    expect(sender.send(said.map(([, bytes]) => bytes))).toBe(said.length);
    await until(`the last frame comes from ${from} to ${to}`, () => heard().includes("last"));
    return heard();
  } finally {
    sender.close();
  }
}

const FLOOD = 40_000;
const COUNTER =
  "table bridge counting { chain c { type filter hook prerouting priority 0; udp sport 4005 counter; }; }";

/** How many of the questions that one asks at a time enter the bridge. */
async function flooding(from: string, link: string): Promise<number> {
  const sender = await openSender(from, link);
  shell(`nft '${COUNTER}'`);
  try {
    const question = udp4(4005, 67);
    expect(sender.send(Array.from({ length: FLOOD }, () => question))).toBe(FLOOD);
    return Number(/packets (\d+)/.exec(shell("nft list table bridge counting"))?.[1]);
  } finally {
    sender.close();
    shell("nft delete table bridge counting");
  }
}

async function openSender(from: string, link: string): Promise<PacketSocket> {
  const namespacePath = `/run/netns/${from}`;
  const netlink = RouteNetlink.open({ namespacePath });
  const { index } = await netlink.get(getLink({ name: link }), decodeLink).finally(() => netlink.close());
  const namespace = openNamespace(namespacePath);
  const words = { namespace, interfaceIndex: index, filter: NOTHING };
  try {
    return new PacketSocket({ ...words, onFrames: () => {}, onError: (error) => expect.fail(error.message) });
  } finally {
    closeDescriptor(namespace);
  }
}

test("what a server says to clients enters from no machine and no attachment, unless it may", async () => {
  await done(["apply", folder.write("office.yaml", FILE), "--state", state]);
  expect(await done(["plan", folder.join("office.yaml"), "--state", state])).toContain("Nothing to do");
  expect(await reaching("one", "two")).toEqual(names(OTHERS));
  expect(await reaching("one", "two", "eth1")).toEqual(names([...ANSWERS, ...OTHERS]));
  shell("ip netns add guest");
  await done(["attach", "lan", "--netns", "guest", "--state", state]);
  expect(await reaching("guest", "two")).toEqual(names(OTHERS));
  const asked = await flooding("one", "eth0");
  // 2000, and 1000 for each second that it took.
  expect(asked).toBeGreaterThanOrEqual(2000);
  expect(asked).toBeLessThan(FLOOD / 2);
  expect(await flooding("one", "eth1")).toBe(FLOOD);
  expect(await reaching("guest", "two")).toContain("client");
  await done(["detach", "--netns", "guest", "--state", state]);
  await done(["destroy", folder.join("office.yaml"), "--state", state]);
  expect(shell("nft list tables")).not.toContain("guard");
});
