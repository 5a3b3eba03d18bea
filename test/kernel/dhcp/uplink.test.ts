/**
 * A file whose uplink gets its address from a provider's DHCP server, dnsmasq, or has addresses of its own. Every test has a host and a provider of
 * its own, two namespaces with a veth pair between them, so that all run at one time: much of what they do is waiting.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { Folder, json, type Result, Running, shell, until } from "../../support/network.ts";

const PROGRAM = resolve("bin/netloom");
const MAC = "52:54:00:00:00:18";

interface Client {
  readonly kind: string;
  readonly state: string;
  readonly reason?: string;
  readonly details: Readonly<Record<string, unknown>>;
}

interface Keeper {
  readonly pid: number;
  readonly services: readonly Client[];
}

let worlds = 0;

/** A host whose uplink is wan0 and which has a machine podN, and the provider behind isp0. */
class World implements AsyncDisposable {
  readonly folder = new Folder();
  readonly file: string;
  readonly #state: readonly string[];
  readonly #number = ++worlds;
  readonly #host = `uplink${this.#number}`;
  readonly #provider = `provider${this.#number}`;
  readonly #pod = `leased${this.#number}`;
  readonly #running: Running[] = [];

  constructor(uplink = "address: dhcp") {
    this.#state = ["--state", this.folder.join("state")];
    this.file = this.folder.write(
      "home.yaml",
      `version: 1
uplinks:
  wan: { device: wan0, ${uplink} }
networks:
  lan: { subnet: 192.168.50.0/24, dhcp: true }
routers:
  edge: { networks: [lan], uplink: wan }
machines:
  ${this.#pod}: { kind: namespace, nics: [{ network: lan }] }
`,
    );
    shell(`ip netns add ${this.#host}; ip netns add ${this.#provider}
      for space in ${this.#host} ${this.#provider}; do
        nsenter --net=/run/netns/$space sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
        ip -n $space link set lo up
      done
      ip -n ${this.#provider} address add 198.51.100.1/32 dev lo`);
    this.plug();
  }

