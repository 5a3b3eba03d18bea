/** Attachments by a daemon: asked for by commands and by any HTTP client, healed, and known to what a file may do. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { Folder, makeUplink, netloom, removeUplink, shell } from "../../support/network.ts";
import { comparable, Daemon, untilSame } from "./support.ts";

const RANDOM_MACS = ["theirs-eth0", "pod1-eth0"];

let folder: Folder;
let daemon: Daemon;
let file: string;

const text = (subnet: string, more = ""): string => `version: 1
name: site
networks:
  lan: { subnet: ${subnet}.0/24, dns: { servers: [${subnet}.53] } }${more}
machines:
  pod1: { kind: namespace, nics: [{ network: lan, address: ${subnet}.10 }] }
`;

beforeAll(async () => {
  makeUplink();
  folder = new Folder();
  daemon = await Daemon.start(folder.join("state"));
  file = folder.write("site.yaml", text("192.168.81"));
  await daemon.netloom("apply", file);
});

afterAll(async () => {
  await daemon.netloom("destroy", file);
  await daemon[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
  removeUplink();
});

test("attach and detach by the command line are done by the daemon, which heals in between", async () => {
  shell("ip netns add theirs");
  try {
    const before = comparable(RANDOM_MACS);
    const attached = JSON.parse(await daemon.netloom("attach", "lan", "--netns", "theirs", "--json")) as object;
    expect(attached).toMatchObject({
      name: "theirs-eth0",
      bridge: "site/lan",
      device: "theirs-eth0",
      addresses: ["192.168.81.254/24"],
    });
    await daemon.untilTold("attached");
    expect(await daemon.netloom("status")).toMatch(
      /attach-theirs-eth0: applied, 3 objects, namespace theirs, eth0 on site\/lan\n/,
    );
    const whole = comparable(RANDOM_MACS);
    shell("ip link delete theirs-eth0");
    await untilSame(whole, RANDOM_MACS, "the pair was deleted");
    shell("nsenter --net=/run/netns/theirs ping -q -c 1 -W 2 192.168.81.10");
    await daemon.netloom("detach", "--netns", "theirs");
    expect(comparable(RANDOM_MACS)).toEqual(before);
    expect(daemon.toldOf("detached")).toMatchObject([{ unit: "attach-theirs-eth0" }]);
  } finally {
    shell("ip netns delete theirs");
  }
});

test("by the API: a tap whose guest is told the network's name servers", async () => {
  const before = hostSnapshot();
  const client = await daemon.client();
  const target = { kind: "tap", tapName: "vnet0", dhcp: "single" } as const;
  const { attachment } = await client.call("attach", { network: "site/lan", target });
  expect(attachment).toMatchObject({ device: "vnet0", addresses: ["192.168.81.254/24"] });
  const { units } = JSON.parse(readFileSync(folder.join("state/services.json"), "utf8")) as { units: object };
  expect(units).toMatchObject({
    "attach-vnet0": [{ kind: "dhcp-single", lease: { nameServers: ["192.168.81.53"] } }],
  });
  await expect(client.call("attach", { network: "lan", target: { ...target, queues: 2 } })).rejects.toMatchObject({
    code: "attached-otherwise",
    message: "attach vnet0: it is attached already: tap vnet0 on site/lan, dhcp single",
  });
  await client.call("detach", { target: { kind: "tap", tapName: "vnet0" } });
  expect((await client.call("detach", { name: "vnet0" })).steps).toEqual([]);
  expect(hostSnapshot()).toEqual(before);
});

test("a guest that is told nothing has its MAC address and its reserved address all the same", async () => {
  const words = ["attach", "lan", "--tap", "vnet1", "--dhcp", "none", "--address", "192.168.81.254"];
  const described = await daemon.netloom(...words, "--mac", "52:54:00:00:00:17", "--output", "libvirt");
  expect(described).toContain("<mac address='52:54:00:00:00:17'/>");
  const other = JSON.parse(await daemon.netloom("attach", "lan", "--tap", "vnet2", "--dhcp", "single", "--json")) as {
    addresses: string[];
  };
  expect(other.addresses).toEqual(["192.168.81.253/24"]);
  for (const tap of ["vnet1", "vnet2"]) await daemon.netloom("detach", "--tap", tap);
  const multicast = ["attach", "lan", "--tap", "vnet3", "--mac", "01:00:5e:00:00:01", "--state", daemon.state];
  const { stderr } = await netloom(multicast);
  expect(stderr).toContain("it cannot be one machine's");
});

test("what an unconfirmed change made cannot be attached to, and what it took is not given away", async () => {
  const attach = (network: string) =>
    netloom([
      "attach",
      network,
      "--tap",
      "vnet4",
      "--dhcp",
      "single",
      "--address",
      "192.168.81.10",
      "--state",
      daemon.state,
    ]);
  const changed = text("192.168.81", "\n  lab: { subnet: 192.168.82.0/24 }").replace(/machines:[^]*/, "");
  folder.write("site.yaml", changed);
  await daemon.netloom("apply", file, "--confirm", "2s");
  expect((await attach("lab")).stderr).toContain("its last change waits to be confirmed");
  expect((await attach("lan")).stderr).toContain("192.168.81.10: somebody has it already");
  await daemon.untilTold("undone");
  expect((await attach("lab")).stderr).toContain("no applied file has such a network");
  folder.write("site.yaml", text("192.168.81"));
});

test("a file's network is not given other addresses under what is attached to it", async () => {
  await daemon.netloom("attach", "lan", "--tap", "vnet5", "--dhcp", "single");
  folder.write("site.yaml", text("192.168.83"));
  const { code, stderr } = await netloom(["apply", file, "--state", daemon.state]);
  expect(code).toBe(1);
  expect(stderr).toContain("netloom detach --name vnet5");
  folder.write("site.yaml", text("192.168.81"));
  await daemon.netloom("detach", "--tap", "vnet5");
});

test("one whose record cannot be read is told, and taken back by its marks", async () => {
  const before = hostSnapshot();
  await daemon.netloom("attach", "lan", "--tap", "vnet6", "--dhcp", "single");
  writeFileSync(folder.join("state/units/attach-vnet6/record.json"), "{");
  const told = await netloom(["status", "--state", daemon.state]);
  expect(told.stdout).toContain("attach-vnet6: unknown");
  expect(told.stdout).toContain("Not as it should be: attach-vnet6");
  expect(await daemon.netloom("detach", "--tap", "vnet6")).toMatch(/^note: .*could not be read and was set aside\n/);
  expect(hostSnapshot()).toEqual(before);
});
