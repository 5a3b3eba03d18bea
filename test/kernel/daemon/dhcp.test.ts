/** A network's DHCP section, served by the daemon: to a client at a port, over a kill, and as changed. */
import { chmodSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { done, Folder, netloom, Running, shell, until } from "../../support/network.ts";
import { Daemon } from "./support.ts";

const MAC = "52:54:00:00:00:21";
const file = (dhcp: string): string => `version: 1
name: office
networks:
  lan:
    subnet: 192.168.50.0/24
    ports: [port0]
    dhcp: ${dhcp}
`;

let folder: Folder;
let daemon: Daemon;
let script: string;
const running: Running[] = [];

beforeEach(async () => {
  folder = new Folder();
  script = folder.write("script", '#!/bin/sh\necho "EVENT $1 $ip ntp $ntpsrv" >&2\n');
  chmodSync(script, 0o755);
  shell(`ip netns add client
    nsenter --net=/run/netns/client sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add port0 type veth peer name eth0 address ${MAC} netns client
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link set port0 up
    ip -n client link set eth0 up`);
  daemon = await Daemon.start(folder.join("state"));
});

afterEach(async () => {
  for (const child of running.splice(0)) await child.stop("SIGKILL");
  await netloom(["destroy", folder.join("office.yaml"), "--state", daemon.state]);
  await daemon[Symbol.asyncDispose]();
  shell("ip link delete port0; ip netns delete client");
  folder[Symbol.dispose]();
});

function apply(dhcp: string): Promise<string> {
  return daemon.netloom("apply", folder.write("office.yaml", file(dhcp)));
}

/** Ask for an address, anew or for the one of before; the client goes on holding it. */
async function ask(words: readonly string[] = []): Promise<string> {
  const udhcpc = ["busybox", "udhcpc", "-f", "-n", "-t", "5", "-T", "1", "-O", "ntpsrv", "-s", script, "-i", "eth0"];
  const client = new Running(["nsenter", "--net=/run/netns/client", "--", ...udhcpc, ...words]);
  running.push(client);
  await until("an answer", () => /EVENT (bound|leasefail)/.test(client.stderr));
  await client.stop("SIGKILL");
  return /EVENT (?:bound|leasefail).*/.exec(client.stderr)?.[0] ?? "";
}

async function metrics(): Promise<string> {
  return shell(`curl --silent --unix-socket ${daemon.state}/netloom.sock http://localhost/v1/metrics`);
}

test("a lease survives the daemon's end and a change of the section", async () => {
  await apply("{ range: 192.168.50.100-192.168.50.109, options: { ntp-servers: 192.0.2.1 } }");
  expect(await ask()).toBe("EVENT bound 192.168.50.100 ntp 192.0.2.1");
  const figures = await metrics();
  expect(figures).toContain('netloom_dhcp4_leases{network="office/lan",state="given"} 1');
  // On a busy machine the client may ask a second time.
  expect(figures).toMatch(/netloom_dhcp4_messages_total\{network="office\/lan",type="ACK"\} [12]\n/);
  expect(figures).toContain('netloom_dhcp4_addresses{network="office/lan"} 10');
  expect(await daemon.netloom("status")).toMatch(/addresses=10 given=1 declined=0 free=9.*DISCOVER=[12] REQUEST=[12]/);

  await daemon.kill();
  const given = JSON.parse(await done(["dhcp", "leases", "lan", "--json", "--state", daemon.state])) as unknown[];
  expect(given).toMatchObject([{ network: "office/lan", address: "192.168.50.100", mac: MAC, state: "leased" }]);
  daemon = await Daemon.start(daemon.state);
  // Another client comes first, and must not get what the killed one promised.
  shell("ip -n client link set eth0 address 52:54:00:00:00:22");
  expect(await ask()).toContain("bound 192.168.50.101");

  await apply(`
      range: 192.168.50.100-192.168.50.149
      options: { ntp-servers: 192.0.2.2 }
      ignore: ["52:54:00:00:00:22"]
      hosts: [{ mac: "52:54:00:00:00:23", address: 192.168.50.10, options: { ntp-servers: 192.0.2.3 } }]`);
  shell(`ip -n client link set eth0 address ${MAC}`);
  expect(await ask()).toBe("EVENT bound 192.168.50.100 ntp 192.0.2.2");
  shell("ip -n client link set eth0 address 52:54:00:00:00:23");
  expect(await ask()).toBe("EVENT bound 192.168.50.10 ntp 192.0.2.3");
  shell("ip -n client link set eth0 address 52:54:00:00:00:22");
  expect(await ask(["-t", "1"])).toContain("leasefail");
  expect(await metrics()).toContain('netloom_dhcp4_addresses{network="office/lan"} 50');
});
