/** NICs that come and go while a real guest runs, by the same path as `netloom apply`: plan, taps, QMP. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../src/base/address.ts";
import { reconcile } from "../../src/engine/reconcile.ts";
import type { ServiceHost } from "../../src/engine/service-host.ts";
import { identityOf, waitForEnd } from "../../src/kernel/process.ts";
import { startKeeper } from "../../src/services/keeper/start.ts";
import type { Desired } from "../../src/state/desired.ts";
import type { StateObject } from "../../src/state/object.ts";
import type { VmNic, VmObject } from "../../src/state/object/vm.ts";
import { UnitStore } from "../../src/store/unit.ts";
import { KEEPER } from "../kernel/vm/support.ts";
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS } from "../support/guest-image.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { Folder, json, Running, shell, until } from "../support/network.ts";
import { GuestShell } from "./shell.ts";

const GUEST_SECONDS = 60;
/** More than the change has: a guard against one that never gets through. */
const MOST_PLACES = 40;

/** A network for each NIC: bridge lanN with 10.0.N.1, tapN with a DHCP server that gives 10.0.N.7. */
function nic(number: number, more: Partial<VmNic> = {}): VmNic {
  return {
    id: `nic${number}`,
    tapKey: `link/tap${number}`,
    tapName: `tap${number}`,
    macAddress: parseMac(`02:00:00:00:00:0${number}`),
    ...more,
  };
}

function networkOf({ tapKey, tapName, macAddress, queues }: VmNic): StateObject[] {
  const number = tapName.slice(-1);
  const [origin, namespace] = [`network ${number}`, ""];
  const address = parseIpv4(`10.0.${number}.1`);
  const tap = { type: "tap", ...(queues === undefined ? {} : { queues }) } as const;
  return [
    {
      kind: "link",
      key: `link/lan${number}`,
      origin,
      namespace,
      name: `lan${number}`,
      link: { type: "bridge" },
      up: true,
    },
    {
      kind: "address",
      key: `address/${number}`,
      origin,
      namespace,
      linkKey: `link/lan${number}`,
      address,
      prefixLength: 24,
    },
    {
      kind: "link",
      key: tapKey,
      origin,
      namespace,
      name: tapName,
      link: tap,
      masterKey: `link/lan${number}`,
      up: true,
    },
    {
      kind: "dhcp-single",
      key: `dhcp/${number}`,
      origin,
      namespace,
      linkKey: tapKey,
      interfaceName: tapName,
      clientMac: macAddress,
      serverAddress: address,
      serverMac: parseMac("02:00:00:00:01:00"),
      lease: {
        address: parseIpv4(`10.0.${number}.7`),
        prefixLength: 24,
        routes: [],
        nameServers: [],
        searchDomains: [],
        leaseSeconds: 3600,
      },
    },
  ];
}

