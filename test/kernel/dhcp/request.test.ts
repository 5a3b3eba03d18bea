/**
 * `netloom dhcp request` with the DHCP servers that people run. Every test has a host and a server of its own, two
 * namespaces with a veth pair between them, so that all run at one time: most of what they do is waiting.
 */
import { copyFileSync, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { Folder, json, type Result, Running, shell, until } from "../../support/network.ts";

const PROGRAM = resolve("bin/netloom");
const MAC = "52:54:00:00:00:17";
/** How a server is started, and what says that it listens. */
interface Server {
  readonly name: string;
  readonly start: (folder: Folder, settings: Settings) => readonly string[];
  readonly ready: string;
}

interface Settings {
  readonly range: readonly [string, string];
  readonly leaseSeconds: number;
  readonly renewalSeconds: number;
}

const DEFAULTS: Settings = { range: ["192.0.2.100", "192.0.2.110"], leaseSeconds: 600, renewalSeconds: 300 };

const DNSMASQ: Server = {
  name: "dnsmasq",
  start: (folder, { range, leaseSeconds, renewalSeconds }) => [
    ..."dnsmasq --conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=srv0 --no-ping --dhcp-authoritative".split(
      " ",
    ),
    `--dhcp-leasefile=${folder.join("leases")}`,
    // Less than two minutes it does not take.
    `--dhcp-range=${range.join(",")},255.255.255.0,${Math.max(120, leaseSeconds)}`,
    // Nor less than two seconds here.
    `--dhcp-option=option:T1,${renewalSeconds}`,
    `--dhcp-option=option:T2,${renewalSeconds + 1}`,
    ...[
      "option:dns-server,192.0.2.53",
      "option:domain-search,a.example.org,example.org",
      "option:ntp-server,192.0.2.123",
      "option:mtu,1400",
      "option:classless-static-route,198.51.100.0/24,192.0.2.9,0.0.0.0/0,192.0.2.1",
    ].map((option) => `--dhcp-option=${option}`),
    "--domain=example.org",
  ],
  ready: "IP range",
};

/** AppArmor lets the packages' servers read their own folders only, and knows them by their paths. */
function copyOf(program: string, folder: Folder): string {
  const copy = folder.join(program);
  copyFileSync(join("/usr/sbin", program), copy);
  return copy;
}

const DHCPD: Server = {
  name: "ISC dhcpd",
  start: (folder, { range, leaseSeconds, renewalSeconds }) => {
    const file = folder.write(
      "dhcpd.conf",
      `authoritative; ping-check off; dhcp-cache-threshold 0; default-lease-time ${leaseSeconds}; max-lease-time ${leaseSeconds}; min-lease-time 1;
option classless code 121 = array of unsigned integer 8;
subnet 192.0.2.0 netmask 255.255.255.0 {
  range ${range.join(" ")};
  option routers 192.0.2.1; option domain-name-servers 192.0.2.53; option domain-name "example.org";
  option domain-search "a.example.org", "example.org"; option ntp-servers 192.0.2.123; option interface-mtu 1400;
  option dhcp-renewal-time ${renewalSeconds}; option dhcp-rebinding-time ${renewalSeconds + 1};
  option classless 24, 198,51,100, 192,0,2,9, 0, 192,0,2,1;
}
`,
    );
    const leases = folder.write("dhcpd.leases", "");
    return [
      copyOf("dhcpd", folder),
      "-4",
      "-d",
      "-cf",
      file,
      "-lf",
      leases,
      "-pf",
      folder.join("pid"),
      "--no-pid",
      "srv0",
    ];
  },
  ready: "Server starting service",
};

const KEA: Server = {
  name: "Kea",
  start: (folder, { range, leaseSeconds, renewalSeconds }) => {
    const options = {
      routers: "192.0.2.1",
      "domain-name-servers": "192.0.2.53",
      "domain-name": "example.org",
      "domain-search": "a.example.org, example.org",
      "ntp-servers": "192.0.2.123",
      "interface-mtu": "1400",
    };
    const file = folder.write(
      "kea.conf",
      JSON.stringify({
        Dhcp4: {
          "interfaces-config": { interfaces: ["srv0"], "dhcp-socket-type": "raw" },
          "lease-database": { type: "memfile", name: folder.join("kea.leases"), "lfc-interval": 0 },
          authoritative: true,
          "valid-lifetime": leaseSeconds,
          "renew-timer": renewalSeconds,
          "rebind-timer": renewalSeconds + 1,
          subnet4: [{ id: 1, subnet: "192.0.2.0/24", pools: [{ pool: range.join(" - ") }] }],
          "option-def": [{ name: "classless", code: 121, space: "dhcp4", type: "binary" }],
          "option-data": [
            ...Object.entries(options).map(([name, data]) => ({ name, data })),
            { name: "classless", data: "18C63364C000020900C0000201", "csv-format": false },
          ],
          loggers: [{ name: "kea-dhcp4", severity: "INFO", output_options: [{ output: "stdout" }] }],
        },
      }),
    );
    return [
      "env",
      `KEA_PIDFILE_DIR=${folder.path}`,
      `KEA_LOCKFILE_DIR=${folder.path}`,
      copyOf("kea-dhcp4", folder),
      "-c",
      file,
    ];
  },
  ready: "DHCP4_STARTED",
};

const OURSELVES: Server = {
  name: "netloom dhcp serve",
  start: (folder, { range, leaseSeconds }) => {
    const options = [
      "domain-name=example.org",
      "domain-search=a.example.org,example.org",
      "ntp-servers=192.0.2.123",
      "interface-mtu=1400",
      "classless-static-routes=198.51.100.0/24 via 192.0.2.9,0.0.0.0/0 via 192.0.2.1",
      "v6-only-preferred=1800",
    ];
    return [
      ..."bin/netloom dhcp serve --interface srv0 --router 192.0.2.1 --dns 192.0.2.53 --range".split(" "),
      range.join("-"),
      `--lease=${leaseSeconds}s`,
      `--state=${folder.join("server")}`,
      ...options.map((option) => `--option=${option}`),
    ];
  },
  ready: "Serving",
};

interface Told {
  readonly address?: string;
  readonly steps?: readonly string[];
  readonly lost?: string;
  readonly reason?: string;
}

let worlds = 0;

/** A host with the interface cli0, and a server's srv0 on its other end. */
class World implements AsyncDisposable {
  readonly folder = new Folder();
  readonly #host: string;
  readonly #server: string;
  readonly #running: Running[] = [];

  constructor() {
    const number = ++worlds;
    this.#host = `host${number}`;
    this.#server = `server${number}`;
    shell(`ip netns add ${this.#host}; ip netns add ${this.#server}
      for space in ${this.#host} ${this.#server}; do
        nsenter --net=/run/netns/$space sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
      done
      ip -n ${this.#host} link add cli0 address ${MAC} type veth peer name srv0 netns ${this.#server}
      ip -n ${this.#server} address add 192.0.2.1/24 dev srv0
      ip -n ${this.#server} link set srv0 up
      ip -n ${this.#host} link set cli0 up`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const program of this.#running.splice(0)) await program.stop();
    shell(`ip netns delete ${this.#host}; ip netns delete ${this.#server}`);
    this.folder[Symbol.dispose]();
  }

  /** Lines of shell on the host. */
  onHost(script: string): string {
    return shell(`nsenter --net=/run/netns/${this.#host} bash -e <<'LINES'\n${script}\nLINES`);
  }

  onServer(script: string): string {
    return shell(`nsenter --net=/run/netns/${this.#server} bash -e <<'LINES'\n${script}\nLINES`);
  }

  #start(namespace: string, words: readonly string[]): Running {
    const program = new Running(["nsenter", `--net=/run/netns/${namespace}`, "--", ...words]);
    this.#running.push(program);
    return program;
  }

  netloom(words: readonly string[]): Promise<Result> {
    return this.#start(this.#host, [PROGRAM, ...words]).ended();
  }

  async done(words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.netloom(words);
    if (code !== 0) throw new Error(`netloom ${words.join(" ")}: ended with ${code}: ${stderr}`);
    return stdout;
  }

  async serve(server: Server, settings: Partial<Settings> = {}): Promise<Running> {
    const program = this.#start(this.#server, server.start(this.folder, { ...DEFAULTS, ...settings }));
    const said = (): string => program.stdout + program.stderr;
    await until(`${server.name}: ${said()}`, () => said().includes(server.ready) || !program.running);
    if (!program.running) throw new Error(`${server.name}: ${said()}`);
    return program;
  }

  /** The command in the foreground, with what it has told so far. */
  hold(): { program: Running; told: () => Told[]; stop: () => Promise<void> } {
    const program = this.#start(this.#host, [
      PROGRAM,
      ..."dhcp request cli0 --json --state".split(" "),
      this.folder.join("state"),
    ]);
    return {
      program,
      told: () => program.stdout.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Told])),
      stop: async () => {
        const { code, stderr } = await program.stop();
        if (code !== 0) throw new Error(`it ended with ${code}: ${stderr}`);
      },
    };
  }

  show(words: string): Record<string, unknown>[] {
    return json(`ip -n ${this.#host} -j ${words}`);
  }

  host(): { addresses: unknown[]; routes: unknown[]; mtu: unknown } {
    return {
      addresses: this.show("-4 address show dev cli0").flatMap((entry) => entry["addr_info"] as unknown[]),
      routes: this.show("-4 route show dev cli0"),
      mtu: this.show("link show dev cli0")[0]?.["mtu"],
    };
  }

  /** How often the host's kernel has refused a datagram that nobody listens for. */
  refusals(): number {
    const [names = [], values = []] = this.onHost("grep ^Icmp: /proc/net/snmp")
      .split("\n")
      .map((line) => line.split(" "));
    return Number(values[names.indexOf("OutDestUnreachs")]);
  }
}

