/** Files with IPv6: applied, used, changed and destroyed on a host whose outside has both families. */
import { writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { Capture } from "../../support/capture.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, json, makeUplink, netloom, removeUplink, shell, until } from "../../support/network.ts";
import { tsharkFields } from "../../support/tshark.ts";

const OUTSIDE = { 4: "198.51.100.1", 6: "2001:db8:51::1" } as const;
const UPLINK = { 4: "198.51.100.2", 6: "2001:db8:51::2" } as const;
const FIRST = { 4: "192.168.50.10", 6: "fd00:50::10" } as const;
const SECOND = { 4: "192.168.50.20", 6: "fd00:50::20" } as const;
const FAMILIES = [4, 6] as const;

function networkFile({ lan = 'subnet6: "fd00:50::/64"', first = "", nat = "masquerade" } = {}): string {
  const address6 = (address: string): string => (lan === "" ? "" : `, address6: "${address}"`);
  return `version: 1
name: dual
uplinks: { wan: { device: uplink0 } }
networks:
  lan: { subnet: 192.168.50.0/24, ${lan} }
  alone: { subnet: 192.168.60.0/24, subnet6: "fd00:60::/64"${first} }
routers: { edge: { networks: [lan], uplink: wan, nat: ${nat} } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: ${FIRST[4]}${address6(FIRST[6])} }] }
  pod2: { kind: namespace, nics: [{ network: lan, address: ${SECOND[4]}${address6(SECOND[6])} }] }
  apart: { kind: namespace, nics: [{ network: alone, address: 192.168.60.10, address6: "fd00:60::10" }] }
`;
}

let folder: Folder;
let state: string;
let file: string;
let before: string[];

async function apply(text: string): Promise<string> {
  writeFileSync(file, text);
  return done(["apply", file, "--state", state]);
}

/** The kernel's own link-local addresses are there once it found them to be unique. */
function settled(namespace: string): Promise<void> {
  return until("link-local addresses are settled", () => {
    const tentative = shell(`ip -6 address show tentative; ip -n ${namespace} -6 address show tentative`);
    return !tentative.includes("inet6");
  });
}

/** Of a machine that stands still now and then, where an answer is expected. */
const PATIENCE_SECONDS = 30;

function reaches(namespace: string, address: string, seconds = 1): boolean {
  try {
    shell(`nsenter --net=/run/netns/${namespace} ping -q -c 1 -w ${seconds} ${address}`);
    return true;
  } catch {
    // ping says by its exit status that nobody answered.
    return false;
  }
}

beforeAll(() => {
  makeUplink();
  shell(`echo 0 >/proc/sys/net/ipv6/conf/uplink0/disable_ipv6
    nsenter --net=/run/netns/outside sh -c "echo 0 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6"
    ip address add ${UPLINK[6]}/64 dev uplink0 nodad
    ip -n outside address add ${OUTSIDE[6]}/64 dev eth0 nodad`);
});
afterAll(removeUplink);

beforeEach(async () => {
  folder = new Folder();
  state = folder.join("state");
  file = folder.join("dual.yaml");
  await settled("outside");
  before = hostSnapshot();
});

afterEach(async () => {
  await netloom(["destroy", file, "--state", state]);
  folder[Symbol.dispose]();
});

test("both families from machine to machine and outside, translated; a second apply does nothing; nothing is left", async () => {
  await apply(networkFile());
  for (const family of FAMILIES) {
    expect(reaches("pod1", SECOND[family], PATIENCE_SECONDS), `a pod by IPv${family}`).toBe(true);
    using capture = await Capture.open("outside", "eth0");
    expect(reaches("pod1", OUTSIDE[family], PATIENCE_SECONDS), `outside by IPv${family}`).toBe(true);
    const field = family === 4 ? "ip.src" : "ipv6.src";
    const pings = (): Record<string, string>[] =>
      tsharkFields(capture.frames(), [field], family === 4 ? "icmp.type == 8" : "icmpv6.type == 128");
    await until("the ping is captured", () => pings().length > 0);
    expect(new Set(pings().map((row) => row[field]))).toEqual(new Set([UPLINK[family]]));
  }
  expect(await apply(networkFile())).toContain("nothing to do");
  await done(["destroy", file, "--state", state]);
  expect(hostSnapshot()).toEqual(before);
});

test("what begins outside stays outside, and networks that no router connects stay apart", async () => {
  await apply(networkFile());
  shell(
    `ip -n outside route add 192.168.50.0/24 via ${UPLINK[4]}; ip -n outside route add fd00:50::/64 via ${UPLINK[6]}`,
  );
  try {
    for (const family of FAMILIES) {
      expect(reaches("outside", FIRST[family])).toBe(false);
      expect(reaches("pod1", family === 4 ? "192.168.60.10" : "fd00:60::10")).toBe(false);
      expect(reaches("apart", FIRST[family])).toBe(false);
      expect(reaches("apart", OUTSIDE[family])).toBe(false);
      expect(reaches("apart", family === 4 ? "192.168.60.1" : "fd00:60::1", PATIENCE_SECONDS)).toBe(true);
    }
    await apply(networkFile({ nat: "none" }));
    for (const family of FAMILIES) expect(reaches("outside", FIRST[family], PATIENCE_SECONDS)).toBe(true);
  } finally {
    shell("ip -n outside route delete 192.168.50.0/24; ip -n outside route delete fd00:50::/64");
  }
});

test("IPv6 comes and goes without IPv4 noticing", async () => {
  const addresses = (): string => shell("ip -n pod1 -6 -o address show dev eth0; ip -6 -o address show dev lan");
  await apply(networkFile({ lan: "" }));
  const without = hostSnapshot();
  expect(addresses()).toBe("");
  await apply(networkFile());
  expect(reaches("pod1", OUTSIDE[6], PATIENCE_SECONDS)).toBe(true);
  const plan = await apply(networkFile({ lan: "" }));
  expect(plan).not.toContain("192.168.50");
  expect(addresses()).toBe("");
  expect(reaches("pod1", OUTSIDE[4], PATIENCE_SECONDS)).toBe(true);
  expect(hostSnapshot()).toEqual(without);
  await done(["destroy", file, "--state", state]);
  expect(hostSnapshot()).toEqual(before);
});

test("what somebody takes away of IPv6 comes back", async () => {
  await apply(networkFile());
  const applied = hostSnapshot();
  shell(`ip -n pod1 -6 route delete default; ip address delete fd00:50::1/64 dev lan; nft delete table ip6 netloom_dual
    cd /proc/sys/net/ipv6/conf; echo 0 >$(ls uplink0/force_forwarding 2>/dev/null || echo all/forwarding)`);
  expect(reaches("pod1", OUTSIDE[6])).toBe(false);
  await apply(networkFile());
  expect(hostSnapshot()).toEqual(applied);
  expect(reaches("pod1", OUTSIDE[6], PATIENCE_SECONDS)).toBe(true);
});

test.each(["nft", "legacy"])("beside ip6tables-%s with a policy of drop, as Docker sets it", async (backend) => {
  const program = `ip6tables-${backend}`;
  const saved = (): string =>
    shell(`${program}-save`)
      .replaceAll(/^#.*\n/gm, "")
      .replaceAll(/\[\d+:\d+\]/g, "");
  shell(`${program} -N DOCKER-USER; ${program} -A FORWARD -j DOCKER-USER; ${program} -P FORWARD DROP`);
  try {
    const rules = saved();
    await apply(networkFile());
    expect(saved()).toMatch(/-A DOCKER-USER -i lan -o uplink0 .*netloom:/);
    expect(reaches("pod1", OUTSIDE[6], PATIENCE_SECONDS)).toBe(true);
    expect(await apply(networkFile())).toContain("nothing to do");
    await done(["destroy", file, "--state", state]);
    expect(saved()).toBe(rules);
  } finally {
    shell(`${program} -P FORWARD ACCEPT; ${program} -F; ${program} -X`);
  }
});

test("an interface of others becomes a port, carries traffic, and is given back as it was", async () => {
  shell(`ip netns add elsewhere
    ip link add eth1 mtu 1480 type veth peer name eth0 netns elsewhere
    ip address add 203.0.113.9/24 dev eth1
    ip link set eth1 addrgenmode none
    ip link set eth1 up
    ip -n elsewhere address add 192.168.60.99/24 dev eth0
    ip -n elsewhere link set eth0 up`);
  try {
    await settled("elsewhere");
    const untouched = hostSnapshot();
    const text = networkFile({ first: ", ports: [eth1]" });
    const told = await apply(text);
    expect(told).toMatch(/eth1 becomes a port of alone: its own 203\.0\.113\.9\/24 stays on it/);
    expect(told).toMatch(/eth1 has MTU 1480/);
    expect(reaches("elsewhere", "192.168.60.10", PATIENCE_SECONDS)).toBe(true);
    expect(json("ip -j address show dev eth1")).toMatchObject([{ master: "alone", mtu: 1480 }]);
    expect(shell("ip -o -4 address show dev eth1")).toContain("203.0.113.9/24");
    expect(await apply(text)).toContain("nothing to do");
    shell("ip link set eth1 nomaster");
    await apply(text);
    expect(json("ip -j link show dev eth1")).toMatchObject([{ master: "alone" }]);
    const refused = await netloom([
      "plan",
      folder.write("other.yaml", networkFile({ first: ", ports: [eth1]" }).replace("name: dual", "name: other")),
      "--state",
      state,
    ]);
    expect(refused.stderr).toContain("is a port of alone already");
    await done(["destroy", file, "--state", state]);
    expect(hostSnapshot()).toEqual(untouched);
  } finally {
    shell("ip netns delete elsewhere; ip link delete eth1 2>/dev/null || true");
  }
});
