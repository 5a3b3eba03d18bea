/** bind and unbind of a pod that others made, as a person runs them, with a guest on the tap. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Capture } from "../../support/capture.ts";
import { namespaceSnapshot } from "../../support/host-snapshot.ts";
import { done, json, netloom, Running, shell, until } from "../../support/network.ts";
import { tsharkFields } from "../../support/tshark.ts";
import { makePod, removePod } from "../transition/pods.ts";
import { ADDRESS, BindHost, BindScene, DEFAULT, end, PLAIN } from "./bind-scene.ts";
import { event, type Lease, TapGuest } from "./tap-guest.ts";

const POD_MAC = "0a:58:c0:00:02:05";

let host: BindHost;
let scene: BindScene;

beforeAll(() => {
  host = new BindHost();
});
afterAll(() => host[Symbol.dispose]());
beforeEach(() => {
  scene = new BindScene();
});
afterEach(() => scene[Symbol.dispose]());

const SHAPES: [string, readonly string[], Lease][] = [
  [
    "the default route last",
    [ADDRESS, "route add 203.0.113.0/24 via 192.0.2.9", DEFAULT],
    { ip: "192.0.2.5", mask: "24", router: "192.0.2.1", staticroutes: "203.0.113.0/24 192.0.2.9 0.0.0.0/0 192.0.2.1" },
  ],
  [
    "the default route first",
    [ADDRESS, DEFAULT, "route add 10.0.0.0/8 via 192.0.2.9", "route add 203.0.113.0/24 dev eth0"],
    {
      ip: "192.0.2.5",
      mask: "24",
      router: "192.0.2.1",
      staticroutes: "203.0.113.0/24 0.0.0.0 10.0.0.0/8 192.0.2.9 0.0.0.0/0 192.0.2.1",
    },
  ],
  ["exactly one route, the subnet's", [ADDRESS], { ip: "192.0.2.5", mask: "24" }],
  [
    "exactly one route, the default route",
    ["address add 192.0.2.5/24 dev eth0 noprefixroute", "route add default via 192.0.2.1 dev eth0 onlink"],
    { ip: "192.0.2.5", mask: "24", router: "192.0.2.1", staticroutes: "0.0.0.0/0 192.0.2.1" },
  ],
  [
    "a /32 with a gateway off the link",
    [
      "address add 192.0.2.5/32 dev eth0",
      "route add 169.254.1.1 dev eth0 scope link",
      "route add default via 169.254.1.1",
    ],
    {
      ip: "192.0.2.5",
      mask: "32",
      router: "169.254.1.1",
      staticroutes: "169.254.1.1/32 0.0.0.0 0.0.0.0/0 169.254.1.1",
    },
  ],
  [
    "several addresses",
    [ADDRESS, "address add 192.0.2.6/24 dev eth0", "address add 198.51.100.5/25 dev eth0", DEFAULT],
    { ip: "192.0.2.5", mask: "24", router: "192.0.2.1", staticroutes: "0.0.0.0/0 192.0.2.1" },
  ],
  [
    "IPv6 too",
    [ADDRESS, DEFAULT, "address add 2001:db8::5/64 dev eth0", "route add default via 2001:db8::1"],
    { ip: "192.0.2.5", mask: "24", router: "192.0.2.1", staticroutes: "0.0.0.0/0 192.0.2.1" },
  ],
];

describe.each(["modern", "legacy"] as const)("%s profile", (profile) => {
  const names = {
    modern: { bridge: "k6t-eth0", nic: "eth0-nic", server: "169.254.75.10" },
    legacy: { bridge: "br1", nic: "eth0", server: "169.254.75.86" },
  }[profile];

  test.each(SHAPES)("%s: the guest is told what the pod had, and it comes back exactly", async (shape, lines, told) => {
    await scene.withPod(lines, async () => {
      const { running, line } = await scene.bind("pod1", profile);
      expect(line).toEqual({
        tap: "tap0",
        tapType: "tap",
        queues: 1,
        mac: POD_MAC,
        mtuBytes: 1440,
        addresses: [`${told["ip"]}/${told["mask"]}`, ...(shape === "IPv6 too" ? ["2001:db8::5/128"] : [])],
        qemuArguments: [
          "-netdev",
          "tap,id=tap0,ifname=tap0,script=no,downscript=no",
          "-device",
          `virtio-net-pci,netdev=tap0,mac=${POD_MAC},host_mtu=1440,romfile=`,
        ],
      });
      const links = json("ip -n pod1 -d -j link");
      const link = (name: string) => links.find((entry) => entry["ifname"] === name);
      expect(link("tap0")).toMatchObject({
        master: names.bridge,
        mtu: 1440,
        linkinfo: { info_data: { persist: true } },
      });
      expect(link(names.nic)).toMatchObject({ master: names.bridge, mtu: 1440 });
      expect(link(names.nic)?.["address"]).not.toBe(POD_MAC);
      const addresses = shell("ip -n pod1 -o -4 address show | awk '{print $2, $4}'").split("\n");
      expect(addresses.filter((entry) => entry.startsWith(names.bridge))).toEqual([
        `${names.bridge} ${names.server}/32`,
      ]);
      if (profile === "modern") {
        expect(addresses).toContain(`eth0 ${told["ip"]}/${told["mask"]}`);
        expect(link("eth0")).toMatchObject({ address: POD_MAC, mtu: 1440 });
      } else expect(addresses.filter((entry) => entry.startsWith("eth0"))).toEqual([]);

      await using guest = await TapGuest.plugIn("pod1", line.mac);
      const lease = await guest.lease(scene.folder);
      expect(lease).toMatchObject({
        ...told,
        serverid: names.server,
        lease: "86313600",
        mtu: "1440",
        dns: "192.0.2.53",
        search: "example.org",
        domain: "example.org",
        hostname: "pod1",
      });
      for (const option of ["router", "staticroutes"])
        if (told[option] === undefined) expect(lease[option]).toBe(undefined);
      await end(running);
    });
  });

  test("no address: plain layer 2, a server beyond the pod is the guest's", async () => {
    await scene.withPod(["link set eth0 addrgenmode none", "address flush dev eth0"], async () => {
      await using foreign = await ForeignServer.start();
      const { running, line } = await scene.bind("pod1", profile);
      expect(line).toMatchObject({ mac: POD_MAC, addresses: [] });
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      expect(await guest.lease(scene.folder)).toMatchObject({
        ip: expect.stringMatching(/^192\.0\.2\.20\d$/),
        serverid: "192.0.2.1",
      });
      expect(foreign.output).toContain("sending ACK");
      await end(running);
    });
  });

  test("the guest reaches the pod network, and renews; nothing is refused", async () => {
    await scene.withPod(PLAIN, async () => {
      const { running, line } = await scene.bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      using capture = await Capture.open("guest", "eth0");
      const client = guest.startUdhcpc(scene.folder);
      await event(client, "bound");
      expect((await guest.start(["ping", "-c", "1", "-W", "5", "192.0.2.1"]).ended()).code).toBe(0);
      client.child.kill("SIGUSR1");
      expect(await event(client, "renew")).toMatchObject({ ip: "192.0.2.5", serverid: names.server });
      await until(
        "the answer is captured",
        () => packetsOf(capture).filter((packet) => packet.endsWith(" 68")).length >= 3,
      );
      const seen = packetsOf(capture);
      // DISCOVER, OFFER, REQUEST, ACK; echo and its answer; then REQUEST and ACK between the two, and nothing refused.
      expect(seen).toHaveLength(8);
      expect(seen.filter((packet) => packet.endsWith(" 3"))).toEqual([]);
      expect(seen.slice(-2)).toEqual([`192.0.2.5 ${names.server} 67`, `${names.server} 192.0.2.5 68`]);
      await end(running);
    });
  });

  test("DHCP does not cross between guest and pod network; a second MAC address on the tap gets silence", async () => {
    await scene.withPod(PLAIN, async () => {
      await using foreign = await ForeignServer.start();
      const { running, line } = await scene.bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      using capture = await Capture.open("", "host-pod1");
      shell(`ip -n guest link add other0 link eth0 address 52:54:00:00:00:99 type macvlan mode bridge
        ip -n guest link set other0 up`);
      const other = guest.startUdhcpc(scene.folder, "other0");
      const leases = [await guest.lease(scene.folder), await guest.lease(scene.folder)];
      expect(leases.map((lease) => `${lease["ip"]} ${lease["serverid"]}`)).toEqual(
        leases.map(() => `192.0.2.5 ${names.server}`),
      );
      const { code, stdout } = await other.ended();
      expect(code).toBe(1);
      expect(stdout).not.toContain("EVENT bound");
      expect((await guest.start(["ping", "-c", "1", "-W", "5", "192.0.2.1"]).ended()).code).toBe(0);
      // The capture works: it saw the echo. But nothing of DHCP.
      expect(packetsOf(capture)).toEqual(["192.0.2.5 192.0.2.1  8", "192.0.2.1 192.0.2.5  0"]);
      expect(foreign.output).not.toMatch(/sending OFFER/i);
      // The foreign server would have answered: from a pod that is not bound it does.
      makePod("pod2", []);
      try {
        const unbound = new Running([
          "nsenter",
          "--net=/run/netns/pod2",
          "--",
          "busybox",
          "udhcpc",
          "-f",
          "-q",
          "-n",
          "-i",
          "eth0",
          "-s",
          "/bin/true",
        ]);
        expect((await unbound.ended()).code).toBe(0);
      } finally {
        removePod("pod2");
      }
      await end(running);
    });
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s gives the pod back", async (signal) => {
    await scene.withPod(PLAIN, async () => {
      const { running } = await scene.bind("pod1", profile);
      await end(running, signal);
    });
  });

  test("killed, then bound again: the same guest goes on; SIGTERM restores", async () => {
    await scene.withPod(PLAIN, async () => {
      const first = await scene.bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", first.line.mac);
      await guest.lease(scene.folder);
      await first.running.stop("SIGKILL");
      const bound = namespaceSnapshot("pod1");
      const second = await scene.bind("pod1", profile);
      expect(second.line).toEqual(first.line);
      expect(namespaceSnapshot("pod1")).toEqual(bound);
      expect(await guest.lease(scene.folder)).toMatchObject({ ip: "192.0.2.5", serverid: names.server });
      await end(second.running);
    });
  });

  test("killed, then unbound", async () => {
    await scene.withPod(PLAIN, async (before) => {
      const { running } = await scene.bind("pod1", profile);
      await running.stop("SIGKILL");
      expect(await done(["unbind", ...scene.options("pod1")])).toContain("eth0 in pod1 is as it was");
      expect(namespaceSnapshot("pod1")).toEqual(before);
      expect(await done(["unbind", ...scene.options("pod1")])).toContain("nothing was bound");
    });
  });

  test("killed, then bound with other options: says what it is bound with, changes nothing", async () => {
    await scene.withPod(PLAIN, async () => {
      const { running } = await scene.bind("pod1", profile);
      await running.stop("SIGKILL");
      const bound = namespaceSnapshot("pod1");
      const otherProfile = profile === "modern" ? "legacy" : "modern";
      for (const words of [
        scene.bindWords("pod1", otherProfile),
        scene.bindWords("pod1", profile, ["--tap", "tap7"]),
      ]) {
        const { code, stdout, stderr } = await netloom(words);
        expect(code).toBe(1);
        expect(stdout).toBe("");
        expect(stderr).toContain("bound already");
        expect(stderr).toContain(profile);
        expect(stderr).toContain("netloom unbind --netns pod1 --interface eth0");
        expect(namespaceSnapshot("pod1")).toEqual(bound);
      }
      await done(["unbind", ...scene.options("pod1")]);
    });
  });
});

describe("whose name servers", () => {
  test.each([
    ["the host's", [], "192.0.2.53", "example.org"],
    ["those of /etc/netns/NAME", ["netns"], "192.0.2.54", "netns.example.org"],
    [
      "those of --resolv-conf before all",
      ["netns", "option"],
      "192.0.2.55 192.0.2.56",
      "option.example.org example.org",
    ],
  ] as const)("%s", async (_, given, dns, search) => {
    await scene.withPod(PLAIN, async () => {
      const more: string[] = [];
      try {
        for (const where of given) {
          if (where === "netns") {
            mkdirSync("/etc/netns/pod1");
            writeFileSync("/etc/netns/pod1/resolv.conf", "nameserver 192.0.2.54\nsearch netns.example.org\n");
          } else {
            const text =
              "# of the cluster\nsearch option.example.org example.org\nnameserver 192.0.2.55\nnameserver 192.0.2.56\n";
            more.push("--resolv-conf", scene.folder.write("resolv.conf", text));
          }
        }
        const { running, line } = await scene.bind("pod1", "modern", more);
        await using guest = await TapGuest.plugIn("pod1", line.mac);
        expect(await guest.lease(scene.folder)).toMatchObject({ dns, search });
        await end(running);
      } finally {
        rmSync("/etc/netns/pod1", { recursive: true, force: true });
      }
    });
  });

  test("an empty file: the documented fallback", async () => {
    await scene.withPod(PLAIN, async () => {
      const { running, line } = await scene.bind("pod1", "legacy", [
        "--resolv-conf",
        scene.folder.write("resolv.conf", ""),
      ]);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      expect(await guest.lease(scene.folder)).toMatchObject({ dns: "8.8.8.8", search: "cluster.local" });
      await end(running);
    });
  });
});

describe("which namespace", () => {
  test("by path under /run/netns it is the same as by name", async () => {
    await scene.withPod(PLAIN, async () => {
      const { running } = await scene.bind("/run/netns/pod1", "modern");
      await running.stop("SIGKILL");
      expect(await done(["unbind", ...scene.options("pod1")])).toContain("is as it was");
    });
  });

  test("by a process in it", async () => {
    await scene.withPod(PLAIN, async () => {
      const inside = new Running(["nsenter", "--net=/run/netns/pod1", "--", "sleep", "1000"]);
      try {
        const path = `/proc/${inside.child.pid}/ns/net`;
        await until(
          "the process is inside",
          () => existsSync(path) && shell(`stat -Lc %i ${path}`) === shell("stat -Lc %i /run/netns/pod1"),
        );
        const { running, line } = await scene.bind(path, "modern");
        expect(json("ip -n pod1 -j link").map((link) => link["ifname"])).toContain("k6t-eth0");
        await using guest = await TapGuest.plugIn("pod1", line.mac);
        expect(await guest.lease(scene.folder)).toMatchObject({ ip: "192.0.2.5" });
        await end(running);
      } finally {
        await inside.stop();
      }
    });
  });
});

/** A DHCP server of somebody else on the pod network: 192.0.2.1 offers 192.0.2.200 and on. */
class ForeignServer implements AsyncDisposable {
  readonly #server: Running;

