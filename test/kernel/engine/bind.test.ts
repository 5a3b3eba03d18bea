/** bind and unbind of a pod that others made, as a person runs them, with a guest on the tap. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostSnapshot, namespaceSnapshot } from "../../support/host-snapshot.ts";
import {
  done,
  failOnce,
  Folder,
  json,
  netloom,
  nftInFront,
  Running,
  shell,
  startNetloom,
  until,
} from "../../support/network.ts";
import { Capture } from "../../support/capture.ts";
import { tsharkFields } from "../../support/tshark.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { event, type Lease, TapGuest } from "./tap-guest.ts";

const POD_MAC = "0a:58:c0:00:02:05";
const ADDRESS = "address add 192.0.2.5/24 dev eth0";
const DEFAULT = "route add default via 192.0.2.1";
const PLAIN = [ADDRESS, DEFAULT];
const HOST_RESOLVER = "nameserver 192.0.2.53\nsearch example.org\n";

interface BindingLine {
  readonly tap: string;
  readonly mac: string;
  readonly mtuBytes: number;
  readonly addresses: readonly string[];
  readonly qemuArguments: readonly string[];
}

let folder: Folder;
let state: string;
let hostResolver: string;

function options(pod: string, interfaceName = "eth0"): string[] {
  return ["--netns", pod, "--interface", interfaceName, "--state", state];
}

function bindWords(pod: string, profile: string, more: readonly string[] = [], interfaceName = "eth0"): string[] {
  return [
    "bind",
    ...options(pod, interfaceName),
    "--binding",
    "bridge",
    "--profile",
    profile,
    "--foreground",
    "--json",
    ...more,
  ];
}

/** Start bind. @returns it once the guest may start, and what it printed */
async function bind(
  pod: string,
  profile: string,
  more: readonly string[] = [],
): Promise<{ running: Running; line: BindingLine }> {
  const running = startNetloom(bindWords(pod, profile, more));
  return { running, line: JSON.parse(await running.firstLine()) as BindingLine };
}

/** End bind as a person does. @throws Error when it does not end with 0 */
async function end(running: Running, signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const result = await running.stop(signal);
  expect(result.stderr).not.toMatch(/error|warning/);
  expect(result.code).toBe(0);
}

function expectEmptyState(): void {
  expect(readdirSync(state)).toEqual([]);
}

beforeAll(() => {
  makePodNetwork();
  hostResolver = readFileSync("/etc/resolv.conf", "utf8");
  writeFileSync("/etc/resolv.conf", HOST_RESOLVER);
});

afterAll(() => {
  writeFileSync("/etc/resolv.conf", hostResolver);
  shell("ip link delete br-pods");
});

beforeEach(() => {
  folder = new Folder();
  state = folder.join("state");
});

afterEach(() => {
  folder[Symbol.dispose]();
});

