/**
 * `netloom bind` with a real guest: a pod that somebody else made, QEMU started with what bind prints, captures on the
 * tap and on the pod network while the guest takes its lease, reboots, takes it again, pings and renews.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Binding } from "../../src/engine/bind.ts";
import { Capture } from "../support/capture.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { json, shell, startNetloom, until } from "../support/network.ts";
import { tsharkFields, tsharkFindings } from "../support/tshark.ts";
import { Guest } from "./guest.ts";

const POD_MAC = "02:42:c0:00:02:11";
const FOLDERS = ["/etc/netns", "/run/netns", "/run/netloom"];
/**
 * A kernel that refuses a request of the guest, because it holds the server's address and knows no server. The guest
 * itself refuses replies when it is slow: udhcpc has no socket any more.
 */
const REFUSAL = "icmp.type == 3 && udp.dstport == 67";
const DHCP_FIELDS = ["dhcp.option.dhcp", "eth.src", "eth.dst", "ip.src", "ip.dst"];

/** What was seen and told from the first lease to the end of the binding. */
interface Story {
  readonly guest: Guest;
  readonly onTap: readonly Uint8Array[];
  readonly onGateway: readonly Uint8Array[];
  readonly gatewayMac: string;
  /** Of the bridge, which all our frames come from. */
  readonly ourMac: string;
}

function macOf(namespace: string, link: string): string {
  return String(json(`ip -j -n ${namespace} link show dev ${link}`)[0]?.["address"]);
}

/** Duplicate address detection over: what changes later is our doing. */
function settled(): Promise<void> {
  return until("settled addresses", () => json("ip -j -n web address show tentative").length === 0, 30);
}

/** The pod's snapshot, once the kernel has checked the addresses that came back. */
async function restored(before: readonly string[]): Promise<string[]> {
  let after: string[] = [];
  const same = (): boolean => {
    after = hostSnapshot(FOLDERS);
    return after.join("\n") === before.join("\n");
  };
  // What differs is told by the comparison of the caller.
  await until("the pod as it was", same, 15).catch(() => undefined);
  return after;
}

/** A pod `web` and its network, both made without netloom. @param pod lines that address eth0 and the gateway's v0 */
function makePod(pod: string): void {
  shell(`ip netns add gateway
    nsenter --net=/run/netns/gateway sh -c "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
    ip netns add web
    ip -n gateway link add v0 mtu 1450 type veth peer name eth0 mtu 1450 address ${POD_MAC} netns web
    ip -n gateway link set lo up
    ip -n gateway link set v0 up
    ip -n web link set lo up
    ip -n web link set eth0 up
    ${pod}`);
  mkdirSync("/etc/netns/web", { recursive: true });
  // The empty state folder stays: it may be the user's.
  mkdirSync("/run/netloom", { recursive: true });
  writeFileSync("/etc/netns/web/resolv.conf", "search team.example.org example.org\nnameserver 192.0.2.53\n");
  writeFileSync("/etc/netns/web/hostname", "web-1\n");
}

function removePod(): void {
  shell("ip netns delete web; ip netns delete gateway");
  rmSync("/etc/netns/web", { recursive: true });
}

function expectNothingOfOursOutside({ onGateway }: Story): void {
  expect(tsharkFields(onGateway, ["ip.dst"], "icmp.type == 8").length).toBeGreaterThan(0);
  expect(tsharkFields(onGateway, DHCP_FIELDS, `(udp.port in {67, 68} && !icmp) || ${REFUSAL}`)).toEqual([]);
}

function expectGoodFrames({ onTap, ourMac }: Story): void {
  expect(tsharkFields(onTap, ["frame.number"], `eth.src == ${ourMac} && dhcp`).length).toBeGreaterThanOrEqual(3);
  expect(tsharkFindings(onTap, `eth.src == ${ourMac}`)).toEqual([]);
  expect(tsharkFields(onTap, DHCP_FIELDS, REFUSAL)).toEqual([]);
}

/** The requests of a client that has its address, and their answers. */
function expectUnicastRenewal({ onTap, gatewayMac, ourMac }: Story, serverAddress: string): void {
  const rows = tsharkFields(onTap, DHCP_FIELDS, "dhcp.ip.client == 192.0.2.17 && !icmp");
  const request = {
    "dhcp.option.dhcp": "3",
    "eth.src": POD_MAC,
    "eth.dst": gatewayMac,
    "ip.src": "192.0.2.17",
    "ip.dst": serverAddress,
  };
  const reply = {
    "dhcp.option.dhcp": "5",
    "eth.src": ourMac,
    "eth.dst": POD_MAC,
    "ip.src": serverAddress,
    "ip.dst": "192.0.2.17",
  };
  expect(rows.slice(0, 2)).toEqual([request, reply]);
  // udhcpc may repeat a request whose answer came before its socket listened: each one is answered.
  expect(rows.map((row) => row["dhcp.option.dhcp"]).join("")).toMatch(/^(35)+$/);
}

