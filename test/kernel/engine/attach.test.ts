/** attach and detach as a person uses them: things of others on the network of an applied file. */
import { readdirSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hostSnapshot, namespaceSnapshot, withoutNumbers } from "../../support/host-snapshot.ts";
import { done, Folder, json, makeUplink, netloom, removeUplink, shell } from "../../support/network.ts";
import { TapGuest } from "./tap-guest.ts";

const ONE_POD = `version: 1
name: site
uplinks:
  wan: { device: uplink0 }
networks:
  lan: { subnet: 192.0.2.0/29, subnet6: 2001:db8:1::/64 }
routers:
  edge: { networks: [lan], uplink: wan, nat: masquerade }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
`;
/** Of six host addresses the gateway has one and the first pod another. */
const MORE_PODS = ["pod2", "pod3", "pod4"].map((pod) => `  ${pod}: { kind: namespace, nics: [{ network: lan }] }\n`);
/** More places than an attach has. */
const MOST_PLACES = 60;

interface Attached {
  readonly name: string;
  readonly device: string;
  readonly mac: string;
  readonly addresses: readonly string[];
}

let folder: Folder;
let file: string;
let unapplied: string[];

const wordsOf = (words: string): string[] => words.split(" ").concat("--state", folder.join("state"));
const run = (words: string): Promise<string> => done(wordsOf(words));
const attach = async (words: string): Promise<Attached> => JSON.parse(await run(`attach ${words} --json`)) as Attached;
const addressOf = (address: string | undefined): string => (address ?? "").split("/")[0] ?? "";
const inNamespace = (name: string, command: string): string => shell(`nsenter --net=/run/netns/${name} -- ${command}`);

/** Namespace "theirs" with IPv6, and what these lines of `ip -n theirs` make in it; goes with the scope. */
function makeTheirs(lines: readonly string[] = []): Disposable {
  const commands = ["link set lo up", ...lines].map((line) => `ip -n theirs ${line}`);
  shell(`ip netns add theirs
    nsenter --net=/run/netns/theirs sh -c 'for c in all default; do echo 0 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done'
    ${commands.join("\n")}`);
  return { [Symbol.dispose]: () => void shell("if [ -e /run/netns/theirs ]; then ip netns delete theirs; fi") };
}

beforeAll(async () => {
  makeUplink();
  unapplied = hostSnapshot();
  folder = new Folder();
  file = folder.write("site.yaml", ONE_POD);
  await run(`apply ${file}`);
});

afterAll(async () => {
  await run(`destroy ${file}`);
  expect(hostSnapshot()).toEqual(unapplied);
  expect(readdirSync(folder.join("state"))).toEqual([]);
  folder[Symbol.dispose]();
  removeUplink();
});

