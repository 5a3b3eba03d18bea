/** `netloom apply` of files with real guests, as root of a host in the sandbox. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Status } from "../../src/engine/status.ts";
import { connectUnixSocket } from "../../src/kernel/unix-socket.ts";
import { Capture } from "../support/capture.ts";
import { CHECKOUT, GUEST_INITRD, GUEST_KERNEL, toldBy } from "../support/guest-image.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, Folder, json, makeUplink, netloom, removeUplink, Running, shell, until } from "../support/network.ts";
import { tsharkFields } from "../support/tshark.ts";
import { consoleOf, guestIsDone, STATE } from "./console.ts";

/** A guest that boots in 2.5 s alone takes much longer on a busy machine. */
const GUEST_SECONDS = 120;
const EXAMPLE = join(CHECKOUT, "examples", "vm-in-a-pod.yaml");

let names: ChildProcess;

beforeAll(() => {
  makeUplink();
  shell(`ip link set uplink0 mtu 1450
    ip -n outside link set eth0 mtu 1450`);
  writeFileSync("/etc/resolv.conf", "search example.org\nnameserver 198.51.100.1\n");
  const server = join(CHECKOUT, "scripts", "demo", "outside-names.ts");
  names = spawn("nsenter", ["--net=/run/netns/outside", "--", process.execPath, server], { stdio: "inherit" });
});

afterAll(async () => {
  const ended = once(names, "exit");
  names.kill();
  await ended;
  removeUplink();
});

beforeEach(() => rmSync(STATE, { recursive: true, force: true }));

async function statusNow(): Promise<Status> {
  return JSON.parse((await netloom(["status", "--json"])).stdout) as Status;
}

async function statusOf(service: string): Promise<unknown> {
  return (await statusNow()).keeper?.services.find(({ name }) => name === service);
}

function pidOf(vm: string): number {
  return Number(readFileSync(join(STATE, "vm", vm, "pid"), "utf8"));
}

describe("the example", () => {
  let before: readonly string[];
  let after: readonly string[];
  let status: Status;
  let console: string;
  let shown: string;
  let outside: readonly Uint8Array[];
  let podMac: unknown;

  beforeAll(async () => {
    before = hostSnapshot();
    using capture = await Capture.open("outside", "eth0");
    await done(["apply", EXAMPLE]);
    podMac = json("ip -j -n pod1 link show dev eth0")[0]?.["address"];
    await guestIsDone("vm1");
    status = await statusNow();
    console = consoleOf("vm1");
    shown = await done(["vm", "console", "vm1"]);
    outside = capture.frames();
    await done(["destroy", EXAMPLE]);
    after = hostSnapshot();
  }, 240_000);

  test("status shows all of it applied, the guest and its DHCP server running", () => {
    expect(status.units).toMatchObject([{ name: "vm-in-a-pod", state: "applied", drift: [], source: EXAMPLE }]);
    const services = status.keeper?.services.map(({ name, state }) => `${name}: ${state}`);
    expect(services?.toSorted()).toEqual(["DHCP on tap0 in pod1: running", "VM vm1: running"]);
    const dhcp = status.keeper?.services.find(({ kind }) => kind === "dhcp-single");
    expect(dhcp?.details["sent"]).toEqual({ OFFER: 1, ACK: 1 });
  });

  test("vm console shows what the guest wrote", () => {
    expect(toldBy(shown, "address")).toEqual(["192.168.50.10/24"]);
    expect(toldBy(shown, "done")).toHaveLength(1);
  });

  test("the guest has what the pod had: address, MAC, MTU of the uplink, gateway, name server, search, host name", () => {
    expect(toldBy(console, "address")).toEqual(["192.168.50.10/24"]);
    expect(toldBy(console, "mac")).toEqual([podMac]);
    expect(toldBy(console, "mtu")).toEqual(["1450"]);
    expect(toldBy(console, "route")).toContain("default via 192.168.50.1 dev eth0");
    expect(toldBy(console, "resolv")).toEqual(["search example.org", "nameserver 198.51.100.1"]);
    expect(toldBy(console, "hostname")).toEqual(["pod1"]);
  });

  test("it reaches gateway, neighbour and the outside, at full MTU in one piece, and resolves a name", () => {
    const targets = ["192.168.50.1", "192.168.50.2", "198.51.100.1"];
    expect(toldBy(console, "ping")).toEqual(targets.map((target) => `${target} ok`));
    expect(toldBy(console, "ping-full")).toEqual(targets.map((target) => `${target} ok 1450`));
    expect(toldBy(console, "resolve")).toEqual(["outside.example.org ok 198.51.100.1"]);
  });

  test("the host outside sees the uplink's address only", () => {
    const rows = tsharkFields(outside, ["ip.src", "ip.dst"], "ip");
    expect(new Set(rows.flatMap((row) => [row["ip.src"], row["ip.dst"]]))).toEqual(
      new Set(["198.51.100.1", "198.51.100.2"]),
    );
    expect(tsharkFields(outside, ["ip.src"], "icmp.type == 8 && ip.len == 1450")).toHaveLength(1);
  });

  test("destroy leaves everything as before, and no process", () => expect(after).toEqual(before));
});

