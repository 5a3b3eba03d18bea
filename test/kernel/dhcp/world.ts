/**
 * A link with two ends for tests with real DHCP clients: `eth0` in namespace "client", `tap0` in namespace "server",
 * where the kernel plays the gateway. Every frame is kept. It is a veth, so requests come with partial UDP checksums
 * as they do from a guest.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMac } from "../../../src/base/address.ts";
import { bindSocket, closeDescriptor, DatagramSocket, openNamespace, openSocket } from "../../../src/kernel/native.ts";
import { RouteNetlink } from "../../../src/kernel/netlink.ts";
import { run } from "../../../src/kernel/run.ts";
import { decodeLink, getLink } from "../../../src/netlink/route/link.ts";
import type { SingleServerConfig } from "../../../src/protocol/dhcp4/single-server.ts";
import { serveSingleDhcp, type SingleDhcpService } from "../../../src/services/dhcp4-single.ts";
import { until } from "../../support/network.ts";

export const CLIENT_MAC = parseMac("52:54:00:00:00:17");
export const SERVER_MAC = parseMac("02:00:00:00:00:fe");
const CLIENT = "/run/netns/client";
const SERVER = "/run/netns/server";
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 3;
/** Where dhcpcd 9.4 keeps its lease; the sandbox has a folder of its own there. */
const DHCPCD_LEASE = "/var/lib/dhcpcd/eth0.lease";

/** Every client's script: applies address and routes as far as the client leaves it to the script, writes its environment to a file. */
const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
event=\${1:-$reason}
case $event in
bound | renew) address=$ip/$mask gateway=$router ;;
BOUND | RENEW | REBIND | REBOOT) [ -n "$new_subnet_mask" ] && [ -z "$if_up" ] && address=$new_ip_address/$new_subnet_mask gateway=$new_routers ;;
deconfig | EXPIRE | FAIL | STOP) ip address flush dev eth0 ;;
esac
if [ -n "$address" ]; then
  ip address replace "$address" dev eth0
  ip route replace default via "$gateway" dev eth0 onlink
fi
env | sort >"$FOLDER/writing"
mv "$FOLDER/writing" "$FOLDER/event-$(printf %03d $(ls "$FOLDER" | grep -c ^event-))-$event"
exit 0
`;

interface ClientEvent {
  /** As the client spells it: "bound" (udhcpc), "BOUND" (dhclient, dhcpcd). */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A running client program. */
export class Client {
  readonly folder: string;
  readonly #child: ChildProcess;
  #output = "";

  constructor(folder: string, words: readonly string[]) {
    this.folder = folder;
    this.#child = spawn("nsenter", [`--net=${CLIENT}`, "--", ...words], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TZ: "UTC", LC_ALL: "C" },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.#output += chunk.toString();
      });
    }
  }

  get output(): string {
    return this.#output;
  }

  events(): ClientEvent[] {
    const names = readdirSync(this.folder).filter((file) => file.startsWith("event-"));
    return names.toSorted().map((file) => ({
      name: file.slice("event-000-".length),
      environment: Object.fromEntries(
        readFileSync(join(this.folder, file), "utf8")
          .split("\n")
          .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
      ),
    }));
  }

  /** The environment of the first event of that name. @throws Error with the client's output after a minute */
  async waitFor(name: string): Promise<Readonly<Record<string, string>>> {
    const found = (): ClientEvent | undefined => this.events().find((event) => event.name === name);
    await this.#waitUntil(() => found() !== undefined, `event ${name}`);
    return found()!.environment;
  }

  /** @throws Error with the client's output after a minute */
  waitForOutput(text: string): Promise<void> {
    return this.#waitUntil(() => this.#output.includes(text), `output ${JSON.stringify(text)}`);
  }

  async #waitUntil(condition: () => boolean, what: string): Promise<void> {
    await until(
      () => `${what}; the client said:\n${this.#output}`,
      () => condition(),
    );
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /**
   * Waits for the program's own end. @returns its status, null when a signal ended it
   * @throws Error with the client's output after a minute
   */
  async exitStatus(): Promise<number | null> {
    await this.#waitUntil(() => this.#child.exitCode !== null || this.#child.signalCode !== null, "end");
    return this.#child.exitCode;
  }

  async stop(): Promise<void> {
    this.signal("SIGTERM");
    await this.exitStatus();
    rmSync(this.folder, { recursive: true });
  }
}

/** Keeps every frame that a link of the server's namespace receives or sends, in order. */
async function capture(name: string, frames: Uint8Array[]): Promise<DatagramSocket> {
  const netlink = RouteNetlink.open({ namespacePath: SERVER });
  const { index } = await netlink.get(getLink({ name }), decodeLink);
  netlink.close();
  const namespace = openNamespace(SERVER);
  const descriptor = openSocket({ namespace, family: AF_PACKET, type: SOCK_RAW, protocol: 0 });
  closeDescriptor(namespace);
  bindSocket(descriptor, linkAddress(index));
  return new DatagramSocket({
    descriptor,
    onDatagrams: (datagrams) => {
      for (const { buffer, offset, length } of datagrams) frames.push(buffer.slice(offset, offset + length));
    },
    onError: () => {
      // A test takes the link down.
    },
  });
}

/** struct sockaddr_ll for every EtherType on one interface. */
function linkAddress(interfaceIndex: number): Uint8Array {
  const address = Buffer.alloc(20);
  address.writeUInt16LE(AF_PACKET, 0);
  address.writeUInt16BE(ETH_P_ALL, 2);
  address.writeInt32LE(interfaceIndex, 4);
  return address;
}

