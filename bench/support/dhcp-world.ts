/** A link with a DHCP server on one end and the load on the other, and one server at a time that runs there. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Ipv4Address, MacAddress } from "../../src/base/address.ts";
import { closeDescriptor, openNamespace } from "../../src/kernel/native.ts";
import type { Path } from "./dhcp-frames.ts";
import { DhcpLoad } from "./dhcp-load.ts";
import { type Peer, type Plan, SERVER_INTERFACE } from "./dhcp-peers.ts";
import { Program } from "./program.ts";

const SERVER_ADDRESS = "10.128.0.1" as Ipv4Address;
const SERVER_MAC = "02:00:00:00:00:01" as MacAddress;
const RELAY = { address: "10.128.0.2" as Ipv4Address, mac: "02:00:00:00:00:02" as MacAddress };
const SUBNET = { network: "10.128.0.0" as Ipv4Address, netmask: "255.240.0.0" as Ipv4Address, length: 12 };
/** 10.128.1.0 */
const FIRST = 0x0a80_0100;

/** One that reads its leases for a minute hears nothing meanwhile. */
const STOP_MILLISECONDS = 2000;

/** The server's end is in our namespace, the load's in one of its own. */
export class World implements Disposable {
  readonly namespace: number;
  readonly interfaceIndex: number;

  constructor() {
    const script = `
      ip netns add load
      ip link add ${SERVER_INTERFACE} address ${SERVER_MAC} type veth peer name load0 address ${RELAY.mac} netns load
      sysctl -qw net.ipv6.conf.${SERVER_INTERFACE}.disable_ipv6=1
      ip address add ${SERVER_ADDRESS}/${SUBNET.length} dev ${SERVER_INTERFACE}
      ip link set ${SERVER_INTERFACE} up
      nsenter --net=/run/netns/load sysctl -qw net.ipv6.conf.load0.disable_ipv6=1
      ip -n load link set load0 up
      # Nobody answers ARP there: what is sent to the relay's address shall cost the kernel there nothing.
      ip neighbour add ${RELAY.address} lladdr ${RELAY.mac} dev ${SERVER_INTERFACE} nud permanent`;
    execFileSync("bash", ["-e", "-c", script], { stdio: ["ignore", "ignore", "inherit"] });
    this.namespace = openNamespace("/run/netns/load");
    const shown = execFileSync("ip", ["-n", "load", "-oneline", "link", "show", "load0"], { encoding: "utf8" });
    this.interfaceIndex = Number.parseInt(shown, 10);
  }

  [Symbol.dispose](): void {
    closeDescriptor(this.namespace);
    execFileSync("bash", ["-c", `ip link delete ${SERVER_INTERFACE}; ip netns delete load`]);
  }
}

interface ServerSettings {
  readonly peer: Peer;
  readonly held: number;
  /** Addresses beside those held. */
  readonly room: number;
  readonly folder: string;
  readonly cpu: string;
  readonly inFlight: number;
  readonly onLink: boolean;
}

/** A server with the load before it. */
export class RunningServer implements AsyncDisposable {
  readonly load: DhcpLoad;
  /** From its start until the first client has an address. */
  readonly startMilliseconds: number;
  readonly program: Program;
  readonly #folder: string;

  private constructor(program: Program, folder: string, load: DhcpLoad, startMilliseconds: number) {
    this.program = program;
    this.#folder = folder;
    this.load = load;
    this.startMilliseconds = startMilliseconds;
  }

  /** @returns undefined when no client has an address within the limit; nothing runs then */
  static async start(
    world: World,
    settings: ServerSettings,
    limitMilliseconds: number,
  ): Promise<RunningServer | undefined> {
    const { peer, held, room, inFlight, cpu } = settings;
    const folder = join(settings.folder, "server");
    mkdirSync(folder);
    const plan: Plan = {
      folder,
      subnet: SUBNET,
      serverAddress: SERVER_ADDRESS,
      first: FIRST,
      addresses: held + room,
      held,
    };
    const command = peer.prepare(plan);
    // What was just written shall not be flushed while the server is measured.
    execFileSync("sync", ["-f", folder]);
    const path: Path = {
      serverAddress: SERVER_ADDRESS,
      serverMac: SERVER_MAC,
      relay: settings.onLink ? undefined : RELAY,
    };
    const load = new DhcpLoad({ namespace: world.namespace, interfaceIndex: world.interfaceIndex, path, inFlight });
    const began = performance.now();
    const program = new Program(command, { cpu, stopMilliseconds: STOP_MILLISECONDS });
    const served = await load.untilServed(limitMilliseconds);
    const server = new RunningServer(program, folder, load, (served ?? 0) - began);
    if (served !== undefined) return server;
    await server[Symbol.asyncDispose]();
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.load[Symbol.dispose]();
    await this.program[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true });
  }
}
