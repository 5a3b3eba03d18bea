/** plan, apply, status and destroy of a network file, as a person runs them. */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { fileLines, hostSnapshot } from "../../support/host-snapshot.ts";
import {
  done,
  failOnce,
  Folder,
  json,
  makeUplink,
  netloom,
  nftInFront,
  removeUplink,
  Running,
  shell,
  startNetloom,
  until,
} from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";

const GUEST_IMAGE = resolve(".cache/guest");

/** Two pods behind a router, and whatever else. */
function networkFile(machines: readonly string[] = [], name = "apply"): string {
  return `version: 1
name: ${name}
uplinks:
  wan: { device: uplink0 }
networks:
  lan: { subnet: 192.168.50.0/24 }
routers:
  edge: { networks: [lan], uplink: wan, nat: masquerade }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: 192.168.50.10 }] }
  pod2: { kind: namespace, nics: [{ network: lan, address: 192.168.50.20 }] }
${machines.map((line) => `  ${line}\n`).join("")}`;
}

/** A second file that shares nothing but the uplink with the first. */
const OTHER_FILE = `version: 1
name: other
uplinks:
  wan: { device: uplink0 }
networks:
  blue: { subnet: 192.168.60.0/24 }
routers:
  gate: { networks: [blue], uplink: wan, nat: masquerade }
machines:
  pod9: { kind: namespace, nics: [{ network: blue, address: 192.168.60.10 }] }
`;

interface StepLine {
  readonly key: string;
  readonly summary: string;
  readonly commands: readonly string[];
}

interface StatusData {
  readonly stateFolder: string;
  readonly units: readonly {
    name: string;
    source: string;
    state: string;
    objects: { key: string }[];
    drift: string[];
  }[];
  readonly keeper?: { pid: number; services: { name: string; state: string }[] };
  readonly keeperLog: string;
}

let folder: Folder;
let state: string;
let before: string[];

function words(command: string, file: string): string[] {
  return [command, file, "--state", state];
}

async function steps(command: "plan" | "apply" | "destroy", file: string): Promise<readonly StepLine[]> {
  return (JSON.parse(await done([...words(command, file), "--json"])) as { steps: StepLine[] }).steps;
}

async function readStatus(): Promise<StatusData> {
  return JSON.parse((await netloom(["status", "--json", "--state", state])).stdout) as StatusData;
}

function expectNothingLeft(): void {
  expect(hostSnapshot()).toEqual(before);
  if (existsSync(state)) expect(readdirSync(state).filter((name) => name !== "kvm.json")).toEqual([]);
}

function ping(pod: string, address: string): string {
  return shell(`nsenter --net=/run/netns/${pod} ping -c 1 -W 5 ${address}`);
}

beforeAll(makeUplink);
afterAll(removeUplink);

beforeEach(() => {
  folder = new Folder();
  state = folder.join("state");
  before = hostSnapshot();
});

afterEach(() => {
  folder[Symbol.dispose]();
});