export class World {
  /** Lines of all services. */
  readonly log: Record<string, unknown>[] = [];
  readonly #services: SingleDhcpService[] = [];
  readonly #clients: Client[] = [];
  readonly #capture: DatagramSocket;
  /** All frames that crossed the link so far, in order. */
  readonly frames: readonly Uint8Array[];

  private constructor(captured: DatagramSocket, frames: readonly Uint8Array[]) {
    this.#capture = captured;
    this.frames = frames;
  }

  /** @param options.gateways addresses that the server side's kernel holds */
  static async open(options: { readonly gateways: readonly string[] }): Promise<World> {
    const frames: Uint8Array[] = [];
    rmSync(DHCPCD_LEASE, { force: true });
    await run("ip", ["netns", "add", "client"]);
    await run("ip", ["netns", "add", "server"]);
    for (const namespacePath of [CLIENT, SERVER]) {
      await run("sysctl", ["-qw", "net.ipv6.conf.default.disable_ipv6=1"], { namespacePath });
    }
    const pair = `link add eth0 address ${CLIENT_MAC} type veth peer name tap0 netns server`;
    await run("ip", ["-n", "client", ...pair.split(" ")]);
    for (const gateway of options.gateways) await run("ip", ["-n", "server", "address", "add", gateway, "dev", "tap0"]);
    await run("ip", ["-n", "server", "link", "set", "tap0", "up"]);
    await run("ip", ["-n", "client", "link", "set", "eth0", "up"]);
    return new World(await capture("tap0", frames), frames);
  }

  #folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "netloom-dhcp-"));
    writeFileSync(join(folder, "script"), SCRIPT.replaceAll("$FOLDER", folder));
    chmodSync(join(folder, "script"), 0o755);
    return folder;
  }

  #start(folder: string, words: readonly string[]): Client {
    const client = new Client(folder, words);
    this.#clients.push(client);
    return client;
  }

  /** busybox udhcpc, three requests so far apart that no busy machine makes it ask twice; it stays and renews. */
  startUdhcpc(words: readonly string[] = [], link = "eth0"): Client {
    const folder = this.#folder();
    const asked = ["search", "staticroutes", "mtu", "msstaticroutes"].flatMap((name) => ["-O", name]);
    const fixed = ["-f", "-n", "-t", "3", "-T", "15", "-i", link, "-s", join(folder, "script")];
    return this.#start(folder, ["busybox", "udhcpc", ...fixed, ...asked, ...words]);
  }

  /**
   * ISC dhclient, which asks again so late that no busy machine makes it.
   * @param options.lease an old lease, as it stands in the lease file
   * @param options.patienceSeconds after which it gives up
   * @param options.further lines of its configuration
   */
  startDhclient(
    options: { readonly lease?: string; readonly patienceSeconds?: number; readonly further?: string } = {},
  ): Client {
    const { lease = "", patienceSeconds = 60, further = "" } = options;
    const folder = this.#folder();
    const asked =
      "subnet-mask, broadcast-address, routers, domain-name, domain-name-servers, domain-search, host-name, interface-mtu, ntp-servers, classless, microsoft";
    writeFileSync(
      join(folder, "dhclient.conf"),
      `option classless code 121 = array of unsigned integer 8;
option microsoft code 249 = array of unsigned integer 8;
request ${asked};
timeout ${patienceSeconds}; reboot 30; initial-interval 15;
${further}
`,
    );
    writeFileSync(join(folder, "leases"), lease);
    const files = ["-cf", "dhclient.conf", "-lf", "leases", "-pf", "pid", "-sf", "script"];
    const paths = files.map((word) => (word.startsWith("-") ? word : join(folder, word)));
    return this.#start(folder, ["dhclient", "-4", "-d", "-1", "-v", ...paths, "eth0"]);
  }

  /** dhcpcd, which configures the link by itself and gives up after three seconds. */
  startDhcpcd(words: readonly string[] = []): Client {
    const folder = this.#folder();
    writeFileSync(
      join(folder, "dhcpcd.conf"),
      `ipv4only
noipv4ll
noarp
nodelay
clientid
nohook resolv.conf, hostname
option domain_name_servers, domain_name, domain_search, host_name, classless_static_routes, interface_mtu, ntp_servers
timeout 3
`,
    );
    const files = ["-f", join(folder, "dhcpcd.conf"), "-c", join(folder, "script")];
    return this.#start(folder, ["dhcpcd", "-B", "-d", "--nodelay", ...files, ...words, "eth0"]);
  }

  /** The service on tap0, closed with the world. */
  async serve(config: SingleServerConfig, link: string | number = "tap0"): Promise<SingleDhcpService> {
    const write = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
      this.log.push({ message, ...fields });
    };
    const logger = { debug: write, info: write, warn: write, error: write };
    const service = await serveSingleDhcp({ namespacePath: SERVER, link, config, logger });
    this.#services.push(service);
    return service;
  }

  inServer(program: string, words: readonly string[]): Promise<string> {
    return run(program, words, { namespacePath: SERVER });
  }

  inClient(program: string, words: readonly string[]): Promise<string> {
    return run(program, words, { namespacePath: CLIENT });
  }

  async close(): Promise<void> {
    for (const service of this.#services) service.close();
    for (const client of this.#clients) await client.stop();
    this.#capture.close();
    await run("ip", ["netns", "del", "client"]);
    await run("ip", ["netns", "del", "server"]);
  }
}
