/** A network's IPv6 section, served by the daemon: to the kernel's own client and dhclient at a port, over a kill. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { done, Folder, json, netloom, Running, shell, until } from "../../support/network.ts";
import { Daemon } from "./support.ts";

const MAC = "52:54:00:00:00:21";
const MADE = "fd00:50::5054:ff:fe00:21/64";
const file = (ipv6: string): string => `version: 1
name: office
networks:
  lan:
    subnet: 192.168.50.0/24
    subnet6: fd00:50::/64
    mtu: 1400
    dns: { servers: ["2001:db8::53"], search: [lan.example] }
    ports: [port0]
    ipv6: ${ipv6}
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
`;
const BOTH =
  "{ mode: both, range: fd00:50::1000-fd00:50::10ff, prefixes: { from: fd00:60::/48 }, routes: [2001:db8:7::/48] }";
const SCRIPT = `#!/bin/sh
echo "EVENT $reason address=$new_ip6_address prefix=$new_ip6_prefix servers=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >&2
exit 0
`;

let folder: Folder;
let daemon: Daemon;
const running: Running[] = [];

beforeEach(async () => {
  folder = new Folder();
  shell(`chmod +x ${folder.write("script", SCRIPT)}
    ip netns add client
    nsenter --net=/run/netns/client sh -c 'cd /proc/sys/net/ipv6/conf/default
      echo 0 >accept_dad; echo 0 >dad_transmits; echo 2 >accept_ra; echo 64 >accept_ra_rt_info_max_plen; echo 0 >router_solicitation_delay'
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add port0 type veth peer name eth0 address ${MAC} netns client
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set port0 up`);
  daemon = await Daemon.start(folder.join("state"));
});

afterEach(async () => {
  for (const child of running.splice(0)) await child.stop("SIGKILL");
  await netloom(["destroy", folder.join("office.yaml"), "--state", daemon.state]);
  await daemon[Symbol.asyncDispose]();
  shell("ip link delete port0; ip netns delete client");
  folder[Symbol.dispose]();
});

function apply(ipv6: string): Promise<string> {
  return daemon.netloom("apply", folder.write("office.yaml", file(ipv6)));
}

function dhclient(words: readonly string[]): Running {
  const program = ["nsenter", "--net=/run/netns/client", "--", "dhclient", "-6", "-d", "-D", "LL", "-N", "-P"];
  const files = {
    "-cf": "/dev/null",
    "-lf": folder.join("leases"),
    "-pf": folder.join("pid"),
    "-sf": folder.join("script"),
  };
  const client = new Running([...program, ...words, ...Object.entries(files).flat(), "eth0"]);
  running.push(client);
  return client;
}

/** The address and the prefix that dhclient is told, as a client that was never here before. */
async function ask(): Promise<string> {
  folder.write("leases", "");
  const client = dhclient([]);
  const told = (): string[] => client.stderr.match(/(?<=EVENT BOUND6 ).*/g) ?? [];
  await until(
    () => `an answer: ${client.stderr}`,
    () => told().length === 2 || !client.running,
  );
  await client.stop("SIGKILL");
  return told().toSorted().join("\n");
}

function addressesIn(namespace: string): string[] {
  const [link] = json(`ip -n ${namespace} -j -6 address show dev eth0 scope global`);
  const infos = (link?.["addr_info"] ?? []) as { readonly local?: string; readonly prefixlen?: number }[];
  return infos.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`]));
}

function advertisedRoutes(): string[] {
  return json("ip -n client -j -6 route show proto ra")
    .filter((route) => route["gateway"] !== undefined)
    .map(({ dst, gateway }) => `${String(dst)} via ${String(gateway)}`);
}

test("hosts make an address and get one and a prefix, the same ones from the next daemon, and are told the end", async () => {
  await apply(BOTH);
  shell("ip -n client link set eth0 up");
  await until("the client has made an address", () => addressesIn("client").length > 0);
  expect(addressesIn("client")).toEqual([MADE]);
  // The network has no router: no way out, but the route that the section tells.
  expect(advertisedRoutes()).toEqual(["2001:db8:7::/48 via fe80::1"]);
  expect(shell("nsenter --net=/run/netns/client cat /proc/sys/net/ipv6/conf/eth0/mtu").trim()).toBe("1400");
  // The pod has what the file gives, and makes none.
  expect(addressesIn("pod1")).toEqual(["fd00:50::2/64"]);

  const told = await ask();
  expect(told).toMatch(/^address= prefix=fd00:60:0:[0-9a-f]+::\/60 servers=2001:db8::53 search=lan\.example\.?\n/);
  expect(told).toMatch(/\naddress=fd00:50::10[0-9a-f]{2} prefix= servers=2001:db8::53 search=lan\.example\.?$/);
  expect(await daemon.netloom("status")).toMatch(/network=office\/lan .*addresses=256 given=1 .*delegated=1.*SOLICIT=/);

  const [, prefix] = /prefix=(\S+)/.exec(told) ?? [];
  const delegated = (): Record<string, unknown>[] => json("ip -j -6 route show dev lan proto dhcp");
  expect(delegated()).toMatchObject([{ dst: prefix, gateway: "fe80::5054:ff:fe00:21", expires: expect.any(Number) }]);

  await daemon.kill();
  const leases = JSON.parse(await done(["dhcp6", "leases", "lan", "--json", "--state", daemon.state])) as unknown[];
  expect(leases).toHaveLength(2);
  expect(leases).toMatchObject([{ network: "office/lan", mac: MAC, state: "leased" }, { network: "office/lan" }]);
  daemon = await Daemon.start(daemon.state);
  expect(await ask()).toBe(told);
  expect(addressesIn("client")).toEqual([MADE]);

  expect(delegated()).toHaveLength(1);
  expect((await dhclient(["-r"]).ended()).code).toBe(0);
  await until("the route of the prefix is gone", () => delegated().length === 0);

  // As changed: only what is not told any more is taken back.
  const monitor = new Running(["ip", "-n", "client", "monitor", "address"]);
  running.push(monitor);
  await apply(BOTH.replace("2001:db8:7::/48", "2001:db8:8::/48"));
  await until("the other route", () => advertisedRoutes().join() === "2001:db8:8::/48 via fe80::1");
  expect(monitor.stdout).not.toMatch(/Deleted|deprecated/);

  await apply("false");
  await until("the advertised route is gone", () => advertisedRoutes().length === 0);
});
