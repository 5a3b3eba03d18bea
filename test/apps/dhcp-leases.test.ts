/** dhcp leases import and export on a state folder, without a server. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type Ipv4Prefix,
  type Ipv6Prefix,
  parseIpv4,
  parseIpv6,
  parseMac,
  parsePrefix,
} from "../../src/base/address.ts";
import { type Command, parseInvocation } from "../../src/apps/cli/command.ts";
import { dhcp6LeasesCommand, dhcpLeasesCommand } from "../../src/apps/cli/commands/dhcp-leases.ts";
import {
  dhcp6LeasesExportCommand,
  dhcp6LeasesImportCommand,
  dhcpLeasesExportCommand,
  dhcpLeasesImportCommand,
} from "../../src/apps/cli/commands/dhcp-leases-transfer.ts";
import { importCommand } from "../../src/apps/cli/commands/import.ts";
import { leaseFileOf } from "../../src/apps/cli/lease-files.ts";
import type { Dhcp4ServerConfig } from "../../src/protocol/dhcp4/server/config.ts";
import { takeLock } from "../../src/store/lock.ts";
import { writePoolNote } from "../../src/store/pool-note.ts";
import { writePoolNote6 } from "../../src/store/pool-note6.ts";

const HOUR = 3600;
const now = Math.floor(Date.now() / 1000);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "netloom-leases-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

/** What the command prints on standard output. */
async function run(command: Command, ...words: string[]): Promise<string> {
  let printed = "";
  vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(await command.run(parseInvocation(command, [...words, "--state", join(folder, "state")]))).toBe(0);
  return printed;
}

