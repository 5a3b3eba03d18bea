/** What a bound pod does on the wire, seen from the guest's side of the tap and from the pod network. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type Ipv4Address,
  IPV4_BROADCAST,
  MAC_BROADCAST,
  type MacAddress,
  parseIpv4,
  parseMac,
} from "../../../src/base/address.ts";
import { closeDescriptor, openNamespace, openTap } from "../../../src/kernel/native.ts";
import { ARP_REPLY, ARP_REQUEST, decodeArp, encodeArp } from "../../../src/wire/arp.ts";
import { decodeEthernet, encodeEthernet, ETHERTYPE_ARP, ETHERTYPE_IPV4 } from "../../../src/wire/ethernet.ts";
import { decodeIpv4, encodeIpv4, IP_PROTOCOL_UDP } from "../../../src/wire/ipv4.ts";
import { Malformed } from "../../../src/wire/malformed.ts";
import { encodeUdp } from "../../../src/wire/udp.ts";
import { carryOut } from "./carry-out.ts";
import { shell } from "../../support/network.ts";
import { bindingOf, makePod, makePodNetwork, removePod } from "./pods.ts";

const GUEST_MAC = parseMac("0a:58:c0:00:02:05");
const GUEST = parseIpv4("192.0.2.5");
const GATEWAY = parseIpv4("192.0.2.1");
const ANY = parseIpv4("0.0.0.0");
const QUIET_MILLISECONDS = 300;
const IP_PROTOCOL_ICMP = 1;

/** The guest: whoever has the tap open. */
class Guest {
  readonly #descriptor: number;

  constructor(namespace: string) {
    const descriptor = openNamespace(`/run/netns/${namespace}`);
    this.#descriptor = openTap({ namespace: descriptor, name: "tap0", mode: "tap" });
    closeDescriptor(descriptor);
  }

