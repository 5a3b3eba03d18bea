import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIpv6 } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { GUEST_IP6_FILTER, IP6_SERVER_FILTER } from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { encodeIcmpv6 } from "../../../src/wire/icmpv6.ts";
import { encodeIpv6 } from "../../../src/wire/ipv6.ts";
import { encodeUdp } from "../../../src/wire/udp.ts";
import { shell } from "../../support/network.ts";

const ethernet = "333300000002 525400000017";
const envelope = { source: parseIpv6("fe80::5054:ff:fe00:17"), destination: parseIpv6("ff02::2") };
const ACCEPT_ALL = [{ code: 0x06, jt: 0, jf: 0, k: 0xffff }];

function frame(nextHeader: number, payload: Uint8Array, vlan = ""): Uint8Array {
  const packet = encodeIpv6({ ...envelope, nextHeader, hopLimit: 255, payload });
  return Uint8Array.from([...fromHex(`${ethernet} ${vlan} 86dd`), ...packet]);
}

const icmp = (type: number, vlan?: string): Uint8Array =>
  frame(58, encodeIcmpv6({ type, code: 0, body: new Uint8Array(20) }, envelope), vlan);
const udp = (destinationPort: number): Uint8Array =>
  frame(17, encodeUdp({ sourcePort: 546, destinationPort, payload: new Uint8Array(8) }, envelope));

const SOLICITATION: [string, Uint8Array] = ["a neighbour solicitation", icmp(135)];

describe.each([
  { whose: "of a guest's IPv6", filter: GUEST_IP6_FILTER, neighbours: true },
  { whose: "of a network's IPv6", filter: IP6_SERVER_FILTER, neighbours: false },
])("packet filter $whose, in the kernel", ({ filter, neighbours }) => {
  let sender: PacketSocket;
  let receiver: PacketSocket;
  const received: string[] = [];

  beforeAll(async () => {
    shell(`ip netns add filter6
      nsenter --net=/run/netns/filter6 sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
      ip -n filter6 link add in0 type veth peer name out0
      ip -n filter6 link set in0 up
      ip -n filter6 link set out0 up`);
    const netlink = RouteNetlink.open({ namespacePath: "/run/netns/filter6" });
    const indexOf = async (name: string): Promise<number> => (await netlink.get(getLink({ name }), decodeLink)).index;
    const [inside, outside] = [await indexOf("in0"), await indexOf("out0")];
    netlink.close();
    const namespace = openNamespace("/run/netns/filter6");
    const onError = (error: Error): void => void received.push(error.message);
    receiver = new PacketSocket({
      namespace,
      interfaceIndex: inside,
      filter,
      onFrames: (frames) => {
        for (const { buffer, offset, length } of frames) received.push(toHex(buffer.subarray(offset, offset + length)));
      },
      onError,
    });
    sender = new PacketSocket({ namespace, interfaceIndex: outside, filter: ACCEPT_ALL, onFrames: () => {}, onError });
    closeDescriptor(namespace);
  });

  afterAll(() => {
    sender.close();
    receiver.close();
    shell("ip netns delete filter6");
  });

  async function passes(bytes: Uint8Array): Promise<boolean> {
    received.length = 0;
    // The last frame passes every time: when it is there, the one before has been decided on.
    const last = frame(58, encodeIcmpv6({ type: 133, code: 7, body: new Uint8Array(4) }, envelope));
    expect(sender.send([bytes, last])).toBe(2);
    while (received.at(-1) !== toHex(last)) await sleep(1);
    return received.length === 2 && received[0] === toHex(bytes);
  }

  test.each([
    ["a router solicitation", icmp(133)],
    ...(neighbours ? [SOLICITATION] : []),
    ["UDP to port 547", udp(547)],
  ])("passes: %s", async (_, bytes) => {
    expect(await passes(bytes)).toBe(true);
  });

  test.each([
    ["a router advertisement", icmp(134)],
    ...(neighbours ? [] : [SOLICITATION]),
    ["a neighbour advertisement", icmp(136)],
    ["an echo request", icmp(128)],
    ["UDP to port 546", udp(546)],
    ["TCP", frame(6, new Uint8Array(20))],
    ["a fragment", frame(44, new Uint8Array(24))],
    ["hop-by-hop options", frame(0, new Uint8Array(24))],
    ["an 802.1Q tag", icmp(133, "8100 0005")],
    ["IPv4", fromHex(`${ethernet} 0800 ${"45".padEnd(80, "0")}`)],
    ["ARP", fromHex(`${ethernet} 0806 ${"00".repeat(28)}`)],
    ["cut off before the type", icmp(133).subarray(0, 54)],
  ])("dropped: %s", async (_, bytes) => {
    expect(await passes(bytes)).toBe(false);
  });
});
