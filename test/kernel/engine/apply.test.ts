/** plan, apply, status and destroy of a network file, as a person runs them. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import {
  done,
  failOnce,
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
import { ApplyScene, networkFile, type StepLine } from "./apply-scene.ts";

const GUEST_IMAGE = resolve(".cache/guest");

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

function ping(pod: string, address: string): string {
  return shell(`nsenter --net=/run/netns/${pod} ping -c 1 -W 5 ${address}`);
}

let scene: ApplyScene;

beforeAll(makeUplink);
afterAll(removeUplink);
beforeEach(() => {
  scene = new ApplyScene();
});
afterEach(() => scene[Symbol.dispose]());

describe("one file from plan to destroy", () => {
  test("plan tells the steps and changes nothing", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const plan = JSON.parse(await done([...scene.words("plan", file), "--json"])) as Record<string, unknown>;
    expect(Object.keys(plan).sort()).toEqual(["conflicts", "name", "notes", "steps"]);
    expect(plan).toMatchObject({ name: "apply", conflicts: [] });
    const planned = plan["steps"] as StepLine[];
    for (const step of planned) {
      expect(step).toEqual(expect.objectContaining({ key: expect.any(String), summary: expect.any(String) }));
      expect(step.commands.length).toBeGreaterThan(0);
    }
    expect(planned.map((step) => step.summary)).toContainEqual(expect.stringMatching(/^create bridge lan\b/));
    expect(planned.flatMap((step) => step.commands)).toContain("ip -n pod1 address add 192.168.50.10/24 dev eth0");
    const text = await done(scene.words("plan", file));
    for (const step of planned) expect(text).toContain(step.summary);
    expect(hostSnapshot()).toEqual(scene.before);
    expect(existsSync(scene.state)).toBe(false);
  });

  test("apply makes it, status shows it, a second apply changes nothing, destroy leaves nothing", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const planned = await scene.steps("plan", file);
    expect(await scene.steps("apply", file)).toEqual(planned);
    ping("pod1", "192.168.50.1");
    ping("pod1", "192.168.50.20");
    ping("pod2", "198.51.100.1");
    // "outside" knows no way to 192.168.50.0/24: the answer came back because the address was translated.
    expect(shell("ip -n outside route")).not.toContain("192.168.50");
    expect(readFileSync("/etc/netns/pod1/resolv.conf", "utf8")).toContain("nameserver");

    const status = await scene.readStatus();
    expect(status).toMatchObject({
      stateFolder: scene.state,
      units: [{ name: "apply", source: file, state: "applied", drift: [] }],
    });
    expect(status.units[0]?.objects.length).toBe(planned.length);
    expect(await done(["status", "--state", scene.state])).toContain("apply: applied");

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
    expect(await done(scene.words("apply", file))).toContain("nothing to do");
    expect(await scene.steps("plan", file)).toEqual([]);
    for (const [i, monitor] of monitors.entries()) expect((await monitor.stop()).stdout).toBe(quiet[i]);
    expect(hostSnapshot()).toEqual(applied);

    expect(await done(scene.words("destroy", file))).toContain("nothing is left");
    scene.expectNothingLeft();
    expect(await done(scene.words("destroy", file))).toContain("nothing was there");
    scene.expectNothingLeft();
    expect((await scene.readStatus()).units).toEqual([]);
  });

  test("what somebody changed shows in status and is repaired by apply", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    const applied = hostSnapshot();
    shell(
      "ip -n pod1 address delete 192.168.50.10/24 dev eth0; ip link set lan mtu 1400; ip -n pod2 link set lo down; nft flush table ip netloom_apply",
    );
    const { units } = await scene.readStatus();
    expect(units[0]?.state).toBe("drifted");
    expect(units[0]?.drift.join("\n")).toMatch(
      /192\.168\.50\.10\/24[\s\S]*nft table ip netloom_apply|nft table ip netloom_apply[\s\S]*192\.168\.50\.10\/24/,
    );
    await done(scene.words("apply", file));
    expect(hostSnapshot()).toEqual(applied);
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });
});

describe("a changed file", () => {
  /** Sequence numbers that were answered. */
  function answered(flow: Running): number[] {
    return [...flow.stdout.matchAll(/icmp_seq=(\d+)/g)].map((match) => Number(match[1]));
  }

  test("only what differs changes; nothing that stays loses a packet", { timeout: 240_000 }, async () => {
    writeBootDisk(scene.folder.join("echo.img"), "echo");
    const vm1 = `vm1: { kind: vm, in: pod1, kernel: ${GUEST_IMAGE}/vmlinuz, initrd: ${GUEST_IMAGE}/initrd.gz, append: "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check", memory: 256M, accelerator: tcg, nics: [{ binding: bridge }] }`;
    const pod3 = "pod3: { kind: namespace, nics: [{ network: lan }] }";
    const pod4 = "pod4: { kind: namespace, nics: [{ network: lan }] }";
    const vm4 =
      "vm4: { kind: vm, in: pod4, image: echo.img, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }";
    const file = scene.folder.write("apply.yaml", networkFile([vm1, pod4]));
    await done(scene.words("apply", file));
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
      const taken = await scene.steps("apply", file);
      expect(taken, `${change}`).not.toEqual([]);
      expect(
        taken.map((step) => step.key).filter((key) => !own.test(key)),
        `${change}`,
      ).toEqual([]);
      expect(await scene.steps("plan", file)).toEqual([]);
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
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test("a change that fails leaves what was applied before", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    const applied = hostSnapshot();
    const failing = nftInFront(scene.folder, failOnce(scene.folder));
    writeFileSync(
      file,
      networkFile(["pod3: { kind: namespace, nics: [{ network: lan }] }"]).replace(
        "subnet: 192.168.50.0/24",
        "subnet: 192.168.50.0/25",
      ),
    );
    const result = await netloom(scene.words("apply", file), failing);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("nft is broken today");
    expect(result.stderr).toContain("undone");
    expect(hostSnapshot()).toEqual(applied);
    expect((await scene.readStatus()).units).toMatchObject([{ name: "apply", state: "applied", drift: [] }]);
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });
});

