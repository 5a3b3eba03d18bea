import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import { fromHex, toHex } from "../../../src/base/bytes.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import {
  DHCP_REQUEST_AND_PROBE_FILTER,
  DHCP_REQUEST_FILTER,
  DHCP_SERVER_FILTER,
} from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { encodeIpv4 } from "../../../src/wire/ipv4.ts";
import { encodeUdp } from "../../../src/wire/udp.ts";
import { clientFrame } from "../../support/dhcp4-client.ts";

const mac = parseMac("52:54:00:00:00:17");
const ethernet = "ffffffffffff 525400000017";
const source = parseIpv4("192.0.2.17");
const destination = parseIpv4("192.0.2.1");
const ACCEPT_ALL = [{ code: 0x06, jt: 0, jf: 0, k: 0xffff }];

function ipv4Frame(changes: Partial<Parameters<typeof encodeIpv4>[0]>, destinationPort = 67, vlan = ""): Uint8Array {
  const envelope = { source, destination };
  const payload = encodeUdp({ sourcePort: 68, destinationPort, payload: new Uint8Array(20) }, envelope);
  const packet = encodeIpv4({ ...envelope, protocol: 17, timeToLive: 64, dontFragment: false, payload, ...changes });
  return Uint8Array.from([...fromHex(`${ethernet} ${vlan} 0800`), ...packet]);
}

function fragment(bits: string): Uint8Array {
  const frame = ipv4Frame({});
  frame.set(fromHex(bits), 20);
  return frame;
}

const FILTERS = {
  "of one client": DHCP_SERVER_FILTER,
  "of a subnet": DHCP_REQUEST_FILTER,
  "of a subnet, with probes": DHCP_REQUEST_AND_PROBE_FILTER,
};
type Name = keyof typeof FILTERS;
const NAMES = Object.keys(FILTERS) as Name[];

describe("packet filters of the DHCP servers, in the kernel", () => {
  let sender: PacketSocket;
  const receivers: PacketSocket[] = [];
  const received: Record<Name, string[]> = { "of one client": [], "of a subnet": [], "of a subnet, with probes": [] };

  beforeAll(async () => {
    const ip = (words: string): void => void execFileSync("ip", words.split(" "));
    ip("netns add filter");
    ip("-n filter link add in0 type veth peer name out0");
    for (const name of ["in0", "out0"]) {
      execFileSync("nsenter", ["--net=/run/netns/filter", "sysctl", "-qw", `net.ipv6.conf.${name}.disable_ipv6=1`]);
      ip(`-n filter link set ${name} up`);
    }
    const netlink = RouteNetlink.open({ namespacePath: "/run/netns/filter" });
    const indexOf = async (name: string): Promise<number> => (await netlink.get(getLink({ name }), decodeLink)).index;
    const [inside, outside] = [await indexOf("in0"), await indexOf("out0")];
    netlink.close();
    const namespace = openNamespace("/run/netns/filter");
    const onError = (error: Error): never => {
      throw error;
    };
    for (const name of NAMES) {
      receivers.push(
        new PacketSocket({
          namespace,
          interfaceIndex: inside,
          filter: FILTERS[name],
          onFrames: (frames) => {
            for (const { buffer, offset, length } of frames)
              received[name].push(toHex(buffer.subarray(offset, offset + length)));
          },
          onError,
        }),
      );
    }
    sender = new PacketSocket({ namespace, interfaceIndex: outside, filter: ACCEPT_ALL, onFrames: () => {}, onError });
    closeDescriptor(namespace);
  });

  afterAll(() => {
    sender.close();
    for (const receiver of receivers) receiver.close();
    execFileSync("ip", ["netns", "del", "filter"]);
  });

  /** Which of the filters let a frame pass. */
  async function passes(frame: Uint8Array): Promise<Name[]> {
    for (const name of NAMES) received[name].length = 0;
    // The last frame passes every time: when it is there, the one before has been decided on.
    const last = clientFrame({ mac, type: "INFORM", fields: { transactionId: 0xffffffff } });
    expect(sender.send([frame, last])).toBe(2);
    while (NAMES.some((name) => received[name].at(-1) !== toHex(last))) await sleep(1);
    return NAMES.filter((name) => received[name].length === 2 && received[name][0] === toHex(frame));
  }

  const [single, , probing] = NAMES;
  test.each<[string, Uint8Array, (Name | undefined)[]]>([
    ["a DISCOVER", clientFrame({ mac, type: "DISCOVER" }), NAMES],
    ["a unicast renewal", clientFrame({ mac, type: "REQUEST", source, destination, frameDestination: mac }), NAMES],
    ["IPv4 with options", ipv4Frame({ options: fromHex("94040000") }), NAMES],
    ["Don't Fragment", ipv4Frame({ dontFragment: true }), NAMES],
    [
      "an ARP request",
      fromHex(`${ethernet} 0806 0001080006040001 525400000017 c0000211 000000000000 c0000201`),
      [single, probing],
    ],
    ["an echo reply", ipv4Frame({ protocol: 1, payload: fromHex("0000ffff00000000") }), [probing]],
    [
      "an echo reply behind IP options",
      ipv4Frame({ protocol: 1, options: fromHex("94040000"), payload: fromHex("0000ffff00000000") }),
      [probing],
    ],
    ["an echo request", ipv4Frame({ protocol: 1, payload: fromHex("0800f7ff00000000") }), []],
    ["UDP to another port", ipv4Frame({}, 68), []],
    ["UDP to port 67 × 256", ipv4Frame({}, 67 << 8), []],
    ["TCP", ipv4Frame({ protocol: 6 }), []],
    ["a first fragment", fragment("2000"), []],
    ["a later fragment", fragment("0003"), []],
    ["IPv6", fromHex(`${ethernet} 86dd ${"60".padEnd(80, "0")}`), []],
    ["an 802.1Q tag before IPv4", ipv4Frame({}, 67, "8100 0005"), []],
    ["an 802.1Q tag before ARP", fromHex(`${ethernet} 8100 0005 0806 ${"00".repeat(28)}`), []],
    ["IPv4 cut off before the port", ipv4Frame({}).subarray(0, 14 + 20 + 3), []],
  ])("%s passes those that it is for", async (_, frame, names) => {
    expect(await passes(frame)).toEqual(names);
  });
});