/** `--once`, with all that the server says, and nothing of it on the host. */
async function showOnce(world: World, times: Readonly<Record<string, number>>): Promise<void> {
  const before = world.host();
  const lease: unknown = JSON.parse(await world.done(["dhcp", "request", "cli0", "--once", "--json"]));
  expect(lease).toMatchObject({
    interface: "cli0",
    address: expect.stringMatching(/^192\.0\.2\.1(0\d|10)$/),
    prefixLength: 24,
    routers: ["192.0.2.1"],
    routes: [
      { destination: "198.51.100.0/24", gateway: "192.0.2.9" },
      { destination: "0.0.0.0/0", gateway: "192.0.2.1" },
    ],
    nameServers: ["192.0.2.53"],
    domainName: "example.org",
    searchDomains: ["a.example.org", "example.org"],
    mtuBytes: 1400,
    ntpServers: ["192.0.2.123"],
    server: "192.0.2.1",
    ...times,
    options: { "subnet-mask": "255.255.255.0", "dhcp-message-type": "ACK", "interface-mtu": 1400 },
  });
  expect(world.host()).toEqual(before);
}

const OTHERS = [
  { server: DNSMASQ, renewalSeconds: 2 },
  { server: DHCPD, renewalSeconds: 1 },
  { server: KEA, renewalSeconds: 1 },
];