describe("several at a time", () => {
  test("a second apply says who holds the lock", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const go = scene.folder.join("go");
    const waiting = scene.folder.join("waiting");
    const first = startNetloom(
      scene.words("apply", file),
      nftInFront(scene.folder, `touch ${waiting}; while [ ! -e ${go} ]; do sleep 0.02; done`),
    );
    await until("the first is in the middle", () => existsSync(waiting));
    for (const command of ["apply", "destroy"]) {
      const { code, stderr } = await netloom(scene.words(command, file));
      expect(code).toBe(1);
      expect(stderr).toContain(`process ${first.child.pid} (apply ${file})`);
    }
    writeFileSync(go, "");
    expect((await first.ended()).code).toBe(0);
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test("one name in two files is refused, the first stays", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    const other = scene.folder.write("other.yaml", OTHER_FILE.replace("name: other", "name: apply"));
    await done(scene.words("apply", file));
    const applied = hostSnapshot();
    for (const command of ["plan", "apply"]) {
      const { code, stderr } = await netloom(scene.words(command, other));
      expect(code).toBe(1);
      expect(stderr).toContain(`the name apply belongs to ${file}`);
    }
    // Nothing was applied from it: to destroy it must not take the first away.
    expect(await done(scene.words("destroy", other))).toContain("nothing was there");
    expect(hostSnapshot()).toEqual(applied);
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test.each([
    ["in order", 0],
    ["the other way round", 1],
  ])("two files that share an uplink, destroyed %s", async (_, first) => {
    const files = [
      scene.folder.write("apply.yaml", networkFile()),
      scene.folder.write("other.yaml", OTHER_FILE),
    ] as const;
    for (const file of files) await done(scene.words("apply", file));
    ping("pod1", "198.51.100.1");
    ping("pod9", "198.51.100.1");
    expect((await scene.readStatus()).units.map(({ name, state: unitState }) => `${name} ${unitState}`)).toEqual([
      "apply applied",
      "other applied",
    ]);
    await done(scene.words("destroy", files[first === 0 ? 0 : 1]));
    // What stays still works.
    ping(first === 0 ? "pod9" : "pod1", "198.51.100.1");
    expect((await scene.readStatus()).units).toMatchObject([{ state: "applied" }]);
    await done(scene.words("destroy", files[first === 0 ? 1 : 0]));
    scene.expectNothingLeft();
  });
});

describe("destroy", () => {
  test("when the file is broken, or gone", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    writeFileSync(file, "version: [1\n");
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
    writeFileSync(file, networkFile());
    await done(scene.words("apply", file));
    rmSync(file);
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test("when a namespace vanished; apply makes it again", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    const vanish = async () => {
      shell("ip netns delete pod1");
      await until("the kernel has ended it", () => json("ip -j link").every((link) => link["ifname"] !== "pod1-eth0"));
    };
    await vanish();
    expect((await scene.readStatus()).units).toMatchObject([{ state: "drifted" }]);
    await done(scene.words("apply", file));
    ping("pod2", "192.168.50.10");
    await vanish();
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });

  test("when links, tables and files were removed by hand", async () => {
    const file = scene.folder.write("apply.yaml", networkFile());
    await done(scene.words("apply", file));
    shell("ip link delete lan; nft delete table ip netloom_apply; rm -r /etc/netns/pod1; ip link delete pod2-eth0");
    await done(scene.words("destroy", file));
    scene.expectNothingLeft();
  });
});
