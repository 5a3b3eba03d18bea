/** Files of DHCPv6 leases as the servers write them, and our own export. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ReadLeases } from "../../src/import/leases/read.ts";
import { formatPortable6 } from "../../src/import/leases6/portable.ts";
import { readLeases6 } from "../../src/import/leases6/read.ts";
import type { Lease6 } from "../../src/protocol/dhcp6/server/lease.ts";
import { FOREVER_SECONDS } from "../../src/protocol/leases/time.ts";

const NOW = Date.UTC(2026, 10, 21, 10, 45) / 1000;
const at = (hour: number, minute: number): number => Date.UTC(2026, 10, 21, hour, minute) / 1000;
const text = (name: string): string => readFileSync(join(import.meta.dirname, "files", name), "utf8");
const FILES = ["dnsmasq6.leases", "dhcpd6.leases", "kea-leases6.csv"] as const;

const leasesOf = ({ leases }: ReadLeases<Lease6>) => leases.map(({ lease }) => lease);
const told = ({ problems }: ReadLeases<Lease6>) => problems.map(({ line, reason }) => `${line}: ${reason}`);

const DUID = "\x00\x03\x00\x01\x52\x54\x00\x00\x00";
const MAC = "52:54:00:00:00:17";

/** Kind, state, client and MAC address as they are kept, name, times. */
function lease(
  place: string,
  [kind, state, client, mac, hostName = ""]: readonly [string, string, string, string, string?],
  startSeconds: number,
  endSeconds: number,
) {
  const [address = "", length = "128"] = place.split("/");
  return { kind, address, length: Number(length), state, client, mac, hostName, startSeconds, endSeconds };
}

describe("DHCPv6 leases of dnsmasq", () => {
  const result = readLeases6(text("dnsmasq6.leases"), NOW);

  test("stand below the server's DUID; a T marks a temporary address", () => {
    expect(result.server).toBe("dnsmasq");
    expect(leasesOf(result)).toEqual([
      lease("2001:db8::21df", ["temporary", "leased", `\x01\0\0\0\x17${DUID}\x17`, MAC], NOW, 1795258800),
      lease("2001:db8::21b4", ["address", "leased", `\0\0\0\0\x17${DUID}\x17`, MAC, "web"], NOW, 1795258800),
      lease(
        "2001:db8::9",
        ["address", "leased", "\0\xff\xff\xff\xff\0\x04\x11\x11\x11\x11\x22\x22\x33\x33\x44\x44UUUUUU", ""],
        NOW,
        FOREVER_SECONDS,
      ),
    ]);
  });

  test("what is none is told, and where there are none at all", () => {
    expect(told(result)).toEqual(["6: this is no lease", "7: this is no lease"]);
    const four = readLeases6(text("dnsmasq.leases").replace(/^duid [^]*/m, ""), NOW);
    expect(leasesOf(four)).toEqual([]);
    expect(told(four)).toEqual(["1: no leases of IPv6 are in the file"]);
  });
});

describe("DHCPv6 leases of ISC dhcpd", () => {
  const result = readLeases6(text("dhcpd6.leases"), NOW);

  test("the last entry of an association counts, in whatever form the identifier is written", () => {
    expect(result.server).toBe("ISC dhcpd");
    expect(leasesOf(result)).toEqual([
      lease("2001:db8::1b42", ["address", "leased", `\0\0\0\0\x17${DUID}\x17`, MAC], at(10, 0), at(10, 10)),
      lease("2001:db8:1ff::/56", ["prefix", "leased", `\x02\0\0\0\x17${DUID}\x17`, MAC], at(10, 0), FOREVER_SECONDS),
      lease(
        "2001:db8::1c00",
        ["temporary", "released", `\x01\x04\x03\x02\x01${DUID}\x18`, "52:54:00:00:00:18"],
        at(10, 0),
        at(10, 0),
      ),
      lease("2001:db8::1c01", ["temporary", "declined", "", ""], at(10, 0), at(10, 0) + 86_400),
    ]);
  });

  test("an address that has gone to somebody else stays there", () => {
    const entry = (client: string, address: string) =>
      `ia-na "\\000\\000\\000\\001\\000\\003${client}" { cltt 6 2026/11/21 10:00:00; iaaddr ${address} { ends never; } }\n`;
    const read = readLeases6(entry("a", "2001:db8::1") + entry("b", "2001:db8::1") + entry("a", "2001:db8::2"), NOW);
    expect(leasesOf(read).map(({ address, client }) => [address, client.at(-1)])).toEqual([
      ["2001:db8::1", "b"],
      ["2001:db8::2", "a"],
    ]);
  });

  test("a machine that writes its numbers the other way is believed", () => {
    const [first] = leasesOf(readLeases6(text("dhcpd6.leases").replace("little", "big"), NOW));
    expect(first?.client.slice(0, 5)).toBe("\0\x17\0\0\0");
  });

  test("what is none is told", () => {
    expect(told(result)).toEqual(["51: nothing tells whose lease it is", "54: it is a lease of IPv4"]);
  });
});

