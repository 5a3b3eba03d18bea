/** A host whose file declares one NAT network with two machines, and programs in them that tell who talks to them. */
import { rmSync } from "node:fs";
import { done, type Folder, makeUplink, removeUplink, Running, shell, until } from "../../support/network.ts";

export const UPLINK = "198.51.100.2";
export const OUTSIDE = "198.51.100.1";
export const FIRST = "192.168.50.10";
export const SECOND = "192.168.50.20";
const PORT = 7777;
/** Where nothing shall pass, silence that long is a refusal: what passes here takes less than a millisecond. */
const REFUSED_SECONDS = 1;
/** Where something shall pass, what a machine that stands still now and then is given. */
const PATIENCE_SECONDS = 30;

const FILE = `version: 1
uplinks: { wan: { device: uplink0 } }
networks: { lan: { subnet: 192.168.50.0/24 } }
routers: { edge: { networks: [lan], uplink: wan, nat: masquerade } }
machines:
  first: { kind: namespace, nics: [{ network: lan, address: ${FIRST} }] }
  second: { kind: namespace, nics: [{ network: lan, address: ${SECOND} }] }
`;

export function makeHost(folder: Folder): string {
  makeUplink();
  // An outside host that could reach the network: only the router keeps it from doing so.
  shell(`ip -n outside route add 192.168.50.0/24 via ${UPLINK}`);
  return folder.write("nat.yaml", FILE);
}

export function removeHost(): void {
  removeUplink();
  rmSync("/run/netloom", { recursive: true, force: true });
}

/** A server in a namespace that answers every connection with its peer's address. */
class AddressTeller implements AsyncDisposable {
  readonly #server: Running;

  private constructor(server: Running) {
    this.#server = server;
  }

  static async open(namespace: string): Promise<AddressTeller> {
    const program = `require("node:net").createServer((peer) => peer.on("error", () => {}).end(peer.remoteAddress)).listen({ host: "0.0.0.0", port: ${PORT} }, () => console.log("ready"));`;
    const server = new Running(["nsenter", `--net=/run/netns/${namespace}`, "--", process.execPath, "-e", program]);
    await server.firstLine();
    return new AddressTeller(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

/** The address that a server sees of a client in `from`; undefined: no connection came about. */
async function seenAs(from: string, server: string, silenceSeconds: number): Promise<string | undefined> {
  const program = `const peer = require("node:net").connect(${PORT}, "${server}");
    const end = (word) => { console.log(word); process.exit(); };
    peer.on("data", (data) => end("seen " + data)); peer.on("error", () => end("refused"));
    setTimeout(() => end("silence"), ${1000 * silenceSeconds});`;
  const client = new Running(["nsenter", `--net=/run/netns/${from}`, "--", process.execPath, "-e", program]);
  const line = await client.firstLine();
  await client.ended();
  return line.startsWith("seen ") ? line.slice("seen ".length) : undefined;
}

/** Servers in all three places while `work` runs. */
async function withServers(work: () => Promise<void>): Promise<void> {
  await using _first = await AddressTeller.open("first");
  await using _second = await AddressTeller.open("second");
  await using _outside = await AddressTeller.open("outside");
  await work();
}

/** Rules as iptables prints them, without the time and the counters of chains. */
export function savedRules(backend: "nft" | "legacy"): string {
  return shell(`iptables-${backend}-save`)
    .replaceAll(/^#.*\n/gm, "")
    .replaceAll(/\[\d+:\d+\]/g, "[0:0]");
}

type Sight = "second sees first as" | "first sees second as" | "outside sees first as" | "first sees outside as";
type Sights = Readonly<Record<Sight, string | undefined>>;

/** Every claim about a NAT network, from the machines' and from the outside's view; what is expected is waited for. */
export async function reach(expected: Sights): Promise<Sights> {
  const found = { ...expected };
  const look = async (sight: Sight, from: string, server: string): Promise<void> => {
    found[sight] = await seenAs(from, server, expected[sight] === undefined ? REFUSED_SECONDS : PATIENCE_SECONDS);
  };
  await withServers(async () => {
    await look("second sees first as", "first", SECOND);
    await look("first sees second as", "second", FIRST);
    await look("outside sees first as", "first", OUTSIDE);
    await look("first sees outside as", "outside", FIRST);
  });
  return found;
}

export const GOOD: Sights = {
  "second sees first as": FIRST,
  "first sees second as": SECOND,
  "outside sees first as": UPLINK,
  "first sees outside as": undefined,
};

/** Apply, look from all sides, destroy. @returns what the plan said before */
export async function planAndTry(file: string, look: () => Promise<void>): Promise<string> {
  const plan = await done(["plan", file]);
  await done(["apply", file]);
  try {
    await until("carrier", () => shell("ip -n first -br link show dev eth0").includes("LOWER_UP"));
    await look();
  } finally {
    await done(["destroy", file]);
  }
  return plan;
}
