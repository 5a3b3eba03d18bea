/** A daemon comes and goes, is killed, shares its folder with commands, and takes over what others began. */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostSnapshot, namespaceSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell, until } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";
import { comparable, Daemon, fileText, untilSame } from "./support.ts";

beforeAll(makeUplink);
afterAll(removeUplink);

const VM = `  vm1: { kind: vm, in: life1, image: echo.img, memory: 32M, accelerator: tcg, nics: [{ binding: bridge }] }\n`;
/** More places than an apply has. */
const MOST_PLACES = 60;
const RANDOM_MACS = ["life1-eth0", "tap0", "eth0-nic", "k6t-eth0"];

function withGuest(folder: Folder): string {
  writeBootDisk(folder.join("echo.img"), "echo");
  return folder.write("life.yaml", fileText("life", "192.168.62") + VM);
}

async function statusOf(state: string): Promise<{
  units: readonly { name: string; state: string; setAside?: string[]; unserved?: string[] }[];
  setAside?: readonly string[];
  keeper?: { daemon?: boolean; services: readonly { name: string; state: string }[] };
}> {
  const { stdout } = await netloom(["status", "--json", "--state", state]);
  return JSON.parse(stdout) as Awaited<ReturnType<typeof statusOf>>;
}

const SERVED = [
  { name: "DHCP on tap0 in life1", state: "running" },
  { name: "VM vm1", state: "running" },
];

describe("with a guest", () => {
  test("takes over from the keeper, is killed, comes again, ends: the guest goes on", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = withGuest(folder);
    const before = hostSnapshot();
    await done(["apply", file, "--state", state]);
    const guest = processesNamed("qemu-system-x86");
    expect(guest).toHaveLength(1);
    expect((await statusOf(state)).keeper?.daemon).toBeUndefined();

    const first = await Daemon.start(state);
    expect(await statusOf(state)).toMatchObject({
      units: [{ name: "life", state: "applied" }],
      keeper: { daemon: true, services: SERVED },
    });
    const second = await netloom(["daemon", "--state", state]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`one runs already, process ${first.pid}`);
    const whole = comparable(RANDOM_MACS);
    await first.kill();
    // Nobody heals now.
    shell("ip address flush dev life; nft flush ruleset; ip -n life1 link delete k6t-eth0");

    const third = await Daemon.start(state);
    await untilSame(whole, RANDOM_MACS, "after the kill");
    expect((await statusOf(state)).keeper).toMatchObject({ daemon: true, services: SERVED });
    await third[Symbol.asyncDispose]();
    expect(processesNamed("qemu-system-x86")).toEqual(guest);
    expect(existsSync(`${state}/netloom.sock`)).toBe(false);

    // Without a daemon a keeper takes up the same guest.
    await done(["apply", file, "--state", state]);
    expect(processesNamed("qemu-system-x86")).toEqual(guest);
    expect((await statusOf(state)).keeper?.services).toMatchObject(SERVED);
    await done(["destroy", file, "--state", state]);
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });

  test("a guest that was stopped runs again when it is asked to, and not before", async () => {
    using folder = new Folder();
    await using daemon = await Daemon.start(folder.join("state"));
    const file = withGuest(folder);
    await daemon.netloom("apply", file);
    const client = await daemon.client();
    await client.call("vmStop", { name: "vm1", powerdownSeconds: 0 });
    shell("ip address flush dev life");
    await daemon.untilTold("healed");
    expect(processesNamed("qemu-system-x86")).toHaveLength(0);
    expect(await daemon.netloom("vm", "run", "vm1")).toBe("VM vm1 runs.\n");
    expect(await client.call("vmList", undefined)).toMatchObject([{ name: "vm1", state: "running" }]);
    expect(processesNamed("qemu-system-x86")).toHaveLength(1);
    await daemon.netloom("destroy", file);
    expect(processesNamed("qemu-system-x86")).toHaveLength(0);
  });
});