describe.concurrent.each(OTHERS)("$server.name", ({ server, renewalSeconds }) => {
  test("shown without a change; then applied, renewed, and given back at the end", async () => {
    await using world = new World();
    const program = await world.serve(server, { leaseSeconds: 120, renewalSeconds });
    const said = (): string => program.stdout + program.stderr;
    await showOnce(world, { leaseSeconds: 120, renewalSeconds, rebindingSeconds: renewalSeconds + 1 });
    expect(said()).not.toMatch(/RELEASE/i);
    const before = world.host();
    const refused = world.refusals();
    const client = world.hold();
    await until("a lease", () => client.told().length > 0 || !client.program.running);
    const { address } = client.told()[0]!;
    const applied = world.host();
    expect(applied).toMatchObject({
      mtu: 1400,
      addresses: [{ local: address, prefixlen: 24, broadcast: "192.0.2.255" }],
    });
    expect(applied.routes).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ dst: "default", gateway: "192.0.2.1", protocol: "dhcp", metric: 1024 }),
        expect.objectContaining({ dst: "198.51.100.0/24", gateway: "192.0.2.9", protocol: "dhcp" }),
      ]),
    );
    const lifetime = (): number => (world.host().addresses[0] as { valid_life_time: number }).valid_life_time;
    expect(lifetime()).toBeLessThanOrEqual(120);
    world.onHost(`ip address change ${address}/24 dev cli0 valid_lft 60 preferred_lft 60`);
    await until("a renewal", () => client.told().length > 1);
    expect(client.told()[1]).toMatchObject({ address, steps: [] });
    await until("the renewal's time", () => lifetime() > 100);
    expect(world.refusals()).toBe(refused);
    await client.stop();
    expect(world.host()).toEqual(before);
    expect(existsSync(world.folder.join("state/units"))).toBe(false);
    await until("the RELEASE", () => /release/i.test(said()));
  });
});

test.concurrent("our own server, whose network does without IPv4 for who can", async () => {
  await using world = new World();
  await world.serve(OURSELVES, { leaseSeconds: 120 });
  await showOnce(world, { leaseSeconds: 120, renewalSeconds: 60, rebindingSeconds: 105 });
  const { code, stderr } = await world.netloom(["dhcp", "request", "cli0", "--once", "--ipv6-only-ok"]);
  expect([code, stderr]).toEqual([1, expect.stringContaining("this network does without IPv4, for 1800 s")]);
});

