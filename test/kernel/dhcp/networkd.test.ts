/**
 * systemd-networkd as a client of `netloom dhcp serve` and `dhcp6 serve`. It runs without systemd: in a mount namespace
 * where /sys cannot be written, so that it waits for no udev, with a /run of its own and its user mapped to root, who is
 * the only one in the sandbox. Every test has a server and a client of its own, so that all run at one time.
 */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { Folder, json, type Result, Running, shell, until } from "../../support/network.ts";

const NETLOOM = resolve("bin/netloom");
const NETWORKD = "/lib/systemd/systemd-networkd";
const MAC = "52:54:00:00:00:17";
/** Identifiers that need no machine-id, which not every machine has. */
const CONFIGURATION = `[Match]
Name=eth0
[Network]
DHCP=yes
[DHCPv4]
ClientIdentifier=mac
[DHCPv6]
DUIDType=link-layer
UseDomains=yes
[IPv6AcceptRA]
UseDomains=yes
`;

let worlds = 0;

/** The server's lan0, and the client's eth0 on its other end. */
class World implements AsyncDisposable {
  readonly #folder = new Folder();
  readonly #server: string;
  readonly #client: string;
  readonly #running: Running[] = [];
  readonly #state: readonly string[];

  constructor() {
    const number = ++worlds;
    this.#server = `giver${number}`;
    this.#client = `networkd${number}`;
    this.#state = ["--state", this.#folder.join("state")];
    const quick = "echo 0 >/proc/sys/net/ipv6/conf/default/dad_transmits";
    shell(`ip netns add ${this.#server}; ip netns add ${this.#client}
      for space in ${this.#server} ${this.#client}; do nsenter --net=/run/netns/$space sh -c '${quick}'; done
      ip -n ${this.#server} link add lan0 type veth peer name eth0 address ${MAC} netns ${this.#client}
      ip -n ${this.#server} address add 192.0.2.1/24 dev lan0
      ip -n ${this.#server} address add 2001:db8:1::1/64 dev lan0 nodad
      ip -n ${this.#server} link set lan0 up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#running.splice(0)) await program.stop();
    shell(`ip netns delete ${this.#server}; ip netns delete ${this.#client}`);
    this.#folder[Symbol.dispose]();
  }

  #start(namespace: string, words: readonly string[]): Running {
    const program = new Running(["nsenter", `--net=/run/netns/${namespace}`, "--", ...words]);
    this.#running.push(program);
    return program;
  }

  async serve(words: string): Promise<void> {
    await this.#start(this.#server, [NETLOOM, ...words.split(" "), "--interface", "lan0", ...this.#state]).firstLine();
  }

  /** What a command of ours prints as JSON. */
  async shown(words: string): Promise<Record<string, unknown>[]> {
    const result: Result = await this.#start(this.#server, [
      NETLOOM,
      ...words.split(" "),
      "--json",
      ...this.#state,
    ]).ended();
    return JSON.parse(result.stdout) as Record<string, unknown>[];
  }

  networkd(): Running {
    const passwd = readFileSync("/etc/passwd", "utf8").replace(/^systemd-network:.*\n/m, "");
    const users = this.#folder.write("passwd", `${passwd}systemd-network:x:0:0::/:/bin/false\n`);
    const network = this.#folder.write("eth0.network", CONFIGURATION);
    const script = `mount --bind ${users} /etc/passwd
      [ ! -e /etc/machine-id ] || mount --bind /dev/null /etc/machine-id
      mount -t sysfs -o ro sysfs /sys
      mount -t tmpfs tmpfs /run
      mkdir -p /run/systemd/network
      cp ${network} /run/systemd/network
      SYSTEMD_LOG_TARGET=console SYSTEMD_LOG_LEVEL=info exec ${NETWORKD}`;
    return this.#start(this.#client, ["unshare", "--mount", "bash", "-ec", script]);
  }

  ipv6Addresses(): string[] {
    const links = json(`ip -n ${this.#client} -j -6 address show dev eth0 scope global`);
    const entries = links.flatMap((link) => link["addr_info"] as { local?: string; prefixlen?: number }[]);
    // ip shows addresses of the other family as empty ones.
    return entries.flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`]));
  }

  routes(family: 4 | 6): Record<string, unknown>[] {
    return json(`ip -n ${this.#client} -j -${family} route show dev eth0`);
  }

  /** One of networkd's files on eth0. */
  told({ child }: Running, folder: "leases" | "links"): string {
    const index = Number(json(`ip -n ${this.#client} -j link show dev eth0`)[0]?.["ifindex"]);
    const path = join(`/proc/${child.pid}/root/run/systemd/netif`, folder, String(index));
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }
}

describe.concurrent("systemd-networkd", () => {
  test("gets its addresses by DHCPv4 and DHCPv6 with all that they say", async () => {
    await using world = new World();
    await world.serve(
      "dhcp serve --range 192.0.2.100-192.0.2.199 --router 192.0.2.1 --dns 192.0.2.53 --lease 1h --option ntp-servers=192.0.2.123",
    );
    await world.serve(
      "dhcp6 serve --range 2001:db8:1::1000-2001:db8:1::1fff --router --dns 2001:db8:1::53 --search example.org",
    );
    const networkd = world.networkd();
    const said = (): string => networkd.stdout + networkd.stderr;
    await until(`IPv4: ${said()}`, () => world.told(networkd, "leases").includes("ADDRESS="));
    expect(world.told(networkd, "leases").split("\n")).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^ADDRESS=192\.0\.2\.1\d\d$/),
        "NETMASK=255.255.255.0",
        "ROUTER=192.0.2.1",
        "SERVER_ADDRESS=192.0.2.1",
        "LIFETIME=3600",
        "DNS=192.0.2.53",
        "NTP=192.0.2.123",
      ]),
    );
    // Once from the router's advertisement, once from DHCPv6.
    const servers = "DNS=192.0.2.53 2001:db8:1::53 2001:db8:1::53";
    await until("IPv6", () => world.ipv6Addresses().length > 0 && world.told(networkd, "links").includes(servers));
    expect(world.ipv6Addresses()).toEqual([expect.stringMatching(/^2001:db8:1::1\w{3}\/128$/)]);
    expect(world.told(networkd, "links")).toMatch(/^DOMAINS=example\.org example\.org$/m);
    await until("the routes", () =>
      ([4, 6] as const).every((family) => world.routes(family).some(({ dst }) => dst === "default")),
    );
    expect(world.routes(4)).toContainEqual(
      expect.objectContaining({ dst: "default", gateway: "192.0.2.1", protocol: "dhcp" }),
    );
    expect(await world.shown("dhcp leases")).toMatchObject([{ mac: MAC, state: "leased" }]);
    expect(await world.shown("dhcp6 leases")).toMatchObject([{ mac: MAC, state: "leased" }]);
  });

  test("makes its own address of an advertised prefix, and is told the name servers", async () => {
    await using world = new World();
    await world.serve("dhcp6 serve --stateless --router --dns 2001:db8:1::53 --search example.org");
    const networkd = world.networkd();
    const told = (): string => world.told(networkd, "links");
    await until("an address", () => world.ipv6Addresses().length > 0 && told().includes("2001:db8:1::53"));
    expect(world.ipv6Addresses()).toEqual(["2001:db8:1:0:5054:ff:fe00:17/64"]);
    expect(told()).toMatch(/^DNS=2001:db8:1::53$/m);
    expect(told()).toMatch(/^DOMAINS=example\.org$/m);
  });
});