test("a guest that does not let go of a NIC keeps nobody else from being healed", async () => {
  using folder = new Folder();
  await using daemon = await Daemon.start(folder.join("state"));
  writeBootDisk(folder.join("echo.img"), "echo");
  const stubborn = (nics: string): string =>
    folder.write(
      "deaf.yaml",
      `version: 1
name: deaf
networks: { deaf1: { subnet: 192.168.74.0/24 }, deaf2: { subnet: 192.168.75.0/24 } }
machines:
  deaf: { kind: vm, image: echo.img, memory: 32M, accelerator: tcg, nics: [${nics}] }
`,
    );
  const file = folder.write("life.yaml", fileText("life", "192.168.62"));
  await daemon.netloom("apply", file);
  await daemon.netloom("apply", stubborn("{ network: deaf1 }, { network: deaf2 }"));
  const change = netloom(["apply", stubborn("{ network: deaf1 }"), "--state", daemon.state]);
  await until("the guest is asked", () => existsSync(`${daemon.state}/units/deaf/journal.json`));
  const before = comparable(RANDOM_MACS);
  shell("ip address flush dev life; ip -n life1 route delete default");
  await daemon.untilTold("healed");
  expect(existsSync(`${daemon.state}/units/deaf/journal.json`)).toBe(true);
  await untilSame(before, RANDOM_MACS, "beside the change");
  shell(`kill -KILL ${processesNamed("qemu-system-x86").join(" ")}`);
  expect((await change).stderr).toContain("unplug NIC nic1");
  for (const name of ["deaf.yaml", "life.yaml"]) await daemon.netloom("destroy", folder.join(name));
});

test("a change that a kill cut off is brought to its end", async () => {
  using folder = new Folder();
  const state = folder.join("state");
  const file = folder.write("cut.yaml", fileText("cut", "192.168.63"));
  const cut = await netloom(["apply", file, "--state", state], { NETLOOM_CRASH_AT: "7" });
  expect(cut.signal).toBe("SIGKILL");
  await using daemon = await Daemon.start(state);
  await daemon.untilTold("resumed");
  expect(await statusOf(state)).toMatchObject({ units: [{ name: "cut", state: "applied" }] });
  await daemon.netloom("destroy", file);
});

test("a daemon that is killed at any place of a change, and the next one", { timeout: 180_000 }, async () => {
  using folder = new Folder();
  const state = folder.join("state");
  const before = comparable([]);
  const file = folder.write("cut.yaml", fileText("cut", "192.168.63"));
  await done(["apply", file, "--state", state]);
  const whole = comparable(["cut1-eth0"]);
  await done(["destroy", file, "--state", state]);
  const crash = folder.write("crash", "");
  const start = (): Promise<Daemon> => Daemon.start(state, [], { NETLOOM_CRASH_AT: crash });
  let daemon = await start();
  let place = 1;
  try {
    for (; place < MOST_PLACES; place++) {
      writeFileSync(crash, String(place));
      const { code, stderr } = await netloom(["apply", file, "--state", state]);
      writeFileSync(crash, "");
      if (code === 0) break;
      expect(stderr).toContain("the daemon ended before it answered");
      await daemon.kill();
      daemon = await start();
      // Before the journal nobody knows what was wanted.
      if (place === 1) await daemon.netloom("apply", file);
      await untilSame(whole, ["cut1-eth0"], `resumed after a kill at place ${place}`);
      await daemon.netloom("destroy", file);
      expect(comparable([]), `destroyed after a kill at place ${place}`).toEqual(before);
    }
    expect(place).toBeGreaterThan(16);
    expect(place).toBeLessThan(MOST_PLACES);
    await daemon.netloom("destroy", file);
  } finally {
    await daemon[Symbol.asyncDispose]();
  }
});

test("several commands at once, beside healing, all get their way", async () => {
  using folder = new Folder();
  const before = comparable([]);
  await using daemon = await Daemon.start(folder.join("state"));
  const files = ["one", "two", "three"].map((name, i) =>
    folder.write(`${name}.yaml`, fileText(name, `192.168.${70 + i}`)),
  );
  await daemon.netloom("apply", files[0]!);
  shell("ip link delete one");
  await Promise.all([
    daemon.netloom("apply", files[1]!),
    daemon.netloom("apply", files[2]!),
    // It may tell of what is not healed yet.
    statusOf(daemon.state),
    daemon.netloom("plan", files[0]!),
  ]);
  await daemon.untilTold("healed");
  const { units } = await statusOf(daemon.state);
  expect(units.map(({ name, state }) => [name, state])).toEqual([
    ["one", "applied"],
    ["three", "applied"],
    ["two", "applied"],
  ]);
  await Promise.all(files.map((file) => daemon.netloom("destroy", file)));
  expect(comparable([])).toEqual(before);
});

