/** A client keeps its address when its network moves from dnsmasq to netloom with its leases. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { done, Folder, netloom, Running, shell, startNetloom, until } from "../../support/network.ts";

let folder: Folder;
const running: Running[] = [];

function start(words: readonly string[]): Running {
  const child = new Running(words);
  running.push(child);
  return child;
}

beforeEach(() => {
  folder = new Folder();
  shell(`echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add lan0 type bridge
    ip address add 192.0.2.1/24 dev lan0
    ip link set lan0 up
    ip netns add c1
    ip link add port1 type veth peer name eth0 address 52:54:00:00:00:01 netns c1
    ip link set port1 master lan0 up
    ip -n c1 link set eth0 up`);
});

afterEach(async () => {
  for (const child of running.splice(0)) await child.stop();
  shell("ip netns delete c1; ip link delete lan0; echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
  folder[Symbol.dispose]();
});

/** The address that a new client gets. */
async function ask(): Promise<string> {
  const words = "nsenter --net=/run/netns/c1 -- busybox udhcpc -f -n -q -i eth0 -t 5 -T 1 -x hostname:web -s /bin/true";
  const client = start(words.split(" "));
  const { code, stderr } = await client.ended();
  expect(code, stderr).toBe(0);
  return /lease of ([\d.]+) obtained/.exec(stderr)?.[1] ?? stderr;
}

test("leases of dnsmasq, imported, watched and exported", async () => {
  const file = folder.join("dnsmasq.leases");
  const dnsmasq = start([
    ..."dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=lan0 --no-ping".split(
      " ",
    ),
    `--dhcp-leasefile=${file}`,
    "--dhcp-range=192.0.2.100,192.0.2.199,255.255.255.0,1h",
    "--dhcp-authoritative",
  ]);
  await until(`dnsmasq: ${dnsmasq.stderr}`, () => dnsmasq.stderr.includes("IP range"));
  const before = await ask();
  await dnsmasq.stop();
  // Our server begins with the range's first address, dnsmasq with one that the MAC address tells.
  expect(before).not.toBe("192.0.2.100");

  const state = ["--state", folder.join("state")];
  const imported = await done(["dhcp", "leases", "import", file, "--interface", "lan0", ...state]);
  expect(imported).toBe("1 lease of dnsmasq imported for lan0\n");
  const watcher = startNetloom(["dhcp", "leases", "--watch", "--json", ...state]);
  running.push(watcher);
  expect(JSON.parse(await watcher.firstLine())).toMatchObject({ change: "known", address: before, hostName: "web" });
  const server = startNetloom(["dhcp", "serve", "--interface", "lan0", "--range", "192.0.2.100-192.0.2.199", ...state]);
  running.push(server);
  expect(await server.firstLine()).toContain("1 lease known");

  expect(await ask()).toBe(before);
  await until("the renewal is watched", () => watcher.stdout.trim().split("\n").length === 2);
  expect(JSON.parse(watcher.stdout.trim().split("\n")[1]!)).toMatchObject({
    change: "renewed",
    address: before,
    pool: { given: 1, free: 99, declined: 0, addresses: 100 },
  });
  const refused = await netloom(["dhcp", "leases", "import", file, "--interface", "lan0", ...state]);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining("held by process")]);
  const { leases } = JSON.parse(await done(["dhcp", "leases", "export", ...state])) as { leases: object[] };
  expect(leases).toMatchObject([{ interface: "lan0", address: before, mac: "52:54:00:00:00:01", hostName: "web" }]);
  // Ctrl-C ends it as it should.
  expect((await watcher.stop("SIGINT")).code).toBe(0);
});