describe("DHCPv6 leases of Kea", () => {
  const result = readLeases6(text("kea-leases6.csv"), NOW);

  test("the last row of an address counts, a duration of 0 deletes", () => {
    expect(result.server).toBe("Kea");
    const web = ["address", "leased", `\0\0\0\0\x17${DUID}\x17`, "52:54:00:00:00:99", "web.example.org"] as const;
    expect(leasesOf(result)).toEqual([
      lease("2001:db8::1", web, 1795257000, 1795260600),
      lease(
        "2001:db8:100::/56",
        ["prefix", "leased", "\x02\0\0\0\x01\0\x02\0\0\xaa\xaa\x01", ""],
        1795258800,
        FOREVER_SECONDS,
      ),
      lease("2001:db8::2", ["address", "declined", "", ""], 1795341600 - 86_400, 1795341600),
      lease(
        "2001:db8::3",
        ["temporary", "released", "\x01\0\0\0\x05\0\x02\0\0\xaa\xaa\x02", ""],
        1795255200,
        1795258800,
      ),
    ]);
    expect(told(result)).toEqual(["9: this is no lease"]);
  });

  test("a file of DHCPv4 is told, not misread", () => {
    const four = readLeases6(text("kea-leases4.csv"), NOW);
    expect(four.server).toBeUndefined();
    expect(four.problems).toMatchObject([
      { reason: "there is no column duid", remedy: "import it with netloom dhcp leases import" },
    ]);
  });
});

describe("portable leases of DHCPv6", () => {
  test("come back as they were, of every server and in every state", () => {
    for (const name of FILES) {
      const placed = leasesOf(readLeases6(text(name), NOW)).map((lease, i) => ({
        lease,
        server: i % 2 === 0 ? { interface: "lan0" } : { network: "office/lan" },
      }));
      const back = readLeases6(JSON.stringify(formatPortable6(placed)), NOW + 5000);
      expect(back).toEqual({ server: "netloom", leases: placed, problems: [] });
    }
  });

  test("are what the documentation says", () => {
    const [, web] = leasesOf(readLeases6(text("dnsmasq6.leases"), NOW));
    expect(formatPortable6([{ server: { interface: "lan0" }, lease: web! }])).toEqual({
      format: "netloom-dhcp6-leases",
      version: 1,
      leases: [
        {
          interface: "lan0",
          lease: "2001:db8::21b4",
          kind: "address",
          state: "leased",
          duid: "00:03:00:01:52:54:00:00:00:17",
          iaid: 23,
          mac: MAC,
          hostName: "web",
          start: "2026-11-21T10:45:00Z",
          end: "2026-11-21T11:00:00Z",
        },
      ],
    });
  });

  test("damaged ones are told one by one", () => {
    const good = {
      lease: "2001:db8::1",
      kind: "address",
      state: "leased",
      duid: "00:03:00:01:52:54:00:00:00:17",
      iaid: 1,
      start: "2026-11-21T10:00:00Z",
    };
    const wrong = [
      null,
      {},
      { ...good, lease: "192.0.2.1" },
      { ...good, lease: "2001:db8::/56" },
      { ...good, kind: "prefix", lease: "2001:db8::/0" },
      { ...good, kind: "prefix", lease: "2001:db8::/129" },
      { ...good, kind: "other" },
      { ...good, state: "lost" },
      { ...good, duid: "00:01" },
      { ...good, duid: "xyz" },
      { ...good, iaid: -1 },
      { ...good, iaid: "1" },
      { ...good, start: "yesterday" },
    ];
    const result = readLeases6(
      JSON.stringify({ format: "netloom-dhcp6-leases", version: 1, leases: [...wrong, good] }),
      NOW,
    );
    expect(leasesOf(result)).toHaveLength(1);
    expect(new Set(result.problems.map((problem) => problem.text))).toEqual(
      new Set(wrong.map((_, i) => `leases[${i}]`)),
    );
  });
});

test("no damage to any of the files is more than a problem", { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...FILES.map(text)),
      fc.nat(),
      fc.nat(40),
      fc.string({ unit: "binary", maxLength: 8 }),
      (file, where, length, inserted) => {
        const start = where % file.length;
        const { leases } = readLeases6(file.slice(0, start) + inserted + file.slice(start + length), NOW);
        expect(leases.every(({ lease }) => lease.endSeconds >= 0)).toBe(true);
      },
    ),
    { numRuns: 100 },
  );
});