function dnsmasqLeases(...lines: string[]): string {
  const path = join(folder, "dnsmasq.leases");
  writeFileSync(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

const web = `${now + HOUR} 52:54:00:00:00:01 192.0.2.100 web *`;

describe("dhcp leases import", () => {
  test("into a folder where nothing was, shown and exported as they are", async () => {
    const path = dnsmasqLeases(web, `${now - HOUR} 52:54:00:00:00:02 192.0.2.101 * *`);
    expect(await run(dhcpLeasesImportCommand, path, "--interface", "lan0")).toBe(
      "2 leases of dnsmasq imported for lan0; 1 of them ended, kept for clients that come back\n",
    );
    const shown = JSON.parse(await run(dhcpLeasesCommand, "--json")) as unknown[];
    expect(shown).toMatchObject([{ interface: "lan0", address: "192.0.2.100", state: "leased", hostName: "web" }]);
    const exported = await run(dhcpLeasesExportCommand, "lan0");
    writeFileSync(join(folder, "leases.json"), exported);
    rmSync(join(folder, "state"), { recursive: true });
    await run(dhcpLeasesImportCommand, join(folder, "leases.json"));
    expect(await run(dhcpLeasesExportCommand)).toBe(exported);
  });

  test("what our own server gave stays, what is newer is taken", async () => {
    await run(dhcpLeasesImportCommand, dnsmasqLeases(web), "--network", "office/lan");
    const path = dnsmasqLeases(
      web,
      `${now + HOUR} 52:54:00:00:00:09 192.0.2.100 other *`,
      `${now + HOUR} 52:54:00:00:00:01 192.0.2.102 web *`,
      `${now + HOUR} 52:54:00:00:00:03 192.0.2.103 new *`,
    );
    const result = JSON.parse(await run(dhcpLeasesImportCommand, path, "--network", "office/lan", "--json")) as object;
    expect(result).toMatchObject({
      from: "dnsmasq",
      servers: [{ network: "office/lan", imported: 1, ended: 0, known: 0 }],
      problems: [
        { text: "192.0.2.100 of 52:54:00:00:00:09", reason: "52:54:00:00:00:01 has the address here" },
        { text: "192.0.2.102 of 52:54:00:00:00:01", reason: "its client has 192.0.2.100 here" },
      ],
    });
    await run(
      dhcpLeasesImportCommand,
      dnsmasqLeases(web.replace(/^\d+/, String(now + 2 * HOUR))),
      "--network",
      "office/lan",
    );
    const shown = JSON.parse(await run(dhcpLeasesCommand, "lan", "--json")) as { end: string }[];
    expect(shown).toHaveLength(2);
    expect(Date.parse(shown[0]!.end) / 1000).toBe(now + 2 * HOUR);
  });

  test("not while a server writes them", async () => {
    using _lock = takeLock(`${leaseFileOf(join(folder, "state"), "dhcp", "lan0")}.lock`, "serve DHCP as 192.0.2.1");
    await expect(run(dhcpLeasesImportCommand, dnsmasqLeases(web), "--interface", "lan0")).rejects.toMatchObject({
      code: "locked",
      message: expect.stringContaining("serve DHCP as 192.0.2.1"),
      hint: expect.stringContaining("Stop the server"),
    });
    expect(readdirSync(join(folder, "state/dhcp"))).toEqual(["lan0.leases.lock"]);
  });

  test.for([
    ['{"format":"netloom-leases","version":1,"leases":[{"int', "this is no export of leases"],
    ['{"format":"netloom-leases","version":2,"leases":[]}', "version 2 of the export is not known"],
    ["address,hwaddr,client_id,expire\n", "there is no column valid_lifetime"],
    ["hello\n", "this is no file of leases that is known"],
  ] as const)("%s: a wrong file", async ([text, message]) => {
    const path = join(folder, "leases");
    writeFileSync(path, text);
    await expect(run(dhcpLeasesImportCommand, path, "--interface", "lan0")).rejects.toMatchObject({
      code: "bad-file",
      message: expect.stringContaining(message),
    });
    expect(readdirSync(folder)).toEqual(["leases"]);
  });

  test("a device without an end is not read to its end", async () => {
    await expect(run(importCommand, "/dev/zero")).rejects.toMatchObject({
      code: "bad-file",
      message: "read /dev/zero: it is larger than 4 MiB",
    });
  });

  test.for([
    [[], "whose leases"],
    [["--interface", "../x"], "cannot be a server's name"],
    [["--network", "a/../b"], "cannot be a server's name"],
    [["--network", "lan"], "cannot be a server's name"],
    [["--network", "a/b", "--interface", "c"], "exclude each other"],
  ] as const)("wrong use: %s", async ([words, message]) => {
    await expect(run(dhcpLeasesImportCommand, dnsmasqLeases(web), ...words)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringContaining(message),
    });
  });
});

test("below the table stands how much of the pool is used", async () => {
  await run(
    dhcpLeasesImportCommand,
    dnsmasqLeases(web, `${now + HOUR} 52:54:00:00:00:02 192.0.2.9 * *`, `${now - 5} 52:54:00:00:00:03 192.0.2.101 * *`),
    "--interface",
    "lan0",
  );
  const config: Dhcp4ServerConfig = {
    serverAddress: parseIpv4("192.0.2.105"),
    serverMac: parseMac("52:54:00:00:00:fe"),
    subnet: parsePrefix("192.0.2.0/24") as Ipv4Prefix,
    ranges: [{ first: parseIpv4("192.0.2.100"), last: parseIpv4("192.0.2.109") }],
    leaseSeconds: { default: HOUR, minimum: HOUR, maximum: HOUR },
    options: new Map(),
    authoritative: true,
    rapidCommit: false,
    hosts: [{ identity: { mac: parseMac("52:54:00:00:00:fe") }, address: parseIpv4("192.0.2.106") }],
  };
  writePoolNote(leaseFileOf(join(folder, "state"), "dhcp", "lan0"), config);
  expect((await run(dhcpLeasesCommand)).split("\n").at(-2)).toBe("lan0: 1 given, 7 free, 0 declined of 8");
  writeFileSync(`${leaseFileOf(join(folder, "state"), "dhcp", "lan0")}.pool`, "{");
  expect((await run(dhcpLeasesCommand)).trimEnd().split("\n")).toHaveLength(3);
});

describe("dhcp6 leases", () => {
  const duid = (number: number): string => `00:03:00:01:52:54:00:00:00:0${number}`;

  function dnsmasqLeases6(...lines: string[]): string {
    return dnsmasqLeases("duid 00:03:00:01:52:54:00:00:00:fe", ...lines);
  }

  const given = `${now + HOUR} 7 2001:db8::1000 web ${duid(1)}`;

  test("imported, shown, exported and imported again", async () => {
    const path = dnsmasqLeases6(given, `${now - HOUR} 7 2001:db8::1001 * ${duid(2)}`);
    expect(await run(dhcp6LeasesImportCommand, path, "--network", "office/lan")).toBe(
      "2 leases of dnsmasq imported for office/lan; 1 of them ended, kept for clients that come back\n",
    );
    const shown = JSON.parse(await run(dhcp6LeasesCommand, "lan", "--json")) as unknown[];
    const lease = {
      lease: "2001:db8::1000",
      kind: "address",
      duid: duid(1),
      mac: "52:54:00:00:00:01",
      hostName: "web",
    };
    expect(shown).toMatchObject([{ network: "office/lan", state: "leased", ...lease }]);
    expect(await run(dhcpLeasesCommand)).toBe("No leases.\n");
    const exported = await run(dhcp6LeasesExportCommand);
    writeFileSync(join(folder, "leases.json"), exported);
    rmSync(join(folder, "state"), { recursive: true });
    await run(dhcp6LeasesImportCommand, join(folder, "leases.json"));
    expect(await run(dhcp6LeasesExportCommand, "office/lan")).toBe(exported);
    await expect(run(dhcp6LeasesExportCommand, "lan1")).rejects.toMatchObject({ code: "no-such-network" });
  });

  test("what our own server gave stays", async () => {
    await run(dhcp6LeasesImportCommand, dnsmasqLeases6(given), "--interface", "lan0");
    const path = dnsmasqLeases6(
      given,
      `${now + HOUR} 7 2001:db8::1000 * ${duid(2)}`,
      `${now + HOUR} 7 2001:db8::1002 * ${duid(1)}`,
      `${now + HOUR} 8 2001:db8::1003 * ${duid(1)}`,
    );
    const result = JSON.parse(await run(dhcp6LeasesImportCommand, path, "--interface", "lan0", "--json")) as object;
    expect(result).toMatchObject({
      servers: [{ interface: "lan0", imported: 1 }],
      problems: [
        { text: "2001:db8::1000 of 52:54:00:00:00:02", reason: "52:54:00:00:00:01 has the address here" },
        { text: "2001:db8::1002 of 52:54:00:00:00:01", reason: "its client has 2001:db8::1000 here" },
      ],
    });
  });

  test("an export of the one protocol is not taken for the other", async () => {
    const path = join(folder, "leases.json");
    await run(dhcp6LeasesImportCommand, dnsmasqLeases6(given), "--interface", "lan0");
    writeFileSync(path, await run(dhcp6LeasesExportCommand));
    await expect(run(dhcpLeasesImportCommand, path)).rejects.toMatchObject({ code: "bad-file" });
  });

  test("below the table stands how much of the pools is used", async () => {
    const path = dnsmasqLeases6(
      given,
      `${now + HOUR} 7 2001:db8::1005 * ${duid(2)}`,
      `${now + HOUR} 7 2001:db8::9 * ${duid(3)}`,
      `${now - HOUR} 7 2001:db8::1006 * ${duid(4)}`,
    );
    await run(dhcp6LeasesImportCommand, path, "--interface", "lan0");
    writePoolNote6(leaseFileOf(join(folder, "state"), "dhcp6", "lan0"), {
      duid: Uint8Array.of(0, 3, 0, 1, 2),
      serverMac: parseMac("52:54:00:00:00:fe"),
      linkAddress: parseIpv6("fe80::1"),
      addresses: [parseIpv6("2001:db8::1001")],
      prefixes: [parsePrefix("2001:db8::/64") as Ipv6Prefix],
      range: { first: parseIpv6("2001:db8::1000"), last: parseIpv6("2001:db8::1009") },
      delegate: { from: parsePrefix("2001:db8:100::/54") as Ipv6Prefix, length: 56 },
      preferredSeconds: HOUR,
      validSeconds: HOUR,
      nameServers: [],
      searchDomains: [],
      ntpServers: [],
      authoritative: true,
      rapidCommit: false,
      hosts: [{ mac: parseMac("52:54:00:00:00:02"), address: parseIpv6("2001:db8::1005") }],
    });
    // 10 addresses but the server's and the host's, and 4 prefixes.
    expect((await run(dhcp6LeasesCommand)).split("\n").at(-2)).toBe("lan0: 1 given, 11 free, 0 declined of 12");
    writeFileSync(`${leaseFileOf(join(folder, "state"), "dhcp6", "lan0")}.pool`, "{");
    expect((await run(dhcp6LeasesCommand)).trimEnd().split("\n")).toHaveLength(4);
  });
});
