/** Guests that no file declares: vm run with options, vm stop, alone and through a daemon. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, json, netloom, shell, until } from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";
import { processesNamed } from "../vm/support.ts";
import { comparable, Daemon, untilSame } from "./support.ts";

const FILE = `version: 1
name: site
networks:
  lan: { subnet: 192.168.84.0/24, subnet6: "fd00:84::/64" }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
`;

let folder: Folder;
let state: string;
let file: string;
let echo: string;

beforeAll(async () => {
  folder = new Folder();
  state = folder.join("state");
  file = folder.write("site.yaml", FILE);
  echo = writeBootDisk(folder.join("echo.img"), "echo");
  await run("apply", file);
});

afterAll(async () => {
  await run("destroy", file);
  folder[Symbol.dispose]();
});

const run = (...words: string[]): Promise<string> => done([...words, "--state", state]);
const fails = (...words: string[]) => netloom([...words, "--state", state]);
const boot = (image: string): string[] => ["--image", image, "--memory", "32M", "--accelerator", "tcg"];
const listed = async (): Promise<unknown> => JSON.parse(await run("vm", "list", "--json"));
const guests = (): number[] => processesNamed("qemu-system-x86");

test("without a daemon: runs beside the file's machines until it is stopped", async () => {
  const before = hostSnapshot();
  const words = ["vm", "run", "hand1", "--network", "lan,mac=52:54:00:00:00:84,address=192.168.84.7", ...boot(echo)];
  const told = JSON.parse(await run(...words, "--json")) as object;
  expect(told).toEqual({
    name: "hand1",
    unit: "vm-hand1",
    nics: [{ network: "site/lan", tap: "hand1-tap0", mac: "52:54:00:00:00:84" }],
    addresses: ["192.168.84.7/24", "fd00:84::1:0"],
    state: "running",
    notes: [],
  });
  expect(json("ip -j link show dev hand1-tap0")).toMatchObject([{ master: "lan" }]);
  await until("the guest is up", async () => (await run("vm", "console", "hand1")).includes("ready"));
  expect(JSON.parse(readFileSync(`${state}/services.json`, "utf8"))).toMatchObject({
    units: { "vm-hand1": expect.arrayContaining([expect.objectContaining({ kind: "dhcp-single" })]) },
  });

  const running = guests();
  expect(running).toHaveLength(1);
  expect(JSON.parse(await run(...words, "--json"))).toEqual(told);
  expect(guests()).toEqual(running);
  expect((await fails(...words, "--cpus", "2")).stderr).toContain("there is one already: guest on site/lan");
  const refused = await fails("destroy", file);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("netloom vm stop hand1");

  expect(await run("vm", "stop", "hand1")).toBe("VM hand1 has ended, nothing of it is left.\n");
  expect(hostSnapshot()).toEqual(before);
  expect(await listed()).toEqual([]);
});

test("by a daemon: with two NICs, over a kill of the daemon, healed", async () => {
  const before = comparable([]);
  const first = await Daemon.start(state);
  const nics = ["--network", "lan", "--network", "site/lan,dhcp=none,queues=2"];
  expect(await first.netloom("vm", "run", "hand2", ...nics, ...boot(echo))).toMatch(
    /^VM hand2 runs on site\/lan by hand2-tap0 \(\S+\) and site\/lan by hand2-tap1 \(\S+\), with 192\.168\.84\.254\/24/,
  );
  const running = guests();
  const whole = comparable([]);
  await first.kill();
  shell("ip link set hand2-tap0 nomaster");
  await using next = await Daemon.start(state);
  await untilSame(whole, [], "after the kill");
  expect(guests()).toEqual(running);
  expect(await next.netloom("status")).toMatch(/vm-hand2: applied, .* guest on site\/lan and site\/lan, image /);
  expect(JSON.parse(await next.netloom("vm", "stop", "hand2", "--powerdown", "1", "--json"))).toEqual({
    name: "hand2",
    state: "stopped",
    removed: true,
  });
  expect(guests()).toEqual([]);
  expect(comparable([])).toEqual(before);
});

test("one that shut itself down can be run again, until it is taken back", async () => {
  const before = hostSnapshot();
  const image = writeBootDisk(folder.join("poweroff.img"), "poweroff");
  await run("vm", "run", "hand3", "--network", "lan", ...boot(image));
  const ended = async (): Promise<boolean> => JSON.stringify(await listed()).includes('"state":"exited"');
  await until("it has shut down", ended);
  expect(await run("vm", "run", "hand3")).toBe("VM hand3 runs.\n");
  await until("it has shut down again", ended);
  await run("vm", "stop", "hand3");
  expect(hostSnapshot()).toEqual(before);
});

describe("refused, with nothing left:", () => {
  test.each([
    [["--network", "wlan", ...boot("/etc/hosts")], 1, "no applied file has such a network"],
    [["--network", "lan", ...boot("/nowhere.img")], 1, "/nowhere.img: there is no such file"],
    [["--network", "lan"], 2, "say what to boot"],
    [["--network", "lan,speed=1", "--image", "x"], 2, "speed=1: not mac=, address="],
    [["--image", "x"], 2, "--image is for a new guest, and --network is missing"],
    [["--network", "lan", "--image", "x", "--memory", "512"], 2, "--memory 512: is not a size"],
    [["--network", "lan", "--image", "x", "--append", "quiet"], 2, "--append works only together with --kernel"],
    [[], 1, "knows no machine of that name"],
  ])("%j", async (words, code, reason) => {
    const before = hostSnapshot();
    const refused = await fails("vm", "run", "hand4", ...words);
    expect(refused.stderr).toContain(reason);
    expect(refused.code).toBe(code);
    expect(hostSnapshot()).toEqual(before);
  });
});