const PROFILES = [
  { profile: "modern", bridge: "k6t-eth0", serverAddress: "169.254.75.10" },
  { profile: "legacy", bridge: "br1", serverAddress: "169.254.75.86" },
] as const;

describe.each(PROFILES)("a foreign pod, profile $profile", ({ profile, bridge, serverAddress }) => {
  let before: readonly string[];
  let after: readonly string[];
  let binding: Binding;
  let story: Story;
  let links: Record<string, unknown>[];

  beforeAll(async () => {
    makePod(`ip -n gateway address add 192.0.2.1/25 dev v0
      ip -n gateway address add 192.0.2.9/25 dev v0
      ip -n gateway address add 198.51.100.7/32 dev lo
      ip -n gateway address add 198.51.100.200/32 dev lo
      ip -n web address add 192.0.2.17/25 dev eth0
      ip -n web address add 2001:db8::17/64 dev eth0
      ip -n web route add 198.51.100.128/25 via 192.0.2.9
      ip -n web route add default via 192.0.2.1`);
    await settled();
    before = hostSnapshot(FOLDERS);
    {
      using onGateway = await Capture.open("gateway", "v0");
      const words = "--netns web --interface eth0 --binding bridge --foreground --json".split(" ");
      const running = startNetloom(["bind", ...words, "--profile", profile]);
      binding = JSON.parse(await running.firstLine()) as Binding;
      links = json("ip -j -n web address");
      using onTap = await Capture.open("web", "tap0");
      const pings = "nl.ping=192.0.2.1,192.0.2.9,198.51.100.7,198.51.100.200";
      const orders = [pings, "nl.reboot=1", "nl.renew=1", "nl.wait=60", "nl.poweroff=1"];
      await using guest = new Guest("web", binding.qemuArguments, orders);
      await guest.shows("GUEST done");
      await guest.ended();
      story = {
        guest,
        onTap: onTap.frames(),
        onGateway: onGateway.frames(),
        gatewayMac: macOf("gateway", "v0"),
        ourMac: macOf("web", bridge),
      };
      expect(await running.stop("SIGTERM")).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/error/i) });
    }
    after = await restored(before);
  }, 240_000);

  afterAll(removePod);

  test("bind says what the guest needs", () => {
    expect(binding).toMatchObject({
      tap: "tap0",
      mac: POD_MAC,
      mtuBytes: 1450,
      addresses: ["192.0.2.17/25", "2001:db8::17/128"],
    });
  });

  test("the pod has the profile's names and addresses meanwhile", () => {
    const shown = links.map((link) => {
      const addresses = (link["addr_info"] ?? []) as { family: string; local: string }[];
      const local = addresses.filter(({ family }) => family === "inet").map(({ local: address }) => address);
      return [link["ifname"], link["address"] === POD_MAC, ...local];
    });
    const modern = [
      ["k6t-eth0", false, "169.254.75.10"],
      ["eth0-nic", false],
      ["eth0", true, "192.0.2.17"],
    ];
    const legacy = [
      ["br1", false, "169.254.75.86"],
      ["eth0", false],
    ];
    const expected = [["lo", false, "127.0.0.1"], ["tap0", false], ...(profile === "modern" ? modern : legacy)];
    expect(shown.toSorted()).toEqual(expected.toSorted());
  });

  test("the guest has everything that the pod had, also after its reboot", () => {
    const { guest } = story;
    expect(guest.told("rebooting")).toHaveLength(1);
    expect(guest.told("mac")).toEqual([POD_MAC, POD_MAC]);
    expect(guest.told("address")).toEqual(["192.0.2.17/25", "192.0.2.17/25"]);
    expect(guest.told("mtu")).toEqual(["1450", "1450"]);
    expect(guest.told("hostname")).toEqual(["web-1", "web-1"]);
    const resolver = ["search team.example.org example.org", "nameserver 192.0.2.53"];
    expect(guest.told("resolv")).toEqual([...resolver, ...resolver]);
    const routes = [
      "default via 192.0.2.1 dev eth0",
      "192.0.2.0/25 dev eth0 scope link src 192.0.2.17",
      "198.51.100.128/25 via 192.0.2.9 dev eth0",
    ];
    expect(guest.told("route").map((route) => route.replaceAll(/ +/g, " "))).toEqual([...routes, ...routes]);
    expect(guest.told("route-failed")).toEqual([]);
    expect(guest.told("lease")).toContain("domain team.example.org");
    expect(guest.told("lease")).toContain(`serverid ${serverAddress}`);
  });

  test("it reaches its gateway, the outside and what lies behind the further route, also at full MTU", () => {
    const targets = ["192.0.2.1", "192.0.2.9", "198.51.100.7", "198.51.100.200"];
    expect(story.guest.told("ping")).toEqual(targets.map((target) => `${target} ok`));
    expect(story.guest.told("ping-full")).toEqual(targets.map((target) => `${target} ok 1450`));
    const seen = tsharkFields(story.onGateway, ["eth.src", "ip.src"], "icmp.type == 8");
    expect(new Set(seen.map((row) => `${row["eth.src"]} ${row["ip.src"]}`))).toEqual(
      new Set([`${POD_MAC} 192.0.2.17`]),
    );
  });

  test("it renews by unicast", () => {
    expect(story.guest.told("renewal")).toEqual(["ok"]);
    expectUnicastRenewal(story, serverAddress);
  });

  test("no DHCP and no refusal reaches the pod network", () => expectNothingOfOursOutside(story));

  test("every packet of ours is well-formed", () => expectGoodFrames(story));

  test("afterwards the pod is as it was", () => expect(after).toEqual(before));
});

