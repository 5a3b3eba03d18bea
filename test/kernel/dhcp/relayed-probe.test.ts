/** Behind a relay, somebody has taken an address of the range by himself: the server asks him by ICMP. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Ipv4Prefix, parseIpv4, parseMac, parsePrefix } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { DHCP_REQUEST_FILTER } from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { Dhcp4Service } from "../../../src/services/dhcp4-server.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { Folder, shell, until } from "../../support/network.ts";

const SERVER = parseIpv4("192.0.2.1");
const SERVER_MAC = parseMac("02:00:00:00:00:fe");
const RELAY = parseIpv4("192.0.2.200");
const RELAY_MAC = parseMac("52:54:00:00:00:99");
let folder: Folder;

beforeAll(() => {
  folder = new Folder();
  shell(`
    ip netns add srv
    ip netns add relay
    ip -n srv link add lan0 address ${SERVER_MAC} type veth peer name up0 netns relay
    ip -n relay link set up0 address ${RELAY_MAC}
    ip -n srv address add ${SERVER}/24 dev lan0
    ip -n relay address add ${RELAY}/24 dev up0
    ip -n relay address add 192.0.2.100/24 dev up0
    ip -n srv link set lan0 up
    ip -n relay link set up0 up`);
});

afterAll(() => {
  shell("ip netns delete srv; ip netns delete relay");
  folder[Symbol.dispose]();
});

async function indexOf(namespace: string, name: string): Promise<number> {
  const netlink = RouteNetlink.open({ namespacePath: `/run/netns/${namespace}` });
  const { index } = await netlink.get(getLink({ name }), decodeLink);
  netlink.close();
  return index;
}

test("the client is offered the next address, when nobody has answered for that", async () => {
  await using service = new Dhcp4Service({
    interfaceIndex: await indexOf("srv", "lan0"),
    namespacePath: "/run/netns/srv",
    leaseFile: folder.join("leases"),
    logger: SILENT,
    config: {
      serverAddress: SERVER,
      serverMac: SERVER_MAC,
      subnet: parsePrefix("192.0.2.0/24") as Ipv4Prefix,
      ranges: [{ first: parseIpv4("192.0.2.100"), last: parseIpv4("192.0.2.101") }],
      leaseSeconds: { default: 3600, minimum: 600, maximum: 7200 },
      options: new Map(),
      authoritative: true,
      rapidCommit: false,
      probe: { icmpSeconds: 0.3 },
    },
  });
  const offered: string[] = [];
  const namespace = openNamespace("/run/netns/relay");
  const relay = new PacketSocket({
    namespace,
    interfaceIndex: await indexOf("relay", "up0"),
    filter: DHCP_REQUEST_FILTER,
    onFrames: (frames) => {
      for (const { buffer, offset, length } of frames)
        offered.push(readReply(buffer.subarray(offset, offset + length)).message.yourAddress);
    },
    onError: (error) => {
      throw error;
    },
  });
  closeDescriptor(namespace);
  const mac = parseMac("52:54:00:00:00:17");
  const envelope = { frameSource: RELAY_MAC, frameDestination: SERVER_MAC, source: RELAY, destination: SERVER };
  relay.send([clientFrame({ mac, type: "DISCOVER", ...envelope, fields: { relayAddress: RELAY, hops: 1 } })]);
  await until("an offer", () => offered.length > 0);
  relay.close();
  expect(offered).toEqual(["192.0.2.101"]);
  expect(service.stats()).toMatchObject({ probed: 2, conflicts: 1, received: { DISCOVER: 1 }, sent: { OFFER: 1 } });
  expect([...service.leases()]).toMatchObject([{ address: "192.0.2.100", state: "declined" }]);
});