  private constructor(server: Running) {
    this.#server = server;
  }

  static async start(): Promise<ForeignServer> {
    const file = scene.folder.write(
      "udhcpd.conf",
      `start 192.0.2.200\nend 192.0.2.209\ninterface br-pods\nlease_file ${scene.folder.write("udhcpd.leases", "")}\npidfile ${scene.folder.join("udhcpd.pid")}\noption subnet 255.255.255.0\nopt lease 600\n`,
    );
    const server = new Running(["busybox", "udhcpd", "-f", "-I", "192.0.2.1", file]);
    await until("the foreign server listens", () => shell("ss -Hlun sport = :67") !== "");
    return new ForeignServer(server);
  }

  get output(): string {
    return this.#server.stdout + this.#server.stderr;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }
}

/** DHCP and ICMP among the frames: source, destination, destination port, ICMP type. */
function packetsOf(capture: Capture): string[] {
  const rows = tsharkFields(capture.frames(), ["ip.src", "ip.dst", "udp.dstport", "icmp.type"]);
  return rows
    .map((row) => [row["ip.src"], row["ip.dst"], row["udp.dstport"], row["icmp.type"]])
    .filter(([, , port, type]) => port === "67" || port === "68" || type !== "")
    .map((words) => words.join(" ").trim());
}