describe("a pod with a /32 address, a gateway off its link and a lease of 20 s", () => {
  let before: readonly string[];
  let after: readonly string[];
  let story: Story;

  beforeAll(async () => {
    makePod(`ip -n gateway address add 169.254.1.1/32 dev v0
      ip -n gateway route add 192.0.2.17/32 dev v0 src 169.254.1.1
      ip -n gateway address add 198.51.100.7/32 dev lo
      ip -n web address add 192.0.2.17/32 dev eth0
      ip -n web route add 169.254.1.1 dev eth0 scope link
      ip -n web route add default via 169.254.1.1`);
    await settled();
    before = hostSnapshot(FOLDERS);
    {
      using onGateway = await Capture.open("gateway", "v0");
      const words = "--netns web --interface eth0 --binding bridge --lease 20s --foreground --json".split(" ");
      const running = startNetloom(["bind", ...words]);
      const { qemuArguments } = JSON.parse(await running.firstLine()) as Binding;
      using onTap = await Capture.open("web", "tap0");
      await using guest = new Guest("web", qemuArguments, ["nl.ping=169.254.1.1,198.51.100.7", "nl.wait=60"]);
      await guest.shows("GUEST event renew");
      await guest.shows("GUEST done");
      story = {
        guest,
        onTap: onTap.frames(),
        onGateway: onGateway.frames(),
        gatewayMac: macOf("gateway", "v0"),
        ourMac: macOf("web", "k6t-eth0"),
      };
      await guest[Symbol.asyncDispose]();
      expect(await running.stop("SIGTERM")).toMatchObject({ code: 0 });
    }
    after = await restored(before);
  }, 240_000);

  afterAll(removePod);

  test("the guest gets both and reaches the outside", () => {
    expect(story.guest.told("address")).toEqual(["192.0.2.17/32"]);
    expect(story.guest.told("route").map((route) => route.replaceAll(/ +/g, " "))).toEqual([
      "default via 169.254.1.1 dev eth0",
      "169.254.1.1 dev eth0 scope link",
    ]);
    expect(story.guest.told("route-failed")).toEqual([]);
    expect(story.guest.told("ping")).toEqual(["169.254.1.1 ok", "198.51.100.7 ok"]);
    expect(story.guest.told("ping-full")).toEqual(["169.254.1.1 ok 1450", "198.51.100.7 ok 1450"]);
  });

  test("udhcpc renews by itself after half the lease, by unicast, and is answered", () => {
    expect(story.guest.told("lease")).toContain("lease 20");
    expect(story.guest.told("event").filter((event) => event !== "renew")).toEqual(["deconfig", "bound"]);
    expectUnicastRenewal(story, "169.254.75.10");
  });

  test("no DHCP and no refusal reaches the pod network", () => expectNothingOfOursOutside(story));

  test("every packet of ours is well-formed", () => expectGoodFrames(story));

  test("afterwards the pod is as it was", () => expect(after).toEqual(before));
});
