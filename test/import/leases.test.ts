/** Files of leases as the servers write them, and our own export. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatPortable } from "../../src/import/leases/portable.ts";
import { type ReadLeases, readLeases } from "../../src/import/leases/read.ts";
import type { Lease } from "../../src/protocol/dhcp4/server/lease.ts";
import { FOREVER_SECONDS } from "../../src/protocol/leases/time.ts";

const NOW = Date.UTC(2026, 10, 21, 10, 45) / 1000;
const MAC = "\x52\x54\x00\x00\x00";
const at = (hour: number, minute: number): number => Date.UTC(2026, 10, 21, hour, minute) / 1000;

function read(name: string): ReadLeases<Lease> {
  return readLeases(readFileSync(join(import.meta.dirname, "files", name), "utf8"), NOW);
}

const leasesOf = ({ leases }: ReadLeases<Lease>) => leases.map(({ lease }) => lease);
const told = ({ problems }: ReadLeases<Lease>) => problems.map(({ line, reason }) => `${line}: ${reason}`);

/** State, client and hardware as they are kept, name, times. */
function lease(
  address: string,
  [state, client, hardware, hostName = ""]: readonly [string, string, string, string?],
  startSeconds: number,
  endSeconds: number,
) {
  return { address, state, client, hardware, hostName, startSeconds, endSeconds };
}

const WEB = ["leased", `\x01\x01${MAC}\x01`, `\x01${MAC}\x01`, "web"] as const;
const SILENT = ["leased", `\x00\x01${MAC}\x02`, `\x01${MAC}\x02`] as const;

describe("leases of dnsmasq", () => {
  const result = read("dnsmasq.leases");

  test("are told apart by identifier or MAC address, with times and names", () => {
    expect(result.server).toBe("dnsmasq");
    expect(leasesOf(result)).toEqual([
      lease("192.0.2.100", WEB, NOW, 1795258800),
      lease("192.0.2.101", SILENT, NOW, FOREVER_SECONDS),
      lease("192.0.2.102", ["leased", "\x01\xff\x00\x00\x00\x03\x00\x01", `\x06${MAC}\x03`], NOW, 1795258800),
    ]);
  });

  test("what is none is told", () => {
    expect(told(result)).toEqual(["4: this is no lease", "5: 1 leases of IPv6 follow"]);
  });
});

describe("leases of ISC dhcpd", () => {
  const result = read("isc.leases");

  test("the last entry of an address counts, and every state", () => {
    expect(result.server).toBe("ISC dhcpd");
    expect(leasesOf(result)).toEqual([
      lease("192.0.2.101", SILENT, at(10, 0), FOREVER_SECONDS),
      lease("192.0.2.102", ["released", `\x01\x01${MAC}\x03`, `\x01${MAC}\x03`], at(9, 0), at(9, 30)),
      lease("192.0.2.103", ["declined", "", ""], at(9, 0), at(9, 0) + 86_400),
      lease("192.0.2.100", WEB, at(10, 30), at(11, 30)),
    ]);
  });

  test("IPv6 and an entry without an end are told", () => {
    expect(told(result)).toEqual(["58: it is a lease of IPv6", "61: the block has no end"]);
  });
});

describe("leases of Kea", () => {
  const result = read("kea-leases4.csv");

  test("the last row of an address counts, a duration of 0 deletes", () => {
    expect(result.server).toBe("Kea");
    expect(leasesOf(result)).toEqual([
      lease("192.0.2.101", SILENT, 1795258800, FOREVER_SECONDS),
      lease("192.0.2.103", ["declined", "", ""], 1795341600 - 86_400, 1795341600),
      lease("192.0.2.104", ["released", `\x00\x01${MAC}\x04`, `\x01${MAC}\x04`], 1795251600, 1795255200),
      lease("192.0.2.100", [WEB[0], WEB[1], WEB[2], "web.example.org"], 1795257000, 1795260600),
    ]);
  });

  test("a row that is cut off is told", () => {
    expect(told(result)).toEqual(["9: this is no lease"]);
  });

  test("a file of DHCPv6 is told, not misread", () => {
    const result6 = readLeases("address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid\n", NOW);
    expect(leasesOf(result6)).toEqual([]);
    expect(told(result6)).toEqual(["1: there is no column hwaddr"]);
    expect(result6.server).toBeUndefined();
  });
});