describe("a namespace", () => {
  test("reaches gateway and pod in both families, keeps its own default route, and is given back", async () => {
    using _theirs = makeTheirs([
      "link add other type veth peer name far",
      "link set other addrgenmode none up",
      "link set far addrgenmode none up",
      "address add 198.51.100.9/30 dev other",
      "route add default via 198.51.100.10",
    ]);
    const before = namespaceSnapshot("theirs");
    const attached = await attach("lan --netns theirs");
    expect(attached.name).toBe("theirs-eth0");
    expect(json("ip -j -n theirs address show dev eth0")).toMatchObject([{ address: attached.mac }]);
    const pod = json("ip -j -n pod1 address show dev eth0")[0]?.["addr_info"] as { local: string; scope: string }[];
    const reached = [
      ...pod.filter(({ scope }) => scope === "global").map(({ local }) => local),
      "192.0.2.1",
      "2001:db8:1::1",
    ];
    expect(reached).toHaveLength(4);
    for (const address of reached) inNamespace("theirs", `ping -q -c 1 -w 30 ${address}`);
    expect(json("ip -j -n theirs route show default")).toMatchObject([{ gateway: "198.51.100.10", dev: "other" }]);
    expect(json("ip -j -6 -n theirs route show default")).toMatchObject([{ gateway: "2001:db8:1::1", dev: "eth0" }]);

    const made = hostSnapshot();
    expect(await attach("lan --netns theirs")).toEqual(attached);
    expect(hostSnapshot()).toEqual(made);

    await run("detach --netns theirs");
    expect(namespaceSnapshot("theirs")).toEqual(before);
    expect(await run("detach --netns theirs")).toBe("nothing was attached\n");
  });

  test("keeps the file from being destroyed, and its address from new pods", async () => {
    using _theirs = makeTheirs();
    const attached = await attach("lan --netns theirs --address 192.0.2.3");
    const applied = hostSnapshot();
    const refused = await netloom(wordsOf(`destroy ${file}`));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("attach-theirs-eth0");
    expect(refused.stderr).toContain("netloom detach --name theirs-eth0");
    expect(hostSnapshot()).toEqual(applied);

    folder.write("site.yaml", ONE_POD + MORE_PODS.join(""));
    await run(`apply ${file}`);
    const given = ["pod1", "pod2", "pod3", "pod4"].map(
      (pod) =>
        (json(`ip -j -4 -n ${pod} address show dev eth0`)[0]?.["addr_info"] as { local: string }[] | undefined)?.[0]
          ?.local,
    );
    expect(new Set(given).size).toBe(4);
    expect(given).not.toContain("192.0.2.3");
    expect(attached.addresses).toContain("192.0.2.3/29");
    inNamespace("pod4", "ping -q -c 1 -w 30 192.0.2.3");

    const full = await netloom(wordsOf("attach lan --tap full0 --dhcp single"));
    expect(full.code).toBe(1);
    expect(full.stderr).toContain("no address is left in 192.0.2.0/29");
    folder.write("site.yaml", ONE_POD);
    await run(`apply ${file}`);
    await run("detach --name theirs-eth0");
  });

  test("that is gone meanwhile can be detached", async () => {
    const before = hostSnapshot();
    using _theirs = makeTheirs();
    await attach("lan --netns theirs");
    shell("ip netns delete theirs");
    await run("detach --netns theirs");
    expect(hostSnapshot()).toEqual(before);
  });

  test("killed at any place: attach resumes, detach restores", { timeout: 60_000 }, async () => {
    using _theirs = makeTheirs();
    const before = hostSnapshot();
    const made = (): string[] => withoutNumbers(hostSnapshot(), ["theirs-eth0"]);
    const killed = async (words: string, place: number): Promise<boolean> => {
      const { signal, code, stderr } = await netloom(wordsOf(words), { NETLOOM_CRASH_AT: String(place) });
      if (signal === "SIGKILL") return true;
      expect(code, stderr).toBe(0);
      return false;
    };
    const attached = await attach("lan --netns theirs");
    expect(attached.device).toBe("theirs-eth0");
    const undisturbed = made();
    await run("detach --netns theirs");
    expect(hostSnapshot()).toEqual(before);
    let place = 1;
    for (; place < MOST_PLACES && (await killed("attach lan --netns theirs", place)); place++) {
      if (place % 2 === 0) {
        expect(await attach("lan --netns theirs")).toEqual(attached);
        expect(made(), `resumed after ${place}`).toEqual(undisturbed);
        await killed("detach --netns theirs", place);
      }
      await run("detach --netns theirs");
      expect(hostSnapshot(), `detached after a kill at place ${place}`).toEqual(before);
    }
    expect(place).toBeGreaterThan(8);
    expect(place).toBeLessThan(MOST_PLACES);
    await run("detach --netns theirs");
    expect(hostSnapshot()).toEqual(before);
  });
});

describe("a tap", () => {
  test("gives its guest a lease of the network", async () => {
    const before = hostSnapshot();
    const { addresses, mac, device } = await attach("lan --tap guest0 --dhcp single --mac 02:00:00:00:02:01");
    expect({ mac, device }).toEqual({ mac: "02:00:00:00:02:01", device: "guest0" });
    {
      await using guest = await TapGuest.plugIn("/proc/self/ns/net", mac, "guest0");
      const lease = await guest.lease(folder);
      expect(addresses.map(addressOf)).toContain(lease["ip"]);
      expect(lease).toMatchObject({ router: "192.0.2.1", mask: "29" });
      // Not by `shell`: our own event loop carries the guest's frames.
      expect(await guest.start(["ping", "-q", "-c", "1", "-W", "2", "192.0.2.1"]).ended()).toMatchObject({ code: 0 });
    }
    await run("detach --tap guest0");
    expect(hostSnapshot()).toEqual(before);
  });
});

describe("an interface of somebody else", () => {
  test("becomes a port with all that it has, and is given back", async () => {
    using _theirs = makeTheirs();
    shell(`ip link add foreign0 type veth peer name eth0 netns theirs
      ip -n theirs link set eth0 addrgenmode none up
      ip -n theirs address add 192.0.2.6/29 dev eth0
      ip address add 203.0.113.9/24 dev foreign0
      ip link set foreign0 mtu 1400 addrgenmode none up`);
    const before = hostSnapshot();
    const { device } = await attach("lan --interface foreign0");
    expect(device).toBe("foreign0");
    expect(json("ip -j link show dev foreign0")).toMatchObject([{ mtu: 1400, master: "lan" }]);
    inNamespace("theirs", "ping -q -c 1 -w 30 192.0.2.1");
    await run("detach --interface foreign0");
    expect(hostSnapshot()).toEqual(before);
  });
});
