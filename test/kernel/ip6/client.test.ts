/**
 * The DHCPv6 client with servers that people run, and with our own. Every test has a host and a provider of its own, two
 * namespaces with a veth pair between them, so that all run at one time: most of what they do is waiting.
 */
import { copyFileSync, existsSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { formatPrefix } from "../../../src/base/address.ts";
import { readStoredLease6, type StoredLease6 } from "../../../src/store/client-lease6.ts";
import { Folder, json, type Result, Running, shell, until } from "../../support/network.ts";

const PROGRAM = resolve("bin/netloom");
const MAC = "52:54:00:00:00:19";

let worlds = 0;

/** A host with wan0, and its provider behind isp0. */
class World implements AsyncDisposable {
  readonly folder = new Folder();
  readonly #number = ++worlds;
  readonly #host = `asker${this.#number}`;
  readonly provider = `giver${this.#number}`;
  readonly #state = ["--state", this.folder.join("state")];
  readonly #running: Running[] = [];
  #servers = 0;
  readonly #applied = new Set<string>();

  /** @param looksForDuplicates whether the host's kernel does, which takes a second for each address */
  constructor(looksForDuplicates = false) {
    const quick = (space: string, name: string): string =>
      `nsenter --net=/run/netns/${space} sh -c 'cd /proc/sys/net/ipv6/conf/${name}; echo 0 >disable_ipv6; echo 0 >accept_dad'`;
    shell(`ip netns add ${this.#host}; ip netns add ${this.provider}
      ip -n ${this.#host} link set lo up; ip -n ${this.provider} link set lo up
      ip -n ${this.#host} link add wan0 address ${MAC} type veth peer name isp0 netns ${this.provider}
      ${quick(this.provider, "isp0")}
      ${looksForDuplicates ? "" : quick(this.#host, "wan0")}
      ip -n ${this.provider} address add 2001:db8::1/64 dev isp0
      ip -n ${this.provider} link set isp0 up; ip -n ${this.#host} link set wan0 up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const file of this.#applied) await this.netloom("destroy", file);
    for (const program of this.#running.splice(0)) await program.stop();
    shell(`ip netns delete ${this.#host}; ip netns delete ${this.provider}`);
    this.folder[Symbol.dispose]();
  }

  start(words: readonly string[], namespace = this.#host): Running {
    const program = new Running(["nsenter", `--net=/run/netns/${namespace}`, "--", ...words]);
    this.#running.push(program);
    return program;
  }

  request(...words: readonly string[]): Running {
    return this.start([PROGRAM, "dhcp6", "request", "wan0", ...words, ...this.#state]);
  }

  netloom(...words: readonly string[]): Promise<Result> {
    return this.start([PROGRAM, ...words, ...this.#state]).ended();
  }

  async done(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.netloom(...words);
    if (code !== 0) throw new Error(`netloom ${words.join(" ")}: ended with ${code}: ${stdout}${stderr}`);
    return stdout;
  }

  apply(file: string): Promise<string> {
    this.#applied.add(file);
    return this.done("apply", file);
  }

  async destroy(file: string): Promise<void> {
    await this.done("destroy", file);
    this.#applied.delete(file);
  }

  /** @param lines of the subnet */
  async dhcpd(lines: string): Promise<Running> {
    // AppArmor lets the package's server read its own folders only, and knows it by its path.
    const program = this.folder.join("dhcpd");
    copyFileSync("/usr/sbin/dhcpd", program);
    const file = this.folder.write(
      "dhcpd.conf",
      `default-lease-time 600; preferred-lifetime 400; option dhcp-renewal-time 300; option dhcp-rebinding-time 350;
option dhcp6.name-servers 2001:db8::53; option dhcp6.domain-search "example.org";
subnet6 2001:db8::/64 { ${lines} }
`,
    );
    const files = ["-cf", file, "-lf", this.folder.write("dhcpd.leases", ""), "--no-pid"];
    const server = this.start([program, "-6", "-d", ...files, "isp0"], this.provider);
    await until(
      () => `dhcpd: ${server.stderr}`,
      () => server.stderr.includes("Server starting service"),
    );
    return server;
  }

  /** Our own server, which knows nothing of another one's leases. @param delegated prefixes of 56 bits out of it; absent: none */
  async serve(delegated?: string): Promise<Running> {
    const state = ["--state", this.folder.join(`provider-${++this.#servers}`)];
    const delegation = delegated === undefined ? [] : ["--delegate", `${delegated}-56`];
    const told = ["--range", "2001:db8::100-2001:db8::1ff", ...delegation, "--dns", "2001:db8::53"];
    const words = [PROGRAM, "dhcp6", "serve", "--interface", "isp0", ...told, ...state];
    const server = this.start(words, this.provider);
    await server.firstLine();
    return server;
  }

  onProvider(words: string): void {
    shell(`ip -n ${this.provider} ${words}`);
  }

  /** Of global scope, by DHCPv6. */
  addresses(): string[] {
    return json(`ip -n ${this.#host} -j -6 address show dev wan0 scope global`)
      .flatMap((entry) => entry["addr_info"] as { local?: string; prefixlen?: number }[])
      .flatMap(({ local, prefixlen }) => (local !== undefined && prefixlen === 128 ? [local] : []));
  }

  /** The bridge's address out of a delegated prefix. */
  part(): string | undefined {
    return json(`ip -n ${this.#host} -j -6 address show scope global`)
      .filter(({ ifname }) => ifname === "lan")
      .flatMap((entry) => entry["addr_info"] as { local?: string }[])
      .flatMap(({ local }) => local ?? [])[0];
  }

  unreachable(): string[] {
    return json(`ip -n ${this.#host} -j -6 route show type unreachable`).map(({ dst }) => String(dst));
  }

  /** What is known of the lease. */
  stored(): StoredLease6 | undefined {
    return readStoredLease6(this.folder.join("state"), "wan0");
  }

  async client(): Promise<Record<string, unknown> | undefined> {
    const status = JSON.parse((await this.netloom("status", "--json")).stdout) as {
      readonly keeper: { readonly pid: number; readonly services: readonly Record<string, unknown>[] };
    };
    const found = status.keeper.services.find(({ kind }) => kind === "dhcp6-client");
    return found === undefined ? undefined : { ...found, keeper: status.keeper.pid };
  }
}

const count = (text: string, part: string): number => text.split(part).length - 1;

describe.concurrent("the DHCPv6 client", () => {
  test("with ISC dhcpd: shows an address and a prefix, holds them through a kill, and gives them back", async () => {
    await using world = new World();
    const server = await world.dhcpd("range6 2001:db8::100 2001:db8::1ff; prefix6 2001:db8:100:: 2001:db8:1ff:: /56;");
    const shown = await world.request("--once", "--json", "--length", "56").ended();
    expect([shown.code, shown.stderr]).toEqual([0, ""]);
    const lease = JSON.parse(shown.stdout) as Record<string, unknown>;
    expect(lease).toMatchObject({
      interface: "wan0",
      addresses: [{ address: expect.stringMatching(/^2001:db8::1/), preferredSeconds: 400, validSeconds: 600 }],
      prefixes: [{ prefix: expect.stringMatching(/^2001:db8:1.*\/56$/) }],
      nameServers: ["2001:db8::53"],
      searchDomains: ["example.org"],
    });
    expect(world.addresses()).toEqual([]);

    const first = world.request("--json", "--length", "56");
    const held = JSON.parse(await first.firstLine()) as Record<string, unknown>;
    expect(held).toMatchObject({
      addresses: [{ address: (lease["addresses"] as { address: string }[])[0]?.address }],
      prefixes: [{ prefix: (lease["prefixes"] as { prefix: string }[])[0]?.prefix }],
    });
    const [address] = world.addresses();
    expect(held["addresses"]).toMatchObject([{ address }]);
    expect(held["prefixes"]).toMatchObject([{ prefix: world.unreachable()[0] }]);
    const asked = count(server.stderr, "Solicit message");
    await first.stop("SIGKILL");
    expect(world.addresses()).toEqual([address]);
    const second = world.request("--json", "--length", "56");
    expect(JSON.parse(await second.firstLine())).toMatchObject({ addresses: [{ address }], steps: [] });
    expect(count(server.stderr, "Solicit message")).toBe(asked);
    expect((await second.stop()).code).toBe(0);
    expect(server.stderr).toContain("Release message");
    expect([world.addresses(), world.unreachable()]).toEqual([[], []]);
  });

  test("asks again for what it gave back, and has not lost it once more", async () => {
    await using world = new World(true);
    await world.serve("2001:db8:100::/40");
    const first = world.request("--json");
    await first.firstLine();
    await first.stop();
    // The kernel looks for the link's address for a second, and nothing can be asked meanwhile.
    await world.start(["ip", "link", "set", "wan0", "down"]).ended();
    expect(JSON.parse(await world.request("--json").firstLine())).toHaveProperty("addresses");
  });

  test("declines an address that somebody else has", async () => {
    await using world = new World(true);
    const server = await world.dhcpd("range6 2001:db8::100 2001:db8::100;");
    world.onProvider("address add 2001:db8::100/64 dev isp0");
    const client = world.request("--json");
    await until(
      () => `the DECLINE: ${client.stderr}`,
      () => server.stderr.includes("Decline message"),
    );
    await until("its loss", () => client.stdout.includes('"reason":"conflict"'));
    expect(world.addresses()).toEqual([]);
  });

  test("has its lease confirmed when the carrier is back, and keeps it meanwhile", async () => {
    await using world = new World();
    await world.serve("2001:db8:100::/40");
    const client = world.request("--json");
    await client.firstLine();
    const watch = world.start(["ip", "monitor", "address", "dev", "wan0"]);
    const [address] = world.addresses();
    world.onProvider("link set isp0 down");
    world.onProvider("link set isp0 up");
    await until(
      () => `the question: ${client.stderr}`,
      () => client.stderr.includes("DHCPv6 CONFIRM"),
    );
    await until("the answer", () => count(client.stdout, "\n") === 2);
    expect([watch.stdout, world.addresses()]).toEqual([expect.not.stringContaining(`Deleted`), [address]]);
    expect(count(client.stderr, "DHCPv6 SOLICIT")).toBe(1);
  });

  test("keeps in mind a prefix that was taken back, which hosts may still use", async () => {
    await using world = new World();
    const giver = await world.serve("2001:db8:100::/40");
    const client = world.request("--json", "--no-address", "--length", "56");
    await client.firstLine();
    const held = world.stored()?.prefixes.map(formatPrefix);
    expect(held).toEqual(world.unreachable());
    await giver.stop();
    await world.serve();
    world.onProvider("link set isp0 down");
    world.onProvider("link set isp0 up");
    await until("its loss", () => client.stdout.includes('"reason":"refused"'));
    const { prefixes, formerPrefixes = [], nameServers } = world.stored() ?? {};
    expect([prefixes, formerPrefixes.map(formatPrefix), nameServers]).toEqual([[], held, []]);
  });

  test("as an uplink of a file, with dhcp6 serve: through a killed keeper, with a part for a network, and back", async () => {
    await using world = new World();
    const server = await world.serve("2001:db8:100::/40");
    const file = world.folder.write(
      "home.yaml",
      `version: 1
uplinks: { wan: { device: wan0, address6: dhcp, prefix6: 56 } }
networks: { lan: { subnet: 192.0.2.0/24, prefix6: { from: wan, number: 1 } } }
routers: { edge: { networks: [lan], uplink: wan } }
`,
    );
    await world.apply(file);
    await until("the network's part", () => world.part() !== undefined);
    const client = await world.client();
    const [address] = world.addresses();
    const [prefix = ""] = world.unreachable();
    expect(client).toMatchObject({
      name: "DHCPv6 client of wan0",
      state: "running",
      details: { addresses: address, prefixes: prefix, nameServers: "2001:db8::53", client: "bound" },
    });
    expect(world.part()).toBe(prefix.replace("00::/56", "01::1"));

    await server.stop();
    process.kill(client?.["keeper"] as number, "SIGKILL");
    expect([world.addresses(), world.unreachable()]).toEqual([[address], [prefix]]);
    await world.serve("2001:db8:200::/40");
    const before = world.part();
    expect(await world.apply(file)).toContain("nothing to do");
    await until("a part of the new prefix", () => world.part() !== undefined && world.part() !== before);
    const [renumbered = ""] = world.unreachable();
    expect(renumbered).toMatch(/^2001:db8:2/);
    expect(world.part()).toBe(renumbered.replace("00::/56", "01::1"));
    await world.destroy(file);
    expect([world.addresses(), world.unreachable()]).toEqual([[], []]);
    expect(existsSync(world.folder.join("state/units"))).toBe(false);
  });

  test("with dnsmasq: settings alone, and at once with RAPID_COMMIT", async () => {
    await using world = new World();
    const server = world.start(
      [
        ..."dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=isp0".split(" "),
        "--dhcp-rapid-commit",
        "--dhcp-range=2001:db8::100,2001:db8::1ff,64,600",
        "--dhcp-option=option6:dns-server,[2001:db8::53]",
        `--dhcp-leasefile=${world.folder.join("leases")}`,
      ],
      world.provider,
    );
    await until(
      () => `dnsmasq: ${server.stderr}`,
      () => server.stderr.includes("DHCPv6, IP range"),
    );
    const told = await world.request("--once", "--information", "--json").ended();
    expect(JSON.parse(told.stdout)).toMatchObject({ nameServers: ["2001:db8::53"] });
    const shown = await world.request("--once", "--rapid-commit", "--json").ended();
    expect(JSON.parse(shown.stdout)).toMatchObject({ addresses: [{ validSeconds: 600 }], prefixes: [] });
    expect(server.stderr).not.toContain("DHCPREQUEST");
  });
});