describe.concurrent("what does not go as it should", () => {
  test("nobody answers: exit code 1 and why; who holds on goes on asking, with the interface up meanwhile", async () => {
    await using world = new World();
    world.onHost("ip link set cli0 down");
    const client = world.hold();
    await until("the interface up", () => world.show("link show dev cli0 up").length > 0);
    const result = await world.netloom(["dhcp", "request", "cli0", "--once", "--timeout", "1"]);
    expect(result).toMatchObject({ code: 1, stdout: "" });
    expect(result.stderr).toContain("dhcp request cli0: no DHCP server answered within 1 s");
    expect(client.program.running).toBe(true);
    await client.stop();
    expect(world.show("link show dev cli0 up")).toEqual([]);
  });

  test("a route of others in the way: nothing is left, and the lease is given back", async () => {
    await using world = new World();
    const server = await world.serve(DNSMASQ);
    world.onHost(`ip link add other0 type veth peer name other1
      ip address add 198.51.100.2/24 dev other0
      ip link set other0 up; ip link set other1 up
      ip route add default via 198.51.100.1 metric 1024`);
    const { code, stderr } = await world.netloom(["dhcp", "request", "cli0", "--state", world.folder.join("state")]);
    expect(code).toBe(1);
    expect(stderr).toContain("route default exists and is not netloom's");
    expect(world.host()).toEqual({ addresses: [], routes: [], mtu: 1500 });
    expect(server.stderr).toContain("DHCPRELEASE(srv0)");
  });

  test("an interface that is not there, is down, or is a port", async () => {
    await using world = new World();
    const said = async (name: string): Promise<string> =>
      (await world.netloom(["dhcp", "request", name, "--once", "--timeout", "1"])).stderr;
    expect(await said("eth9")).toContain("there is no such interface");
    expect(await said("lo")).toMatch(/reserved|hardware address/);
    world.onHost("ip link set cli0 down");
    expect(await said("cli0")).toContain("is down");
    world.onHost("ip link add br9 type bridge; ip link set cli0 master br9");
    expect(await said("cli0")).toContain("a port of br9");
  });

  test("after a kill the address is asked for at once; a NAK takes it away", async () => {
    await using world = new World();
    let server = await world.serve(DNSMASQ);
    const first = world.hold();
    await until("a lease", () => first.told().length > 0);
    const { address } = first.told()[0]!;
    await first.program.stop("SIGKILL");
    expect(world.host().addresses).toHaveLength(1);
    const second = world.hold();
    await until("the same lease", () => second.told().length > 0);
    expect(second.told()[0]).toMatchObject({ address });
    expect(second.program.stderr).not.toContain("DISCOVER");
    await second.program.stop("SIGKILL");
    await server.stop();
    world.onServer("ip address flush dev srv0; ip address add 198.51.100.1/24 dev srv0");
    server = await world.serve(DNSMASQ, { range: ["198.51.100.100", "198.51.100.110"] });
    const third = world.hold();
    await until("another lease", () => third.told().length > 1);
    expect(third.told()).toMatchObject([
      { lost: address, reason: "refused" },
      { address: expect.stringMatching(/^198\.51\.100\./) },
    ]);
    expect(third.program.stderr).toContain("DHCP server refused");
    await third.stop();
    expect(world.host().addresses).toEqual([]);
  });

  test("an address that somebody on the link has is declined", async () => {
    await using world = new World();
    const server = await world.serve(DHCPD, { range: ["192.0.2.100", "192.0.2.100"] });
    world.onServer("ip address add 192.0.2.100/24 dev srv0");
    const result = await world.netloom(["dhcp", "request", "cli0", "--once", "--timeout", "1"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/has the address 192\.0\.2\.100 already/);
    expect(server.stderr).toContain("DHCPDECLINE of 192.0.2.100 from 52:54:00:00:00:17");
  });

  test("what others take away comes back; a second process is refused; the status tells", async () => {
    await using world = new World();
    await world.serve(DNSMASQ);
    const first = world.hold();
    await until("a lease", () => first.told().length > 0);
    const applied = world.host().routes;
    world.onHost("ip link set cli0 down; ip link set cli0 mtu 1300; ip address flush dev cli0");
    await until("all of it again", () => isDeepStrictEqual(world.host().routes, applied) && world.host().mtu === 1400);
    const state = ["--state", world.folder.join("state")];
    const second = await world.netloom(["dhcp", "request", "cli0", ...state]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain("dhcp request cli0");
    expect(await world.done(["status", ...state])).toMatch(/dhcp-cli0: applied, \d objects, DHCP lease of cli0/);
    await first.stop();
    expect(world.host()).toEqual({ addresses: [], routes: [], mtu: 1500 });
  });
});