describe("a guest's NICs", () => {
  const folder = new Folder();
  const state = folder.join("state");
  const unit = UnitStore.open(state, "lab");
  let before: readonly string[];
  let guest: GuestShell;

  const services: ServiceHost = {
    async converge(name, wanted, options): Promise<void> {
      await (await startKeeper(state, KEEPER)).putServices(name, wanted, options);
    },
  };

  function machine(nics: readonly VmNic[], more: Partial<VmObject> = {}): VmObject {
    return {
      key: "vm/one",
      origin: "machine one",
      kind: "vm",
      name: "one",
      namespace: "",
      memoryMebibytes: 128,
      cpus: 2,
      accelerator: "tcg",
      kernel: GUEST_KERNEL,
      initrd: GUEST_INITRD,
      append: GUEST_KERNEL_ARGUMENTS,
      nics,
      ...more,
    };
  }

  /** @returns what was done, as a person reads it */
  function apply(nics: readonly VmNic[], more: Partial<VmObject> = {}): Promise<string[]> {
    return reach(desiredOf(nics, more));
  }

  function desiredOf(nics: readonly VmNic[], more: Partial<VmObject> = {}): Desired {
    return { objects: [...nics.flatMap(networkOf), machine(nics, more)], absent: [] };
  }

  async function reach(desired: Desired): Promise<string[]> {
    return (await reconcile(unit, desired, { services, source: "lab.yaml" })).steps.map((step) => step.summary);
  }

  async function report() {
    const { services: all } = await (await startKeeper(state, KEEPER)).status();
    return all.find(({ name }) => name === "VM one")!;
  }

  const pid = async (): Promise<unknown> => (await report()).details["pid"];

  const console = (): string => {
    const path = join(state, "vm/one/console.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  };

  /** What the keeper notes of the running guest. */
  const noted = (): string => readFileSync(join(state, "vm/one/machine.json"), "utf8");

  const booted = (): Promise<void> => until("the guest is up", () => console().includes("GUEST done"), GUEST_SECONDS);

  /** Names and MAC addresses of the guest's Ethernet devices. */
  const devices = (): Promise<string> =>
    guest.run(`for d in /sys/class/net/eth*; do echo "$(basename $d) $(cat $d/address)"; done`);

  const lease = (device: string): Promise<string> =>
    guest.run(`ip link set ${device} up; udhcpc -n -q -t 10 -T 1 -i ${device} -s /udhcpc.script 2>/dev/null`);

  /** On a busy machine an emulated guest may stand still for seconds, while its clock goes on. */
  const expectReach = async (device: string, host: string): Promise<void> => {
    const tries = "$(seq 10)";
    const told = await guest.run(`for i in ${tries}; do ping -c 1 -W 5 -I ${device} ${host} && break; done`);
    if (told.includes(" 0% packet loss")) return;
    const inside = await guest.run("ip address; ip neigh; cat /proc/net/dev; grep virtio /proc/interrupts");
    expect.fail(`${told}\n${inside}\n${shell("ip -s link; ip neigh; bridge fdb")}`);
  };

  beforeAll(async () => {
    mkdirSync(state);
    before = hostSnapshot();
    await apply([nic(0, { queues: 2 })]);
    await booted();
  });

  beforeEach(async () => {
    guest = await GuestShell.open(join(state, "vm/one/console.sock"));
  });

  afterEach(() => guest[Symbol.dispose]());

  afterAll(async () => {
    await reach({ objects: [], absent: [] });
    await (await startKeeper(state, KEEPER)).stop();
    folder[Symbol.dispose]();
    expect(hostSnapshot()).toEqual(before);
  });

  test("two queues are two in the guest", async () => {
    expect(console()).toContain("GUEST address 10.0.0.7/24");
    expect(await guest.run("ls /sys/class/net/eth0/queues")).toMatch(/rx-0\s+rx-1\s+tx-0\s+tx-1/);
  });

  test("one that comes is plugged in last, seen by the guest, gets its lease and carries traffic", async () => {
    const process = await pid();
    const steps = await apply([nic(0, { queues: 2 }), nic(1)]);
    expect(steps.at(-1)).toBe("plug NIC nic1 (tap1, MAC 02:00:00:00:00:01) into VM one while it runs");
    expect(steps.join("\n")).not.toMatch(/restart|stop VM|start VM/);
    await guest.waitFor("ls /sys/class/net", (text) => text.includes("eth1"));
    expect(await devices()).toBe("eth0 02:00:00:00:00:00\neth1 02:00:00:00:00:01\n");
    expect(await lease("eth1")).toContain("GUEST lease ip 10.0.1.7");
    await expectReach("eth1", "10.0.1.1");
    expect(await pid()).toBe(process);
  });

  test("after a kill of the keeper the next one knows them, and plugs a third in", async () => {
    const process = await pid();
    const keeper = identityOf((await (await startKeeper(state, KEEPER)).status()).pid)!;
    globalThis.process.kill(keeper.pid, "SIGKILL");
    await waitForEnd(keeper, 5000);
    await apply([nic(0, { queues: 2 }), nic(1), nic(2)]);
    await guest.waitFor("ls /sys/class/net", (text) => text.includes("eth2"));
    expect(await lease("eth2")).toContain("GUEST lease ip 10.0.2.7");
    await expectReach("eth2", "10.0.2.1");
    expect(await report()).toMatchObject({
      state: "running",
      details: { pid: process, nics: [{ id: "nic0", queues: 2 }, { id: "nic1" }, { id: "nic2" }] },
    });
  });

  test("one on a network behind dhcrelay gets its lease from dhcp serve beyond it", async () => {
    const nics = [nic(0, { queues: 2 }), nic(1), nic(2)];
    const relayed = networkOf(nic(3)).filter(({ kind }) => kind !== "dhcp-single");
    shell(`ip netns add beyond
      ip link add up0 type veth peer name lan0 netns beyond
      ip address add 10.0.3.130/25 dev up0
      ip -n beyond address add 10.0.3.129/24 dev lan0
      ip link set up0 up; ip -n beyond link set lan0 up`);
    const programs: Running[] = [];
    const start = (...words: readonly string[]): Running => {
      const program = new Running(words);
      programs.push(program);
      return program;
    };
    try {
      await reach({ objects: [...nics.flatMap(networkOf), ...relayed, machine([...nics, nic(3)])], absent: [] });
      const serve = "dhcp serve --interface lan0 --range 10.0.3.50-10.0.3.60 --router 10.0.3.1";
      const words = [...serve.split(" "), "--state", folder.join("beyond")];
      await start("nsenter", "--net=/run/netns/beyond", resolve("bin/netloom"), ...words).firstLine();
      const relay = start(..."dhcrelay -4 -d -a -iu up0 -id lan3 10.0.3.129".split(" "));
      await until("the relay's sockets", () => relay.stderr.includes("Sending on   Socket"));
      // Several that come at one time have their names in any order.
      const find = "basename $(dirname $(grep -l 02:00:00:00:00:03 /sys/class/net/*/address))";
      const device = (await guest.waitFor(find, (text) => text.startsWith("eth"))).trim();
      const told = await lease(device);
      expect(told, relay.stderr).toContain("GUEST lease ip 10.0.3.5");
      expect(told).toContain("GUEST lease router 10.0.3.1");
      await expectReach(device, "10.0.3.1");
      expect(relay.stderr).toContain("Forwarded BOOTREQUEST for 02:00:00:00:00:03 to 10.0.3.129");
    } finally {
      for (const program of programs) await program.stop();
      await apply(nics);
      shell("ip netns delete beyond");
    }
  });

  test("one whose tap somebody deleted is plugged into the new tap", async () => {
    const process = await pid();
    shell("ip link delete tap1");
    const steps = await apply([nic(0, { queues: 2 }), nic(1), nic(2)]);
    expect(steps[0]).toBe("unplug NIC nic1 (tap1, MAC 02:00:00:00:00:01) from VM one while it runs");
    expect(steps.at(-1)).toBe("plug NIC nic1 (tap1, MAC 02:00:00:00:00:01) into VM one while it runs");
    await guest.waitFor("cat /sys/class/net/eth1/address", (text) => text.includes("02:00:00:00:00:01"));
    expect(await lease("eth1")).toContain("GUEST lease ip 10.0.1.7");
    await expectReach("eth1", "10.0.1.1");
    expect(await pid()).toBe(process);
  });

  test("those that go are unplugged before their taps go; the rest is not disturbed", async () => {
    const process = await pid();
    const steps = await apply([nic(0, { queues: 2 })]);
    const [unplug] = steps;
    expect(unplug).toContain(
      "unplug NIC nic1 (tap1, MAC 02:00:00:00:00:01) and NIC nic2 (tap2, MAC 02:00:00:00:00:02)",
    );
    expect(await devices()).toBe("eth0 02:00:00:00:00:00\n");
    expect(json("ip -j link show").map((link) => link["ifname"])).not.toContain("tap1");
    await expectReach("eth0", "10.0.0.1");
    expect(await pid()).toBe(process);
  });

  test("are as asked for after a kill at any place: the same change resumes, the old state undoes it", async () => {
    const process = await pid();
    const [old, wanted] = [[nic(0, { queues: 2 })], [nic(0, { queues: 2 }), nic(1)]];
    const file = folder.write("desired.json", JSON.stringify(desiredOf(wanted)));
    let place = 1;
    for (; place < MOST_PLACES; place++) {
      const { signal, status, stderr } = spawnSync(
        globalThis.process.execPath,
        [join(import.meta.dirname, "reconcile-program.ts"), state, unit.name, file],
        { env: { ...globalThis.process.env, NETLOOM_CRASH_AT: String(place) }, encoding: "utf8" },
      );
      if (status === 0) break;
      expect(signal, stderr).toBe("SIGKILL");
      if (place % 2 === 0) {
        await apply(wanted);
        await guest.waitFor("ls /sys/class/net", (text) => text.includes("eth1"));
      }
      await apply(old);
      expect(await devices(), `place ${place}`).toBe("eth0 02:00:00:00:00:00\n");
      expect(json("ip -j link show").map((link) => link["ifname"])).not.toContain("tap1");
    }
    expect(place).toBeGreaterThan(5);
    await guest.waitFor("ls /sys/class/net", (text) => text.includes("eth1"));
    await apply(old);
    expect(await pid()).toBe(process);
  });

  test("survive a kill of the keeper in the middle of plugging: the change is undone, and done by the next try", async () => {
    const process = await pid();
    const [old, wanted] = [[nic(0, { queues: 2 })], [nic(0, { queues: 2 }), nic(1)]];
    for (const milliseconds of [1, 15]) {
      const keeper = identityOf((await (await startKeeper(state, KEEPER)).status()).pid)!;
      const killed = until("the NIC is noted", () => noted().includes('"nic1"')).then(async () => {
        await sleep(milliseconds);
        return globalThis.process.kill(keeper.pid, "SIGKILL");
      });
      const change = apply(wanted).catch((error: unknown) => {
        // A guest that stands still meanwhile may keep it from being undone at once: the next try does that.
        expect(error, String(error)).toMatchObject({ code: expect.stringMatching(/^(apply|rollback)-failed$/) });
      });
      await Promise.all([killed, change]);
      await waitForEnd(keeper, 5000);
      await apply(wanted);
      await guest.waitFor("ls /sys/class/net", (text) => text.includes("eth1"));
      await apply(old);
      expect(await devices(), `${milliseconds} ms`).toBe("eth0 02:00:00:00:00:00\n");
    }
    expect(await pid()).toBe(process);
  });

  test("keep their MAC addresses and places when the guest starts anew with all of them", async () => {
    const process = await pid();
    const steps = await apply([nic(0, { queues: 2 }), nic(1), nic(2)], { memoryMebibytes: 144 });
    expect(steps.join("\n")).toContain("restart VM one as changed, 144 MiB");
    await booted();
    guest[Symbol.dispose]();
    guest = await GuestShell.open(join(state, "vm/one/console.sock"));
    expect(await devices()).toBe("eth0 02:00:00:00:00:00\neth1 02:00:00:00:00:01\neth2 02:00:00:00:00:02\n");
    expect(await pid()).not.toBe(process);
    await apply([nic(0, { queues: 2 }), nic(2)], { memoryMebibytes: 144 });
    expect(await devices()).toBe("eth0 02:00:00:00:00:00\neth2 02:00:00:00:00:02\n");
  });

  test("go also while the guest boots, which hears of it late", async () => {
    await apply([nic(0, { queues: 2 }), nic(1)], { memoryMebibytes: 128 });
    await sleep(300);
    await apply([nic(0, { queues: 2 })], { memoryMebibytes: 128 });
    await booted();
    guest[Symbol.dispose]();
    guest = await GuestShell.open(join(state, "vm/one/console.sock"));
    expect(await devices()).toBe("eth0 02:00:00:00:00:00\n");
  });
});
