/**
 * A guest without a machine: namespace "guest" whose eth0 is a tap too, and a loop that carries frames between that and
 * the pod's tap, as QEMU would. What runs there has a kernel of its own between itself and the pod.
 */
import { closeSync, readSync, writeSync } from "node:fs";
import { constants } from "node:os";
import { closeDescriptor, openNamespace, openTap } from "../../../src/kernel/native.ts";
import { Running, shell, until } from "../../support/network.ts";

const CARRY_MILLISECONDS = 2;
const LARGEST_FRAME = 65_536;
const LOST = new Set([-constants.errno.EIO, -77]);
/** EAGAIN, and EBADFD, which has no name in Node. */
const NOTHING = new Set([-constants.errno.EAGAIN, -77]);

/** Configures what the lease says, then prints "EVENT bound NAME=VALUE|NAME=VALUE…". */
const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case $1 in
deconfig) ip -4 address flush dev "$interface" ;;
bound | renew)
  ip address replace "$ip/$mask" dev "$interface"
  for word in $staticroutes; do
    if [ -z "$destination" ]; then destination=$word; continue; fi
    if [ "$word" = 0.0.0.0 ]; then ip route replace "$destination" dev "$interface"
    else ip route replace "$destination" via "$word" dev "$interface"; fi
    destination=
  done
  ;;
esac
echo "EVENT $1 $(env | tr '\\n' '|')"
`;

/** What a client's script was told. */
export type Lease = Readonly<Record<string, string>>;

export class TapGuest implements AsyncDisposable {
  readonly #descriptors: readonly [number, number];
  readonly #timer: NodeJS.Timeout;
  readonly #clients: Running[] = [];
  readonly #buffer = new Uint8Array(LARGEST_FRAME);

  private constructor(descriptors: readonly [number, number]) {
    this.#descriptors = descriptors;
    this.#timer = setInterval(() => this.#carry(), CARRY_MILLISECONDS);
  }

  /** Plug in to the pod's tap. @param pod name or path of its namespace */
  static async plugIn(pod: string, mac: string, tap = "tap0"): Promise<TapGuest> {
    shell(`ip netns add guest
      nsenter --net=/run/netns/guest sh -c 'for c in all default; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done'
      ip -n guest link set lo up`);
    const guest = new TapGuest([
      openTapOf(pod.includes("/") ? pod : `/run/netns/${pod}`, tap),
      openTapOf("/run/netns/guest", "eth0"),
    ]);
    shell(`ip -n guest link set eth0 address ${mac} up`);
    const path = pod.includes("/") ? pod : `/run/netns/${pod}`;
    await until("the bridge forwards for the guest", () =>
      shell(`nsenter --net=${path} bridge link show dev ${tap}`).includes("state forwarding"),
    );
    return guest;
  }

  #carry(): void {
    const [pod, guest] = this.#descriptors;
    for (const [from, to] of [
      [pod, guest],
      [guest, pod],
    ] as const) {
      for (let length = this.#read(from); length > 0; length = this.#read(from)) this.#write(to, length);
    }
  }

  #write(descriptor: number, length: number): void {
    try {
      writeSync(descriptor, this.#buffer, 0, length);
    } catch (error) {
      // The link is down or gone: the frame is lost, as on a wire.
      if (!(error instanceof Error && "errno" in error && LOST.has(Number(error.errno)))) throw error;
    }
  }

  #read(descriptor: number): number {
    try {
      return readSync(descriptor, this.#buffer);
    } catch (error) {
      // Nothing there, or unplugged: the pod's tap was deleted while we held it.
      if (error instanceof Error && "errno" in error && NOTHING.has(Number(error.errno))) return 0;
      throw error;
    }
  }

  /** Start a program in the guest. */
  start(words: readonly string[]): Running {
    const running = new Running(["nsenter", "--net=/run/netns/guest", "--", ...words]);
    this.#clients.push(running);
    return running;
  }

  /** busybox udhcpc, three requests a second apart, then it gives up. It stays, and renews on SIGUSR1. */
  startUdhcpc(folder: { write(name: string, text: string): string }, link = "eth0"): Running {
    const script = folder.write("udhcpc.script", SCRIPT);
    shell(`chmod +x ${script}`);
    const asked = ["search", "staticroutes", "mtu"].flatMap((name) => ["-O", name]);
    return this.start(["busybox", "udhcpc", "-f", "-n", "-t", "3", "-T", "1", "-i", link, "-s", script, ...asked]);
  }

  /** Take a lease with a client that then ends. @throws Error when there was none */
  async lease(folder: { write(name: string, text: string): string }): Promise<Lease> {
    const client = this.startUdhcpc(folder);
    const lease = await event(client, "bound");
    await client.stop();
    return lease;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client.stop("SIGKILL");
    clearInterval(this.#timer);
    for (const descriptor of this.#descriptors) closeSync(descriptor);
    shell("ip netns delete guest");
  }
}

/** What the client's script was told with the first event of that name. @throws Error when the client ended without */
export async function event(client: Running, name: string): Promise<Lease> {
  const line = (): string | undefined =>
    client.stdout.split("\n").find((candidate) => candidate.startsWith(`EVENT ${name} `));
  await until(`event ${name} of the DHCP client`, () => line() !== undefined || !client.running);
  const found = line();
  if (found === undefined) throw new Error(`the client ended: ${client.stdout}${client.stderr}`);
  const words = found.slice(`EVENT ${name} `.length).split("|");
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]));
}

function openTapOf(path: string, name: string): number {
  const namespace = openNamespace(path);
  try {
    return openTap({ namespace, name, mode: "tap" });
  } finally {
    closeDescriptor(namespace);
  }
}