  send(frame: Uint8Array): void {
    writeSync(this.#descriptor, frame);
  }

  /** All frames that come within the time. */
  async receive(milliseconds = QUIET_MILLISECONDS): Promise<Uint8Array[]> {
    const frames: Uint8Array[] = [];
    const end = performance.now() + milliseconds;
    while (performance.now() < end) {
      const frame = this.#read();
      if (frame === undefined) await sleep(5);
      else frames.push(frame);
    }
    return frames;
  }

  #read(): Uint8Array | undefined {
    const buffer = new Uint8Array(2048);
    try {
      return buffer.slice(0, readSync(this.#descriptor, buffer));
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
      throw error;
    }
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.#descriptor);
  }
}

function udpFrame(from: { mac: MacAddress; address: Ipv4Address; port: number }, to: typeof from): Uint8Array {
  const envelope = { source: from.address, destination: to.address };
  const udp = encodeUdp({ sourcePort: from.port, destinationPort: to.port, payload: new Uint8Array(300) }, envelope);
  const packet = encodeIpv4({
    ...envelope,
    protocol: IP_PROTOCOL_UDP,
    timeToLive: 64,
    dontFragment: false,
    payload: udp,
  });
  return encodeEthernet({ destination: to.mac, source: from.mac, etherType: ETHERTYPE_IPV4, payload: packet });
}

/** A datagram from the pod network to the guest. */
async function sendUdp(from: number, to: number): Promise<void> {
  const socket = createSocket("udp4");
  socket.bind(from);
  await once(socket, "listening");
  await new Promise<void>((resolve, reject) => {
    socket.send("offer", to, GUEST, (error) => (error === null ? resolve() : reject(error)));
  });
  socket.close();
}

/** UDP packets of that port that the pod network has seen since the table was loaded. */
function countedOnPodNetwork(port: number): number {
  const listing = shell("nft list table bridge seen");
  return Number(new RegExp(`udp dport ${port} counter packets (\\d+)`).exec(listing)?.[1]);
}

async function withBoundPod(
  profile: "modern" | "legacy",
  use: (guest: Guest, bridgeMac: MacAddress) => Promise<void>,
): Promise<void> {
  makePod("pod1", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
  try {
    const bound = await bindingOf("pod1", { profile });
    await carryOut(bound.desired);
    using guest = new Guest("pod1");
    // The port forwards once the carrier, which came with the open tap, has been noticed.
    await sleep(QUIET_MILLISECONDS);
    await guest.receive(20);
    await use(guest, bound.desired.objects.find((object) => object.kind === "dhcp-single")?.serverMac ?? MAC_BROADCAST);
  } finally {
    removePod("pod1");
  }
}

beforeAll(makePodNetwork);
afterAll(() => shell("ip link delete br-pods; nft delete table bridge seen"));
beforeEach(() => {
  shell(`nft -f - <<'EOF'
table bridge seen
delete table bridge seen
table bridge seen {
  chain arriving {
    type filter hook prerouting priority 0;
    udp dport 67 counter
    udp dport 6700 counter
  }
}
EOF`);
});

describe.each(["modern", "legacy"] as const)("%s profile", (profile) => {
  test("the guest reaches the pod network with the pod's MAC and address", async () => {
    await withBoundPod(profile, async (guest) => {
      const request = {
        operation: ARP_REQUEST,
        senderMac: GUEST_MAC,
        senderAddress: GUEST,
        targetMac: GUEST_MAC,
        targetAddress: GATEWAY,
      };
      guest.send(
        encodeEthernet({
          destination: MAC_BROADCAST,
          source: GUEST_MAC,
          etherType: ETHERTYPE_ARP,
          payload: encodeArp(request),
        }),
      );
      const answers = (await guest.receive()).flatMap((bytes) => {
        const frame = decodeEthernet(bytes);
        if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_ARP) return [];
        const arp = decodeArp(frame.payload);
        return arp instanceof Malformed || arp.operation !== ARP_REPLY ? [] : [arp.senderAddress];
      });
      expect(answers).toEqual([GATEWAY]);
    });
  });

  test("the pod does not answer ARP for the guest", async () => {
    await withBoundPod(profile, async () => {
      const ask = "busybox arping -c 1 -w 1 -I br-pods 192.0.2.5 | grep -c 'reply from' || true";
      expect(shell(ask).trim()).toBe("0");
      if (profile === "legacy") return;
      // What the stand-in's address would do without arp_ignore.
      shell("nsenter --net=/run/netns/pod1 sh -c 'echo 0 > /proc/sys/net/ipv4/conf/k6t-eth0/arp_ignore'");
      expect(shell(ask).trim()).not.toBe("0");
    });
  });

  test("DHCP crosses in neither direction, other UDP does", async () => {
    await withBoundPod(profile, async (guest) => {
      const client = { mac: GUEST_MAC, address: ANY, port: 68 };
      guest.send(udpFrame(client, { mac: MAC_BROADCAST, address: IPV4_BROADCAST, port: 67 }));
      guest.send(udpFrame(client, { mac: MAC_BROADCAST, address: IPV4_BROADCAST, port: 6700 }));
      await guest.receive();
      expect(countedOnPodNetwork(67)).toBe(0);
      expect(countedOnPodNetwork(6700)).toBe(1);

      shell(`ip neighbour replace 192.0.2.5 lladdr ${GUEST_MAC} dev br-pods nud permanent`);
      await sendUdp(67, 68);
      await sendUdp(6700, 6701);
      const ports = (await guest.receive()).flatMap((bytes) => udpPorts(bytes));
      expect(ports).toEqual([6701]);
    });
  });

  test("a renewal to the server's address gets no refusal from the pod's kernel", async () => {
    await withBoundPod(profile, async (guest, bridgeMac) => {
      const bridge = profile === "modern" ? "k6t-eth0" : "br1";
      const address = parseIpv4(profile === "modern" ? "169.254.75.10" : "169.254.75.86");
      const client = { mac: GUEST_MAC, address: parseIpv4("198.51.100.9"), port: 68 };
      // A pod with a way to the client, such as through another interface, would answer what it does not expect.
      shell(`ip -n pod1 route add 198.51.100.0/24 dev ${bridge}
        ip -n pod1 neighbour replace 198.51.100.9 lladdr ${GUEST_MAC} dev ${bridge} nud permanent`);
      guest.send(udpFrame(client, { mac: bridgeMac, address, port: 67 }));
      expect((await guest.receive()).filter(isIcmp)).toEqual([]);
      guest.send(udpFrame(client, { mac: bridgeMac, address, port: 6700 }));
      expect((await guest.receive()).filter(isIcmp)).toHaveLength(1);
    });
  });
});

function udpPorts(bytes: Uint8Array): number[] {
  const frame = decodeEthernet(bytes);
  if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV4) return [];
  const packet = decodeIpv4(frame.payload);
  if (packet instanceof Malformed || packet.protocol !== IP_PROTOCOL_UDP) return [];
  return [(packet.payload[2]! << 8) | packet.payload[3]!];
}

function isIcmp(bytes: Uint8Array): boolean {
  const frame = decodeEthernet(bytes);
  if (frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV4) return false;
  const packet = decodeIpv4(frame.payload);
  return !(packet instanceof Malformed) && packet.protocol === IP_PROTOCOL_ICMP;
}
