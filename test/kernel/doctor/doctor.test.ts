/** The doctor on hosts that have something the matter. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { parseIpv4, parseMac } from "../../../src/base/address.ts";
import type { Finding } from "../../../src/engine/doctor/finding.ts";
import { bootId } from "../../../src/kernel/process.ts";
import type { OwnershipRecord } from "../../../src/state/step.ts";
import { UnitStore } from "../../../src/store/unit.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { Folder, netloom, Running, shell, until } from "../../support/network.ts";

const folder = new Folder();
let environment: Record<string, string>;

/** What a file left behind that serves DHCP to a guest on a tap of bridge lan0. */
const SERVING: OwnershipRecord = {
  version: 1,
  name: "lan",
  source: "lan.yaml",
  owned: {},
  desired: {
    objects: [
      {
        kind: "link",
        key: "link/lan0",
        origin: "network lan",
        namespace: "",
        name: "lan0",
        link: { type: "bridge" },
      },
      {
        kind: "link",
        key: "link/tap0",
        origin: "machine guest",
        namespace: "",
        name: "tap0",
        link: { type: "tap" },
        masterKey: "link/lan0",
      },
      {
        kind: "dhcp-single",
        key: "dhcp/tap0",
        origin: "machine guest",
        namespace: "",
        linkKey: "link/tap0",
        interfaceName: "tap0",
        serverAddress: parseIpv4("192.0.2.254"),
        serverMac: parseMac("02:00:00:00:00:fe"),
        clientMac: parseMac("02:00:00:00:00:0a"),
        lease: {
          address: parseIpv4("192.0.2.10"),
          prefixLength: 24,
          routes: [],
          nameServers: [],
          searchDomains: [],
          leaseSeconds: 3600,
        },
      },
    ],
    absent: [],
  },
};

beforeAll(() => {
  // Guests under KVM have tests of their own.
  const answer = { bootId: bootId(), works: true, reason: "" };
  environment = { NETLOOM_KVM_CACHE: folder.write("kvm.json", JSON.stringify(answer)) };
});
afterAll(() => {
  folder[Symbol.dispose]();
});

async function examine(...words: readonly string[]): Promise<{ code: number | null; findings: Finding[] }> {
  const { code, stdout, stderr } = await netloom(["doctor", "--json", ...words], environment);
  expect(stderr).toBe("");
  return { code, findings: JSON.parse(stdout) as Finding[] };
}

function finding(findings: readonly Finding[], id: string): Finding | undefined {
  return findings.find((one) => one.id === id);
}

test("a host in order has no problem, and the table begins with what is worst", async () => {
  const { code, findings } = await examine();
  expect(code).toBe(0);
  expect(finding(findings, "forward-drop")?.level).toBe("ok");
  expect(finding(findings, "link-kind bridge")?.level).toBe("ok");
  expect(finding(findings, "kvm")?.what).toBe("a guest boots under /dev/kvm");
  const levels = findings.map(({ level }) => ["problem", "warning", "info", "ok"].indexOf(level));
  expect(levels).toEqual(levels.toSorted((a, b) => a - b));
  const table = (await netloom(["doctor"], environment)).stdout;
  for (const { what } of findings) expect(table).toContain(what);
});

describe("software that drops what is forwarded", () => {
  afterEach(() => {
    shell("nft flush ruleset");
  });

  test("Docker: a warning of what stays cut off, and the remedy works", async () => {
    shell(`iptables-nft -N DOCKER-USER
      iptables-nft -N DOCKER
      iptables-nft -A FORWARD -j DOCKER-USER
      iptables-nft -P FORWARD DROP
      echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables`);
    const { code, findings } = await examine();
    expect(code).toBe(0);
    const drop = finding(findings, "forward-drop ip filter FORWARD");
    expect(drop?.level).toBe("warning");
    expect(drop?.consequence).toContain("is not forwarded, whatever other tables accept");
    expect(drop?.consequence).toContain("DOCKER-USER");
    expect(finding(findings, "docker")?.what).toContain("ip filter DOCKER");
    expect(finding(findings, "br-netfilter")?.level).toBe("warning");
    shell((drop?.remedy ?? "").replaceAll("BRIDGE", "lan0"));
    expect(shell("iptables-nft -S DOCKER-USER")).toContain("-A DOCKER-USER -o lan0 -j ACCEPT");
  });

  test("a native chain: a problem, because no rule of ours can go there", async () => {
    shell(
      `nft 'table inet firewalld { chain filter_FORWARD { type filter hook forward priority 10; policy drop; }; }'`,
    );
    const { code, findings } = await examine();
    expect(code).toBe(1);
    const drop = finding(findings, "forward-drop inet firewalld filter_FORWARD");
    expect(drop?.level).toBe("problem");
    expect(finding(findings, "firewalld")?.level).toBe("warning");
    shell((drop?.remedy ?? "").replaceAll("BRIDGE", "lan0"));
    expect(shell("nft list chain inet firewalld filter_FORWARD")).toContain('oifname "lan0" ct state');
  });
});

