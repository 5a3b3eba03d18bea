import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type IpAddress, parseIp, parsePrefix, parseMac } from "../../src/base/address.ts";
import { SILENT } from "../../src/base/logger.ts";
import { LeaseBoard, type ToldLease } from "../../src/services/lease-board.ts";
import { NetworkNames } from "../../src/services/network-names.ts";
import type { NetworkDnsObject } from "../../src/state/object/network-dns.ts";

const NETWORK = "office/lan";
const NOW = 1_800_000_000;
const LAN: NetworkDnsObject = {
  kind: "dns-network",
  key: "office/dns/lan",
  origin: "network lan",
  namespace: "",
  linkKey: "office/link/lan",
  interfaceName: "lan",
  network: NETWORK,
  addresses: [parseIp("192.0.2.1")],
  domain: "lan.example",
  subnets: [parsePrefix("192.0.2.0/24")],
  hosts: [],
  records: [{ name: "mail.lan.example", type: 16, ttlSeconds: 60, hex: "0161" }],
  namesLeases: true,
  mode: "forward-only",
  upstreams: [],
  domains: [],
  allow: [],
  mixedCase: false,
  cache: { bytes: 65_536, minimumTtlSeconds: 0, maximumTtlSeconds: 60, maximumNegativeSeconds: 60, staleSeconds: 0 },
};

/** What the server would answer. */
class Table {
  readonly hosts = new Map<string, readonly IpAddress[]>();

  setHost(name: string, addresses: readonly IpAddress[]): void {
    this.hosts.set(name, addresses);
  }

  removeHost(name: string): void {
    this.hosts.delete(name);
  }

  get words(): string[] {
    return Array.from(this.hosts, ([name, addresses]) => [name, ...addresses].join(" "));
  }
}

function lease(hostName: string, address: string, further: Partial<ToldLease> = {}): ToldLease {
  const owners = [`52:54:00:00:00:${address.slice(-2)}`];
  return {
    hostName,
    address: parseIp(address),
    owners,
    startSeconds: NOW,
    endSeconds: NOW + 60,
    isHeld: true,
    ...further,
  };
}

let board: LeaseBoard;
let table: Table;

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000 });
  board = new LeaseBoard();
  table = new Table();
});
afterEach(() => {
  vi.useRealTimers();
});

function open(object = LAN): NetworkNames {
  return new NetworkNames(object, table, board, SILENT);
}

test("a client loses its name to a record that comes, and has it again when that goes", () => {
  board.open(NETWORK, "dhcp4", () => [lease("files", "192.0.2.10")]);
  const names = open();
  expect(table.words).toEqual(["files.lan.example 192.0.2.10"]);
  names.know([], [...LAN.records, { name: "files.lan.example", type: 16, ttlSeconds: 60, hex: "0161" }]);
  expect(table.words).toEqual([]);
  names.know([], LAN.records);
  expect(table.words).toEqual(["files.lan.example 192.0.2.10"]);
  names.close();
});

describe("the names of a network", () => {
  test("are those of leases that were there before, and of those that come", () => {
    board.open(NETWORK, "dhcp4", () => [lease("old", "192.0.2.10"), lease("gone", "192.0.2.11", { isHeld: false })]);
    open();
    board.tell(NETWORK, [lease("new", "192.0.2.12")]);
    board.tell("office/other", [lease("elsewhere", "192.0.2.13")]);
    expect(table.words).toEqual(["old.lan.example 192.0.2.10", "new.lan.example 192.0.2.12"]);
  });

  test("go with the lease: given back, at its end, or when its server ends for good", () => {
    const names = open();
    board.open(NETWORK, "dhcp4", () => []);
    board.tell(NETWORK, [
      lease("a", "192.0.2.10"),
      lease("b", "192.0.2.11"),
      lease("c", "192.0.2.12", { endSeconds: NOW + 600 }),
    ]);
    board.tell(NETWORK, [lease("a", "192.0.2.10", { isHeld: false })]);
    expect(table.words).toEqual(["b.lan.example 192.0.2.11", "c.lan.example 192.0.2.12"]);
    vi.advanceTimersByTime(61_000);
    expect(table.words).toEqual(["c.lan.example 192.0.2.12"]);
    board.close(NETWORK, "dhcp4");
    expect(table.words).toEqual([]);
    names.close();
    expect(vi.getTimerCount()).toBe(0);
  });

  test("of both families stay when the server of one of them begins anew", () => {
    open();
    board.open(NETWORK, "dhcp4", () => [lease("a", "192.0.2.10"), lease("b", "192.0.2.11")]);
    board.open(NETWORK, "dhcp6", () => [lease("c", "2001:db8::12")]);
    board.open(NETWORK, "dhcp4", () => [lease("b", "192.0.2.11")]);
    expect(table.words.toSorted()).toEqual(["b.lan.example 192.0.2.11", "c.lan.example 2001:db8::12"]);
  });

  test("are the eldest lease's after a restart, in whatever order they are read", () => {
    board.open(NETWORK, "dhcp4", () => [lease("a", "192.0.2.11", { startSeconds: NOW + 5 }), lease("a", "192.0.2.10")]);
    open();
    expect(table.words).toEqual(["a.lan.example 192.0.2.10"]);
  });

  test("are no client's where the file has them, also for a record of another kind", () => {
    const names = open();
    const mac = parseMac("52:54:00:00:00:12");
    names.know([
      { name: "web.lan.example", addresses: [parseIp("192.0.2.2")] },
      { name: "pc.lan.example", addresses: [], mac },
      { name: "id.lan.example", addresses: [], clientIdHex: "0102" },
    ]);
    board.tell(NETWORK, [
      lease("web", "192.0.2.10"),
      lease("mail", "192.0.2.11"),
      lease("pc", "192.0.2.12"),
      lease("id", "192.0.2.13", { owners: ["client 01:02"] }),
    ]);
    expect(table.words).toEqual([
      "web.lan.example 192.0.2.2",
      "pc.lan.example 192.0.2.12",
      "id.lan.example 192.0.2.13",
    ]);
  });

  test("are the file's alone with leases: false", () => {
    board.open(NETWORK, "dhcp4", () => [lease("a", "192.0.2.10")]);
    open({ ...LAN, namesLeases: false });
    expect(table.words).toEqual([]);
  });
});
