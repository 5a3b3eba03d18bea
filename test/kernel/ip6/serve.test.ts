/** `netloom dhcp6 serve` on a bridge, with the clients that people run, and killed in the midst of it. */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { parseIpv6, parseMac } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { Ip6Service } from "../../../src/services/ip6-network.ts";
import { Capture } from "../../support/capture.ts";
import { done, Folder, json, Running, shell, startNetloom, until } from "../../support/network.ts";
import { tsharkFindings } from "../../support/tshark.ts";

const SERVER_MAC = parseMac("02:00:00:00:00:fe");
const SETTINGS = "--dns 2001:db8:1::53 --search example.org --lease 1h".split(" ");
const MANAGED = [
  ..."--range 2001:db8:1::1000-2001:db8:1::1fff --delegate 2001:db8:100::/40-56".split(" "),
  ...SETTINGS,
];

/** Tells the event and what came with it on standard error. */
const SCRIPT = `#!/bin/sh
echo "EVENT $reason address=$new_ip6_address$new_dhcp6_ia_na1_ia_addr1 prefix=$new_ip6_prefix$new_dhcp6_ia_pd1_prefix1\${new_dhcp6_ia_pd1_prefix1:+/$new_dhcp6_ia_pd1_prefix1_length} servers=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >&2
exit 0
`;

/** Next header, and the type of a router advertisement. */
const [ICMPV6, ADVERTISEMENT] = [58, 134];

let folder: Folder;
let capture: Capture;
const running: Running[] = [];
/** Of all tests here: what we sent passes tshark. */
const exchanged: Uint8Array[] = [];

function start(words: readonly string[]): Running {
  const child = new Running(words);
  running.push(child);
  return child;
}

async function serve(words: readonly string[]): Promise<Running> {
  const server = startNetloom(["dhcp6", "serve", "--interface", "lan0", "--state", folder.join("state"), ...words]);
  running.push(server);
  await server.firstLine();
  return server;
}

interface Shown {
  readonly lease: string;
  readonly kind: string;
  readonly mac: string;
  readonly state: string;
}

async function leases(): Promise<Shown[]> {
  return JSON.parse(await done(["dhcp6", "leases", "--json", "--state", folder.join("state")])) as Shown[];
}

const inside = (namespace: string, words: readonly string[]): string[] => [
  "nsenter",
  `--net=/run/netns/${namespace}`,
  "--",
  ...words,
];

function startDhclient(namespace: string, words: readonly string[]): Running {
  shell(`touch ${folder.join(`${namespace}.leases`)}`);
  const files = { "-cf": "/dev/null", "-lf": folder.join(`${namespace}.leases`), "-sf": folder.join("script") };
  const paths = Object.entries({ ...files, "-pf": folder.join(`${namespace}.pid`) }).flat();
  return start(inside(namespace, ["dhclient", "-6", "-d", "-v", ...words, ...paths, "eth0"]));
}

function startDhcpcd(namespace: string): Running {
  const configuration = folder.write(
    "dhcpcd.conf",
    "ipv6only\nnoipv6rs\nduid ll\nnohook resolv.conf, hostname\noption dhcp6_name_servers, dhcp6_domain_search\n" +
      "interface eth0\nia_na 1\nia_pd 1 eth0/1\n",
  );
  return start(
    inside(namespace, ["dhcpcd", "-B", "-d", "--nodelay", "-f", configuration, "-c", folder.join("script"), "eth0"]),
  );
}

/** What a client was told first. */
async function told(client: Running): Promise<string> {
  await until(
    () => `an answer: ${client.stderr}`,
    () => /EVENT BOUND6/.test(client.stderr),
  );
  return /EVENT BOUND6 (.*)/.exec(client.stderr)![1]!;
}