/** A pod for the time of a test; afterwards it is as it was before, and the state folder is empty. */
async function withPod(lines: readonly string[], use: (before: readonly string[]) => Promise<void>): Promise<void> {
  makePod("pod1", lines);
  try {
    const before = namespaceSnapshot("pod1");
    await use(before);
    expect(namespaceSnapshot("pod1")).toEqual(before);
    expectEmptyState();
  } finally {
    removePod("pod1");
  }
}

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
    await withPod(lines, async () => {
      const { running, line } = await bind("pod1", profile);
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
      const lease = await guest.lease(folder);
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
    await withPod(["link set eth0 addrgenmode none", "address flush dev eth0"], async () => {
      await using foreign = await ForeignServer.start();
      const { running, line } = await bind("pod1", profile);
      expect(line).toMatchObject({ mac: POD_MAC, addresses: [] });
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      expect(await guest.lease(folder)).toMatchObject({
        ip: expect.stringMatching(/^192\.0\.2\.20\d$/),
        serverid: "192.0.2.1",
      });
      expect(foreign.output).toContain("sending ACK");
      await end(running);
    });
  });

  test("the guest reaches the pod network, and renews; nothing is refused", async () => {
    await withPod(PLAIN, async () => {
      const { running, line } = await bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      using capture = await Capture.open("guest", "eth0");
      const client = guest.startUdhcpc(folder);
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
    await withPod(PLAIN, async () => {
      await using foreign = await ForeignServer.start();
      const { running, line } = await bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      using capture = await Capture.open("", "host-pod1");
      shell(`ip -n guest link add other0 link eth0 address 52:54:00:00:00:99 type macvlan mode bridge
        ip -n guest link set other0 up`);
      const other = guest.startUdhcpc(folder, "other0");
      const leases = [await guest.lease(folder), await guest.lease(folder)];
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
    await withPod(PLAIN, async () => {
      const { running } = await bind("pod1", profile);
      await end(running, signal);
    });
  });

  test("killed, then bound again: the same guest goes on; SIGTERM restores", async () => {
    await withPod(PLAIN, async () => {
      const first = await bind("pod1", profile);
      await using guest = await TapGuest.plugIn("pod1", first.line.mac);
      await guest.lease(folder);
      await first.running.stop("SIGKILL");
      const bound = namespaceSnapshot("pod1");
      const second = await bind("pod1", profile);
      expect(second.line).toEqual(first.line);
      expect(namespaceSnapshot("pod1")).toEqual(bound);
      expect(await guest.lease(folder)).toMatchObject({ ip: "192.0.2.5", serverid: names.server });
      await end(second.running);
    });
  });

  test("killed, then unbound", async () => {
    await withPod(PLAIN, async (before) => {
      const { running } = await bind("pod1", profile);
      await running.stop("SIGKILL");
      expect(await done(["unbind", ...options("pod1")])).toContain("eth0 in pod1 is as it was");
      expect(namespaceSnapshot("pod1")).toEqual(before);
      expect(await done(["unbind", ...options("pod1")])).toContain("nothing was bound");
    });
  });

  test("killed, then bound with other options: says what it is bound with, changes nothing", async () => {
    await withPod(PLAIN, async () => {
      const { running } = await bind("pod1", profile);
      await running.stop("SIGKILL");
      const bound = namespaceSnapshot("pod1");
      const otherProfile = profile === "modern" ? "legacy" : "modern";
      for (const words of [bindWords("pod1", otherProfile), bindWords("pod1", profile, ["--tap", "tap7"])]) {
        const { code, stdout, stderr } = await netloom(words);
        expect(code).toBe(1);
        expect(stdout).toBe("");
        expect(stderr).toContain("bound already");
        expect(stderr).toContain(profile);
        expect(stderr).toContain("netloom unbind --netns pod1 --interface eth0");
        expect(namespaceSnapshot("pod1")).toEqual(bound);
      }
      await done(["unbind", ...options("pod1")]);
    });
  });
});

describe("while a bind runs", () => {
  test("a second one, and unbind, are refused and change nothing", async () => {
    await withPod(PLAIN, async () => {
      const { running, line } = await bind("pod1", "modern");
      const bound = namespaceSnapshot("pod1");
      for (const words of [bindWords("pod1", "modern"), ["unbind", ...options("/run/netns/pod1")]]) {
        const { code, stderr } = await netloom(words);
        expect(code).toBe(1);
        expect(stderr).toContain(`held by process ${running.child.pid} (bind eth0 in pod1)`);
        expect(namespaceSnapshot("pod1")).toEqual(bound);
      }
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      await guest.lease(folder);
      await end(running);
    });
  });

  test("another pod is bound beside it from the same state folder", async () => {
    makePod("pod2", ["address add 192.0.2.7/24 dev eth0"]);
    try {
      const before = namespaceSnapshot("pod2");
      await withPod(PLAIN, async () => {
        const first = await bind("pod1", "modern");
        const second = await bind("pod2", "legacy");
        expect(second.line.addresses).toEqual(["192.0.2.7/24"]);
        const status = JSON.parse(await done(["status", "--json", "--state", state])) as { units: unknown[] };
        expect(status.units).toMatchObject([
          { name: "bind-pod1-eth0", state: "applied" },
          { name: "bind-pod2-eth0", state: "applied" },
        ]);
        await end(first.running);
        expect(namespaceSnapshot("pod2")).not.toEqual(before);
        await end(second.running);
      });
      expect(namespaceSnapshot("pod2")).toEqual(before);
    } finally {
      removePod("pod2");
    }
  });

  test.each([
    ["SIGTERM afterwards", "SIGTERM"],
    ["SIGKILL, then unbind", "SIGKILL"],
  ] as const)("the namespace vanishes; %s", async (_, signal) => {
    const before = hostSnapshot();
    makePod("pod1", PLAIN);
    const { running } = await bind("pod1", "modern");
    removePod("pod1");
    const { code, stderr } = await running.stop(signal);
    if (signal === "SIGTERM") {
      expect(stderr).not.toContain("    at ");
      expect(code).toBe(0);
    }
    await done(["unbind", ...options("pod1")]);
    expectEmptyState();
    expect(hostSnapshot()).toEqual(before);
    // A new pod of that name is another one.
    makePod("pod1", PLAIN);
    try {
      const untouched = namespaceSnapshot("pod1");
      await end((await bind("pod1", "modern")).running);
      expect(namespaceSnapshot("pod1")).toEqual(untouched);
    } finally {
      removePod("pod1");
    }
  });

  test("the namespace is replaced by another of its name, which is not touched", async () => {
    makePod("pod1", PLAIN);
    const { running } = await bind("pod1", "modern");
    await running.stop("SIGKILL");
    removePod("pod1");
    const other = ["link set eth0 down", "link set eth0 address 0a:58:c0:00:02:09", "link set eth0 up"];
    await withPod([...other, "address add 192.0.2.9/24 dev eth0"], async (before) => {
      await done(["unbind", ...options("pod1")]);
      expect(namespaceSnapshot("pod1")).toEqual(before);
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
    await withPod(PLAIN, async () => {
      const more: string[] = [];
      try {
        for (const where of given) {
          if (where === "netns") {
            mkdirSync("/etc/netns/pod1");
            writeFileSync("/etc/netns/pod1/resolv.conf", "nameserver 192.0.2.54\nsearch netns.example.org\n");
          } else {
            const text =
              "# of the cluster\nsearch option.example.org example.org\nnameserver 192.0.2.55\nnameserver 192.0.2.56\n";
            more.push("--resolv-conf", folder.write("resolv.conf", text));
          }
        }
        const { running, line } = await bind("pod1", "modern", more);
        await using guest = await TapGuest.plugIn("pod1", line.mac);
        expect(await guest.lease(folder)).toMatchObject({ dns, search });
        await end(running);
      } finally {
        rmSync("/etc/netns/pod1", { recursive: true, force: true });
      }
    });
  });

  test("an empty file: the documented fallback", async () => {
    await withPod(PLAIN, async () => {
      const { running, line } = await bind("pod1", "legacy", ["--resolv-conf", folder.write("resolv.conf", "")]);
      await using guest = await TapGuest.plugIn("pod1", line.mac);
      expect(await guest.lease(folder)).toMatchObject({ dns: "8.8.8.8", search: "cluster.local" });
      await end(running);
    });
  });
});

describe("which namespace", () => {
  test("by path under /run/netns it is the same as by name", async () => {
    await withPod(PLAIN, async () => {
      const { running } = await bind("/run/netns/pod1", "modern");
      await running.stop("SIGKILL");
      expect(await done(["unbind", ...options("pod1")])).toContain("is as it was");
    });
  });

  test("by a process in it", async () => {
    await withPod(PLAIN, async () => {
      const inside = new Running(["nsenter", "--net=/run/netns/pod1", "--", "sleep", "1000"]);
      try {
        const path = `/proc/${inside.child.pid}/ns/net`;
        await until(
          "the process is inside",
          () => existsSync(path) && shell(`stat -Lc %i ${path}`) === shell("stat -Lc %i /run/netns/pod1"),
        );
        const { running, line } = await bind(path, "modern");
        expect(json("ip -n pod1 -j link").map((link) => link["ifname"])).toContain("k6t-eth0");
        await using guest = await TapGuest.plugIn("pod1", line.mac);
        expect(await guest.lease(folder)).toMatchObject({ ip: "192.0.2.5" });
        await end(running);
      } finally {
        await inside.stop();
      }
    });
  });
});

describe.each(["modern", "legacy"])("%s: a step that fails", (profile) => {
  test("all is undone, and the next bind works", async () => {
    await withPod([...PLAIN, "address add 2001:db8::5/64 dev eth0"], async (before) => {
      const { code, stdout, stderr } = await netloom(bindWords("pod1", profile), nftInFront(folder, failOnce(folder)));
      expect(code).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain("nft is broken today");
      expect(stderr).toContain("everything done so far was undone");
      expect(existsSync(folder.join("failed"))).toBe(true);
      expect(namespaceSnapshot("pod1")).toEqual(before);
      expectEmptyState();
      await end((await bind("pod1", profile)).running);
    });
  });
});

describe("refused, nothing touched", () => {
  test("a tap of that name is there", async () => {
    await withPod([...PLAIN, "tuntap add dev tap0 mode tap"], async (before) => {
      const { code, stderr } = await netloom(bindWords("pod1", "modern"));
      expect(code).toBe(1);
      expect(stderr).toContain("link tap0 in pod1 exists and is not netloom's");
      expect(namespaceSnapshot("pod1")).toEqual(before);
      const { running, line } = await bind("pod1", "modern", ["--tap", "tap7"]);
      expect(line).toMatchObject({
        tap: "tap7",
        qemuArguments: expect.arrayContaining([expect.stringContaining("ifname=tap7")]),
      });
      await end(running);
    });
  });

  test.each([
    ["a bridge of our name", "link add k6t-eth0 type bridge", /link k6t-eth0 in pod1 exists/],
    ["an interface of the pod's later name", "link add eth0-nic type bridge", /link eth0-nic in pod1 exists/],
  ])("%s is there", async (_, line, told) => {
    await withPod([...PLAIN, line], async (before) => {
      const { code, stderr } = await netloom(bindWords("pod1", "modern"));
      expect(code).toBe(1);
      expect(stderr).toMatch(told);
      expect(namespaceSnapshot("pod1")).toEqual(before);
    });
  });

  test("no such namespace, no such path, no such interface", async () => {
    await withPod(PLAIN, async () => {
      const cases: [string[], RegExp][] = [
        [bindWords("nowhere", "modern"), /no network namespace nowhere/],
        [bindWords("/run/netns/nowhere", "modern"), /no network namespace \/run\/netns\/nowhere/],
        [bindWords("/etc/hosts", "modern"), /\/etc\/hosts/],
        [bindWords("pod1", "modern", [], "eth7"), /eth7/],
        [bindWords("pod1", "modern", ["--resolv-conf", folder.join("none")]), /none: there is no such file/],
      ];
      for (const [words, told] of cases) {
        const { code, stderr } = await netloom(words);
        expect(stderr).toMatch(told);
        expect(stderr).not.toContain("    at ");
        expect(code).toBe(1);
      }
    });
  });

  test.each([
    ["without --netns", ["bind", "--foreground"], /--netns is missing/],
    ["without --foreground", ["bind", "--netns", "pod1"], /--foreground is missing/],
    [
      "a binding that does not exist",
      ["bind", "--netns", "pod1", "--binding", "slirp", "--foreground"],
      /--binding slirp/,
    ],
    ["a profile that does not exist", ["bind", "--netns", "pod1", "--profile", "old", "--foreground"], /--profile old/],
    [
      "a tap name that the kernel refuses",
      ["bind", "--netns", "pod1", "--tap", "a-name-of-16-byte", "--foreground"],
      /--tap a-name-of-16-byte/,
    ],
  ])("%s: exit code 2", async (_, words, told) => {
    const { code, stderr } = await netloom(words);
    expect(stderr).toMatch(told);
    expect(code).toBe(2);
  });
});

/** A DHCP server of somebody else on the pod network: 192.0.2.1 offers 192.0.2.200 and on. */
class ForeignServer implements AsyncDisposable {
  readonly #server: Running;

  private constructor(server: Running) {
    this.#server = server;
  }

  static async start(): Promise<ForeignServer> {
    const file = folder.write(
      "udhcpd.conf",
      `start 192.0.2.200\nend 192.0.2.209\ninterface br-pods\nlease_file ${folder.write("udhcpd.leases", "")}\npidfile ${folder.join("udhcpd.pid")}\noption subnet 255.255.255.0\nopt lease 600\n`,
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
