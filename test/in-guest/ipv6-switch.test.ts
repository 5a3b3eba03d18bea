/**
 * A kernel before 6.17 forwards IPv6 for all interfaces or for none. A network with IPv6 turns it on there, and all
 * else stays as it was: other interfaces are not led to each other and go on heeding router advertisements.
 */
import { existsSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../support/host-snapshot.ts";
import { done, Folder, shell, until } from "../support/network.ts";

const FILE = `version: 1
name: switch
uplinks: { wan: { device: up0 } }
networks:
  lan: { subnet: 192.168.50.0/24, subnet6: "fd00:50::/64" }
  alone: { subnet: 192.168.60.0/24, subnet6: "fd00:60::/64" }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  pod2: { kind: namespace, nics: [{ network: alone }] }
`;
/** Two hosts on two cables of this one, each knowing the way to the other through it. */
const CABLES = [
  { device: "up0", host: "here", prefix: "2001:db8:1::", other: "2001:db8:2::" },
  { device: "up1", host: "elsewhere", prefix: "2001:db8:2::", other: "2001:db8:1::" },
] as const;

const folder = new Folder();

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

/** Translation loads modules of netfilter into a kernel that lacks them, and they stay with their parameters. */
function withoutModules(snapshot: readonly string[]): readonly string[] {
  return snapshot.filter((line) => !/\/nf_/.test(line));
}

function parameter(path: string): string {
  return shell(`cat /proc/sys/net/ipv6/conf/${path}`).trim();
}

beforeAll(() => {
  for (const { device, host, prefix, other } of CABLES) {
    shell(`ip netns add ${host}
      ip link add ${device} type veth peer name eth0 netns ${host}
      ip link set ${device} up
      ip -n ${host} link set eth0 up
      ip address add ${prefix}2/64 dev ${device} nodad
      ip -n ${host} address add ${prefix}1/64 dev eth0 nodad
      ip -n ${host} route add ${other}/64 via ${prefix}2
      ip -n ${host} route add fd00:50::/64 via ${prefix}2`);
  }
});

afterAll(() => {
  for (const { device, host } of CABLES) shell(`ip link delete ${device}; ip netns delete ${host}`);
  folder[Symbol.dispose]();
});

test("forwarding is turned on for the networks and leads nobody else anywhere; all of it is given back", async () => {
  expect(existsSync("/proc/sys/net/ipv6/conf/all/force_forwarding")).toBe(false);
  await until("link-local addresses are settled", () => {
    const tentative = shell(
      "ip -6 address show tentative; for n in here elsewhere; do ip -n $n -6 address show tentative; done",
    );
    return !tentative.includes("inet6");
  });
  const file = folder.join("switch.yaml");
  const words = [file, "--state", folder.join("state")];
  writeFileSync(file, FILE);
  const before = withoutModules(hostSnapshot());
  expect(await done(["apply", ...words])).toMatch(/IPv6 for all interfaces or for none .*up0, up1 apart/);
  expect(reaches("pod1", "2001:db8:1::1", PATIENCE_SECONDS)).toBe(true);
  expect(reaches("here", "fd00:50::2")).toBe(false);
  expect(reaches("here", "2001:db8:2::1")).toBe(false);
  expect(reaches("elsewhere", "2001:db8:1::1")).toBe(false);
  expect(reaches("elsewhere", "fd00:50::2")).toBe(false);
  expect(reaches("pod2", "fd00:50::2")).toBe(false);
  expect(reaches("pod2", "2001:db8:1::1")).toBe(false);
  expect(["up0/accept_ra", "up1/accept_ra", "lan/accept_ra"].map(parameter)).toEqual(["2", "2", "0"]);
  expect(await done(["apply", ...words])).toContain("nothing to do");
  await done(["destroy", ...words]);
  expect(withoutModules(hostSnapshot())).toEqual(before);
}, 240_000);
