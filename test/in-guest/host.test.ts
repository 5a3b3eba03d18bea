/**
 * A guest that plays the host: root outside any sandbox, a real network card as the uplink, another host on its cable,
 * Docker's chains and its forward policy of drop. The example runs on it as it does anywhere; only the device's name
 * in the file is the card's.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootId } from "../../src/kernel/process.ts";
import { decodeEthernet, ETHERTYPE_IPV4 } from "../../src/wire/ethernet.ts";
import { decodeIpv4 } from "../../src/wire/ipv4.ts";
import { Malformed } from "../../src/wire/malformed.ts";
import { Capture } from "../support/capture.ts";
import { CHECKOUT, toldBy } from "../support/guest-image.ts";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, Folder, json, netloom, type Result, shell } from "../support/network.ts";

/** The guest inside this guest runs under the KVM of an emulated processor: several times as slow as one outside. */
const GUEST_SECONDS = 540;
const GUEST_POLL_MILLISECONDS = 1000;
const FOLDERS = ["/etc/netns", "/run/netns", "/run/netloom"];

/** As Docker makes them, docker0 and its rules included. */
const DOCKER = `
  iptables-nft -N DOCKER
  iptables-nft -N DOCKER-ISOLATION-STAGE-1
  iptables-nft -N DOCKER-ISOLATION-STAGE-2
  iptables-nft -N DOCKER-USER
  iptables-nft -P FORWARD DROP
  iptables-nft -A FORWARD -j DOCKER-USER
  iptables-nft -A FORWARD -j DOCKER-ISOLATION-STAGE-1
  iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  iptables-nft -A FORWARD -o docker0 -j DOCKER
  iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
  iptables-nft -A FORWARD -i docker0 -o docker0 -j ACCEPT
  iptables-nft -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
  iptables-nft -A DOCKER-ISOLATION-STAGE-1 -j RETURN
  iptables-nft -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
  iptables-nft -A DOCKER-ISOLATION-STAGE-2 -j RETURN
  iptables-nft -A DOCKER-USER -j RETURN
  iptables-nft -t nat -N DOCKER
  iptables-nft -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
  iptables-nft -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
  echo 1 >/proc/sys/net/ipv4/ip_forward`;

/** The network cards: what has a device behind it. */
function cards(): string[] {
  return readdirSync("/sys/class/net")
    .filter((name) => existsSync(`/sys/class/net/${name}/device`))
    .toSorted();
}

const folder = new Folder();
let names: ChildProcess;
let device: string;
let before: readonly string[];
let rulesBefore: string;
let plan: string;
let applied: Result;
let console = "";
let vm: unknown;
let podLinks: Record<string, unknown>[];
let foreignRules: string;
let outside: readonly Uint8Array[];
let destroyed: Result;
let after: readonly string[];
let rulesAfter: string;

beforeAll(async () => {
  const [uplink, other] = cards();
  if (uplink === undefined || other === undefined)
    throw new Error(`two cards on one cable are needed: ${cards().join(" ")}`);
  device = uplink;
  // Modules bring sysctls of their own: they are there before anything is compared.
  shell(`modprobe -a kvm_amd bridge br_netfilter veth tun dummy nf_tables nf_conntrack nf_nat nft_masq nft_ct nft_chain_nat
    ip netns add outside
    echo 1 >/proc/sys/net/ipv6/conf/${uplink}/disable_ipv6
    echo 1 >/proc/sys/net/ipv6/conf/${other}/disable_ipv6
    ip link set ${other} netns outside
    ip -n outside link set lo up
    ip -n outside address add 198.51.100.1/24 dev ${other}
    ip -n outside link set ${other} up
    ip address add 198.51.100.2/24 dev ${uplink}
    ip link set ${uplink} up
    ip route add default via 198.51.100.1
    ${DOCKER}`);
  writeFileSync("/etc/resolv.conf", "search example.org\nnameserver 198.51.100.1\n");
  const server = join(CHECKOUT, "scripts", "demo", "outside-names.ts");
  names = spawn("nsenter", ["--net=/run/netns/outside", "--", process.execPath, server], { stdio: "inherit" });

  // The same folders as in the checkout: the example's paths start at its own.
  mkdirSync(folder.join("examples"));
  symlinkSync(realpathSync(join(CHECKOUT, ".cache")), folder.join(".cache"));
  const example = readFileSync(join(CHECKOUT, "examples", "vm-in-a-pod.yaml"), "utf8");
  const file = folder.write("examples/vm-in-a-pod.yaml", example.replace("device: uplink0", `device: ${uplink}`));

  // A guest's trial start may take 2 s, which an emulated processor needs longer for: its answer is given.
  process.env["NETLOOM_KVM_CACHE"] = folder.write(
    "kvm.json",
    JSON.stringify({ bootId: bootId(), works: true, reason: "" }),
  );

  // The empty state folder stays: it may be the user's.
  mkdirSync("/run/netloom", { recursive: true });
  rulesBefore = shell("iptables-nft-save");
  before = hostSnapshot(FOLDERS);
  using capture = await Capture.open("outside", other);
  plan = await done(["plan", file]);
  applied = await netloom(["apply", file]);
  if (applied.code === 0) {
    podLinks = json("ip -j -d -n pod1 address");
    foreignRules = shell("iptables-nft -S");
    console = await followConsole();
    vm = JSON.parse(await done(["status", "--json"]));
  }
  outside = capture.frames();
  destroyed = await netloom(["destroy", file]);
  after = hostSnapshot(FOLDERS);
  rulesAfter = shell("iptables-nft-save");
}, 600_000);

