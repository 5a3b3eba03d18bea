/** What is ours comes back by itself, whatever is done to it; what is not ours is left alone. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SILENT } from "../../../src/base/logger.ts";
import { applyFile, destroyFile } from "../../../src/engine/file.ts";
import { Healer, type HealerOptions, type HealEvent } from "../../../src/engine/heal.ts";
import { Folder, makeUplink, netloom, removeUplink, Running, shell, until } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";
import { comparable, Daemon, fileText, untilSame } from "./support.ts";

const RANDOM_MACS = ["heal1-eth0", "tap0", "eth0-nic", "k6t-eth0"];

/** What somebody does, by name. */
const DAMAGE: Readonly<Record<string, string>> = {
  "an address is deleted": "ip address flush dev heal",
  "another address is put in its place":
    "ip address flush dev heal; ip address add 192.168.60.1/25 dev heal; ip address delete 192.168.60.1/25 dev heal",
  "a pod's routes are flushed, the kernel's route to its subnet too": "ip -n heal1 route flush dev eth0",
  "a link is taken down": "ip link set heal down",
  "an MTU is changed": "ip link set heal mtu 1400",
  "a port leaves its bridge": "ip link set heal1-eth0 nomaster",
  "a bridge is deleted": "ip link delete heal",
  "a veth pair is deleted": "ip link delete heal1-eth0",
  "the pod's end is taken down": "ip -n heal1 link set eth0 down",
  "a namespace is deleted": "ip netns delete heal1",
  "a tap is deleted": "ip -n pod1 link delete tap0",
  "a bound pod's bridge is deleted": "ip -n pod1 link delete k6t-eth0",
  "our nft table is deleted": "nft delete table ip netloom_heal",
  "our nft table loses its rules": "nft flush table ip netloom_heal",
  "all of nft is flushed": "nft flush ruleset; nsenter --net=/run/netns/pod1 nft flush ruleset",
  "forwarding is turned off": "echo 0 >/proc/sys/net/ipv4/conf/heal/forwarding",
  "a parameter without an event is changed": "echo 0 >/proc/sys/net/ipv6/conf/heal/disable_ipv6",
  "the same through another mount of /proc":
    "unshare --mount --pid --fork --mount-proc sh -c 'echo 0 >/proc/sys/net/ipv6/conf/heal/disable_ipv6'",
  "a file is edited": "echo 'nameserver 203.0.113.1' >/etc/netns/heal1/resolv.conf",
  "a file is deleted with its folder": "rm -r /etc/netns/heal1",
};

