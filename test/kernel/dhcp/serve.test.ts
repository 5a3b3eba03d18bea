/** `netloom dhcp serve` on a bridge, with the clients that people run, through a relay, and killed in the midst of it. */
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { macFromBytes } from "../../../src/base/address.ts";
import { closeDescriptor, openNamespace, PacketSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { DHCP_CLIENT_FILTER } from "../../../src/kernel/packet-filter.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { clientFrame, readReply } from "../../support/dhcp4-client.ts";
import { done, Folder, netloom, Running, shell, startNetloom, until } from "../../support/network.ts";
import { tsharkFindings } from "../../support/tshark.ts";

const RANGE = "192.0.2.100-192.0.2.199";
const OPTIONS = "--router 192.0.2.1 --dns 192.0.2.53,192.0.2.54 --lease 1h --option ntp-servers=192.0.2.123".split(" ");
/** Where dhcpcd 9.4 keeps its lease; the sandbox has a folder of its own there. */
const DHCPCD_LEASE = "/var/lib/dhcpcd/eth0.lease";

let folder: Folder;
const running: Running[] = [];

function start(words: readonly string[]): Running {
  const child = new Running(words);
  running.push(child);
  return child;
}

async function serve(words: readonly string[] = OPTIONS, range = RANGE): Promise<Running> {
  const fixed = ["dhcp", "serve", "--interface", "lan0", "--range", range, "--state", folder.join("state")];
  const server = startNetloom([...fixed, ...words]);
  running.push(server);
  await server.firstLine();
  return server;
}

interface Shown {
  readonly address: string;
  readonly mac: string;
  readonly hostName?: string;
  readonly state: string;
}

async function leases(): Promise<Shown[]> {
  return JSON.parse(await done(["dhcp", "leases", "--json", "--state", folder.join("state")])) as Shown[];
}

/** A script for all clients: what they were told goes into a file. */
function script(name: string): string {
  const path = folder.write(
    `${name}-script`,
    `#!/bin/sh
case \${1:-$reason} in
bound | BOUND) env >${folder.join(name)}.new; mv ${folder.join(name)}.new ${folder.join(name)} ;;
esac
exit 0
`,
  );
  chmodSync(path, 0o755);
  return path;
}

async function environmentOf(name: string, client: Running): Promise<Record<string, string>> {
  const read = (): string | undefined => {
    try {
      return readFileSync(folder.join(name), "utf8");
    } catch {
      // The client is not there yet.
      return undefined;
    }
  };
  await until(`a lease for ${name}: ${client.stderr}`, () => read() !== undefined);
  return Object.fromEntries(
    read()!
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

const inside = (namespace: string, words: readonly string[]): string[] => [
  "nsenter",
  `--net=/run/netns/${namespace}`,
  "--",
  ...words,
];

function startUdhcpc(namespace: string): Running {
  const words = [
    "-f",
    "-t",
    "5",
    "-T",
    "1",
    "-i",
    "eth0",
    "-x",
    "hostname:udhcpc1",
    "-O",
    "ntpsrv",
    "-s",
    script(namespace),
  ];
  return start(inside(namespace, ["busybox", "udhcpc", ...words]));
}

beforeEach(() => {
  folder = new Folder();
  rmSync(DHCPCD_LEASE, { force: true });
  shell(`echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add lan0 type bridge
    ip address add 192.0.2.1/24 dev lan0
    ip link set lan0 up
    for n in 1 2 3; do
      ip netns add c$n
      ip link add port$n type veth peer name eth0 address 52:54:00:00:00:0$n netns c$n
      ip link set port$n master lan0 up
      ip -n c$n link set eth0 up
    done`);
});

afterEach(async () => {
  for (const child of running.splice(0)) await child.stop();
  shell(`for n in 1 2 3; do ip netns delete c$n; done; ip link delete lan0
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6`);
  folder[Symbol.dispose]();
});

describe("dhcp serve", () => {
  test("udhcpc, dhclient and dhcpcd get addresses of their own and what the options say", async () => {
    const server = await serve();
    const dhclient = folder.write(
      "dhclient.conf",
      "request subnet-mask, routers, domain-name-servers, ntp-servers;\ninitial-interval 1;\n",
    );
    const dhcpcd = folder.write(
      "dhcpcd.conf",
      "ipv4only\nnoarp\nclientid\nnohook resolv.conf, hostname\noption domain_name_servers, ntp_servers\n",
    );
    const clients = {
      c1: startUdhcpc("c1"),
      c2: start(
        inside("c2", [
          "dhclient",
          "-4",
          "-d",
          "-cf",
          dhclient,
          "-lf",
          folder.join("leases2"),
          "-pf",
          folder.join("pid2"),
          "-sf",
          script("c2"),
          "eth0",
        ]),
      ),
      c3: start(inside("c3", ["dhcpcd", "-B", "--nodelay", "-f", dhcpcd, "-c", script("c3"), "eth0"])),
    };
    const udhcpc = await environmentOf("c1", clients.c1);
    expect(udhcpc).toMatchObject({
      subnet: "255.255.255.0",
      router: "192.0.2.1",
      dns: "192.0.2.53 192.0.2.54",
      ntpsrv: "192.0.2.123",
      lease: "3600",
      serverid: "192.0.2.1",
    });
    const others = [await environmentOf("c2", clients.c2), await environmentOf("c3", clients.c3)];
    for (const environment of others) {
      expect(environment).toMatchObject({
        new_subnet_mask: "255.255.255.0",
        new_routers: "192.0.2.1",
        new_domain_name_servers: "192.0.2.53 192.0.2.54",
        new_ntp_servers: "192.0.2.123",
        new_dhcp_lease_time: "3600",
      });
    }
    const addresses = [udhcpc["ip"], ...others.map((environment) => environment["new_ip_address"])];
    const shown = await leases();
    expect(shown.map(({ address }) => address)).toEqual(addresses.toSorted());
    expect(new Set(addresses).size).toBe(3);
    expect(shown.find(({ address }) => address === udhcpc["ip"])).toMatchObject({
      mac: "52:54:00:00:00:01",
      hostName: "udhcpc1",
      state: "leased",
    });
    expect(await done(["dhcp", "leases", "--state", folder.join("state")])).toContain("udhcpc1");

    // The next server knows them, and the client gets the same address again.
    await server.stop("SIGKILL");
    rmSync(folder.join("c1"));
    await clients.c1.stop();
    await serve();
    expect((await environmentOf("c1", startUdhcpc("c1")))["ip"]).toBe(udhcpc["ip"]);
    const second = await netloom([
      "dhcp",
      "serve",
      "--interface",
      "lan0",
      "--range",
      RANGE,
      "--state",
      folder.join("state"),
    ]);
    expect([second.code, second.stderr]).toEqual([1, expect.stringContaining("held by process")]);
  });

  test("--probe: an address that somebody has taken by himself is not offered", async () => {
    shell("ip -n c2 address add 192.0.2.100/24 dev eth0");
    await serve(["--probe"], "192.0.2.100-192.0.2.101");
    expect((await environmentOf("c1", startUdhcpc("c1")))["ip"]).toBe("192.0.2.101");
    expect((await leases()).map(({ address, state }) => [address, state])).toEqual([
      ["192.0.2.100", "declined"],
      ["192.0.2.101", "leased"],
    ]);
  });

  test("through dhcrelay, with option 82", async () => {
    shell(`ip -n c1 address add 192.0.2.2/25 dev eth0
      ip -n c1 link add down0 type veth peer name relayed0 netns c2
      ip -n c1 address add 192.0.2.129/25 dev down0
      ip -n c1 link set down0 up
      ip -n c2 link set eth0 down
      ip -n c2 link set eth0 name unused0
      ip -n c2 link set relayed0 name eth0 address 52:54:00:00:00:42
      ip -n c2 link set eth0 up`);
    await serve(OPTIONS, "192.0.2.150-192.0.2.160");
    const relay = start(inside("c1", ["dhcrelay", "-4", "-d", "-a", "-iu", "eth0", "-id", "down0", "192.0.2.1"]));
    await until("the relay's sockets", () => relay.stderr.includes("Sending on   Socket"));
    const told = await environmentOf("c2", startUdhcpc("c2"));
    expect(told).toMatchObject({ ip: "192.0.2.150", serverid: "192.0.2.1" });
    expect(await leases()).toMatchObject([{ address: "192.0.2.150", mac: "52:54:00:00:00:42" }]);
  });

  test("killed amid many leases: none that a client was told of is lost, no address is given twice", async () => {
    const words = [...OPTIONS, "--rapid-commit"];
    let server = await serve(words, "192.0.2.2-192.0.2.250");
    const netlink = RouteNetlink.open({ namespacePath: "/run/netns/c1" });
    const { index } = await netlink.get(getLink({ name: "eth0" }), decodeLink);
    netlink.close();
    const frames: Uint8Array[] = [];
    const namespace = openNamespace("/run/netns/c1");
    using socket = new PacketSocket({
      interfaceIndex: index,
      namespace,
      filter: DHCP_CLIENT_FILTER,
      onFrames: (received) => {
        for (const { buffer, offset, length } of received) frames.push(buffer.slice(offset, offset + length));
      },
      onError: (error) => {
        throw error;
      },
    });
    closeDescriptor(namespace);
    const told = new Map<string, string>();
    const ask = async (first: number, count: number): Promise<void> => {
      for (let client = first; client < first + count; client++) {
        const mac = macFromBytes(Uint8Array.of(2, 0, 0, 0, client >> 8, client));
        const options = [optionEntry(DHCP4_OPTION.rapidCommit, true)];
        socket.send([
          clientFrame({ mac, type: "DISCOVER", options, fields: { transactionId: client, broadcast: true } }),
        ]);
        if (client % 10 === 9) await new Promise(setImmediate);
      }
    };
    for (let run = 0; run < 3; run++) {
      const before = frames.length;
      await ask(run * 60, 60);
      await until("some answers", () => frames.length > before + 5);
      await server.stop("SIGKILL");
      server = await serve(words, "192.0.2.2-192.0.2.250");
    }
    for (const frame of frames) {
      const { message } = readReply(frame);
      expect(readOption(message.options, DHCP4_OPTION.messageType)).toBe("ACK");
      const mac = macFromBytes(message.hardwareAddress);
      expect(told.get(message.yourAddress) ?? mac).toBe(mac);
      told.set(message.yourAddress, mac);
    }
    const kept = new Map((await leases()).map(({ address, mac }) => [address, mac]));
    for (const [address, mac] of told) expect(kept.get(address)).toBe(mac);
    expect(new Set(kept.values()).size).toBe(kept.size);
    expect(tsharkFindings(frames.slice(0, 20))).toEqual([]);
  });
});