describe("one file from plan to destroy", () => {
  test("plan tells the steps and changes nothing", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const plan = JSON.parse(await done([...words("plan", file), "--json"])) as Record<string, unknown>;
    expect(Object.keys(plan).sort()).toEqual(["conflicts", "name", "notes", "steps"]);
    expect(plan).toMatchObject({ name: "apply", conflicts: [] });
    const planned = plan["steps"] as StepLine[];
    for (const step of planned) {
      expect(step).toEqual(expect.objectContaining({ key: expect.any(String), summary: expect.any(String) }));
      expect(step.commands.length).toBeGreaterThan(0);
    }
    expect(planned.map((step) => step.summary)).toContainEqual(expect.stringMatching(/^create bridge lan\b/));
    expect(planned.flatMap((step) => step.commands)).toContain("ip -n pod1 address add 192.168.50.10/24 dev eth0");
    const text = await done(words("plan", file));
    for (const step of planned) expect(text).toContain(step.summary);
    expect(hostSnapshot()).toEqual(before);
    expect(existsSync(state)).toBe(false);
  });

  test("apply makes it, status shows it, a second apply changes nothing, destroy leaves nothing", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const planned = await steps("plan", file);
    expect(await steps("apply", file)).toEqual(planned);
    ping("pod1", "192.168.50.1");
    ping("pod1", "192.168.50.20");
    ping("pod2", "198.51.100.1");
    // "outside" knows no way to 192.168.50.0/24: the answer came back because the address was translated.
    expect(shell("ip -n outside route")).not.toContain("192.168.50");
    expect(readFileSync("/etc/netns/pod1/resolv.conf", "utf8")).toContain("nameserver");

    const status = await readStatus();
    expect(status).toMatchObject({
      stateFolder: state,
      units: [{ name: "apply", source: file, state: "applied", drift: [] }],
    });
    expect(status.units[0]?.objects.length).toBe(planned.length);
    expect(await done(["status", "--state", state])).toContain("apply: applied");

    const applied = hostSnapshot();
    const monitors = ["ip monitor link address route rule", "nft monitor"].map((line) => new Running(line.split(" ")));
    await until(
      "the monitors listen",
      () =>
        readFileSync("/proc/net/netlink", "utf8")
          .split("\n")
          .filter((line) => monitors.some(({ child }) => line.includes(` ${child.pid} `))).length >= 2,
    );
    // The kernel tells a carrier up to a second late, and the end of an address's check for duplicates as well.
    const heard = () => monitors.map(({ stdout }) => stdout);
    let quiet = heard();
    for (await sleep(2000); heard().join("") !== quiet.join(""); await sleep(2000)) quiet = heard();
    expect(await done(words("apply", file))).toContain("nothing to do");
    expect(await steps("plan", file)).toEqual([]);
    for (const [i, monitor] of monitors.entries()) expect((await monitor.stop()).stdout).toBe(quiet[i]);
    expect(hostSnapshot()).toEqual(applied);

    expect(await done(words("destroy", file))).toContain("nothing is left");
    expectNothingLeft();
    expect(await done(words("destroy", file))).toContain("nothing was there");
    expectNothingLeft();
    expect((await readStatus()).units).toEqual([]);
  });

  test("what somebody changed shows in status and is repaired by apply", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    const applied = hostSnapshot();
    shell(
      "ip -n pod1 address delete 192.168.50.10/24 dev eth0; ip link set lan mtu 1400; ip -n pod2 link set lo down; nft flush table ip netloom_apply",
    );
    const { units } = await readStatus();
    expect(units[0]?.state).toBe("drifted");
    expect(units[0]?.drift.join("\n")).toMatch(
      /192\.168\.50\.10\/24[\s\S]*nft table ip netloom_apply|nft table ip netloom_apply[\s\S]*192\.168\.50\.10\/24/,
    );
    await done(words("apply", file));
    expect(hostSnapshot()).toEqual(applied);
    await done(words("destroy", file));
    expectNothingLeft();
  });
});