function addresses(namespace: string): string[] {
  const [link] = json(`ip -n ${namespace} -j -6 address show dev eth0 scope global`);
  const infos = (link?.["addr_info"] ?? []) as { readonly local?: string; readonly prefixlen?: number }[];
  return infos.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`])).toSorted();
}

beforeEach(async () => {
  folder = new Folder();
  const quiet = "cd /proc/sys/net/ipv6/conf/default; echo 0 >accept_dad; echo 0 >dad_transmits; echo 0 >accept_ra";
  // Written once: a client that runs it meanwhile would find it empty, or could not start it.
  shell(`chmod +x ${folder.write("script", SCRIPT)}
    ${quiet}
    ip link add lan0 address ${SERVER_MAC} type bridge
    ip link set lan0 up
    ip address add 2001:db8:1::1/64 dev lan0 nodad
    for n in 1 2 3; do
      ip netns add c$n
      nsenter --net=/run/netns/c$n sh -c '${quiet}; echo 2 >accept_ra; echo 0 >router_solicitation_delay'
      ip link add port$n type veth peer name eth0 address 52:54:00:00:00:0$n netns c$n
      ip link set port$n master lan0
    done`);
  capture = await Capture.open("c1", "eth0");
});

/** The client's end last, so that its first solicitation finds the bridge forwarding. */
async function linkUp(namespace: string): Promise<void> {
  shell(`ip link set port${namespace.slice(1)} up; ip -n ${namespace} link set eth0 up`);
  await linkAddress(namespace);
}

/** dhclient gives up on an interface that has none yet, and on one whose kernel has not found time to make it usable. */
async function linkAddress(namespace: string): Promise<void> {
  const show = (): string => shell(`ip -n ${namespace} -6 address show dev eth0 scope link -tentative`);
  await until(`${namespace} has a link-local address`, () => show().includes("fe80"));
}

afterEach(async () => {
  for (const child of running.splice(0)) await child.stop();
  exchanged.push(...capture.frames());
  capture[Symbol.dispose]();
  shell("for n in 1 2 3; do ip netns delete c$n; done; ip link delete lan0");
  folder[Symbol.dispose]();
});

afterAll(() => {
  const ours = `eth.src == ${SERVER_MAC} && (dhcpv6 || icmpv6.type == 134)`;
  expect(exchanged.length).toBeGreaterThan(0);
  expect(tsharkFindings(exchanged, ours)).toEqual([]);
  expect(tsharkFindings(exchanged, `(${ours}) && icmpv6.checksum.status == 0`)).toEqual([]);
});

describe("dhcp6 serve", () => {
  test("dhclient, also with -P, and dhcpcd get addresses and prefixes of their own, the same ones from the next server", async () => {
    const server = await serve(MANAGED);
    for (const namespace of ["c1", "c2", "c3"]) await linkUp(namespace);
    const dhclient = startDhclient("c1", ["-D", "LL"]);
    const dhcpcd = startDhcpcd("c2");
    const router = startDhclient("c3", ["-P"]);
    const form = /^address=(2001:db8:1::1\w{3}) prefix=(\S*) servers=2001:db8:1::53 search=example.org\.?$/;
    const [, first] = form.exec(await told(dhclient)) ?? [];
    const [, second, prefix] = form.exec(await told(dhcpcd)) ?? [];
    expect(prefix).toMatch(/^2001:db8:1\w\w:(?:\w{1,2}00:)?:\/56$/);
    const [, delegated] = /prefix=(2001:db8:1\w\w:(?:\w{1,2}00:)?:\/56) /.exec(await told(router)) ?? [];
    const shown = await leases();
    expect(new Set(shown.map(({ lease, mac, state }) => `${lease} ${mac} ${state}`))).toEqual(
      new Set([
        `${first} 52:54:00:00:00:01 leased`,
        `${second} 52:54:00:00:00:02 leased`,
        `${prefix} 52:54:00:00:00:02 leased`,
        `${delegated} 52:54:00:00:00:03 leased`,
      ]),
    );
    expect(await done(["dhcp6", "leases", "--state", folder.join("state")])).toContain(prefix);

    await server.stop("SIGKILL");
    await dhclient.stop();
    await serve(MANAGED);
    expect(form.exec(await told(startDhclient("c1", ["-D", "LL", "-1"])))?.[1]).toBe(first);
    await startDhclient("c1", ["-D", "LL", "-r"]).ended();
    expect((await leases()).map(({ lease }) => lease)).not.toContain(first);
  });

  test("through dhcrelay, from a link behind it", async () => {
    await linkUp("c1");
    shell(`ip -n c1 address add 2001:db8:1::2/64 dev eth0 nodad
      ip -n c1 link add down0 type veth peer name relayed0 netns c2
      ip -n c1 address add 2001:db8:1::2:1/112 dev down0 nodad
      ip -n c1 link set down0 up
      ip -n c2 link set eth0 name unused0
      ip -n c2 link set relayed0 name eth0 address 52:54:00:00:00:42 up`);
    await serve(MANAGED);
    const relay = start(inside("c1", ["dhcrelay", "-6", "-d", "-I", "-l", "down0", "-u", "2001:db8:1::1%eth0"]));
    await until("the relay's sockets", () => relay.stderr.includes("Sending on   Socket/down0"));
    await linkAddress("c2");
    const client = startDhclient("c2", ["-D", "LL"]);
    expect(await told(client)).toMatch(/^address=2001:db8:1::1\w{3} /);
    expect(await leases()).toMatchObject([{ kind: "address", mac: "52:54:00:00:00:42", state: "leased" }]);
  });

  test("stateless: the kernel makes its address, dhclient is told the rest; routes go at the end", async () => {
    const host = "52:54:00:00:00:02=2001:db8:1::77";
    const server = await serve(["--stateless", "--host", host, "--router", ...SETTINGS]);
    await linkUp("c1");
    await until("c1 has an address", () => addresses("c1").length > 0);
    expect(addresses("c1")).toEqual(["2001:db8:1:0:5054:ff:fe00:1/64"]);
    const advertised = (): Uint8Array[] =>
      capture.frames().filter((frame) => frame[20] === ICMPV6 && frame[54] === ADVERTISEMENT);
    await until("an advertisement is seen", () => advertised().length > 0);
    // M and O: the one host has to ask for its address, though the others make theirs.
    for (const frame of advertised()) expect(frame[59]! & 0xc0).toBe(0xc0);
    const defaults = (): string[] =>
      json("ip -n c1 -j -6 route show default proto ra").map((route) => String(route["gateway"]));
    expect(defaults()).toEqual(["fe80::ff:fe00:fe"]);
    const client = startDhclient("c1", ["-S"]);
    const settings = (): boolean => client.stderr.includes("servers=2001:db8:1::53 search=example.org");
    await until(() => `settings: ${client.stderr}`, settings);
    expect((await server.stop()).code).toBe(0);
    await until("the route is gone", () => defaults().length === 0);
    expect(addresses("c1")).toHaveLength(1);
  });
});

test("a server that cannot open its link leaves nothing open", () => {
  const leaseFile = folder.join("gone0");
  const open = (): Ip6Service =>
    new Ip6Service({ interfaceName: "gone0", interfaceIndex: 0x7fff_0000, leaseFile, logger: SILENT });
  expect(open).toThrow(/ENODEV/);
  const opened = readdirSync("/proc/self/fd").map((name) => readlinkIfThere(`/proc/self/fd/${name}`));
  expect(opened.filter((path) => path?.startsWith(folder.path))).toEqual([]);
});

/** Undefined: it was closed meanwhile. */
function readlinkIfThere(path: string): string | undefined {
  return existsSync(path) ? readlinkSync(path) : undefined;
}

test("in another namespace: hosts keep their route over a restart, and lose it at the end", async () => {
  shell("ip -n c3 address add 2001:db8:3::1/64 dev eth0 nodad");
  await linkUp("c3");
  const [link] = json("ip -n c3 -j link show dev eth0");
  const mac = parseMac(String(link!["address"]));
  const open = (): Ip6Service =>
    new Ip6Service({
      namespacePath: "/run/netns/c3",
      interfaceName: "eth0",
      interfaceIndex: Number(link!["ifindex"]),
      router: {
        address: parseIpv6("fe80::5054:ff:fe00:3"),
        mac,
        told: {
          hopLimit: 64,
          managed: false,
          other: false,
          lifetimeSeconds: 1800,
          prefixes: [],
          routes: [],
          nameServers: [],
          searchDomains: [],
          dnsLifetimeSeconds: 1800,
        },
      },
      leaseFile: folder.join("c3"),
      logger: SILENT,
    });
  const routes = (): number => json("ip -n c1 -j -6 route show default proto ra").length;
  await linkUp("c1");
  const first = open();
  await until("c1 has a route", () => routes() === 1);
  await first.close(false);
  const second = open();
  await until("the second one is heard", () => (second.stats().sent["ROUTER-ADVERTISEMENT"] ?? 0) > 0);
  expect(routes()).toBe(1);
  await second.close(true);
  await until("the route is gone", () => routes() === 0);
});
