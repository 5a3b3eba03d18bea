/**
 * From the request until the guest may start: a pod's interface is taken over for a guest by the daemon, through its
 * API, beside a script that does the same to the pod with `ip`, `nft` and `sysctl`, as people do by hand. The script serves no
 * DHCP, and neither checks, nor remembers what was there, nor reads anything back; netloom does.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readCommandLine, whole } from "./support/command-line.ts";
import { Daemon } from "./support/daemon.ts";
import { compete, formatRows } from "./support/rounds.ts";

const { PODS: rounds } = readCommandLine(
  {
    command: "scripts/sandbox.sh node bench/bind.ts",
    what: `Milliseconds until a pod's interface is taken over for a guest (\`bind\`, by a daemon through its API), beside a
script that does the same with ip, nft and sysctl, in turns; and until it is given back.`,
    needs: "the sandbox, iproute2, nftables and procps.",
  },
  { PODS: { what: "pods for each of the two", fallback: "15", read: whole(1), place: "one" } },
);
// Where netloom keeps its state by default, too: in memory.
const folder = mkdtempSync("/run/netloom-bench-");
const SETTLE_MILLISECONDS = 100;

function shell(script: string): void {
  execFileSync("bash", ["-e", "-c", script], { stdio: ["ignore", "ignore", "pipe"] });
}

const MAC = "0a:58:c0:00:02:05";
/** What the modern profile of the bridge binding makes of the pod. */
const BY_HAND = `set -e
pod() { nsenter --net=/run/netns/pod -- "$@"; }
ip -n pod route delete default
ip -n pod address flush dev eth0
ip -n pod link add k6t-eth0 type bridge forward_delay 0 stp_state 0
ip -n pod link set k6t-eth0 address 02:00:00:00:00:09 mtu 1440 addrgenmode none up
ip -n pod link set eth0 down
ip -n pod link set eth0 name eth0-nic
ip -n pod link set eth0-nic address 02:00:00:00:00:09 addrgenmode none master k6t-eth0
bridge -n pod link set dev eth0-nic learning off
ip -n pod link set eth0-nic up
pod sysctl -qw net.ipv4.conf.k6t-eth0.arp_ignore=1 net.ipv6.conf.k6t-eth0.disable_ipv6=1
ip -n pod tuntap add tap0 mode tap
ip -n pod link set tap0 mtu 1440 addrgenmode none master k6t-eth0 up
ip -n pod address add 169.254.75.10/32 dev k6t-eth0
ip -n pod link add eth0 address ${MAC} mtu 1440 type bridge
ip -n pod address add 192.0.2.5/24 dev eth0
pod nft -f - <<'NFT'
table bridge by_hand {
  chain forward {
    type filter hook forward priority -200; policy accept;
    iifname "tap0" oifname "eth0-nic" jump configuration
    iifname "eth0-nic" oifname "tap0" jump configuration
  }
  chain configuration {
    ether type ip udp dport { 67, 68 } drop
    ether type ip6 udp dport { 546, 547 } drop
  }
}
NFT
`;

function makePod(): void {
  shell(`ip netns add pod
    nsenter --net=/run/netns/pod sh -c 'for c in all default; do echo 0 >/proc/sys/net/ipv6/conf/$c/accept_dad; done'
    ip link add host-pod type veth peer name eth0 address ${MAC} mtu 1440 netns pod
    ip link set host-pod mtu 1440 master br-pods up
    ip -n pod link set lo up
    ip -n pod link set eth0 up
    ip -n pod address add 192.0.2.5/24 dev eth0
    ip -n pod route add default via 192.0.2.1`);
}

const removePod = (): void => shell("ip link delete host-pod; ip netns delete pod");

async function timed(work: () => unknown): Promise<number> {
  makePod();
  await sleep(SETTLE_MILLISECONDS);
  const start = performance.now();
  await work();
  return performance.now() - start;
}

shell(`ip link add br-pods type bridge forward_delay 0
  ip address add 192.0.2.1/24 dev br-pods
  ip link set br-pods up`);
const daemon = new Daemon(join(folder, "state"));
try {
  await daemon.start();
  const client = await daemon.client();
  const place = { namespace: "pod", interfaceName: "eth0" };
  const byDaemon = async (): Promise<Record<string, number>> => {
    const bind = await timed(() =>
      client.call("bind", { ...place, binding: "bridge", profile: "modern", tapName: "tap0" }),
    );
    const start = performance.now();
    await client.call("unbind", place);
    const unbind = performance.now() - start;
    removePod();
    return { bind, unbind };
  };
  const byHand = async (): Promise<Record<string, number>> => {
    const bind = await timed(() => {
      const { status, stderr } = spawnSync("bash", ["-c", BY_HAND], { encoding: "utf8" });
      if (status !== 0) throw new Error(stderr);
    });
    removePod();
    return { bind };
  };
  // The first of each warms up caches.
  await byDaemon();
  const rows = await compete(
    [
      { name: "netloom", round: byDaemon },
      { name: "ip, nft, sysctl", round: byHand },
    ],
    rounds,
  );
  process.stdout.write(`${formatRows(rows, "ip, nft, sysctl")}\n`);
} finally {
  await daemon[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
}
