/**
 * What programs in a guest get to know of names, by the C libraries glibc and musl: the guest has its address and its
 * name server by DHCP, from a network of a file with `dns`, whose server asks one outside.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIp } from "../../src/base/address.ts";
import { SILENT } from "../../src/base/logger.ts";
import { DnsService } from "../../src/services/dns/server.ts";
import { config, zone } from "../protocol/dns/records.ts";
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS, toldBy } from "../support/guest-image.ts";
import { done, Folder, makeUplink, netloom, removeUplink, shell } from "../support/network.ts";
import { guestIsDone, STATE } from "./console.ts";
import { GuestShell } from "./shell.ts";

/** Names whose answers are longer than 1232 bytes, and how many of their addresses have room in 512. */
const MANY4 = {
  name: "many.lan.example",
  addresses: Array.from({ length: 90 }, (_, i) => `203.0.113.${i + 1}`),
  fitting: 29,
};
const MANY6 = {
  name: "many.example.org",
  addresses: Array.from({ length: 60 }, (_, i) => `2001:db8:9::${(i + 1).toString(16)}`),
  fitting: 17,
};

/** Of names and addresses, in order of the text, or the error. */
type Answers = Readonly<Record<string, readonly string[]>>;

const EXPECTED: Answers = {
  // A name alone is one of the network.
  web: ["192.168.80.2", "fd00:80::2"],
  "web.lan.example": ["192.168.80.2", "fd00:80::2"],
  guest: ["192.168.80.3", "fd00:80::3"],
  "gateway.lan.example": ["192.168.80.1", "fd00:80::1"],
  "www.lan.example": ["192.168.80.2", "fd00:80::2"],
  "only4.lan.example": ["192.0.2.80"],
  "www.example.org": ["2001:db8:9::80", "203.0.113.80"],
  localhost: ["127.0.0.1", "::1"],
  // Addresses are asked for their names.
  "192.168.80.2": ["web.lan.example"],
  "fd00:80::3": ["guest.lan.example"],
  "192.168.80.77": ["EAI_NONAME"],
  // There is none here, nor outside.
  "nobody.lan.example": ["EAI_NONAME"],
  nobody: ["EAI_NONAME"],
  "nobody.example.org": ["EAI_NONAME"],
};

/** By the server's IPv6 address. */
const EXPECTED_OVER_IPV6: Answers = {
  web: ["192.168.80.2", "fd00:80::2"],
  "www.example.org": ["2001:db8:9::80", "203.0.113.80"],
  "fd00:80::2": ["web.lan.example"],
  nobody: ["EAI_NONAME"],
};

/** Nobody listens where the server shall ask for it. */
const SILENT_NAME = "www.silent.example";

const LIBRARIES = ["glibc", "musl"];

let folder: Folder;
let upstream: DnsService;
let console: string;
/** By the library. */
const told: Record<string, Answers> = {};
const toldOverIpv6: Record<string, Answers> = {};
const unreachable: Record<string, Answers> = {};

/** The guest's image, and in it the program that asks, of both libraries; glibc is there already, for dhclient. */
function makeImage(): string {
  const image = folder.join("initrd.img");
  const source = join(import.meta.dirname, "resolve.c");
  shell(`cd ${folder.path}
    gcc -Os -s -Wall -Werror -o resolve-glibc ${source}
    musl-gcc -Os -s -Wall -Werror -static -o resolve-musl ${source}
    # Archives begin at four bytes.
    { cat ${GUEST_INITRD}; head -c $(((4 - $(stat -c %s ${GUEST_INITRD}) % 4) % 4)) /dev/zero
      printf 'resolve-%s\\n' glibc musl | cpio --quiet -o -H newc; } >${image}`);
  return image;
}

