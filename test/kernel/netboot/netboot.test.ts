/** `netloom netboot DIR` as people type it: on a link without a DHCP server, and beside dnsmasq. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { DHCP4_OPTION, optionEntry, readOption } from "../../../src/wire/dhcp4/option-table.ts";
import { KERNEL } from "../../services/netboot/boot-folder.ts";
import { BOOT_MAC, bootFrame, MACHINE, secondStep } from "../../support/boot-client.ts";
import { clientFrame } from "../../support/dhcp4-client.ts";
import { Folder, Running, shell, startNetloom, until } from "../../support/network.ts";
import { tsharkFindings } from "../../support/tshark.ts";
import { EFI_ARM64, isoOf } from "../../services/netboot/boot-folder.ts";
import { FirmwareLink } from "./client.ts";

const ALONE = parseIpv4("192.0.2.1");
const BESIDE = parseIpv4("198.51.100.1");
const FOREIGN = parseIpv4("198.51.100.254");
const LOADER = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 251));

let folder: Folder;
let alone: Running;
let beside: Running;
let foreign: Running;
let elsewhere: Running;
/** All that was answered. */
const answers: Uint8Array[] = [];

const events = ({ stdout }: Running): Record<string, unknown>[] =>
  stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function serve(words: readonly string[]): Running {
  return startNetloom(["netboot", folder.join("boot"), ...words, "--json", "--state", folder.join("state")]);
}

beforeAll(async () => {
  folder = new Folder();
  mkdirSync(folder.join("boot"));
  folder.write("secret", "secret");
  for (const name of ["undionly.kpxe", "ipxe.efi", "bootia32.efi"])
    folder.write(`boot/${name}`, LOADER.toString("latin1"));
  writeFileSync(folder.join("boot/vmlinuz"), KERNEL);
  symlinkSync("../secret", folder.join("boot/out"));
  shell(`echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    for n in 0 1; do
      ip link add lan$n type bridge
      ip netns add client$n
      ip link add port$n type veth peer name eth0 address 52:54:00:00:00:17 netns client$n
      ip link set port$n master lan$n up
      ip -n client$n link set eth0 up
      ip link set lan$n up
    done
    ip address add 192.0.2.1/24 dev lan0
    ip link add virbr0 type bridge
    ip address add 203.0.113.1/24 dev virbr0
    ip link set virbr0 up
    ip route add default via 192.0.2.254
    ip address add 198.51.100.1/24 dev lan1
    ip -n client1 address add 198.51.100.17/24 dev eth0
    ip netns add foreign
    ip link add port2 type veth peer name eth0 netns foreign
    ip link set port2 master lan1 up
    ip -n foreign address add ${FOREIGN}/24 dev eth0
    ip -n foreign link set eth0 up`);
  const words = `--conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=eth0 --no-ping
    --dhcp-authoritative --dhcp-leasefile=${folder.join("dnsmasq")} --dhcp-range=198.51.100.100,198.51.100.110`;
  foreign = new Running(["nsenter", "--net=/run/netns/foreign", "--", "dnsmasq", ...words.split(/\s+/)]);
  // As libvirt starts it: it has port 67 of all addresses, and of its own bridge only.
  const bound = `--conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --bind-dynamic --interface=virbr0
    --except-interface=lo --dhcp-leasefile=${folder.join("virbr0")} --dhcp-range=203.0.113.100,203.0.113.110`;
  elsewhere = new Running(["dnsmasq", ...bound.split(/\s+/)]);
  await until(
    "dnsmasq of the other bridge",
    () => elsewhere.stderr.includes("bound exclusively") || !elsewhere.running,
  );
  alone = serve([]);
  await until("dnsmasq", () => foreign.stderr.includes("IP range") || !foreign.running);
  beside = serve(["--interface", "lan1"]);
  await beside.firstLine();
  // While it is served, and before anybody asks.
  folder.write("boot/disc.iso", isoOf(40, 40).toString("latin1"));
  folder.write("boot/bootaa64.efi", EFI_ARM64.toString("latin1"));
});

afterAll(async () => {
  for (const child of [alone, beside, foreign, elsewhere]) await child?.stop();
  shell(`for name in client0 client1 foreign; do ip netns delete $name; done
    ip link delete lan0; ip link delete lan1; ip link delete virbr0
    echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6`);
  folder[Symbol.dispose]();
});

