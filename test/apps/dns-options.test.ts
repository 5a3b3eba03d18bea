import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  parseDomainUpstreams,
  parseListen,
  parseUpstream,
  readRootHints,
} from "../../src/apps/cli/commands/dns-options.ts";

describe("servers as a person writes them", () => {
  test.each([
    ["192.0.2.53", { address: "192.0.2.53", port: 53 }],
    ["2001:DB8::53#5353", { address: "2001:db8::53", port: 5353 }],
    ["tls://192.0.2.53/dns.example", { address: "192.0.2.53", port: 853, tlsName: "dns.example" }],
    ["tls://192.0.2.53", { address: "192.0.2.53", port: 853, tlsName: "192.0.2.53" }],
    ["tls://2001:db8::53#8853/dns.example", { address: "2001:db8::53", port: 8853, tlsName: "dns.example" }],
  ])("%s", (text, expected) => {
    expect(parseUpstream(text)).toEqual(expected);
  });

  test.each([
    "",
    "#53",
    "192.0.2.53#0",
    "192.0.2.53#65536",
    "192.0.2.53#",
    "dns.example",
    "192.0.2.53/dns.example",
    "tls:///x",
    "tls://192.0.2.53/a_b",
    "fe80::1",
    "0.0.0.0",
  ])("%s is refused", (text) => {
    expect(() => parseUpstream(text)).toThrow(/ (?:is|has) /);
  });

  test("a name is refused with what is wanted", () => {
    expect(() => parseUpstream("dns.example")).toThrow(/^dns.example is not the address of a server$/);
  });

  test("an address that is listened on twice is told as that", () => {
    expect(() => parseListen("127.0.0.1,::1,127.0.0.1#53")).toThrow(/^127.0.0.1#53 stands there twice$/);
    expect(() => parseListen("2001:db8::1,2001:DB8:0::1")).toThrow(/twice/);
  });

  test("a domain has servers of its own", () => {
    expect(parseDomainUpstreams("Corp.example.=192.0.2.53,192.0.2.54#54")).toEqual({
      domain: "corp.example",
      upstreams: [
        { address: "192.0.2.53", port: 53 },
        { address: "192.0.2.54", port: 54 },
      ],
    });
    expect(() => parseDomainUpstreams("192.0.2.53")).toThrow(/DOMAIN=ADDRESS/);
  });

  test("what stands for all addresses cannot be listened on", () => {
    expect(parseListen("127.0.0.1,::1#5353")).toEqual([
      { address: "127.0.0.1", port: 53 },
      { address: "::1", port: 5353 },
    ]);
    for (const text of ["0.0.0.0", "::", "127.0.0.1,::#53"]) expect(() => parseListen(text)).toThrow(/replies/);
  });
});

test("root hints are read from the file that the internet has", () => {
  const folder = mkdtempSync(join(tmpdir(), "netloom-hints-"));
  try {
    const path = join(folder, "named.root");
    const lines = `; formerly NS.INTERNIC.NET
.                        3600000      NS    A.ROOT-SERVERS.NET.
A.ROOT-SERVERS.NET.      3600000      A     198.41.0.4
A.ROOT-SERVERS.NET.      3600000 IN   AAAA  2001:503:ba3e::2:30
`;
    writeFileSync(path, lines);
    expect(readRootHints(path)).toEqual([
      { address: "198.41.0.4", port: 53 },
      { address: "2001:503:ba3e::2:30", port: 53 },
    ]);
    writeFileSync(path, "; nothing\n");
    expect(() => readRootHints(path)).toThrow(/no A or AAAA/);
    expect(() => readRootHints(join(folder, "none"))).toThrow(/ENOENT/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