describe("portable leases", () => {
  test("come back as they were, of every server and in every state", () => {
    for (const name of ["dnsmasq.leases", "isc.leases", "kea-leases4.csv"]) {
      const placed = leasesOf(read(name)).map((lease, i) => ({
        lease,
        server: i % 2 === 0 ? { interface: "lan0" } : { network: "office/lan" },
      }));
      const back = readLeases(JSON.stringify(formatPortable(placed)), NOW + 5000);
      expect(back).toEqual({ server: "netloom", leases: placed, problems: [] });
    }
  });

  test("are what the documentation says", () => {
    const [first] = leasesOf(read("dnsmasq.leases"));
    expect(formatPortable([{ server: { interface: "lan0" }, lease: first! }])).toEqual({
      format: "netloom-leases",
      version: 1,
      leases: [
        {
          interface: "lan0",
          address: "192.0.2.100",
          state: "leased",
          mac: "52:54:00:00:00:01",
          clientId: "01:52:54:00:00:00:01",
          hostName: "web",
          start: "2026-11-21T10:45:00Z",
          end: "2026-11-21T11:00:00Z",
        },
      ],
    });
  });

  test("damaged ones are told one by one", () => {
    const good = { address: "192.0.2.1", state: "leased", mac: "52:54:00:00:00:01", start: "2026-11-21T10:00:00Z" };
    const wrong = [
      {},
      { ...good, address: "192.0.2.300" },
      { ...good, state: "lost" },
      { ...good, mac: "52:54" },
      { ...good, start: "yesterday" },
      { ...good, clientId: "xyz" },
      { ...good, mac: "" },
      null,
    ];
    const text = JSON.stringify({ format: "netloom-leases", version: 1, leases: [...wrong, good] });
    const result = readLeases(text, NOW);
    expect(leasesOf(result)).toHaveLength(1);
    expect(result.problems.map((problem) => problem.text)).toEqual(wrong.map((_, i) => `leases[${i}]`));
  });

  test.for([
    ['{"format":"netloom-leases","version":2,"leases":[]}', "1: version 2 of the export is not known, only 1 is"],
    ['{"format":"netloom-leases","version":1,"leases":[{', "1: this is no export of leases"],
  ] as const)("%s cannot be read", ([text, reason]) => {
    const result = readLeases(text, NOW);
    expect([result.server, ...told(result)]).toEqual([undefined, reason]);
  });
});

test("other files are no leases", () => {
  for (const text of ["", "hello\n", "{}", "subnet 192.0.2.0 netmask 255.255.255.0 { }\n", "\u0000\u0001"])
    expect(readLeases(text, NOW).server).toBeUndefined();
});

test("a state that only JavaScript has a meaning for is one that is not known", () => {
  const text = "lease 192.0.2.1 {\n  binding state constructor;\n  hardware ethernet 52:54:00:00:00:01;\n}\n";
  expect(leasesOf(readLeases(text, NOW))).toMatchObject([{ state: "released" }]);
});

test("a hardware address longer than a message holds is told, not kept", () => {
  const long = Array.from({ length: 17 }, () => "aa").join(":");
  const result = readLeases(`1800000000 20-${long} 192.0.2.1 * *\n`, NOW);
  expect([leasesOf(result), told(result)]).toEqual([[], ["1: the client's hardware address is too long"]]);
});

test("a megabyte of empty lines is no file of leases, and soon seen to be none", () => {
  const started = performance.now();
  expect(readLeases("\n".repeat(1_000_000), NOW).server).toBeUndefined();
  expect(performance.now() - started).toBeLessThan(20_000);
});
