/** A network's DNS server as the keeper has it: what changes without a break, and who joins it. */
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type IpAddress, parseIp, parsePrefix } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { createService, type ServiceMakers, serviceMakers } from "../../../src/services/keeper/create-service.ts";
import { DnsService } from "../../../src/services/dns/server.ts";
import type { Service } from "../../../src/services/service.ts";
import type { DnsHost, NetworkDnsObject } from "../../../src/state/object/network-dns.ts";
import { addressData } from "../../../src/wire/dns/data.ts";
import { Running, shell, until } from "../../support/network.ts";

const NETWORK = "office/lan";
const ADDRESS = "192.0.2.1";
const LAN: NetworkDnsObject = {
  kind: "dns-network",
  key: "office/dns/lan",
  origin: "network lan",
  namespace: "names",
  linkKey: "office/link/lan",
  interfaceName: "br0",
  network: NETWORK,
  addresses: [parseIp(ADDRESS)],
  domain: "lan.example",
  subnets: [parsePrefix("192.0.2.0/24")],
  hosts: [],
  records: [],
  namesLeases: true,
  mode: "forward-only",
  upstreams: [],
  domains: [],
  allow: [parsePrefix("192.0.2.0/24")],
  mixedCase: false,
  cache: { bytes: 65_536, minimumTtlSeconds: 0, maximumTtlSeconds: 60, maximumNegativeSeconds: 60, staleSeconds: 0 },
};

const host = (label: string, address: string): DnsHost => ({
  name: `${label}.lan.example`,
  addresses: [parseIp(address)],
});

let makers: ServiceMakers;
let service: Service;
const create = (object: NetworkDnsObject): Service => createService(object, "/run/unused", makers, SILENT);

/** What dig is told of these names, each an address or "". */
async function ask(...labels: readonly string[]): Promise<string[]> {
  const words = ["dig", "+short", "+time=2", "+tries=2", `@${ADDRESS}`];
  const told = labels.map(
    (label) => new Running(["nsenter", "--net=/run/netns/names", ...words, `${label}.lan.example`]),
  );
  return (await Promise.all(told.map((each) => each.ended()))).map(({ stdout }) => stdout.trim());
}

beforeAll(() => {
  shell(`ip netns add names
    ip -n names link set lo up
    ip -n names link add br0 type bridge
    ip -n names address add ${ADDRESS}/24 dev br0
    ip -n names link set br0 up`);
  makers = serviceMakers("/run/unused", () => expect.unreachable(), SILENT);
  service = create({ ...LAN, hosts: [host("web", "192.0.2.2")] });
});

afterAll(async () => {
  await service.stop();
  shell("ip netns delete names");
});

test("other hosts and records are there without a break, any other change opens it anew", async () => {
  await service.start();
  const before = makers.names.running().get(NETWORK);
  expect(await service.change?.({ ...LAN, hosts: [host("mail", "192.0.2.3")] })).toBe(true);
  await service.start();
  expect(makers.names.running().get(NETWORK)).toBe(before);
  expect(await ask("web", "mail")).toEqual(["", "192.0.2.3"]);
  const record = { name: "files.lan.example", type: 1, ttlSeconds: 60, hex: "c0000204" };
  const recorded = { ...LAN, hosts: [host("mail", "192.0.2.3")], records: [record] };
  expect(await ask("files")).toEqual([""]);
  expect(await service.change?.(recorded)).toBe(true);
  expect(await ask("files", "mail")).toEqual(["192.0.2.4", "192.0.2.3"]);
  expect(await service.change?.({ ...recorded, records: [{ ...record, hex: "c0000205" }] })).toBe(true);
  expect(await ask("files")).toEqual(["192.0.2.5"]);
  expect(await service.change?.({ ...recorded, records: [] })).toBe(true);
  expect(await ask("files", "mail")).toEqual(["", "192.0.2.3"]);
  expect(makers.names.running().get(NETWORK)).toBe(before);
  expect(await service.change?.({ ...LAN, domain: "other.example" })).toBe(false);
});

test("what joins is known as long as it is there, and takes no name of the network", async () => {
  // The network had another domain when it was attached.
  const hosts = [host("guest", "192.0.2.9"), host("mail", "192.0.2.10")].map(({ name, ...more }) => ({
    ...more,
    name: name.replace("lan.example", "before.example.org"),
  }));
  const key = "attach-guest/dns/lan";
  const joined = create({ ...LAN, key, joins: true, addresses: [], domain: "before.example.org", hosts });
  await joined.start();
  expect(await ask("guest", "mail")).toEqual(["192.0.2.9", "192.0.2.3"]);
  await joined.stop();
  expect(await ask("guest")).toEqual([""]);
});