describe("beside another DHCP server", () => {
  test("it is found, and clients get their address from it and their file from netboot", async () => {
    expect(events(beside)[0]).toMatchObject({ event: "serving", interface: "lan1", mode: "proxy", server: FOREIGN });
    using link = await FirmwareLink.open("client1");
    const fileFor = async (request: Parameters<typeof bootFrame>[0]) => {
      const [own, other] = await link.ask(bootFrame(request), [BESIDE, FOREIGN]);
      expect(own.message.yourAddress).toBe("0.0.0.0");
      expect(other.message.yourAddress).toMatch(/^198\.51\.100\.1\d\d$/);
      expect(own.message.options.get(DHCP4_OPTION.clientMachine.code)).toEqual(MACHINE);
      return own.message.bootFile;
    };
    expect(await fileFor({ architecture: 0 })).toBe("undionly.kpxe");
    expect(await fileFor({ architecture: 0, ipxe: true })).toBe("http://198.51.100.1/boot.ipxe");
    expect(await fileFor({ architecture: 7 })).toBe("ipxe.efi");
    expect(await fileFor({ architecture: 16, bootClass: "HTTPClient" })).toBe("http://198.51.100.1/ipxe.efi");
    const client = parseIpv4("198.51.100.17");
    const [second] = await link.ask(secondStep({ architecture: 7 }, { client, server: BESIDE }), [BESIDE]);
    expect(readOption(second.message.options, DHCP4_OPTION.messageType)).toBe("ACK");
    expect([second.message.bootFile, second.datagram.sourcePort]).toEqual(["ipxe.efi", 4011]);
    // Whoever does not boot is none of its business.
    const before = link.frames.length;
    await link.ask(clientFrame({ mac: BOOT_MAC, type: "DISCOVER" }), [FOREIGN]);
    await link.ask(bootFrame({ architecture: 0 }), [BESIDE, FOREIGN]);
    expect(link.frames.length - before).toBe(3);
    answers.push(...link.frames);
    expect(events(beside)).toContainEqual(
      expect.objectContaining({ event: "asked", mac: BOOT_MAC, platform: "efi-x64", bootFile: "ipxe.efi" }),
    );
  });

  test("GRUB, which asks by TFTP, gets a menu where the folder has none, as often as it asks", () => {
    const words = `--silent --max-time 20 tftp://${BESIDE}/grub/grub.cfg tftp://${BESIDE}/GRUB.CFG`;
    const menus = shell(`nsenter --net=/run/netns/client1 -- curl ${words}`);
    expect(menus.match(/^menuentry 'Linux: vmlinuz' \{\n {2}linux '\/vmlinuz'$/gm)).toHaveLength(2);
    expect(() => shell(`nsenter --net=/run/netns/client1 -- curl ${words.replaceAll(/\.cfg/gi, ".lst")}`)).toThrow(
      "curl",
    );
  });

  test("files come whole by TFTP and HTTP, in pieces, and nothing from outside the folder", async () => {
    shell(`cd ${folder.path}
      run() { nsenter --net=/run/netns/client1 -- "$@"; }
      run curl --silent --fail --max-time 20 --output whole http://198.51.100.1/ipxe.efi
      run curl --silent --fail --max-time 20 --range 0-149999 --output first http://198.51.100.1/ipxe.efi
      run curl --silent --fail --max-time 20 --range 150000- --output second http://198.51.100.1/ipxe.efi
      cat first second >pieces
      run curl --silent --fail --max-time 20 --output tftp tftp://198.51.100.1/undionly.kpxe
      ! run curl --silent --fail --max-time 20 http://198.51.100.1/out
      ! run curl --silent --fail --max-time 20 tftp://198.51.100.1/out`);
    const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
    const source = hash(readFileSync(folder.join("boot/ipxe.efi")));
    for (const name of ["whole", "pieces", "tftp"])
      expect([name, hash(readFileSync(folder.join(name)))]).toEqual([name, source]);
    const told = (protocol: string, file: string) =>
      events(beside).find((each) => each["protocol"] === protocol && each["file"] === file);
    await until("word of the transfers", () => told("tftp", "undionly.kpxe") !== undefined);
    expect(told("http", "ipxe.efi")).toMatchObject({ client: "198.51.100.17", state: "done" });
    expect(told("http", "out")).toMatchObject({ state: "failed", error: "no such file" });
  });
});

describe("where nobody gives addresses", () => {
  test("the interface of the default route is taken, and clients get an address and their file at once", async () => {
    // It looks for another server first, while the tests above go on.
    expect(JSON.parse(await alone.firstLine())).toMatchObject({
      interface: "lan0",
      mode: "pool",
      ranges: [{ first: "192.0.2.127", last: "192.0.2.253" }],
    });
    using link = await FirmwareLink.open("client0");
    const [offer] = await link.ask(bootFrame({ architecture: 0 }), [ALONE]);
    expect(offer.message).toMatchObject({ nextServerAddress: ALONE, bootFile: "undionly.kpxe" });
    expect(offer.message.yourAddress).toMatch(/^192\.0\.2\.(12[7-9]|1[3-9]\d|2[0-4]\d|25[0-3])$/);
    expect(readOption(offer.message.options, DHCP4_OPTION.routers)).toEqual(["192.0.2.254"]);
    const chosen = [
      optionEntry(DHCP4_OPTION.requestedAddress, offer.message.yourAddress),
      optionEntry(DHCP4_OPTION.serverIdentifier, ALONE),
    ];
    const [ack] = await link.ask(bootFrame({ architecture: 0, type: "REQUEST", options: chosen }), [ALONE]);
    expect(readOption(ack.message.options, DHCP4_OPTION.messageType)).toBe("ACK");
    const http = bootFrame({ architecture: 16, bootClass: "HTTPClient" });
    expect((await link.ask(http, [ALONE]))[0].message.bootFile).toBe("http://192.0.2.1/ipxe.efi");
    expect(tsharkFindings([...answers, ...link.frames])).toEqual([]);
  });

  test("what comes into the folder, and what goes, changes the menu and what firmware is told", async () => {
    using link = await FirmwareLink.open("client0");
    const fileFor32Bit = async () => (await link.ask(bootFrame({ architecture: 6 }), [ALONE]))[0].message.bootFile;
    expect(await fileFor32Bit()).toBe("bootia32.efi");
    rmSync(folder.join("boot/bootia32.efi"));
    await until("word of what went", () => alone.stdout.includes('"removed":["UEFI boot loader: bootia32.efi"]'));
    await until("another answer", async () => (await fileFor32Bit()) === "");
    await until("word of what came", () => beside.stdout.includes('"Disc: disc.iso"'));
    expect(shell("nsenter --net=/run/netns/client1 -- curl --silent --fail http://198.51.100.1/boot.ipxe")).toContain(
      "sanboot http://198.51.100.1/disc.iso",
    );
    using other = await FirmwareLink.open("client1");
    const [told] = await other.ask(bootFrame({ architecture: 11 }), [BESIDE]);
    expect(told.message.bootFile).toBe("bootaa64.efi");
  });

  describe("when a client takes the address of another server", () => {
    const other = parseIpv4("192.0.2.99");
    const request = clientFrame({
      mac: BOOT_MAC,
      type: "REQUEST",
      options: [
        optionEntry(DHCP4_OPTION.requestedAddress, parseIpv4("192.0.2.98")),
        optionEntry(DHCP4_OPTION.serverIdentifier, other),
      ],
    });

    test("that nobody sees, addresses are given on", async () => {
      using link = await FirmwareLink.open("client0");
      link.send(request);
      await until("word of the server that is not there", () => alone.stderr.includes("none answers"));
      const [offer] = await link.ask(bootFrame({ architecture: 0 }), [ALONE]);
      expect(offer.message.yourAddress).toMatch(/^192\.0\.2\./);
    });

    test("that answers, files are told of beside it from then on", async () => {
      using link = await FirmwareLink.open("client0");
      shell(`ip -n client0 address add ${other}/24 dev eth0`);
      const words = `--conf-file=/dev/null --no-daemon --user=root --group=root --port=0 --interface=eth0 --no-ping
        --dhcp-leasefile=${folder.join("late")} --dhcp-range=192.0.2.60,192.0.2.70`;
      const late = new Running(["nsenter", "--net=/run/netns/client0", "--", "dnsmasq", ...words.split(/\s+/)]);
      try {
        await until("dnsmasq", () => late.stderr.includes("IP range") || !late.running);
        link.send(request);
        await until("word of the other server", () => events(alone).some(({ event }) => event === "addresses"));
      } finally {
        await late.stop();
      }
      expect(events(alone)).toContainEqual({ event: "addresses", mode: "proxy", server: other });
      await until("the end of the DHCP server", () => !existsSync(folder.join("state/dhcp/lan0.leases.lock")));
      const [offer] = await link.ask(bootFrame({ architecture: 0 }), [ALONE]);
      expect(offer.message).toMatchObject({ yourAddress: "0.0.0.0", bootFile: "undionly.kpxe" });
      expect(alone.stderr).toContain("another DHCP server answers here");
    });
  });

  test("Ctrl-C ends all of it", async () => {
    const { code, stderr } = await alone.stop("SIGINT");
    expect([code, stderr]).toEqual([0, expect.not.stringMatching(/error|port 67/)]);
    expect(shell("ss --no-header -lntu 'src 192.0.2.1'")).toBe("");
  });
});