describe("a change to be confirmed", () => {
  const changed = (folder: Folder): string => folder.write("ask.yaml", fileText("ask", "192.168.65"));
  const original = (folder: Folder): string => folder.write("ask.yaml", fileText("ask", "192.168.64"));
  const gateway = () => shell("ip -br address show ask");
  /** So long that no machine stands still meanwhile. */
  const LONG = "10m";
  const confirmation = (state: string): string => `${state}/units/ask/confirmation.json`;

  test("is undone by the daemon when nobody confirms it, and lasts when somebody does", async () => {
    using folder = new Folder();
    await using daemon = await Daemon.start(folder.join("state"));
    await daemon.netloom("apply", original(folder));
    await daemon.netloom("apply", changed(folder), "--confirm", "1s");
    await daemon.untilTold("undone");
    expect(gateway()).toContain("192.168.64.1");
    await daemon.netloom("apply", changed(folder), "--confirm", LONG);
    expect(await daemon.netloom("status")).toContain("unconfirmed");
    expect(gateway()).toContain("192.168.65.1");
    expect(await daemon.netloom("confirm", folder.join("ask.yaml"))).toBe("Confirmed: ask.\n");
    expect(existsSync(confirmation(daemon.state))).toBe(false);
    expect(await daemon.netloom("status")).not.toContain("unconfirmed");
    expect(gateway()).toContain("192.168.65.1");
    expect(daemon.toldOf("undone")).toHaveLength(1);
    await daemon.netloom("destroy", folder.join("ask.yaml"));
  });

  test("is undone without a daemon, too, and by the next one when all were killed", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const before = comparable([]);
    await done(["apply", original(folder), "--confirm", "1s", "--state", state]);
    await until("the first apply is undone", () => !existsSync(`${state}/units`));
    expect(comparable([])).toEqual(before);

    await done(["apply", original(folder), "--state", state]);
    await done(["apply", changed(folder), "--confirm", LONG, "--state", state]);
    shell(`pkill -KILL -f "wait-confirmation ask --state ${state}"`);
    expect(gateway()).toContain("192.168.65.1");
    // Its time passes while nobody is there.
    const written = readFileSync(confirmation(state), "utf8");
    writeFileSync(confirmation(state), written.replace(/"deadline":\d+/, '"deadline":1'));
    await using daemon = await Daemon.start(state);
    await daemon.untilTold("undone");
    expect(gateway()).toContain("192.168.64.1");
    await daemon.netloom("destroy", folder.join("ask.yaml"));
  });
});