  /** The device of the uplink, and its other end at the provider's. */
  plug(): void {
    shell(`ip -n ${this.#host} link add wan0 address ${MAC} type veth peer name isp0 netns ${this.#provider}
      ip -n ${this.#provider} address add 192.0.2.1/24 dev isp0
      ip -n ${this.#provider} link set isp0 up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.netloom("destroy", this.file);
    for (const program of this.#running.splice(0)) await program.stop();
    shell(`ip netns delete ${this.#host}; ip netns delete ${this.#provider}`);
    this.folder[Symbol.dispose]();
  }

  start(words: readonly string[], namespace = this.#host): Running {
    const program = new Running(["nsenter", `--net=/run/netns/${namespace}`, "--", ...words]);
    this.#running.push(program);
    return program;
  }

  netloom(...words: readonly string[]): Promise<Result> {
    return this.start([PROGRAM, ...words, ...this.#state]).ended();
  }

  async done(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.netloom(...words);
    if (code !== 0) throw new Error(`netloom ${words.join(" ")}: ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  async daemon(): Promise<Running> {
    const daemon = this.start([PROGRAM, "daemon", ...this.#state]);
    await until(`the daemon: ${daemon.stderr}`, () => existsSync(this.folder.join("state/netloom.sock")));
    return daemon;
  }

  /** What the provider gives from now on: one address, to be renewed every two seconds unless told otherwise. */
  async provide(address: string, nameServer: string, renewalSeconds = 2): Promise<Running> {
    const options = [
      `option:T1,${renewalSeconds}`,
      `option:T2,${renewalSeconds + 1}`,
      "option:mtu,1400",
      `option:dns-server,${nameServer}`,
      "option:domain-search,example.org",
      "option:ntp-server,192.0.2.123",
    ];
    const program = this.start(
      [
        ..."dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=isp0".split(" "),
        ..."--no-ping --dhcp-authoritative".split(" "),
        `--dhcp-leasefile=${this.folder.join("leases")}`,
        `--dhcp-range=${address},${address},255.255.255.0,120`,
        ...options.map((option) => `--dhcp-option=${option}`),
      ],
      this.#provider,
    );
    await until(`dnsmasq: ${program.stderr}`, () => program.stderr.includes("IP range"));
    return program;
  }

  onHost(script: string): string {
    return shell(`nsenter --net=/run/netns/${this.#host} bash -e <<'LINES'\n${script}\nLINES`);
  }

  onProvider(script: string): void {
    shell(`nsenter --net=/run/netns/${this.#provider} bash -e <<'LINES'\n${script}\nLINES`);
  }

  /** All that is there of the uplink's device. */
  state(): unknown {
    return [
      json(`ip -n ${this.#host} -j address show dev wan0`),
      json(`ip -n ${this.#host} -j route show table all dev wan0`),
      json(`ip -n ${this.#host} -j -6 route show table all`),
      this.onHost("cd /proc/sys/net; grep . ipv[46]/conf/wan0/{forwarding,disable_ipv6,accept_ra} 2>&1 || true"),
    ];
  }

  defaultRoutes(): Record<string, unknown>[] {
    return ["-4", "-6"].flatMap((family) => json(`ip -n ${this.#host} -j ${family} route show default`));
  }

  link(name: string): Record<string, unknown> | undefined {
    return json(`ip -n ${this.#host} -j link show dev ${name}`)[0];
  }

  addresses(): string[] {
    return json(`ip -n ${this.#host} -j -4 address show dev wan0`).flatMap((entry) =>
      (entry["addr_info"] as { local: string }[]).map(({ local }) => local),
    );
  }

  async keeper(): Promise<Keeper> {
    return (JSON.parse((await this.netloom("status", "--json")).stdout) as { keeper: Keeper }).keeper;
  }

  async client(): Promise<Client | undefined> {
    return (await this.keeper()).services.find(({ kind }) => kind === "dhcp-client");
  }

  podResolver(): string {
    return readFileSync(`/etc/netns/${this.#pod}/resolv.conf`, "utf8");
  }

  /** Beyond the provider. */
  podReachesOut(): boolean {
    return pings(this.#pod, "198.51.100.1");
  }

  reaches(address: string): boolean {
    return pings(this.#host, address);
  }

  /** What somebody who asks on the network is told. */
  async guestIsTold(): Promise<unknown> {
    this.onHost(`ip link add guest0 master lan type veth peer name guest1
      ip link set guest0 up; ip link set guest1 up`);
    const told: unknown = JSON.parse(await this.done("dhcp", "request", "guest1", "--once", "--json"));
    this.onHost("ip link delete guest0");
    return told;
  }
}

function pings(namespace: string, address: string): boolean {
  try {
    shell(`nsenter --net=/run/netns/${namespace} -- ping -c1 -W1 ${address}`);
    return true;
  } catch {
    // The exit status is the answer.
    return false;
  }
}

describe.concurrent("an uplink with addresses of its own", () => {
  test("has them beside what it had, is healed, leads out in both families, and is given back as it was", async () => {
    await using world = new World(
      'address: [192.0.2.2/24, "2001:db8::2/64"], gateway: [192.0.2.1, "2001:db8::1"], dns: [192.0.2.53]',
    );
    world.onProvider(`echo 0 >/proc/sys/net/ipv6/conf/isp0/disable_ipv6
      ip address add 2001:db8::1/64 dev isp0 nodad`);
    // It gets its queues when it is up for the first time.
    world.onHost(`ip address add 203.0.113.9/24 dev wan0; ip link set wan0 up; ip link set wan0 down
      echo 0 >/proc/sys/net/ipv6/conf/wan0/dad_transmits`);
    const before = world.state();
    const daemon = await world.daemon();
    await world.done("apply", world.file);
    expect(world.addresses()).toEqual(["203.0.113.9", "192.0.2.2"]);
    await until("the way out", () => world.podReachesOut());
    expect(world.podResolver()).toContain("nameserver 192.0.2.53");
    const way = { dst: "default", dev: "wan0", protocol: "static", metric: 512 };
    expect(world.defaultRoutes()).toMatchObject([
      { ...way, gateway: "192.0.2.1" },
      { ...way, gateway: "2001:db8::1" },
    ]);
    world.onHost("ip route delete default; ip address delete 192.0.2.2/24 dev wan0; ip -6 address flush dev wan0");
    await until("all of it again", () => world.addresses().includes("192.0.2.2") && world.podReachesOut());
    await until("the provider by IPv6", () => world.reaches("2001:db8::1"));
    expect(await world.done("plan", world.file)).toContain("Nothing to do");
    await world.done("destroy", world.file);
    expect(world.state()).toEqual(before);
    await daemon.stop();
  });
});

describe.concurrent("an uplink by DHCP", () => {
  test("brings address, NAT and name servers, outlives a killed keeper, follows another lease, and goes", async () => {
    await using world = new World();
    const first = await world.provide("192.0.2.100", "192.0.2.53");
    const plan = await world.done("plan", world.file);
    expect(plan).toContain("ask a DHCP server for the address of wan0");
    expect(plan).not.toContain("nothing can be translated");
    await world.done("apply", world.file);
    await until("the lease's name server", () => world.podResolver().includes("nameserver 192.0.2.53"));
    expect(world.addresses()).toEqual(["192.0.2.100"]);
    expect(world.podResolver()).toContain("search example.org");
    expect(world.podReachesOut()).toBe(true);
    // The lease's MTU is the network's as well.
    expect([world.link("wan0"), world.link("lan")]).toMatchObject([{ mtu: 1400 }, { mtu: 1400 }]);
    const { pid, services } = await world.keeper();
    expect(services).toContainEqual(
      expect.objectContaining({
        kind: "dhcp-client",
        name: "DHCP client of wan0",
        state: "running",
        details: expect.objectContaining({
          address: "192.0.2.100/24",
          server: "192.0.2.1",
          nameServers: "192.0.2.53",
          ntpServers: "192.0.2.123",
          renewal: expect.stringMatching(/^\d{4}-/),
        }),
      }),
    );
    expect(await world.guestIsTold()).toMatchObject({ nameServers: ["192.0.2.53"], mtuBytes: 1400 });

    const watch = world.start(["ip", "monitor", "address", "dev", "wan0"]);
    process.kill(pid, "SIGKILL");
    const asked = first.stderr.length;
    expect(await world.done("apply", world.file)).toContain("nothing to do");
    await until("the same lease again", async () => (await world.client())?.state === "running");
    expect(first.stderr.slice(asked)).not.toContain("DHCPDISCOVER");
    expect(watch.stdout).not.toContain("Deleted");

    await first.stop();
    const second = await world.provide("192.0.2.200", "192.0.2.54");
    await until("the other name server", () => world.podResolver().includes("nameserver 192.0.2.54"));
    expect(second.stderr).toContain("DHCPNAK(isp0) 192.0.2.100");
    expect(world.addresses()).toEqual(["192.0.2.200"]);
    expect(world.podReachesOut()).toBe(true);

    await world.done("destroy", world.file);
    await until("the RELEASE", () => second.stderr.includes("DHCPRELEASE(isp0) 192.0.2.200"));
    expect(world.addresses()).toEqual([]);
    expect(world.link("wan0")).toMatchObject({ mtu: 1500, operstate: "DOWN" });
    expect(existsSync(world.folder.join("state/units"))).toBe(false);
  });

  test("is healed by a daemon, whose end leaves the address; a carrier that returns; another client is told", async () => {
    await using world = new World();
    const provider = await world.provide("192.0.2.100", "192.0.2.53", 100);
    let daemon = await world.daemon();
    await world.done("apply", world.file);
    await until("the lease's name server", () => world.podResolver().includes("nameserver 192.0.2.53"));
    world.onHost("ip address flush dev wan0");
    await until("the address again", () => world.addresses().includes("192.0.2.100") && world.podReachesOut());
    await daemon.stop();
    expect(world.addresses()).toEqual(["192.0.2.100"]);
    daemon = await world.daemon();
    await until("the lease again", async () => (await world.client())?.state === "running");

    const watch = world.start(["ip", "monitor", "address", "dev", "wan0"]);
    const before = provider.stderr.length;
    world.onProvider("ip link set isp0 down; ip link set isp0 up");
    await until("the question", () => provider.stderr.slice(before).includes("DHCPACK(isp0) 192.0.2.100"));
    expect(provider.stderr.slice(before)).not.toContain("DISCOVER");
    expect([watch.stdout, world.addresses()]).toEqual([expect.not.stringContaining("Deleted"), ["192.0.2.100"]]);

    await daemon.stop("SIGKILL");
    await world.done("destroy", world.file);
    await until("the RELEASE", () => provider.stderr.includes("DHCPRELEASE(isp0) 192.0.2.100"));
    expect(world.addresses()).toEqual([]);

    const files = ["-lf", world.folder.join("l"), "-pf", world.folder.join("p")];
    const other = world.start(["dhclient", "-4", "-d", "-sf", "/bin/true", ...files, "wan0"]);
    await until(`dhclient: ${other.stderr}`, () => other.stderr.includes("Listening on"));
    const refused = await world.netloom("plan", world.file);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/dhclient \(process \d+\) gets an address for wan0 already/);
  });

  test("gives a lease back that cannot be applied, tells it, and asks again", async () => {
    await using world = new World();
    const provider = await world.provide("192.0.2.100", "192.0.2.53");
    world.onHost(`ip link add other0 type veth peer name other1
      ip address add 203.0.113.2/24 dev other0
      ip link set other0 up; ip link set other1 up
      ip route add default via 203.0.113.1 metric 1024`);
    await world.done("apply", world.file);
    await until("the RELEASE", () => provider.stderr.includes("DHCPRELEASE(isp0) 192.0.2.100"));
    const told = "route default exists and is not netloom's";
    await until("the reason", async () => (await world.client())?.reason?.includes(told) === true);
    expect(world.addresses()).toEqual([]);
    world.onHost("ip link delete other0");
    await until("the lease", () => world.podResolver().includes("nameserver 192.0.2.53"));
    expect(world.addresses()).toEqual(["192.0.2.100"]);
  });

  test("begins anew on a device that comes back after it was unplugged", async () => {
    await using world = new World();
    const first = await world.provide("192.0.2.100", "192.0.2.53");
    await world.daemon();
    await world.done("apply", world.file);
    await until("the lease", () => world.podResolver().includes("nameserver 192.0.2.53"));
    world.onHost("ip link delete wan0");
    await until("the failure", async () => (await world.client())?.state === "failed");
    expect((await world.client())?.reason).toContain("there is no such interface");
    world.plug();
    await first.stop();
    await world.provide("192.0.2.200", "192.0.2.54");
    await until(
      "the lease again",
      () => world.podResolver().includes("nameserver 192.0.2.54") && world.podReachesOut(),
    );
    expect(world.addresses()).toEqual(["192.0.2.200"]);
    // Nothing can be given back to one that is gone, and nothing is left of it.
    world.onHost("ip link delete wan0");
    await world.done("destroy", world.file);
    expect(readdirSync(world.folder.join("state/units"), { recursive: true })).toEqual([]);
  });

  test.each([
    { process: "systemd-network", name: "systemd-networkd", folder: "systemd/netif/leases", line: "ADDRESS=192.0.2.9" },
    { process: "NetworkManager", name: "NetworkManager", folder: "NetworkManager/devices", line: "connection-uuid=1" },
  ])("is refused where $name has the device", async ({ process: program, name, folder, line }) => {
    await using world = new World();
    const path = world.folder.join(program);
    copyFileSync("/bin/sleep", path);
    world.start([path, "60"]);
    await until(`${name} runs`, () => shell("cat /proc/[0-9]*/comm 2>&1 || true").includes(program));
    mkdirSync(join("/run", folder), { recursive: true });
    const file = join("/run", folder, String(world.link("wan0")?.["ifindex"]));
    writeFileSync(file, `${line}\n`);
    const { code, stderr } = await world.netloom("plan", world.file);
    rmSync(file);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${name} gets an address for wan0 already`)]);
  });
});