describe("a changed file", () => {
  /** Sequence numbers that were answered. */
  function answered(flow: Running): number[] {
    return [...flow.stdout.matchAll(/icmp_seq=(\d+)/g)].map((match) => Number(match[1]));
  }

  test("only what differs changes; nothing that stays loses a packet", { timeout: 240_000 }, async () => {
    writeBootDisk(folder.join("echo.img"), "echo");
    const vm1 = `vm1: { kind: vm, in: pod1, kernel: ${GUEST_IMAGE}/vmlinuz, initrd: ${GUEST_IMAGE}/initrd.gz, append: "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check", memory: 256M, accelerator: tcg, nics: [{ binding: bridge }] }`;
    const pod3 = "pod3: { kind: namespace, nics: [{ network: lan }] }";
    const pod4 = "pod4: { kind: namespace, nics: [{ network: lan }] }";
    const vm4 =
      "vm4: { kind: vm, in: pod4, image: echo.img, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }";
    const file = folder.write("apply.yaml", networkFile([vm1, pod4]));
    await done(words("apply", file));
    const addressOf = (pod: string) => shell(`ip -n ${pod} -o -4 address show scope global | awk '{print $2, $4}'`);
    const stays = (pod: string) => shell(`ip -n ${pod} -o -d link; ip -n ${pod} -o address; ip -n ${pod} route`);
    const pod4Address = addressOf("pod4");
    const [guest] = processesNamed("qemu-system-x86");
    await until(
      "the guest answers",
      () => {
        try {
          return ping("pod2", "192.168.50.10") !== "";
        } catch {
          // ping says by its exit status that nobody answered.
          return false;
        }
      },
      60,
    );
    // From a pod to the guest and outside, and from outside the host's end of the network.
    const flows = ["192.168.50.10", "198.51.100.1"].map(
      (address) => new Running(["nsenter", "--net=/run/netns/pod2", "--", "ping", "-n", "-i", "0.02", address]),
    );
    const pod2Before = stays("pod2");

    const changes: [string, readonly string[], RegExp][] = [
      ["a pod more", [vm1, pod4, pod3], /pod3/],
      ["a VM in a second pod", [vm1, pod4, pod3, vm4], /pod4|vm4/],
      ["a pod less", [vm1, pod4, vm4], /pod3/],
      ["a VM less", [vm1, pod4], /pod4|vm4/],
    ];
    for (const [change, machines, own] of changes) {
      const seen = answered(flows[0]!).length;
      writeFileSync(file, networkFile(machines));
      const taken = await steps("apply", file);
      expect(taken, `${change}`).not.toEqual([]);
      expect(
        taken.map((step) => step.key).filter((key) => !own.test(key)),
        `${change}`,
      ).toEqual([]);
      expect(await steps("plan", file)).toEqual([]);
      expect(stays("pod2")).toBe(pod2Before);
      expect(processesNamed("qemu-system-x86")).toContain(guest);
      expect(processesNamed("qemu-system-x86")).toHaveLength(machines.includes(vm4) ? 2 : 1);
      await until("the flow goes on", () => answered(flows[0]!).length > seen + 5);
    }
    expect(addressOf("pod4")).toBe(pod4Address);
    expect(existsSync("/run/netns/pod3")).toBe(false);
    for (const flow of flows) {
      await flow.stop("SIGINT");
      const numbers = answered(flow);
      expect(numbers.length).toBeGreaterThan(20);
      expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
    }
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test("a change that fails leaves what was applied before", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    const applied = hostSnapshot();
    const failing = failingNft();
    writeFileSync(
      file,
      networkFile(["pod3: { kind: namespace, nics: [{ network: lan }] }"]).replace(
        "subnet: 192.168.50.0/24",
        "subnet: 192.168.50.0/25",
      ),
    );
    const result = await netloom(words("apply", file), failing);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("nft is broken today");
    expect(result.stderr).toContain("undone");
    expect(hostSnapshot()).toEqual(applied);
    expect((await readStatus()).units).toMatchObject([{ name: "apply", state: "applied", drift: [] }]);
    await done(words("destroy", file));
    expectNothingLeft();
  });
});

/** An nft that fails the first time it is to load a table. @returns the environment with it */
function failingNft(): Record<string, string> {
  return nftInFront(folder, failOnce(folder));
}

describe("when something fails in the middle", () => {
  test("a program that fails: all is undone", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const { code, stdout, stderr } = await netloom(words("apply", file), failingNft());
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("load nft table ip netloom_apply");
    expect(stderr).toContain("nft is broken today");
    expect(stderr).toContain("everything done so far was undone");
    expect(existsSync(folder.join("failed"))).toBe(true);
    expectNothingLeft();
    await done(words("apply", file));
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test("something foreign that appears under way: all but that is undone", async () => {
    const file = folder.write("apply.yaml", networkFile());
    // The route stands in pod1 by the time that ours is to be added.
    const environment = nftInFront(
      folder,
      `if [ -e /run/netns/pod1 ]; then
  ip -n pod1 link set eth0 up
  ip -n pod1 address add 192.168.50.99/24 dev eth0
  ip -n pod1 route add default via 192.168.50.77
fi`,
    );
    const { code, stderr } = await netloom(words("apply", file), environment);
    expect(code).toBe(1);
    expect(stderr).toMatch(/default route.* in pod1: .*EEXIST/);
    expectNothingLeft();
  });

  test("the keeper cannot start a guest: all is undone", async () => {
    const file = folder.write(
      "apply.yaml",
      networkFile([
        "vm1: { kind: vm, in: pod1, image: disk.qcow2, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }",
      ]),
    );
    folder.write("disk.qcow2", "this is no disk image\n");
    const { code, stderr } = await netloom(words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toContain("vm1");
    expectNothingLeft();
  });
});

describe("what is not ours is refused by name and not touched", () => {
  const FOREIGN: [string, string, string, RegExp][] = [
    ["a link lan", "ip link add lan type bridge", "ip link delete lan", /link lan exists and is not netloom's/],
    [
      "a link of a pod's host end",
      "ip link add pod2-eth0 type bridge",
      "ip link delete pod2-eth0",
      /link pod2-eth0 exists/,
    ],
    [
      "a table of our name",
      "nft add table ip netloom_apply",
      "nft delete table ip netloom_apply",
      /nft table ip netloom_apply exists and is not netloom's/,
    ],
    ["a namespace pod1", "ip netns add pod1", "ip netns delete pod1", /namespace pod1 exists and is not netloom's/],
    [
      "a route into the subnet",
      "ip route add 192.168.50.128/25 via 198.51.100.1",
      "ip route delete 192.168.50.128/25",
      /overlaps the host's route to 192\.168\.50\.128\/25 through uplink0/,
    ],
    [
      "a wider route",
      "ip route add 192.168.0.0/16 via 198.51.100.1",
      "ip route delete 192.168.0.0/16",
      /overlaps the host's route to 192\.168\.0\.0\/16 through uplink0/,
    ],
    [
      "an address in the subnet",
      "ip address add 192.168.50.7/32 dev uplink0",
      "ip address delete 192.168.50.7/32 dev uplink0",
      /overlaps the address 192\.168\.50\.7\/32 of uplink0/,
    ],
    [
      "name servers of a pod",
      "mkdir -p /etc/netns/pod1; echo nameserver 192.0.2.53 >/etc/netns/pod1/resolv.conf",
      "rm -r /etc/netns/pod1",
      /file \/etc\/netns\/pod1\/resolv\.conf exists and is not netloom's/,
    ],
  ];

  test.each(FOREIGN)("%s", async (_, make, remove, told) => {
    const file = folder.write("apply.yaml", networkFile());
    shell(make);
    try {
      const withForeign = hostSnapshot();
      const { code, stderr } = await netloom(words("apply", file));
      expect(stderr).toMatch(told);
      expect(code).toBe(1);
      expect(hostSnapshot()).toEqual(withForeign);
      expect((await netloom(words("plan", file))).code).toBe(1);
      await done(words("destroy", file));
      expect(hostSnapshot()).toEqual(withForeign);
    } finally {
      shell(remove);
    }
    expectNothingLeft();
  });

  test("what others put into our pods' folders stays", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    writeFileSync("/etc/netns/pod1/hosts", "192.0.2.1 example.org\n");
    await done(words("destroy", file));
    expect(fileLines("/etc/netns/pod1").join("\n")).toContain("example.org");
    rmSync("/etc/netns/pod1", { recursive: true });
    expectNothingLeft();
  });
});

describe("wrong use, a wrong file, a host that is not fit", () => {
  test("a device that is not there", async () => {
    const file = folder.write("apply.yaml", networkFile().replace("uplink0", "eth77"));
    const { code, stderr } = await netloom(words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /apply\.yaml:4:\d+: uplinks\.wan\.device: there is no such device on this host \(is "eth77"\)/,
    );
    expect(stderr).toContain("uplink0");
    expectNothingLeft();
  });

  test("a disk that is not there", async () => {
    const vm = "vm1: { kind: vm, in: pod1, image: missing.img, nics: [{ binding: bridge }] }";
    const file = folder.write("apply.yaml", networkFile([vm]));
    const { code, stderr } = await netloom(words("apply", file));
    expect(code).toBe(1);
    expect(stderr).toContain("missing.img");
    expectNothingLeft();
  });

  test("mistakes in the file are told with their place, all at once", async () => {
    const text = networkFile().replace("192.168.50.20", "192.168.51.20").replace("nat: masquerade", "nat: maskerade");
    const file = folder.write("apply.yaml", text);
    for (const command of ["plan", "apply"]) {
      const { code, stderr } = await netloom(words(command, file));
      expect(code).toBe(2);
      expect(stderr).toMatch(/apply\.yaml:8:\d+/);
    }
    writeFileSync(file, networkFile().replace("192.168.50.20", "192.168.51.20"));
    const { code, stderr } = await netloom(words("apply", file));
    expect(code).toBe(2);
    expect(stderr).toMatch(/apply\.yaml:11:\d+.*192\.168\.51\.20/s);
    expectNothingLeft();
  });

  test("a file that is not there", async () => {
    const { code, stderr } = await netloom(words("apply", folder.join("none.yaml")));
    expect(code).toBe(2);
    expect(stderr).toContain("none.yaml");
    expectNothingLeft();
  });

  test.each([
    ["a command that does not exist", ["aply", "x.yaml"], /there is no such command/],
    ["an option that does not exist", ["apply", "x.yaml", "--force"], /--force/],
    ["no file", ["apply"], /FILE is missing/],
    ["a word too many", ["apply", "x.yaml", "y.yaml"], /y\.yaml.*too many/],
    ["an option without its value", ["status", "--state"], /--state/],
  ])("%s: exit code 2", async (_, command, told) => {
    const { code, stdout, stderr } = await netloom(command);
    expect(code).toBe(2);
    expect(stderr).toMatch(told);
    expect(stdout).toBe("");
  });

  test.each([
    ["net_admin", "CAP_NET_ADMIN"],
    ["net_raw", "CAP_NET_RAW"],
    ["sys_admin", "CAP_SYS_ADMIN"],
  ])("without the privilege %s it says so, and nothing else", async (capability, name) => {
    const file = folder.write("apply.yaml", networkFile());
    for (const command of ["apply", "destroy"]) {
      const program = ["setpriv", `--bounding-set=-${capability}`, `--inh-caps=-${capability}`, "bin/netloom"];
      const { code, stderr } = await new Running([...program, ...words(command, file)]).ended();
      expect(code).toBe(1);
      const others = ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_SYS_ADMIN"].filter((other) => other !== name);
      expect(stderr).toContain(name);
      for (const other of others) expect(stderr).not.toContain(other);
      expect(existsSync(state)).toBe(false);
    }
    expectNothingLeft();
  });

  test("a file can be looked at without any privilege", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const program = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "bin/netloom"];
    const { code, stdout } = await new Running([...program, ...words("plan", file)]).ended();
    expect(stdout).toContain("create bridge lan");
    expect(stdout).toContain("note: without CAP_NET_ADMIN");
    expect(code).toBe(0);
  });
});

describe("several at a time", () => {
  test("a second apply says who holds the lock", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const go = folder.join("go");
    const waiting = folder.join("waiting");
    const first = startNetloom(
      words("apply", file),
      nftInFront(folder, `touch ${waiting}; while [ ! -e ${go} ]; do sleep 0.02; done`),
    );
    await until("the first is in the middle", () => existsSync(waiting));
    for (const command of ["apply", "destroy"]) {
      const { code, stderr } = await netloom(words(command, file));
      expect(code).toBe(1);
      expect(stderr).toContain(`process ${first.child.pid} (apply ${file})`);
    }
    writeFileSync(go, "");
    expect((await first.ended()).code).toBe(0);
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test("one name in two files is refused, the first stays", async () => {
    const file = folder.write("apply.yaml", networkFile());
    const other = folder.write("other.yaml", OTHER_FILE.replace("name: other", "name: apply"));
    await done(words("apply", file));
    const applied = hostSnapshot();
    for (const command of ["plan", "apply"]) {
      const { code, stderr } = await netloom(words(command, other));
      expect(code).toBe(1);
      expect(stderr).toContain(`the name apply belongs to ${file}`);
    }
    // Nothing was applied from it: to destroy it must not take the first away.
    expect(await done(words("destroy", other))).toContain("nothing was there");
    expect(hostSnapshot()).toEqual(applied);
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test.each([
    ["in order", 0],
    ["the other way round", 1],
  ])("two files that share an uplink, destroyed %s", async (_, first) => {
    const files = [folder.write("apply.yaml", networkFile()), folder.write("other.yaml", OTHER_FILE)] as const;
    for (const file of files) await done(words("apply", file));
    ping("pod1", "198.51.100.1");
    ping("pod9", "198.51.100.1");
    expect((await readStatus()).units.map(({ name, state: unitState }) => `${name} ${unitState}`)).toEqual([
      "apply applied",
      "other applied",
    ]);
    await done(words("destroy", files[first === 0 ? 0 : 1]));
    // What stays still works.
    ping(first === 0 ? "pod9" : "pod1", "198.51.100.1");
    expect((await readStatus()).units).toMatchObject([{ state: "applied" }]);
    await done(words("destroy", files[first === 0 ? 1 : 0]));
    expectNothingLeft();
  });
});

describe("destroy", () => {
  test("when the file is broken, or gone", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    writeFileSync(file, "version: [1\n");
    await done(words("destroy", file));
    expectNothingLeft();
    writeFileSync(file, networkFile());
    await done(words("apply", file));
    rmSync(file);
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test("when a namespace vanished; apply makes it again", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    const vanish = async () => {
      shell("ip netns delete pod1");
      await until("the kernel has ended it", () => json("ip -j link").every((link) => link["ifname"] !== "pod1-eth0"));
    };
    await vanish();
    expect((await readStatus()).units).toMatchObject([{ state: "drifted" }]);
    await done(words("apply", file));
    ping("pod2", "192.168.50.10");
    await vanish();
    await done(words("destroy", file));
    expectNothingLeft();
  });

  test("when links, tables and files were removed by hand", async () => {
    const file = folder.write("apply.yaml", networkFile());
    await done(words("apply", file));
    shell("ip link delete lan; nft delete table ip netloom_apply; rm -r /etc/netns/pod1; ip link delete pod2-eth0");
    await done(words("destroy", file));
    expectNothingLeft();
  });
});