describe("what is stored", () => {
  test("the list of services, when it cannot be read: told, set aside, made anew; the guest goes on", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = withGuest(folder);
    const before = hostSnapshot();
    const first = await Daemon.start(state);
    await first.netloom("apply", file);
    const guest = processesNamed("qemu-system-x86");
    await first.kill();
    writeFileSync(`${state}/services.json`, '{"version":1,"units":{"life":[{}]}}');
    writeFileSync(`${state}/vm/vm1/machine.json`, "");
    expect(await statusOf(state)).toMatchObject({
      units: [{ name: "life", state: "applied", unserved: SERVED.map(({ name }) => name) }],
      setAside: [expect.stringContaining("services.json: it lists no services")],
    });
    expect((await netloom(["vm", "list", "--state", state])).stdout).toContain("machine.json: it is not JSON");

    await using next = await Daemon.start(state);
    expect(await statusOf(state)).toMatchObject({
      units: [{ name: "life", state: "applied" }],
      setAside: ["services.json.corrupt-1"],
      keeper: { services: SERVED },
    });
    expect(next.process.stderr).toContain("services.json: it lists no services; it was set aside as");
    expect(processesNamed("qemu-system-x86")).toEqual(guest);
    await next.netloom("destroy", file);
    await next[Symbol.asyncDispose]();
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });

  test("when it cannot be read: told, set aside, and found in the kernel again", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const before = hostSnapshot();
    // With a guard, which is a table of its own.
    const text = fileText("lost", "192.168.66").replace("66.0/24 }", "66.0/24, dhcp: { range: [] } }");
    const file = folder.write("lost.yaml", text);
    await done(["apply", file, "--state", state]);
    expect(shell("nft list tables")).toContain("table bridge netloom_guard_lost");
    const record = `${state}/units/lost/record.json`;
    writeFileSync(record, "{");
    expect(await statusOf(state)).toMatchObject({ units: [{ name: "lost", state: "unknown" }] });
    const words = await done(["apply", file, "--state", state]);
    expect(words).toContain("record.json.corrupt-1 could not be read and was set aside");
    expect(await statusOf(state)).toMatchObject({
      units: [{ name: "lost", state: "applied", setAside: ["record.json.corrupt-1"] }],
    });
    // What runs for an attachment ends with it, although nothing but the list of services tells of that.
    const attachment = ["--name", "guest", "--state", state];
    await done(["attach", "lost", "--tap", "tap9", "--dhcp", "single", ...attachment]);
    writeFileSync(`${state}/units/attach-guest/record.json`, "{");
    await done(["detach", ...attachment]);
    expect(await statusOf(state)).toMatchObject({ keeper: { services: [{ name: "DHCP on lost" }] } });
    writeFileSync(record, "");
    await done(["destroy", file, "--state", state]);
    // The value before netloom is lost with the record.
    shell("echo 0 >/proc/sys/net/ipv4/conf/uplink0/forwarding");
    expect(hostSnapshot()).toEqual(before);
    expect(readdirSync(state)).toEqual([]);
  });

  test.for([
    ["a bind of today's profile", ["--profile", "modern"]],
    ["a bind of the old profile", ["--profile", "legacy"]],
    ["a bind by macvtap", ["--binding", "macvtap"]],
    ["a masquerading bind", ["--binding", "masquerade"]],
  ] as const)(
    "%s, when it cannot be read: unbind gives the pod back as far as it is known",
    async ([, [option, value]]) => {
      using folder = new Folder();
      makePodNetwork();
      makePod("pod1", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
      try {
        await until("the pod is settled", () => shell("ip -n pod1 -6 address show tentative") === "");
        // What the kernel no longer tells is told instead.
        const shown = (): string[] => namespaceSnapshot("pod1").filter((line) => !/forwarding|accept_ra:/.test(line));
        const before = shown();
        await using daemon = await Daemon.start(folder.join("state"));
        const where = ["--netns", "pod1", "--interface", "eth0"];
        await daemon.netloom("bind", ...where, option, value);
        writeFileSync(`${daemon.state}/units/bind-pod1-eth0/record.json`, "{");
        expect(await statusOf(daemon.state)).toMatchObject({ units: [{ name: "bind-pod1-eth0", state: "unknown" }] });
        const told = await daemon.netloom("unbind", ...where);
        expect(told).toContain("record.json.corrupt-1 could not be read and was set aside");
        if (value === "masquerade") expect(told).toContain("sysctl net.ipv4.conf.eth0.forwarding=0");
        else expect(told).toMatch(/have had MAC address .*, address 192\.0\.2\.5\/24 in pod1.*, route default in pod1/);
        await until("the pod is settled", () => shell("ip -n pod1 -6 address show tentative") === "");
        expect(shown()).toEqual(before);
        expect((await statusOf(daemon.state)).units).toEqual([]);
      } finally {
        removePod("pod1");
        shell("ip link delete br-pods");
      }
    },
  );

  test("of another version is refused and left alone", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = folder.write("newer.yaml", fileText("newer", "192.168.67"));
    await done(["apply", file, "--state", state]);
    const record = `${state}/units/newer/record.json`;
    const ours = shell(`cat ${record}`);
    writeFileSync(record, ours.replace('"version":1', '"version":2'));
    const { size } = statSync(record);
    for (const command of ["apply", "destroy"]) {
      const { code, stderr } = await netloom([command, file, "--state", state]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/it is of version 2, not 1\n.*another version of netloom/);
    }
    expect(statSync(record).size).toBe(size);
    writeFileSync(record, ours);
    await done(["destroy", file, "--state", state]);
  });
});