function writeFile(): string {
  const vm = `kernel: ${GUEST_KERNEL}, initrd: ${makeImage()}, memory: 128M, accelerator: tcg`;
  const many = MANY4.addresses.map((address) => `"many A ${address}"`);
  return folder.write(
    "names.yaml",
    `version: 1
networks:
  lan:
    subnet: 192.168.80.0/24
    subnet6: fd00:80::/64
    dhcp: true
    ipv6: true
    dns:
      domain: lan.example
      forward: [198.51.100.1]
      mode: forward-only
      domains: { silent.example: ["198.51.100.1#5353"] }
      records: ["www CNAME web", "only4 A 192.0.2.80", ${many.join(", ")}]
machines:
  web: { kind: namespace, nics: [{ network: lan }] }
  guest: { kind: vm, nics: [{ network: lan }], append: "${GUEST_KERNEL_ARGUMENTS}", ${vm} }
`,
  );
}

/** The outside's name server. */
function outside(): DnsService {
  const many = MANY6.addresses.map((address) => `${MANY6.name}. 300 AAAA ${address}`).join("\n");
  const www = "www.example.org. 300 A 203.0.113.80\nwww.example.org. 300 AAAA 2001:db8:9::80";
  return new DnsService({
    namespacePath: "/run/netns/outside",
    listen: [{ address: parseIp("198.51.100.1"), port: 53 }],
    config: config({ upstreams: [], zones: [zone("", `${www}\n${many}`)] }),
    logger: SILENT,
  });
}

function parseAnswers(output: string): Answers {
  const lines = output.split("\n").filter((line) => line !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const [what = "", ...answers] = line.split(" ");
      return [what, answers.toSorted()];
    }),
  );
}

beforeAll(async () => {
  folder = new Folder();
  rmSync(STATE, { recursive: true, force: true });
  makeUplink();
  upstream = outside();
  await done(["apply", writeFile()]);
  console = await guestIsDone("guest");
  using guest = await GuestShell.open(join(STATE, "vm/guest/console.sock"));
  const ask = async (library: string, names: readonly string[]): Promise<Answers> =>
    parseAnswers(await guest.run(`/resolve-${library} ${names.join(" ")}`));
  const names = [...Object.keys(EXPECTED), MANY4.name, MANY6.name];
  for (const library of LIBRARIES) told[library] = await ask(library, names);
  const isThere = (text: string): boolean => text.includes("inet6 fd00:80:") && !text.includes("tentative");
  await guest.waitFor("ip -6 address show dev eth0 scope global", isThere);
  await guest.run("printf 'search lan.example\\nnameserver fd00:80::1\\n' >/etc/resolv.conf");
  for (const library of LIBRARIES) toldOverIpv6[library] = await ask(library, Object.keys(EXPECTED_OVER_IPV6));
  // musl waits for a better answer than that nobody could be reached, otherwise for 5 s.
  await guest.run("echo options timeout:1 attempts:1 >>/etc/resolv.conf");
  for (const library of LIBRARIES) unreachable[library] = await ask(library, [SILENT_NAME]);
}, 300_000);

afterAll(async () => {
  await netloom(["destroy", folder.join("names.yaml")]);
  await upstream.close();
  removeUplink();
  folder[Symbol.dispose]();
});

test("the guest has its address, its name server and its domain from its lease", () => {
  expect(toldBy(console, "address")).toEqual(["192.168.80.3/24"]);
  expect(toldBy(console, "resolv")).toEqual(["search lan.example", "nameserver 192.168.80.1"]);
});

describe.each(LIBRARIES)("%s", (library) => {
  test("finds names of the network and outside, addresses of both families, and names of addresses", () => {
    expect(told[library]).toMatchObject(EXPECTED);
  });

  test("asks the server's IPv6 address as well", () => {
    expect(toldOverIpv6[library]).toEqual(EXPECTED_OVER_IPV6);
  });

  test("tells a name that nobody can be asked for from one that nobody has", () => {
    expect(unreachable[library]).toEqual({ [SILENT_NAME]: ["EAI_AGAIN"] });
  });
});

describe.each([MANY4, MANY6])("$name, too long for UDP", ({ name, addresses, fitting }) => {
  test("is found whole by glibc, which asks again over TCP", () => {
    expect(told["glibc"]?.[name]).toEqual(addresses.toSorted());
  });

  test("is found by musl, which does not before 1.2.4, as far as it fits", () => {
    const found = told["musl"]?.[name] ?? [];
    expect(found.length).toBeGreaterThanOrEqual(fitting);
    expect(addresses).toEqual(expect.arrayContaining([...found]));
  });
});