afterAll(async () => {
  const ended = once(names, "exit");
  names.kill();
  await ended;
  shell("ip netns delete outside");
  folder[Symbol.dispose]();
});

/** The console of vm1, once its guest has told everything or the time is over. */
async function followConsole(): Promise<string> {
  const path = "/run/netloom/vm/vm1/console.log";
  let text = "";
  for (const end = performance.now() + 1000 * GUEST_SECONDS; performance.now() < end; ) {
    text = existsSync(path) ? readFileSync(path, "utf8") : "";
    if (text.includes("GUEST done")) break;
    await sleep(GUEST_POLL_MILLISECONDS);
  }
  return text;
}

test("the plan names Docker's chain and what is done about it", () => {
  expect(plan).toContain(
    "the forward chain ip filter FORWARD of other software drops by default: accept rules for this file's networks go into DOCKER-USER",
  );
  expect(plan).toContain(device);
});

test("it is applied and verified; the accept rules stand in DOCKER-USER, before Docker's own", () => {
  expect(applied).toMatchObject({ code: 0, stdout: expect.stringContaining("done and verified") });
  const rules = foreignRules.split("\n").filter((rule) => rule.startsWith("-A DOCKER-USER"));
  expect(rules.at(-1)).toBe("-A DOCKER-USER -j RETURN");
  expect(rules.slice(0, -1).every((rule) => rule.includes("netloom:") && rule.endsWith("-j ACCEPT"))).toBe(true);
  expect(rules.length).toBeGreaterThan(1);
});

test("a dummy named eth0 keeps the pod's MAC address and address, down", () => {
  const standIn = podLinks.find((link) => link["ifname"] === "eth0");
  const address = expect.objectContaining({ local: "192.168.50.10", prefixlen: 24 });
  expect(standIn).toMatchObject({ linkinfo: { info_kind: "dummy" }, addr_info: [address] });
  expect(standIn?.["flags"]).not.toContain("UP");
  expect([standIn?.["address"]]).toEqual(toldBy(console, "mac"));
});

test("the guest runs under KVM", () => {
  expect(vm).toMatchObject({
    keeper: {
      services: expect.arrayContaining([
        expect.objectContaining({ kind: "vm", details: expect.objectContaining({ accelerator: "kvm" }) }),
      ]),
    },
  });
});

test("the guest takes the pod's address and reaches gateway, neighbour and the outside at full MTU, and names", () => {
  expect(toldBy(console, "address")).toEqual(["192.168.50.10/24"]);
  const targets = ["192.168.50.1", "192.168.50.2", "198.51.100.1"];
  expect(toldBy(console, "ping")).toEqual(targets.map((target) => `${target} ok`));
  expect(toldBy(console, "ping-full")).toEqual(targets.map((target) => `${target} ok 1500`));
  expect(toldBy(console, "resolve")).toEqual(["outside.example.org ok 198.51.100.1"]);
});

test("the other host sees the card's address only", () => {
  // tshark takes half a minute to start on an emulated processor.
  const sources = outside.flatMap((bytes) => {
    const frame = decodeEthernet(bytes);
    const packet =
      frame instanceof Malformed || frame.etherType !== ETHERTYPE_IPV4 ? undefined : decodeIpv4(frame.payload);
    if (packet === undefined || packet instanceof Malformed || packet.destination !== "198.51.100.1") return [];
    return [packet.source];
  });
  expect(new Set(sources)).toEqual(new Set(["198.51.100.2"]));
});

test("destroy leaves everything as before, Docker's rules byte for byte", () => {
  expect(destroyed).toMatchObject({ code: 0, stdout: expect.stringContaining("nothing is left") });
  expect(after).toEqual(before);
  expect(withoutComments(rulesAfter)).toEqual(withoutComments(rulesBefore));
});

/** iptables-save writes the time into comments, and counts packets at chains. */
function withoutComments(rules: string): string {
  return rules.replaceAll(/^#.*\n/gm, "").replaceAll(/\[\d+:\d+\]/g, "[0:0]");
}