describe("another DHCP server", () => {
  let server: Running;

  beforeAll(async () => {
    // Addresses of IPv6 that come a second later would be a change.
    shell(`echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
      ip netns add office
      nsenter --net=/run/netns/office sh -c "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
      ip link add quiet0 type veth peer name quiet1
      ip link set quiet0 up
      ip link set quiet1 up
      ip link add office0 type veth peer name eth0 address 02:00:00:00:00:01 netns office
      ip -n office address add 192.0.2.1/24 dev eth0
      ip -n office link set eth0 up
      ip link set office0 up
      echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6`);
    const words = "--no-daemon --port=0 --conf-file=/dev/null --no-ping --interface=eth0 --dhcp-authoritative";
    const range = ["--dhcp-range=192.0.2.50,192.0.2.50,1h", `--dhcp-leasefile=${folder.join("leases")}`];
    server = new Running(["nsenter", "--net=/run/netns/office", "--", "dnsmasq", ...words.split(" "), ...range]);
    await until("dnsmasq", () => server.stderr.includes("IP range") || !server.running);
  });
  afterAll(async () => {
    await server.stop();
    shell("ip link delete office0; ip link delete quiet0; ip netns delete office");
  });

  test("is found by --probe with its addresses and what it offers; nothing is changed", async () => {
    const before = hostSnapshot();
    const { code, findings } = await examine("--probe", "office0", "--probe", "quiet0");
    expect(hostSnapshot()).toEqual(before);
    expect(code).toBe(0);
    const found = finding(findings, "dhcp-server office0 192.0.2.1");
    expect(found?.level).toBe("warning");
    expect(found?.what).toContain("192.0.2.1 (02:00:00:00:00:01) answers on office0: it offers 192.0.2.50");
    expect(found?.consequence).toContain("must not serve DHCP itself");
    expect(finding(findings, "dhcp-probe quiet0")).toEqual({
      id: "dhcp-probe quiet0",
      level: "ok",
      what: "no DHCP server answers on quiet0",
    });
  });

  test("is a problem on the bridge of a network whose file serves DHCP itself", async () => {
    shell("ip link add lan0 type bridge; ip link set lan0 up; ip link set office0 master lan0");
    const state = folder.join("state");
    mkdirSync(join(state, "units", "lan"), { recursive: true });
    UnitStore.open(state, "lan").commit(SERVING);
    const { code, findings } = await examine("--state", state);
    shell("ip link delete lan0");
    expect(code).toBe(1);
    expect(finding(findings, "dhcp-server lan0 192.0.2.1")?.level).toBe("problem");
  });

  test("is found as a listener where it runs", async () => {
    const words = ["nsenter", "--net=/run/netns/office", "--", "bin/netloom", "doctor", "--json"];
    const { stdout } = await new Running(words, environment).ended();
    expect(finding(JSON.parse(stdout) as Finding[], "dhcp-listener 0.0.0.0")?.what).toContain("dnsmasq (process ");
  });
});

test("a link that is down is told as such, a missing one ends with 1", async () => {
  shell("ip link add down0 type veth peer name down1");
  const { findings } = await examine("--probe", "down0");
  expect(finding(findings, "dhcp-probe down0")?.what).toContain("network is down");
  shell("ip link delete down0");
  const missing = await netloom(["doctor", "--probe", "down0"], environment);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("down0: there is no such interface");
});

test("a host without nft's library: a problem with the package that has it", async () => {
  const script = `library=$(ldconfig -p | sed -n 's/.*libnftables.so.1 .*=> //p')
    mount --bind /dev/null "$(readlink -f "$library")"
    exec bin/netloom doctor --json`;
  const { code, stdout, stderr } = await new Running(["unshare", "--mount", "sh", "-ec", script], environment).ended();
  expect(stderr).toBe("");
  expect(code).toBe(1);
  const nft = finding(JSON.parse(stdout) as Finding[], "nftables");
  expect(nft?.level).toBe("problem");
  expect(nft?.remedy).toBe("apt-get install nftables");
});
