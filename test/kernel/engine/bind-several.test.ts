/** Several interfaces of a pod bound by one process, and what bind prints for other programs. */
import { readdirSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { namespaceSnapshot } from "../../support/host-snapshot.ts";
import { Folder, json, netloom, shell, startNetloom, until } from "../../support/network.ts";
import { makePod, makePodNetwork, removePod } from "../transition/pods.ts";

const POD = "pod1";
const NET1_MAC = "0a:58:c6:33:64:05";
let folder: Folder;
let before: readonly string[];

function words(interfaces: readonly string[], more: readonly string[] = []): string[] {
  const each = interfaces.flatMap((name) => ["--interface", name]);
  return ["bind", "--netns", POD, "--state", folder.join("state"), "--foreground", ...each, ...more];
}

const linkNames = (): unknown[] => json(`ip -n ${POD} -j link`).map((link) => link["ifname"]);

beforeAll(makePodNetwork);
afterAll(() => {
  shell("ip link delete br-pods");
});
beforeEach(() => {
  folder = new Folder();
  makePod(POD, ["address add 192.0.2.5/24 dev eth0", "route add default via 192.0.2.1"]);
  shell(`ip link add host-net1 type veth peer name net1 address ${NET1_MAC} netns ${POD}
    ip link set host-net1 master br-pods up
    ip -n ${POD} link set net1 up
    ip -n ${POD} address add 198.51.100.5/24 dev net1
    for i in $(seq 100); do [ -n "$(ip -n ${POD} -6 address show tentative)" ] || break; sleep 0.05; done`);
  before = snapshot();
});
afterEach(() => {
  shell("ip link delete host-net1");
  removePod(POD);
  folder[Symbol.dispose]();
});

/** Of equal routes on two interfaces the kernel lists the one first that came first. */
const snapshot = (): readonly string[] => namespaceSnapshot(POD).sort();

function expectRestored(): void {
  expect(snapshot()).toEqual(before);
  expect(readdirSync(folder.join("state"))).toEqual([]);
}

test("each has its tap and its server's address, and all are given back", async () => {
  const running = startNetloom(words(["eth0", "net1"], ["--json"]));
  await until("both are bound", () => running.stdout.split("\n").length === 3 || !running.running);
  const bound = running.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  expect(bound).toMatchObject([
    { tap: "tap0", mac: "0a:58:c0:00:02:05", addresses: ["192.0.2.5/24"] },
    { tap: "tap1", mac: NET1_MAC, addresses: ["198.51.100.5/24"] },
  ]);
  const servers = shell(`ip -n ${POD} -o -4 address show | awk '/k6t/ { print $2, $4 }'`).trim().split("\n");
  expect(servers).toEqual(["k6t-eth0 169.254.75.10/32", "k6t-net1 169.254.75.11/32"]);
  expect((await running.stop()).code).toBe(0);
  expectRestored();
});

test("one that fails undoes only itself and is told; the others serve on, and the exit code is 1", async () => {
  shell(`ip -n ${POD} link add k6t-net1 type bridge`);
  const running = startNetloom(words(["eth0", "net1", "nowhere"]));
  await until("all were tried", () => running.stderr.includes("nowhere") || !running.running);
  expect(running.stdout).toContain("eth0 in pod1 is bound");
  expect(running.stderr).toContain("link k6t-net1 in pod1 exists and is not netloom's");
  expect(running.stderr).toContain("bind nowhere: there is no such interface");
  expect(linkNames()).toEqual(expect.arrayContaining(["tap0", "k6t-eth0", "net1"]));
  expect(linkNames()).not.toContain("tap1");
  expect((await running.stop()).code).toBe(1);
  shell(`ip -n ${POD} link delete k6t-net1`);
  expectRestored();
});

test("of several masqueraded interfaces only the first is one", async () => {
  const running = startNetloom(words(["eth0", "net1"], ["--binding", "masquerade"]));
  await until("both were tried", () => running.stderr.includes("10.0.2.1 already") || !running.running);
  expect(running.stderr).toContain("bind net1: the namespace has 10.0.2.1 already");
  expect((await running.stop()).code).toBe(1);
  expectRestored();
});

test("unbind takes several as well", async () => {
  const running = startNetloom(words(["eth0", "net1"], ["--binding", "bridge", "--json"]));
  await until("both are bound", () => running.stdout.split("\n").length === 3 || !running.running);
  await running.stop("SIGKILL");
  const each = ["--interface", "eth0", "--interface", "net1"];
  const { code, stdout } = await netloom(["unbind", "--netns", POD, "--state", folder.join("state"), ...each]);
  expect(code).toBe(0);
  expect(stdout).toBe("eth0 in pod1 is as it was\nnet1 in pod1 is as it was\n");
  expectRestored();
});

test.each(["bridge", "masquerade", "macvtap"])(
  "%s: a second bind after a kill changes nothing and says the same",
  async (binding) => {
    const bind = words(["eth0"], ["--binding", binding, "--json"]);
    const first = startNetloom(bind);
    const line = await first.firstLine();
    await first.stop("SIGKILL");
    const bound = namespaceSnapshot(POD);
    const second = startNetloom(bind);
    expect(await second.firstLine()).toBe(line);
    expect(namespaceSnapshot(POD)).toEqual(bound);
    expect((await second.stop()).code).toBe(0);
    expectRestored();
  },
);

test("for a libvirt domain", async () => {
  const running = startNetloom(words(["eth0"], ["--output", "libvirt", "--queues", "2"]));
  await until("it is printed", () => running.stdout.includes("</interface>") || !running.running);
  expect(running.stdout).toBe(`<interface type='ethernet'>
  <target dev='tap0' managed='no'/>
  <mac address='0a:58:c0:00:02:05'/>
  <mtu size='1440'/>
  <model type='virtio'/>
  <driver queues='2'/>
  <rom enabled='no'/>
</interface>
`);
  expect((await running.stop()).code).toBe(0);
  expectRestored();
});

test.each([
  ["an interface twice", ["eth0", "eth0"], /--interface eth0 is given twice/],
  ["an empty name", ["eth0", ""], /--interface is empty/],
])("%s: wrong use", async (_, interfaces, told) => {
  const { code, stderr } = await netloom(words(interfaces));
  expect(stderr).toMatch(told);
  expect(code).toBe(2);
});
