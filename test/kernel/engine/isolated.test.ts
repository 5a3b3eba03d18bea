/** Networks of one subnet in namespaces of their own, as a person uses them, with the daemon that heals them. */
import { mkdirSync, readdirSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, json, netloom, Running, shell, startNetloom, until } from "../../support/network.ts";
import { writeBootDisk } from "../vm/boot-disk.ts";

const TENANTS = `version: 1
name: tenants
networks:
  a: { namespace: tenant-a, device: lan, subnet: 192.0.2.0/24, dhcp: { range: 192.0.2.100-192.0.2.101 } }
  b: { namespace: tenant-b, device: lan, subnet: 192.0.2.0/24, dhcp: { range: 192.0.2.100-192.0.2.101 } }
machines:
  web-a: { kind: namespace, nics: [{ network: a }] }
  vm-b: { kind: vm, image: vm-b.img, memory: 32M, accelerator: tcg, nics: [{ network: b, address: 192.0.2.9 }] }
`;
/** Says what it was given, and nothing else. */
const SCRIPT = '#!/bin/sh\n[ "$1" = bound ] && echo "GIVEN $ip by $serverid"\nexit 0\n';

let folder: Folder;
let file: string;
let state: string;
let daemon: Running | undefined;
let before: string[];

const run = (words: string): Promise<string> => done([...words.split(" "), "--state", state]);
/** What `ip` shows inside; undefined: there is no such link, or no such namespace. */
function inside(namespace: string, link: string): Record<string, unknown> | undefined {
  return json(`ip -n ${namespace} -j address show dev ${link} 2>/dev/null || true`)[0];
}

/** A client's namespace with its end of a pair, the other end in the tenant's; goes with the scope. */
function makeClient(tenant: string): Disposable {
  shell(`ip netns add client-${tenant}
    nsenter --net=/run/netns/client-${tenant} sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    ip -n client-${tenant} link add eth0 type veth peer name port netns tenant-${tenant}
    ip -n tenant-${tenant} link set port master lan up
    ip -n client-${tenant} link set eth0 up`);
  return {
    [Symbol.dispose]: () => void shell(`ip -n tenant-${tenant} link delete port; ip netns delete client-${tenant}`),
  };
}

beforeAll(async () => {
  folder = new Folder();
  state = folder.join("state");
  mkdirSync(state);
  file = folder.write("tenants.yaml", TENANTS);
  writeBootDisk(folder.join("vm-b.img"), "echo");
  // Somebody else's; the other one is made by netloom.
  shell(`ip netns add tenant-b
    nsenter --net=/run/netns/tenant-b sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'`);
  before = hostSnapshot();
  daemon = startNetloom(["daemon", "--state", state]);
  await daemon.firstLine();
  const { notes } = JSON.parse(await run(`apply ${file} --json`)) as { notes: readonly string[] };
  expect(notes).toContainEqual(expect.stringMatching(/^namespace tenant-b is there already/));
});

afterAll(async () => {
  await netloom(["destroy", file, "--state", state]);
  await daemon?.stop();
  shell("for name in client-a client-b theirs tenant-b; do ip netns delete $name 2>/dev/null || true; done");
  folder[Symbol.dispose]();
});

test("each client gets the same address from the server of its own network", async () => {
  const script = folder.write("script", SCRIPT);
  shell(`chmod +x ${script}`);
  using _a = makeClient("a");
  using _b = makeClient("b");
  const clients = ["a", "b"].map((tenant) => {
    const words = ["busybox", "udhcpc", "-f", "-q", "-n", "-t", "5", "-T", "1", "-i", "eth0", "-s", script];
    return new Running(["nsenter", `--net=/run/netns/client-${tenant}`, "--", ...words]);
  });
  for (const client of clients) expect((await client.ended()).stdout).toBe("GIVEN 192.0.2.100 by 192.0.2.1\n");
  const table = (await run("dhcp leases")).split("\n").filter((line) => line.includes(" leased "));
  expect(table.map((line) => line.split(/ +/)).map((cells) => [cells[0], cells.at(-1)])).toEqual([
    ["192.0.2.100", "tenants/a"],
    ["192.0.2.100", "tenants/b"],
  ]);
});

test("a guest gets its tap from the namespace of its network", () => {
  expect(inside("tenant-b", "vm-b-tap0")).toMatchObject({ master: "lan", operstate: "UP" });
  expect(json("ip -j link").map((link) => link["ifname"])).not.toContain("vm-b-tap0");
});

test("what is attached gets an address that somebody has on the other network", async () => {
  shell("ip netns add theirs");
  const attached: unknown = JSON.parse(await run("attach tenants/b --netns theirs --address 192.0.2.2 --json"));
  expect(attached).toMatchObject({ addresses: ["192.0.2.2/24"] });
  expect(inside("web-a", "eth0")?.["addr_info"]).toMatchObject([{ local: "192.0.2.2" }]);
  expect(inside("tenant-b", "theirs-eth0")).toMatchObject({ master: "lan" });
  expect(shell("nsenter --net=/run/netns/theirs -- busybox ping -c 1 -w 5 192.0.2.1")).toContain("1 packets rec");
  await run("detach --netns theirs");
  shell("ip netns delete theirs");
});

test("a second file may be in the same namespace, which then does not go with the first", async () => {
  const second = folder.write(
    "second.yaml",
    "version: 1\nnetworks:\n  lan2: { namespace: tenant-a, subnet: 198.51.100.0/24 }\n",
  );
  await run(`apply ${second}`);
  const refused = await netloom(["destroy", file, "--state", state]);
  expect(refused.stderr).toContain("others have networks in its namespaces: second");
  expect(inside("tenant-a", "lan")).toBeDefined();
  await run(`destroy ${second}`);
  expect(inside("tenant-a", "lan2")).toBeUndefined();
});

test("a bridge that is deleted comes back, and so does a whole namespace", async () => {
  const whole = (tenant: string, ports: readonly string[]): Promise<void> =>
    until(`tenant ${tenant} is whole`, () => {
      const addresses = inside(`tenant-${tenant}`, "lan")?.["addr_info"] as { local: string }[] | undefined;
      const masters = ports.map((port) => inside(`tenant-${tenant}`, port)?.["master"]);
      return addresses?.[0]?.local === "192.0.2.1" && masters.every((master) => master === "lan");
    });
  shell("ip -n tenant-a link delete lan");
  await whole("a", ["web-a-eth0"]);
  shell("ip netns delete tenant-a");
  await whole("a", ["web-a-eth0"]);
  expect(shell("nsenter --net=/run/netns/web-a -- busybox ping -c 1 -w 5 192.0.2.1")).toContain("1 packets rec");
});

test("destroy takes away what is ours and leaves the namespace that somebody else made as it was", async () => {
  await run(`destroy ${file}`);
  await daemon?.stop();
  daemon = undefined;
  expect(hostSnapshot()).toEqual(before);
  expect(readdirSync("/run/netns")).toEqual(["tenant-b"]);
});