describe("the daemon", () => {
  let folder: Folder;
  let daemon: Daemon;

  beforeAll(async () => {
    // Tables of others do not come back when all is flushed.
    shell("nft flush ruleset");
    makeUplink();
    makePodNetwork();
    // The kernel's own addresses come a while after the links.
    await until("the pod network is settled", () => shell("ip -6 address show tentative") === "");
    makePod("pod1", ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
    folder = new Folder();
    daemon = await Daemon.start(folder.join("state"));
    await daemon.netloom("apply", folder.write("heal.yaml", fileText("heal", "192.168.60")));
    await daemon.netloom("bind", "--netns", "pod1", "--interface", "eth0");
    await until("all is settled", () => shell("ip -6 address show tentative") === "");
  });

  afterAll(async () => {
    await daemon.netloom("unbind", "--netns", "pod1", "--interface", "eth0");
    await daemon.netloom("destroy", folder.join("heal.yaml"));
    await daemon[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
    removePod("pod1");
    removeUplink();
    shell("ip link delete br-pods");
  });

  test.for(Object.entries(DAMAGE))("heals when %s", async ([what, command]) => {
    const before = comparable(RANDOM_MACS);
    const healed = daemon.toldOf("healed").length;
    shell(command);
    await daemon.untilTold("healed", healed + 1);
    await untilSame(before, RANDOM_MACS, what);
  });

  test("leaves alone what others have", async () => {
    const healed = daemon.told.length;
    shell(`ip link add theirs type bridge
      ip link set theirs addrgenmode none
      ip address add 203.0.113.1/24 dev theirs
      ip link set theirs up
      ip address add 203.0.113.129/25 dev uplink0
      ip route add 198.18.0.0/15 via 198.51.100.1
      nft add table ip theirs
      ip -n heal1 address add 203.0.113.9/32 dev lo`);
    const whole = comparable(RANDOM_MACS);
    shell("ip link delete heal1-eth0; ip address flush dev heal");
    await until(
      () => `the damage is healed: ${JSON.stringify(daemon.told.slice(healed))} ${daemon.process.stderr.slice(-4000)}`,
      () => daemon.told.slice(healed).some((event) => event.kind === "healed"),
    );
    await untilSame(whole, RANDOM_MACS, "beside what others have");
    const theirs = () => shell("ip -br address show theirs; ip route show 198.18.0.0/15; nft list table ip theirs");
    expect(theirs()).toContain("203.0.113.1/24");
    expect(theirs()).toContain("198.18.0.0/15 via 198.51.100.1");
    expect(shell("ip -n heal1 address show lo; ip address show uplink0")).toMatch(/203\.0\.113\.9[^]*203\.0\.113\.129/);
    const told = daemon.told.length;
    shell(`ip link delete theirs; ip route delete 198.18.0.0/15; nft delete table ip theirs
      ip address delete 203.0.113.129/25 dev uplink0; ip -n heal1 address delete 203.0.113.9/32 dev lo`);
    await sleep(1000);
    // That our own was healed may be told late, and in two parts when the two blows came far apart.
    const about = daemon.told.slice(told).map((event) => JSON.stringify(event));
    expect(about.filter((text) => /theirs|203\.0\.113\.|198\.18\./.test(text))).toEqual([]);
    expect(shell("ip -br link")).not.toContain("theirs");
  });
});

describe("two parties", () => {
  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("notices a fight, gives way more and more, and ends it when it is quiet", async () => {
    using folder = new Folder();
    await using daemon = await Daemon.start(folder.join("state"));
    const file = folder.write("heal.yaml", fileText("heal", "192.168.60"));
    await daemon.netloom("apply", file);
    const began = performance.now();
    const other = new Running([
      "bash",
      "-c",
      "while sleep 0.05; do ip -n heal1 route delete default 2>/dev/null && echo deleted; done",
    ]);
    await daemon.untilTold("fight");
    expect(daemon.toldOf("fight")).toMatchObject([{ unit: "heal", about: "route default in heal1" }]);
    // It is put back after a second now, and then after longer ones.
    const healed = daemon.toldOf("healed").length;
    await sleep(700);
    const again = daemon.toldOf("healed").length - healed;
    // After 1, 3, 7, … seconds, and one may be told late: the machine may have stood still.
    const seconds = (performance.now() - began) / 1000;
    expect(again).toBeLessThanOrEqual(1 + Math.floor(Math.log2(1 + seconds)));
    const fought = await netloom(["status", "--state", daemon.state]);
    expect(fought.stdout).toContain("fight: somebody undoes route default in heal1");
    expect(fought.stdout).toContain("heal is fought over");
    expect(fought.code).toBe(1);
    await other.stop();
    await until("the fight is over", () => daemon.toldOf("fight-over").length > 0);
    expect(shell("ip -n heal1 route show default")).toContain("via 192.168.60.1");
    expect(await daemon.netloom("status")).not.toContain("fight:");
    await daemon.netloom("destroy", file);
  });
});

describe("the loop", () => {
  const healerOf = (state: string, told: HealEvent[], options: Partial<HealerOptions>): Healer =>
    new Healer({
      stateFolder: state,
      services: { converge: () => Promise.resolve() },
      exclusively: async (_, work) => {
        await work();
        return true;
      },
      report: (event) => told.push(event),
      log: SILENT,
      ...options,
    });

  beforeAll(makeUplink);
  afterAll(removeUplink);

  test("reads all anew when so much happens that events are lost", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = folder.write("burst.yaml", fileText("burst", "192.168.61"));
    await applyFile(file, state);
    const told: HealEvent[] = [];
    {
      await using healer = healerOf(state, told, { receiveBufferBytes: 4096 });
      healer.add("burst");
      await healer.settled();
      // 10,000 events while this process waits for ip: the socket's small buffer overflows. Our own loss comes last.
      const lines = Array.from({ length: 2500 }, (_, i) => {
        const address = `203.0.${113 + (i >> 8)}.${i & 255}/32`;
        return `address add ${address} dev uplink0\naddress delete ${address} dev uplink0`;
      });
      writeFileSync(folder.join("batch"), `${lines.join("\n")}\naddress flush dev burst\n`);
      execFileSync("ip", ["-batch", folder.join("batch")]);
      await until("the address is back", () => shell("ip -br address show burst").includes("192.168.61.1/24"));
      await healer.settled();
    }
    expect(told.map((event) => event.kind)).toContain("events-lost");
    expect(told.filter((event) => event.kind === "healed")).toHaveLength(1);
    await destroyFile(file, state);
  });

  test("looks at tables of iptables-legacy, which raise no events", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = folder.write("old.yaml", fileText("old", "192.168.67"));
    shell("iptables-legacy -N DOCKER-USER; iptables-legacy -A FORWARD -j DOCKER-USER; iptables-legacy -P FORWARD DROP");
    const rules = (): string => shell("iptables-legacy -S");
    await applyFile(file, state);
    const before = rules();
    expect(before).toContain("-A DOCKER-USER");
    const told: HealEvent[] = [];
    {
      await using healer = healerOf(state, told, { legacyMilliseconds: 100 });
      healer.add("old");
      await healer.settled();
      shell("iptables-legacy -F DOCKER-USER");
      await until("the rules are back", () => rules() === before);
    }
    expect(told).toMatchObject([{ kind: "healed", unit: "old" }]);
    await destroyFile(file, state);
    shell("iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F; iptables-legacy -X");
  });

  test("a flush that takes a chain of others along leaves nothing to be done in it until it is back", async () => {
    using folder = new Folder();
    const state = folder.join("state");
    const file = folder.write("flushed.yaml", fileText("flushed", "192.168.68"));
    const makeDocker = (): string =>
      shell("iptables-nft -N DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -P FORWARD DROP");
    const rules = (): string => shell("iptables-nft -S");
    makeDocker();
    await applyFile(file, state);
    const before = rules();
    expect(before).toContain("-A DOCKER-USER");
    const told: HealEvent[] = [];
    {
      await using healer = healerOf(state, told, {});
      healer.add("flushed");
      await healer.settled();
      shell("nft flush ruleset");
      await until("our own table is back", () => shell("nft list tables").includes("netloom_flushed"));
      await healer.settled();
      expect(told).toMatchObject([{ kind: "healed", unit: "flushed" }]);
      makeDocker();
      await until("the rules are back", () => rules() === before);
    }
    expect(told.map(({ kind }) => kind)).toEqual(["healed", "healed"]);
    await destroyFile(file, state);
    shell("iptables-nft -P FORWARD ACCEPT; iptables-nft -F; iptables-nft -X");
  });
});
