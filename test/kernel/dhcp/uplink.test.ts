/** A file whose uplink gets its address from a provider's DHCP server: dnsmasq in a namespace behind a veth pair. */
import { existsSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { done, Folder, json, netloom, Running, shell, startNetloom, until } from "../../support/network.ts";

const MAC = "52:54:00:00:00:18";
const FILE = `version: 1
name: home
uplinks:
  wan: { device: wan0, address: dhcp }
networks:
  lan: { subnet: 192.168.50.0/24 }
routers:
  edge: { networks: [lan], uplink: wan }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
`;

let folder: Folder;
let file: string;
let state: readonly string[];
const running: Running[] = [];

beforeEach(() => {
  folder = new Folder();
  file = folder.write("home.yaml", FILE);
  state = ["--state", folder.join("state")];
  shell(`ip netns add provider
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add wan0 address ${MAC} type veth peer name isp0 netns provider
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip -n provider address add 192.0.2.1/24 dev isp0
    ip -n provider address add 198.51.100.1/32 dev lo
    ip -n provider link set lo up
    ip -n provider link set isp0 up`);
});

afterEach(async () => {
  await netloom(["destroy", file, ...state]);
  for (const program of running.splice(0)) await program.stop();
  shell("ip link delete wan0; ip netns delete provider");
  folder[Symbol.dispose]();
});

/** What the provider gives from now on; it renews every two seconds. */
async function provide(range: string, nameServer: string): Promise<Running> {
  const options = [
    "option:T1,2",
    "option:T2,3",
    "option:mtu,1400",
    `option:dns-server,${nameServer}`,
    "option:domain-search,example.org",
    "option:ntp-server,192.0.2.123",
  ];
  const program = new Running([
    ..."nsenter --net=/run/netns/provider -- dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root".split(
      " ",
    ),
    ..."--port=0 --interface=isp0 --no-ping --dhcp-authoritative".split(" "),
    `--dhcp-leasefile=${folder.join("leases")}`,
    `--dhcp-range=${range},255.255.255.0,120`,
    ...options.map((option) => `--dhcp-option=${option}`),
  ]);
  running.push(program);
  await until(`dnsmasq: ${program.stderr}`, () => program.stderr.includes("IP range"));
  return program;
}

function addresses(): string[] {
  return json("ip -j -4 address show dev wan0").flatMap((entry) =>
    (entry["addr_info"] as { local: string }[]).map(({ local }) => local),
  );
}

interface Told {
  readonly keeper: {
    readonly pid: number;
    readonly services: readonly { kind: string; state: string; reason?: string; details: Record<string, unknown> }[];
  };
}

async function status(): Promise<Told> {
  return JSON.parse((await netloom(["status", "--json", ...state])).stdout) as Told;
}

async function client(): Promise<Told["keeper"]["services"][number] | undefined> {
  return (await status()).keeper.services.find(({ kind }) => kind === "dhcp-client");
}

function podReaches(target: string): boolean {
  try {
    shell(`nsenter --net=/run/netns/pod1 -- ping -c1 -W1 ${target}`);
    return true;
  } catch {
    // The exit status is the answer.
    return false;
  }
}

const podResolver = (): string => readFileSync("/etc/netns/pod1/resolv.conf", "utf8");

test("address, NAT and name servers come with the lease, outlive a killed keeper, follow another lease, and go", async () => {
  const first = await provide("192.0.2.100,192.0.2.100", "192.0.2.53");
  const plan = await done(["plan", file, ...state]);
  expect(plan).toContain("ask a DHCP server for the address of wan0");
  expect(plan).not.toContain("nothing can be translated");
  await done(["apply", file, ...state]);
  await until("the lease", () => addresses().includes("192.0.2.100"));
  await until("the lease's name server", () => podResolver().includes("nameserver 192.0.2.53"));
  expect(podResolver()).toContain("search example.org");
  expect(podReaches("198.51.100.1")).toBe(true);
  expect(json("ip -j link show dev wan0")[0]).toMatchObject({ mtu: 1400 });
  // The lease's MTU is the network's as well.
  expect(json("ip -j link show dev lan")[0]).toMatchObject({ mtu: 1400 });
  expect(await client()).toMatchObject({
    state: "running",
    details: {
      address: "192.0.2.100/24",
      server: "192.0.2.1",
      leaseSeconds: 120,
      nameServers: "192.0.2.53",
      ntpServers: "192.0.2.123",
      renewal: expect.stringMatching(/^\d{4}-/),
    },
  });
  expect(await done(["status", ...state])).toContain("DHCP client of wan0");
  expect(JSON.parse(await done(["plan", file, "--json", ...state]))).toMatchObject({ steps: [] });

  const watch = new Running(["ip", "monitor", "address", "dev", "wan0"]);
  running.push(watch);
  process.kill((await status()).keeper.pid, "SIGKILL");
  const asked = first.stderr.length;
  await done(["apply", file, ...state]);
  await until("the same lease again", async () => (await client())?.state === "running");
  expect(first.stderr.slice(asked)).not.toContain("DHCPDISCOVER");
  expect(watch.stdout).not.toContain("Deleted");

  await first.stop();
  const second = await provide("192.0.2.200,192.0.2.200", "192.0.2.54");
  await until("another lease", () => addresses().includes("192.0.2.200"));
  expect(second.stderr).toContain("DHCPNAK(isp0) 192.0.2.100");
  expect(addresses()).toEqual(["192.0.2.200"]);
  await until("the other name server", () => podResolver().includes("nameserver 192.0.2.54"));
  expect(podReaches("198.51.100.1")).toBe(true);

  await done(["destroy", file, ...state]);
  await until("the RELEASE", () => second.stderr.includes("DHCPRELEASE(isp0) 192.0.2.200"));
  expect(addresses()).toEqual([]);
  expect(json("ip -j link show dev wan0")[0]).toMatchObject({ mtu: 1500, operstate: "DOWN" });
  expect(existsSync(folder.join("state/units"))).toBe(false);
});

test("with a daemon: it heals the address, its end leaves it; another DHCP client on the device is told", async () => {
  await provide("192.0.2.100,192.0.2.100", "192.0.2.53");
  const start = async (): Promise<Running> => {
    const daemon = startNetloom(["daemon", ...state]);
    running.push(daemon);
    await until(`the daemon: ${daemon.stderr}`, () => existsSync(folder.join("state/netloom.sock")));
    return daemon;
  };
  let daemon = await start();
  await done(["apply", file, ...state]);
  await until("the lease's name server", () => podResolver().includes("nameserver 192.0.2.53"));
  shell("ip address flush dev wan0");
  await until("the address again", () => addresses().includes("192.0.2.100") && podReaches("198.51.100.1"));
  await daemon.stop();
  expect(addresses()).toEqual(["192.0.2.100"]);
  daemon = await start();
  await until("the lease again", async () => (await client())?.state === "running");
  await done(["destroy", file, ...state]);
  expect(addresses()).toEqual([]);
  await daemon.stop();

  running.push(
    new Running(["dhclient", "-4", "-d", "-sf", "/bin/true", "-lf", folder.join("l"), "-pf", folder.join("p"), "wan0"]),
  );
  await until("dhclient's name", () => shell("ps -eo args").includes("dhclient -4"));
  const refused = await netloom(["plan", file, ...state]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/dhclient \(process \d+\) gets an address for wan0 already/);
});

test("a lease that cannot be applied is given back, told, and asked for again", async () => {
  const server = await provide("192.0.2.100,192.0.2.100", "192.0.2.53");
  shell(`ip link add other0 type veth peer name other1
    ip address add 203.0.113.2/24 dev other0
    ip link set other0 up; ip link set other1 up
    ip route add default via 203.0.113.1 metric 1024`);
  await done(["apply", file, ...state]);
  await until("the failure", async () => (await client())?.state === "failed");
  expect((await client())?.reason).toContain("route default exists and is not netloom's");
  expect(server.stderr).toContain("DHCPRELEASE(isp0) 192.0.2.100");
  expect(addresses()).toEqual([]);
  shell("ip link delete other0");
  await until("the lease", async () => (await client())?.state === "running");
  expect(addresses()).toEqual(["192.0.2.100"]);
});
