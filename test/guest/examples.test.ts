/**
 * The examples of guests straight on a network, as a person runs them: libvirt's default network beside Docker's
 * forward policy of drop, and the one guest of the tutorials. (vm-in-a-pod.yaml: test/in-guest/host.test.ts.)
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Capture } from "../support/capture.ts";
import { CHECKOUT, toldBy } from "../support/guest-image.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, json, makeUplink, removeUplink, shell } from "../support/network.ts";
import { tsharkFields } from "../support/tshark.ts";
import { guestIsDone, STATE } from "./console.ts";

const example = (name: string): string => join(CHECKOUT, "examples", name);

/** Whether a ping from outside gets an answer. The outside is given a way to the network for it. */
function reachedFromOutside(subnet: string, address: string): boolean {
  shell(`ip -n outside route replace ${subnet} via 198.51.100.2`);
  try {
    shell(`nsenter --net=/run/netns/outside ping -q -c 2 -W 1 ${address}`);
    return true;
  } catch {
    return false;
  } finally {
    shell(`ip -n outside route delete ${subnet}`);
  }
}

beforeAll(() => {
  makeUplink();
  rmSync(STATE, { recursive: true, force: true });
});
afterAll(() => {
  removeUplink();
});

describe("libvirt-default.yaml, Docker's policy in place", () => {
  let before: readonly string[];
  let after: readonly string[];
  let consoles: readonly string[];
  let outside: readonly Uint8Array[];
  let bridge: Record<string, unknown> | undefined;
  let reached: boolean;

  beforeAll(async () => {
    shell(`iptables-nft -N DOCKER-USER
      iptables-nft -A FORWARD -j DOCKER-USER
      iptables-nft -A DOCKER-USER -j RETURN
      iptables-nft -P FORWARD DROP`);
    before = hostSnapshot();
    using capture = await Capture.open("outside", "eth0");
    await done(["apply", example("libvirt-default.yaml")]);
    consoles = await Promise.all(["vm1", "vm2"].map(guestIsDone));
    bridge = json("ip -j address show dev virbr0")[0];
    reached = reachedFromOutside("192.168.122.0/24", "192.168.122.2");
    outside = capture.frames();
    await done(["destroy", example("libvirt-default.yaml")]);
    after = hostSnapshot();
  }, 300_000);

  afterAll(() => {
    shell("iptables-nft -P FORWARD ACCEPT; iptables-nft -F; iptables-nft -X DOCKER-USER; nft flush ruleset");
  });

  test("virbr0 has the gateway's address, each guest the one that the file gives it", () => {
    expect(bridge?.["addr_info"]).toContainEqual(expect.objectContaining({ local: "192.168.122.1", prefixlen: 24 }));
    expect(consoles.map((console) => toldBy(console, "address"))).toEqual([["192.168.122.2/24"], ["192.168.122.3/24"]]);
    expect(toldBy(consoles[1]!, "mac")).toEqual(["52:54:00:00:01:02"]);
    // One server on the bridge: it says who it is.
    for (const console of consoles) expect(toldBy(console, "lease")).toContain("serverid 192.168.122.1");
  });

  test("the guests reach the host, each other and the outside", () => {
    for (const console of consoles) {
      expect(toldBy(console, "ping")).toEqual(expect.arrayContaining(["192.168.122.1 ok", "198.51.100.1 ok"]));
    }
    const [first = [], second = []] = consoles.map((console) => toldBy(console, "ping"));
    expect(first.includes("192.168.122.3 ok") || second.includes("192.168.122.2 ok")).toBe(true);
  });

  test("the outside sees the uplink's address only and reaches no guest by itself", () => {
    const sources = tsharkFields(outside, ["ip.src"], "ip.dst == 198.51.100.1 && icmp.type == 8").map(
      (row) => row["ip.src"],
    );
    expect(new Set(sources)).toEqual(new Set(["198.51.100.2"]));
    expect(reached).toBe(false);
  });

  test("destroy leaves everything as before, Docker's chains included", () => expect(after).toEqual(before));
});

describe("qemu-tap-nat.yaml", () => {
  let before: readonly string[];
  let after: readonly string[];
  let console: string;

  beforeAll(async () => {
    before = hostSnapshot();
    await done(["apply", example("qemu-tap-nat.yaml")]);
    console = await guestIsDone("guest");
    await done(["destroy", example("qemu-tap-nat.yaml")]);
    after = hostSnapshot();
  }, 300_000);

  test("the guest has its address by DHCP and IPv6, and reaches host and outside", () => {
    expect(toldBy(console, "address")).toEqual(["192.168.100.2/24"]);
    expect(toldBy(console, "route6")).toEqual(["default via fe80::1"]);
    expect(toldBy(console, "address6")).toEqual(["fd00:100::2/128"]);
    expect(toldBy(console, "ping")).toEqual(["192.168.100.1 ok", "198.51.100.1 ok", "fd00:100::1 ok"]);
  });

  test("destroy restores sysctls and rulesets byte for byte", () => expect(after).toEqual(before));
});
