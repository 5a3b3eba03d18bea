/** What a guest gets of each family by each binding, with real clients on the tap; and what reaches it from outside. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Capture } from "../../support/capture.ts";
import { namespaceSnapshot } from "../../support/host-snapshot.ts";
import { Folder, json, Running, shell, startNetloom, until } from "../../support/network.ts";
import { tsharkFields, tsharkFindings } from "../../support/tshark.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { TapGuest } from "./tap-guest.ts";

const POD_MAC = "0a:58:c0:00:02:05";
/** What SLAAC makes of it. */
const POD_EUI64 = "858:c0ff:fe00:205";
const IP4 = ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"];
const IP6 = ["address add 2001:db8::5/64 dev eth0 nodad", "-6 route add default via 2001:db8::1"];

interface BindingLine {
  readonly tap: string;
  readonly mac: string;
  readonly addresses: readonly string[];
}

let folder: Folder;
let pods: string[];

function startPod(name: string, lines: readonly string[]): readonly string[] {
  pods.push(name);
  makePod(name, lines);
  return namespaceSnapshot(name);
}

async function bind(pod: string, more: readonly string[]): Promise<{ running: Running; line: BindingLine }> {
  const words = ["bind", "--netns", pod, "--state", folder.join("state"), "--foreground", "--json", ...more];
  const running = startNetloom(words);
  return { running, line: JSON.parse(await running.firstLine()) as BindingLine };
}

/** A guest whose kernel heeds router advertisements, with a DHCPv6 client where one is wanted. */
async function plugIn(pod: string, mac: string): Promise<TapGuest> {
  const guest = await TapGuest.plugIn(pod, mac);
  shell(`nsenter --net=/run/netns/guest sh -c '
    cd /proc/sys/net/ipv6/conf
    for name in accept_dad dad_transmits; do echo 0 >eth0/$name; done
    echo 2 >eth0/accept_ra
    echo 0 >all/disable_ipv6
    echo 0 >eth0/disable_ipv6'`);
  return guest;
}

function startDhclient6(guest: TapGuest): Running {
  const script = folder.write(
    "dhclient6.script",
    `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
case $reason in BOUND6 | REBIND6 | RENEW6) ip address replace "$new_ip6_address/128" dev eth0 nodad ;; esac
echo "EVENT $reason address=$new_ip6_address servers=$new_dhcp6_name_servers search=$new_dhcp6_domain_search" >&2
exit 0
`,
  );
  shell(`chmod +x ${script}`);
  writeFileSync(folder.join("dhclient6.conf"), "send dhcp6.client-id 0:3:0:1:52:54:0:0:0:1;\n");
  return guest.start([
    ..."dhclient -6 -d -1 -cf".split(" "),
    folder.join("dhclient6.conf"),
    ..."-lf /dev/null -pf /dev/null -sf".split(" "),
    script,
    "eth0",
  ]);
}

/** Until it does: addresses and neighbours take a moment. Nothing here may block, as this process carries the frames. */
async function pings(guest: TapGuest, target: string): Promise<void> {
  const ping = guest.start(["ping", "-c", "20", "-i", "0.2", "-W", "1", target]);
  await until(`${target} answers the guest`, () => ping.stdout.includes("bytes from") || !ping.running);
  expect(ping.stdout).toContain(`bytes from ${target}`);
  await ping.stop("SIGKILL");
}

function addressesOf(namespace: string): string[] {
  return json(`ip -j -n ${namespace} -6 address show dev eth0 scope global`)
    .flatMap((link) => link["addr_info"] as { local?: string; prefixlen?: number }[])
    .flatMap(({ local, prefixlen }) => (local === undefined ? [] : [`${local}/${prefixlen}`]));
}

const routersOf = (namespace: string): unknown[] =>
  json(`ip -j -n ${namespace} -6 route show default`).map((route) => route["gateway"]);

