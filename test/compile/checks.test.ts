import { expect, test } from "vitest";
import { parsePrefix } from "../../src/base/address.ts";
import { PlanningError } from "../../src/compile/checks.ts";
import type { Facts } from "../../src/compile/facts.ts";
import { requiredFiles } from "../../src/compile/required-files.ts";
import { compiled, HOST, model, link } from "./host.ts";

const FILE = `version: 1
uplinks: { wan: { device: eth0 } }
networks: { lan: { subnet: 192.0.2.0/24 } }
routers: { edge: { networks: [lan], uplink: wan } }
machines:
  pod1: { kind: namespace, nics: [{ network: lan }] }
  vm1: { kind: vm, in: pod1, kernel: k, initrd: i }
`;

function problems(text: string, facts: Facts): readonly unknown[] {
  try {
    compiled(text, facts);
  } catch (thrown) {
    if (thrown instanceof PlanningError) return thrown.problems;
    throw thrown;
  }
  return [];
}

test("a host that fits has no problem", () => {
  expect(problems(FILE, HOST)).toEqual([]);
});

test("a missing uplink is told with those that there are", () => {
  expect(problems(FILE.replace("eth0", "eth7"), HOST)).toEqual([
    {
      file: "office.yaml",
      line: 2,
      column: 27,
      path: "uplinks.wan.device",
      value: '"eth7"',
      reason: "there is no such device on this host",
      remedy: "use one of: eth0",
    },
  ]);
});

test("a route of the host in the network's range is told, whichever of the two is larger", () => {
  for (const destination of ["192.0.0.0/16", "192.0.2.128/25", "192.0.2.77/32"]) {
    const facts: Facts = {
      ...HOST,
      routes: [...HOST.routes, { destination: parsePrefix(destination), device: "tun0" }],
    };
    expect(problems(FILE, facts)).toMatchObject([
      {
        line: 3,
        path: "networks.lan.subnet",
        value: '"192.0.2.0/24"',
        reason: `overlaps the host's route to ${destination} through tun0`,
      },
    ]);
  }
});

test("an address of the host in the network's range is told", () => {
  const links = {
    ...HOST.links,
    eth1: link(3, "192.0.2.9/24"),
  };
  expect(problems(FILE, { ...HOST, links })).toMatchObject([{ reason: "overlaps the address 192.0.2.9/24 of eth1" }]);
});

test("what netloom made for this file is not in its way", () => {
  const links = {
    ...HOST.links,
    lan: link(3, "192.0.2.1/24", { ours: true, marked: true }),
  };
  const routes = [...HOST.routes, { destination: parsePrefix("192.0.2.0/24"), device: "lan" }];
  expect(problems(FILE, { ...HOST, links, routes })).toEqual([]);
});

test("prefixes that are given away do not hold an address of the host, though it may have a route to them", () => {
  const text = `version: 1
networks: { lan: { subnet: 192.0.2.0/24, subnet6: "fd00:50::/64", ipv6: { prefixes: { from: "fd00:60::/48" } } } }
`;
  const routes = [...HOST.routes, { destination: parsePrefix("fd00:60::/48") }];
  expect(problems(text, { ...HOST, routes })).toEqual([]);
  const links = { ...HOST.links, eth1: link(3, "fd00:60:0:7::1/64") };
  expect(problems(text, { ...HOST, links })).toMatchObject([
    {
      path: "networks.lan.ipv6.prefixes.from",
      line: 2,
      value: '"fd00:60::/48"',
      reason: "overlaps the address fd00:60:0:7::1/64 of eth1",
    },
  ]);
});

test("a bridge of the same name that somebody else made is in the way", () => {
  const links = {
    ...HOST.links,
    lan: link(3, "192.0.2.1/24"),
  };
  expect(problems(FILE, { ...HOST, links })).toMatchObject([{ reason: "overlaps the address 192.0.2.1/24 of lan" }]);
});

test("default routes, also a VPN's two halves, are in nobody's way", () => {
  const halves = ["0.0.0.0/1", "128.0.0.0/1"].map((text) => ({ destination: parsePrefix(text), device: "tun0" }));
  expect(problems(FILE, { ...HOST, routes: [...HOST.routes, ...halves] })).toEqual([]);
});

test("files that a VM needs and that are not there are told", () => {
  expect(requiredFiles(model(FILE)).map((file) => file.path)).toEqual(["/srv/k", "/srv/i"]);
  expect(problems(FILE, { ...HOST, missingFiles: ["/srv/i"] })).toMatchObject([
    { line: 7, path: "machines.vm1.initrd", value: '"/srv/i"' },
  ]);
});

test("all problems are told at once, with the code for a host that does not fit", () => {
  const facts: Facts = {
    ...HOST,
    links: {},
    routes: [{ destination: parsePrefix("192.0.2.0/24") }],
    missingFiles: ["/srv/k", "/srv/i"],
  };
  expect(problems(FILE, facts).length).toBe(4);
  expect(() => compiled(FILE, facts)).toThrow(expect.objectContaining({ code: "cannot-plan" }));
});

test("an uplink that is down or has no address is a note, not a problem", () => {
  const eth0 = link(2, "203.0.113.5/24", { up: false, addresses: [] });
  expect(compiled(FILE, { ...HOST, links: { eth0 } }).notes).toContainEqual(expect.stringMatching(/eth0 is down/));
  expect(compiled(FILE, { ...HOST, links: { eth0: { ...eth0, up: true } } }).notes).toContainEqual(
    expect.stringMatching(/eth0 has no IPv4 address/),
  );
});