test("an answer is counted once, by where it came from", async () => {
  const own = create({ ...LAN, hosts: [host("web", "192.0.2.2")] });
  await service.stop();
  await own.start();
  for (const _ of [1, 2, 3]) expect(await ask("web")).toEqual(["192.0.2.2"]);
  expect(own.report()).toMatchObject({ details: { queries: { own: 1, cached: 2, asked: 0, refused: 0 } } });
  await own.stop();
  await service.start();
});

test("another server on the port is told, and how to find it", async () => {
  const second = create({ ...LAN, network: "other/lan" });
  await expect(second.start()).rejects.toThrow(/listen on 192\.0\.2\.1/);
  expect(second.report()).toMatchObject({ state: "failed" });
});

test.each<{ what: string; corp: IpAddress; from: "host" | "network" }>([
  { what: "on the network itself, where this host has no way to", corp: parseIp("192.0.2.53"), from: "network" },
  { what: "of this host that has the address of the network's own server", corp: parseIp(ADDRESS), from: "host" },
  { what: "of this host whose address is one of the network's", corp: parseIp("192.0.2.54"), from: "host" },
])("a name server is asked $what", async ({ corp, from }) => {
  const isInside = from === "network";
  shell(isInside ? `ip -n names address add ${corp}/24 dev br0` : `ip address add ${corp} dev lo`);
  const data = addressData(parseIp("192.0.2.80"));
  const records = [{ name: "files.corp.example", type: 1, class: 1, ttlSeconds: 60, data }];
  await using _corp = new DnsService({
    ...(isInside ? { namespacePath: "/run/netns/names" } : {}),
    listen: [{ address: corp, port: 53 }],
    config: {
      mode: "forward-only",
      upstreams: [],
      domains: [],
      zones: [{ name: "corp.example", records }],
      mixedCase: false,
      cache: LAN.cache,
    },
    logger: SILENT,
  });
  await service.stop();
  const next = create({
    ...LAN,
    domains: [{ domain: "corp.example", upstreams: [{ address: corp, port: 53, from }] }],
  });
  await next.start();
  const words = ["dig", "+short", "+time=2", "+tries=1", `@${ADDRESS}`, "files.corp.example"];
  const told = await new Running(["nsenter", "--net=/run/netns/names", ...words]).ended();
  expect(next.report()).toMatchObject({ details: { queries: { asked: 1, cached: 0, own: 0 } } });
  await next.stop();
  shell(isInside ? `ip -n names address delete ${corp}/24 dev br0` : `ip address delete ${corp} dev lo`);
  expect(told.stdout).toBe("192.0.2.80\n");
});

test("a night in which the host slept is over for what is remembered, too", async () => {
  const corp = parseIp("127.0.0.54");
  const zonesOf = (address: string) => {
    const data = addressData(parseIp(address));
    return [
      { name: "corp.example", records: [{ name: "files.corp.example", type: 1, class: 1, ttlSeconds: 600, data }] },
    ];
  };
  const config = { mode: "forward-only", upstreams: [], domains: [], mixedCase: false } as const;
  const cache = { ...LAN.cache, maximumTtlSeconds: 600 };
  await using server = new DnsService({
    listen: [{ address: corp, port: 53 }],
    config: { ...config, zones: zonesOf("192.0.2.80"), cache },
    logger: SILENT,
  });
  const upstreams = [{ address: corp, port: 53, from: "host" }] as const;
  const next = create({ ...LAN, domains: [{ domain: "corp.example", upstreams }], cache });
  await next.start();
  const told = async (): Promise<string> => {
    const words = ["dig", "+short", "+time=2", "+tries=1", `@${ADDRESS}`, "files.corp.example"];
    return (await new Running(["nsenter", "--net=/run/netns/names", ...words]).ended()).stdout.trim();
  };
  expect(await told()).toBe("192.0.2.80");
  server.setZones(zonesOf("192.0.2.81"));
  expect(await told()).toBe("192.0.2.80");
  const up = os.uptime();
  const began = performance.now();
  const uptime = vi.spyOn(os, "uptime").mockImplementation(() => up + (performance.now() - began) / 1000 + 28_800);
  syncBuiltinESMExports();
  try {
    await until("what is new", async () => (await told()) === "192.0.2.81", 10);
  } finally {
    uptime.mockRestore();
    syncBuiltinESMExports();
    await next.stop();
  }
});

test("the end frees the port", async () => {
  await service.stop();
  expect(makers.names.running().has(NETWORK)).toBe(false);
  const next = create({ ...LAN, network: "other/lan" });
  await next.start();
  await next.stop();
});