beforeAll(() => makePodNetwork());
afterAll(() => {
  shell("ip link delete br-pods");
});
beforeEach(() => {
  folder = new Folder();
  pods = [];
});
afterEach(() => {
  for (const pod of pods) removePod(pod);
  folder[Symbol.dispose]();
});

describe.for(["modern", "legacy"])("bridge, profile %s", (profile) => {
  test("the guest takes the pod's IPv6 address by DHCPv6 and its default route by advertisement", async () => {
    const before = startPod("pod6", [...IP4, ...IP6]);
    const resolv = folder.write("resolv.conf", "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example.org\n");
    const { running, line } = await bind("pod6", ["--profile", profile, "--resolv-conf", resolv]);
    expect(line).toMatchObject({ mac: POD_MAC, addresses: ["192.0.2.5/24", "2001:db8::5/128"] });
    using onTap = await Capture.open("pod6", "tap0");
    using outside = await Capture.open("", "host-pod6");
    {
      await using guest = await plugIn("pod6", line.mac);
      await until("the guest has a default route", () => routersOf("guest").length > 0);
      const client = startDhclient6(guest);
      await until("dhclient is bound", () => client.stderr.includes("EVENT BOUND6") || !client.running);
      expect(client.stderr).toContain("EVENT BOUND6 address=2001:db8::5 servers=2001:db8::53 search=example.org");
      await pings(guest, "2001:db8::1");
      // Nothing but what the pod had: no address of the prefix by SLAAC.
      expect(addressesOf("guest").toSorted()).toEqual(["2001:db8::5/128"]);
      // Beyond the link: through the gateway, whose MAC address the advertisement told.
      shell("ip address add 2001:db8:ffff::1/128 dev br-pods nodad");
      await pings(guest, "2001:db8:ffff::1");
      shell("ip address delete 2001:db8:ffff::1/128 dev br-pods");
    }
    const ours = "ipv6.src == fe80::6e6c:1 || ipv6.src == fe80::6e6c:2";
    expect(tsharkFields(onTap.frames(), ["icmpv6.type"], ours).length).toBeGreaterThan(0);
    expect(tsharkFindings(onTap.frames(), ours)).toEqual([]);
    expect(
      tsharkFields(outside.frames(), ["frame.number"], `eth.src == ${POD_MAC} && (dhcpv6 || icmpv6.type == 133)`),
    ).toEqual([]);
    expect((await running.stop()).code).toBe(0);
    expect(namespaceSnapshot("pod6")).toEqual(before);
  });
});

test("bridge: an address that SLAAC makes is made by the guest itself; the gateway is a link-local one", async () => {
  const router = "fe80::beef";
  shell(`ip address replace ${router}/64 dev br-pods nodad`);
  const lines = [`address add 2001:db8::${POD_EUI64}/64 dev eth0 nodad`, `-6 route add default via ${router} dev eth0`];
  startPod("pod6", lines);
  const { running, line } = await bind("pod6", []);
  expect(line.addresses).toEqual([`2001:db8::${POD_EUI64}/64`]);
  {
    await using guest = await plugIn("pod6", line.mac);
    await until("the guest has an address", () => addressesOf("guest").length > 0);
    expect(addressesOf("guest")).toEqual([`2001:db8::${POD_EUI64}/64`]);
    expect(routersOf("guest")).toEqual([router]);
    await pings(guest, "2001:db8::1");
  }
  expect((await running.stop()).code).toBe(0);
});

test("another MAC address on the tap gets neither advertisement nor answer", async () => {
  startPod("pod6", IP6);
  const { running } = await bind("pod6", []);
  using onTap = await Capture.open("pod6", "tap0");
  {
    await using guest = await plugIn("pod6", "52:54:00:00:00:99");
    const client = startDhclient6(guest);
    await until("it has asked twice", () => client.stderr.split("XMT: Solicit").length > 2);
    expect(routersOf("guest")).toEqual([]);
    expect(client.stderr).not.toContain("RCV:");
    await client.stop("SIGKILL");
  }
  expect(tsharkFields(onTap.frames(), ["frame.number"], "eth.dst == 52:54:00:00:00:99")).toEqual([]);
  expect((await running.stop()).code).toBe(0);
});

