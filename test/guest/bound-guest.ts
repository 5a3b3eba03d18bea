/**
 * A pod `web` of both families that others made, bound, with a real guest: what the guest took, what it reaches, and
 * who answers at the pod's addresses from outside.
 */
import { closeSync } from "node:fs";
import type { Binding } from "../../src/engine/bind.ts";
import { openMacvtap } from "../../src/kernel/macvtap.ts";
import { Capture } from "../support/capture.ts";
import { namespaceSnapshot } from "../support/host-snapshot.ts";
import { Folder, json, Running, shell, startNetloom, until } from "../support/network.ts";
import { tsharkFields } from "../support/tshark.ts";
import { Guest } from "./guest.ts";

export const POD_MAC = "02:42:c0:00:02:11";
const INSIDE = ["192.0.2.1", "2001:db8::1"];
/** Beyond the gateway. */
const BEYOND = ["198.51.100.7", "2001:db8:ffff::7"];
export const REACHED = [...INSIDE, ...BEYOND].map((target) => `${target} ok`);
/** DHCP of both families and router solicitations. */
const CONFIGURATION = "(udp.port in {67, 68, 546, 547} || icmpv6.type == 133) && !icmp";

/** What was seen from bind to unbind. */
export interface Story {
  readonly binding: Binding;
  readonly guest: Guest;
  /** Who answers at the pod's addresses: its MAC address in the gateway's eyes, and the TTL of its answers. */
  readonly answers: readonly string[];
  /** Configuration that crossed to the pod network. */
  readonly leaked: readonly unknown[];
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** @param words of bind */
export async function bindWithGuest(words: readonly string[]): Promise<Story> {
  using folder = new Folder();
  makePod();
  try {
    const before = namespaceSnapshot("web");
    const options = ["--netns", "web", "--state", folder.join("state"), "--foreground", "--json"];
    const running = startNetloom(["bind", ...options, ...words]);
    const binding = JSON.parse(await running.firstLine()) as Binding;
    // From here on: with the same MAC address the pod itself solicited before.
    using outside = await Capture.open("gateway", "v0");
    const orders = [`nl.ping=${[...INSIDE, ...BEYOND].join(",")}`, "nl.ip6=1", "nl.renew=1", "nl.wait=60"];
    const descriptors =
      binding.tapType === "macvtap" ? await openMacvtap({ namespace: "web", interfaceName: binding.tap }) : [];
    await using guest = new Guest("web", binding.qemuArguments, orders, descriptors);
    descriptors.forEach((descriptor) => closeSync(descriptor));
    await guest.shows("GUEST done");
    const answers = [await answerOf("192.0.2.17"), await answerOf("2001:db8::17")];
    const seen = outside.frames();
    await guest[Symbol.asyncDispose]();
    const { code, stderr } = await running.stop();
    if (code !== 0) throw new Error(`bind ended with ${code}: ${stderr}`);
    const leaked = tsharkFields(seen, ["eth.src", "ip.src", "ipv6.src"], CONFIGURATION).filter(
      (row) => row["eth.src"] === binding.mac,
    );
    // Duplicate address detection of what came back.
    await until("settled addresses", () => json("ip -j -n web address show tentative").length === 0, 30);
    return { binding, guest, answers, leaked, before, after: namespaceSnapshot("web") };
  } finally {
    shell("ip netns delete web; ip netns delete gateway");
  }
}

function makePod(): void {
  shell(`ip netns add gateway
    ip netns add web
    ip -n gateway link add v0 mtu 1450 type veth peer name eth0 mtu 1450 address ${POD_MAC} netns web
    for name in gateway web; do ip -n $name link set lo up; done
    ip -n gateway link set v0 up
    ip -n web link set eth0 up
    nsenter --net=/run/netns/gateway sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
    ip -n gateway address add 192.0.2.1/25 dev v0
    ip -n gateway address add 2001:db8::1/64 dev v0 nodad
    ip -n gateway address add ${BEYOND[0]}/32 dev lo
    ip -n gateway address add ${BEYOND[1]}/128 dev lo
    ip -n web address add 192.0.2.17/25 dev eth0
    ip -n web address add 2001:db8::17/64 dev eth0 nodad
    ip -n web route add default via 192.0.2.1
    ip -n web route add default via 2001:db8::1
    for i in $(seq 100); do [ -n "$(ip -n web -6 address show tentative)" ] || break; sleep 0.05; done`);
}

async function answerOf(address: string): Promise<string> {
  const ping = new Running(["nsenter", "--net=/run/netns/gateway", "ping", "-c", "3", "-i", "0.3", "-W", "3", address]);
  const { stdout } = await ping.ended();
  const ttl = /ttl=(\d+)/.exec(stdout)?.[1] ?? "none";
  const mac = json(`ip -j -n gateway neighbour show to ${address}`)[0]?.["lladdr"];
  return `${address} ${String(mac)} ttl ${ttl}`;
}