describe("a file that changes while a guest pings", () => {
  const folder = new Folder();
  const file = folder.join("lab.yaml");

  /** @param lines of the machines beyond pod1, pod2 and vm1 */
  function write(...lines: string[]): void {
    const machine = `kernel: ${GUEST_KERNEL}, initrd: ${GUEST_INITRD}, memory: 128M, accelerator: tcg`;
    const words = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr no_timer_check cryptomgr.notests audit=0";
    const text = [
      "version: 1",
      "uplinks: { wan: { device: uplink0 } }",
      "networks: { lan: { subnet: 192.168.60.0/24 } }",
      "routers: { edge: { networks: [lan], uplink: wan } }",
      "machines:",
      "  pod1: { kind: namespace, nics: [{ network: lan, address: 192.168.60.10 }] }",
      "  pod2: { kind: namespace, nics: [{ network: lan, address: 192.168.60.20 }] }",
      `  vm1: { kind: vm, in: pod1, append: "${words}", ${machine} }`,
      ...lines.map((line) => `  ${line.replace("MACHINE", `append: "${words} nl.ping=192.168.60.10", ${machine}`)}`),
    ];
    writeFileSync(file, `${text.join("\n")}\n`);
  }

  afterAll(() => folder[Symbol.dispose]());

  test("loses no packet; guests are stopped, and reported when they die; nothing is left", async () => {
    const before = hostSnapshot();
    write();
    await done(["apply", file]);
    await guestIsDone("vm1");
    const firstGuest = pidOf("vm1");
    const console = await connectUnixSocket(join(STATE, "vm", "vm1", "console.sock"));
    console.write("ping 198.51.100.1\n");
    await until("the guest pings", () => consoleOf("vm1").includes("seq=2"), GUEST_SECONDS);
    const pinging = new Running(["ping", "-i", "0.05", "-W", "5", "192.168.60.10"]);

    // One pod more, and a guest in the second pod.
    write(
      "pod3: { kind: namespace, nics: [{ network: lan, address: 192.168.60.30 }] }",
      "vm2: { kind: vm, in: pod2, MACHINE }",
    );
    await done(["apply", file]);
    shell("nsenter --net=/run/netns/pod3 ping -c 1 -W 5 192.168.60.10");
    await guestIsDone("vm2");
    expect(toldBy(consoleOf("vm2"), "address")).toEqual(["192.168.60.20/24"]);
    expect(toldBy(consoleOf("vm2"), "ping")).toEqual(["192.168.60.10 ok"]);

    // The pod is gone again.
    write("vm2: { kind: vm, in: pod2, MACHINE }");
    await done(["apply", file]);
    expect(existsSync("/run/netns/pod3")).toBe(false);
    expect(JSON.parse(await done(["plan", file, "--json"]))).toMatchObject({ steps: [], conflicts: [] });

    const host = await pinging.stop("SIGINT");
    expect(host.stdout).toContain(" 0% packet loss");
    console.write("\u0003");
    await until("the guest's count", () => consoleOf("vm1").includes("packet loss"), GUEST_SECONDS);
    expect(consoleOf("vm1")).toMatch(/ 0% packet loss/);
    console.destroy();
    expect(pidOf("vm1")).toBe(firstGuest);
    expect(await statusOf("VM vm1")).toMatchObject({ state: "running", details: { pid: firstGuest, reboots: 0 } });

    await done(["vm", "stop", "vm2"]);
    expect(await statusOf("VM vm2")).toMatchObject({ state: "stopped" });
    process.kill(firstGuest, "SIGKILL");
    await until(
      "the death is told",
      async () => /killed/.test(JSON.stringify(await statusOf("VM vm1"))),
      GUEST_SECONDS,
    );
    expect(await statusOf("VM vm1")).toMatchObject({ state: "killed", reason: expect.stringContaining("SIGKILL") });

    await done(["destroy", file]);
    expect(hostSnapshot()).toEqual(before);
  }, 400_000);
});