describe("masquerade", () => {
  const greet = (guest: TapGuest, port: number): Running =>
    guest.start(["busybox", "nc", "-ll", "-p", String(port), "-e", "/bin/echo", "from the guest"]);
  const reach = async (namespace: string, target: string, port: number): Promise<string> => {
    const words = ["busybox", "nc", "-w", "2", target, String(port)];
    const running = new Running(
      namespace === "" ? words : ["nsenter", `--net=/run/netns/${namespace}`, "--", ...words],
    );
    const { code, stdout } = await running.ended();
    return code === 0 ? stdout.trim() : "refused";
  };
  const isReached = async (namespace: string, target: string, port: number): Promise<void> => {
    for (let tries = 0; tries < 20; tries++) {
      if ((await reach(namespace, target, port)) === "from the guest") return;
      await sleep(100);
    }
    throw new Error(`the guest is not reached at ${target} port ${port}`);
  };

  test("the guest is behind the pod, in both families, and reached at the pod's address and localhost", async () => {
    const before = startPod("hide", [...IP4, ...IP6]);
    const { running, line } = await bind("hide", ["--binding", "masquerade"]);
    expect(line.addresses).toEqual(["10.0.2.2/24", "fd10:0:2::2/128"]);
    expect(line.mac).not.toBe(POD_MAC);
    using outside = await Capture.open("", "host-hide");
    {
      await using guest = await plugIn("hide", line.mac);
      expect(await guest.lease(folder)).toMatchObject({ ip: "10.0.2.2", router: "10.0.2.1" });
      const client = startDhclient6(guest);
      await until("dhclient is bound", () => client.stderr.includes("EVENT BOUND6") || !client.running);
      expect(addressesOf("guest")).toEqual(["fd10:0:2::2/128"]);
      expect(routersOf("guest")).toEqual(["fe80::1"]);
      await pings(guest, "192.0.2.1");
      await pings(guest, "2001:db8::1");
      greet(guest, 8080);
      for (const [namespace, target] of [
        ["", "192.0.2.5"],
        ["", "2001:db8::5"],
        ["hide", "127.0.0.1"],
      ] as const) {
        await isReached(namespace, target, 8080);
      }
    }
    // Nobody outside sees the guest's own addresses or asks for them.
    const inner = "ip.addr == 10.0.2.0/24 || ipv6.addr == fd10:0:2::/120 || arp.dst.proto_ipv4 == 10.0.2.2";
    expect(tsharkFields(outside.frames(), ["frame.number"], inner)).toEqual([]);
    expect((await running.stop()).code).toBe(0);
    expect(namespaceSnapshot("hide")).toEqual(before);
  });

  test("of a list of ports only these are the guest's; the others stay the pod's", async () => {
    startPod("hide", IP4);
    const { running, line } = await bind("hide", ["--binding", "masquerade", "--ports", "8080/tcp"]);
    {
      await using guest = await plugIn("hide", line.mac);
      await guest.lease(folder);
      greet(guest, 8080);
      greet(guest, 9090);
      await isReached("", "192.0.2.5", 8080);
      expect(await reach("", "192.0.2.5", 9090)).toBe("refused");
      expect(await reach("hide", "127.0.0.1", 8080)).toBe("from the guest");
    }
    expect((await running.stop()).code).toBe(0);
  });

  test("a pod without an address has nothing to hide behind: told, nothing touched", async () => {
    const before = startPod("hide", []);
    const words = ["bind", "--netns", "hide", "--state", join(folder.path, "state"), "--foreground"];
    const { code, stderr } = await startNetloom([...words, "--binding", "masquerade"]).ended();
    expect(code).toBe(1);
    expect(stderr).toContain("has no address that a guest could use");
    expect(namespaceSnapshot("hide")).toEqual(before);
  });
});
