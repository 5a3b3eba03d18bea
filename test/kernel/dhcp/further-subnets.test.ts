/** A file with two subnets on one bridge: when the first is full, clients get addresses of the second, and its gateway. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { done, Folder, Running, shell, until } from "../../support/network.ts";

const FILE = `version: 1
uplinks: { wan: { device: wan0 } }
networks:
  lan:
    subnet: 192.0.2.0/24
    dhcp: { range: 192.0.2.10-192.0.2.10 }
    also: [{ subnet: 198.51.100.0/25, gateway: 198.51.100.126, dhcp: { range: 198.51.100.10-198.51.100.20 } }]
    ports: [port1, port2]
routers: { edge: { networks: [lan], uplink: wan } }
`;
const SCRIPT = `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
if [ "$1" = bound ]; then
  ip address replace "$ip/$mask" dev eth0
  ip route replace default via "$router" dev eth0
fi
echo "EVENT $1 $ip/$mask router $router" >&2
`;

let folder: Folder;
let file: string;
let state: string[];

beforeAll(async () => {
  folder = new Folder();
  file = folder.write("office.yaml", FILE);
  state = ["--state", folder.join("state")];
  shell(`ip link add wan0 type veth peer name wan1
    ip link set wan0 up
    ip address add 203.0.113.5/24 dev wan0
    for n in 1 2; do
      ip netns add h$n
      ip -n h$n link add eth0 address 52:54:00:00:00:0$n type veth peer name port$n netns 1
      ip -n h$n link set eth0 up
      ip link set port$n up
    done
    chmod +x ${folder.write("script", SCRIPT)}`);
  await done(["apply", file, ...state]);
});

afterAll(async () => {
  await done(["destroy", file, ...state]);
  shell("ip link delete wan0; for n in 1 2; do ip netns delete h$n; done");
  folder[Symbol.dispose]();
});

/** What a new client is told. */
async function obtain(number: number): Promise<string | undefined> {
  const words = ["-f", "-n", "-q", "-t", "15", "-T", "1", "-i", "eth0", "-s", folder.join("script")];
  const client = new Running(["nsenter", `--net=/run/netns/h${number}`, "--", "busybox", "udhcpc", ...words]);
  await until("it is bound", () => client.stderr.includes("EVENT bound") || !client.running);
  await client.ended();
  return /EVENT bound .*/.exec(client.stderr)?.[0];
}

test("the first is full, and the next client has one of the second with which it reaches the others", async () => {
  expect(await obtain(1)).toBe("EVENT bound 192.0.2.10/24 router 192.0.2.1");
  expect(await obtain(2)).toMatch(/^EVENT bound 198\.51\.100\.1\d\/25 router 198\.51\.100\.126$/);
  shell("ip netns exec h2 ping -c 1 -W 5 192.0.2.10");
});
