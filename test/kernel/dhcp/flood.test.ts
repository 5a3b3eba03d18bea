/** A guest that makes up clients, on one port of a network's bridge, and an honest one on another. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { macFromBytes, parseIpv4 } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { DHCP_CLIENT_FILTER } from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { createService, serviceMakers } from "../../../src/services/keeper/create-service.ts";
import type { Service } from "../../../src/services/service.ts";
import type { NetworkDhcpObject } from "../../../src/state/object/network-dhcp.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { Folder, Running, shell, until } from "../../support/network.ts";

/** New ones, fifty times a second. */
const CLIENTS = 8;
const GUEST = "/run/netns/flood1";

const network: NetworkDhcpObject = {
  kind: "dhcp-network",
  key: "office/dhcp/lan",
  origin: "network lan",
  namespace: "flood",
  linkKey: "office/link/lan",
  interfaceName: "br0",
  network: "office/lan",
  serverAddress: parseIpv4("192.0.2.1"),
  prefixLength: 24,
  mtuBytes: 1500,
  ranges: [{ first: parseIpv4("192.0.2.100"), last: parseIpv4("192.0.2.127") }],
  leaseSeconds: { default: 3600, minimum: 3600, maximum: 3600 },
  authoritative: true,
  rapidCommit: false,
  knownOnly: false,
  ignore: [],
  options: [],
  hosts: [],
  classes: [],
};

let folder: Folder;
let service: Service;

beforeAll(async () => {
  folder = new Folder();
  shell(`
    for name in flood flood1 flood2; do
      ip netns add $name
      nsenter --net=/run/netns/$name sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    done
    ip -n flood link add br0 address 02:00:00:00:00:fe type bridge forward_delay 0 mcast_snooping 0
    ip -n flood address add 192.0.2.1/24 dev br0
    ip -n flood link set br0 up
    for n in 1 2; do
      ip -n flood$n link add eth0 address 52:54:00:00:00:0$n type veth peer name port$n netns flood
      ip -n flood link set port$n master br0 up
      ip -n flood$n link set eth0 up
    done`);
  const makers = serviceMakers(folder.join("state"), () => expect.unreachable(), SILENT);
  service = createService(network, folder.join("state"), makers, SILENT);
  await service.start();
});

afterAll(async () => {
  await service.stop();
  shell("for name in flood flood1 flood2; do ip netns delete $name; done");
  folder[Symbol.dispose]();
});

/** Clients without end: each asks, and takes what it is offered. */
class Flood implements Disposable {
  readonly #socket: PacketSocket;
  readonly #timer: NodeJS.Timeout;
  #next = 0;

  static async open(): Promise<Flood> {
    await using netlink = RouteNetlink.open({ namespacePath: GUEST });
    return new Flood((await netlink.get(getLink({ name: "eth0" }), decodeLink)).index);
  }

  private constructor(interfaceIndex: number) {
    const namespace = openNamespace(GUEST);
    this.#socket = new PacketSocket({
      namespace,
      interfaceIndex,
      filter: DHCP_CLIENT_FILTER,
      onFrames: (frames) => {
        for (const { buffer, offset, length } of frames) this.#take(buffer.slice(offset, offset + length));
      },
      onError: () => expect.unreachable(),
    });
    closeDescriptor(namespace);
    this.#timer = setInterval(() => this.#ask(), 20);
  }

  #ask(): void {
    const frames = Array.from({ length: CLIENTS }, () => {
      const client = ++this.#next;
      return clientFrame({ mac: macFromBytes(Uint8Array.of(2, 0xf1, 0, 0, client >> 8, client)), type: "DISCOVER" });
    });
    this.#socket.send(frames);
  }

  #take(frame: Uint8Array): void {
    const { message } = readReply(frame);
    if (readOption(message.options, DHCP4_OPTION.messageType) !== "OFFER") return;
    const options = [
      optionEntry(DHCP4_OPTION.requestedAddress, message.yourAddress),
      optionEntry(DHCP4_OPTION.serverIdentifier, network.serverAddress),
    ];
    this.#socket.send([clientFrame({ mac: macFromBytes(message.hardwareAddress), type: "REQUEST", options })]);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#socket.close();
  }
}

test("leaves an address for the other one, also while it goes on", async () => {
  const limited = (): number => {
    const counts = service.report().details["limited"] as Readonly<Record<string, number>>;
    return counts["leasesForEachFree"] ?? 0;
  };
  using _ = await Flood.open();
  await until("the flood has met its limit", () => limited() > 0);
  const words = ["busybox", "udhcpc", "-f", "-q", "-n", "-t", "8", "-T", "1", "-i", "eth0", "-s", "/bin/true"];
  const client = new Running(["nsenter", "--net=/run/netns/flood2", "--", ...words]);
  expect((await client.ended()).code).toBe(0);
  expect(client.stderr).toMatch(/lease of 192\.0\.2\.1\d\d obtained/);
});
