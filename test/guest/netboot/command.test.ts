/**
 * `netloom netboot DIR --interface IF` and machines with UEFI firmware: one that boots by PXE where dnsmasq is the DHCP
 * server; where there is no other server one that boots by HTTP, and one with Secure Boot.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Folder, type Result, Running, shell, startNetloom, until } from "../../support/network.ts";
import { BootFolders } from "./boot-folder.ts";
import { NetbootMachine } from "./firmware.ts";

let folder: Folder;
let folders: BootFolders;

beforeAll(() => {
  folder = new Folder();
  folders = new BootFolders(folder.path);
});
afterAll(() => {
  folder[Symbol.dispose]();
});

/** boot0 of this host and the machine's tap0 at one switch in namespace "lan", which has 192.0.2.2 itself. */
function makeLan(): void {
  shell(`ip netns add lan
    ip link add boot0 type veth peer name host0 netns lan
    ip -n lan link add lan0 type bridge
    ip -n lan tuntap add tap0 mode tap
    for port in host0 tap0; do ip -n lan link set $port master lan0 up; done
    ip -n lan address add 192.0.2.2/24 dev lan0
    ip -n lan address add fd00::2/64 dev lan0 nodad
    ip -n lan link set lan0 up
    ip address add 192.0.2.1/24 dev boot0
    ip link set boot0 up`);
}

async function startDnsmasq(): Promise<Running> {
  const words =
    "--no-daemon --user=root --group=root --port=0 --interface=lan0 --no-ping --dhcp-authoritative " +
    "--dhcp-range=192.0.2.50,192.0.2.99,255.255.255.0,600 --enable-ra --dhcp-range=fd00::,ra-only,64,600 --ra-param=lan0,mtu:off,4,600";
  const server = new Running([
    ..."nsenter --net=/run/netns/lan -- dnsmasq --conf-file=/dev/null".split(" "),
    ...words.split(" "),
    `--dhcp-leasefile=${folder.join("dnsmasq.leases")}`,
  ]);
  await until("dnsmasq", () => server.stderr.includes("IP range") || !server.running);
  return server;
}

/** What it printed about each thing that happened, one object a line. */
function eventsOf({ stdout }: Result): Record<string, unknown>[] {
  return stdout
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe.each([
  { firmware: "uefi-pxe", besides: "dnsmasq", fetched: ["snponly.efi", "boot.ipxe", "vmlinuz", "initrd.img"] },
  { firmware: "uefi-http", besides: undefined, fetched: ["bootx64.efi"] },
  {
    firmware: "secure-boot",
    besides: undefined,
    // shim asks by the name of the second, and gets grubnetx64.efi.signed.
    fetched: ["shimx64.efi.signed", "grubx64.efi", "grub/grub.cfg", "vmlinuz", "initrd.img"],
  },
] as const)("$firmware beside $besides", ({ firmware, besides, fetched }) => {
  const kinds = { "uefi-pxe": "loose", "uefi-http": "unified", "secure-boot": "signed" } as const;
  let lockdown: readonly string[];
  let booted: string;
  let ended: Result;

  beforeAll(async () => {
    const word = `nl.boot=${firmware}`;
    const root = folders[kinds[firmware]](firmware, word);
    makeLan();
    const dnsmasq = besides === undefined ? undefined : await startDnsmasq();
    const netboot = startNetloom(["netboot", root, "--interface", "boot0", "--json"]);
    try {
      // The firmware needs seconds before it asks, and netboot to see that there is no other server.
      await using machine = new NetbootMachine(firmware, "lan", "tap0", "52:54:00:00:00:10", folder);
      await netboot.firstLine();
      booted = await machine.booted();
      lockdown = machine.told("lockdown");
    } catch (error) {
      throw new Error(`netloom netboot: ${netboot.stdout}\n${netboot.stderr}`, { cause: error });
    } finally {
      ended = await netboot.stop();
      await dnsmasq?.stop();
      shell("ip link delete boot0; ip netns delete lan");
    }
  }, 300_000);

  test("boots the kernel of the folder", () => expect(booted).toContain(`nl.boot=${firmware}`));

  test("all of it was vouched for, where that is asked for", () =>
    expect(lockdown).toEqual([expect.stringContaining(firmware === "secure-boot" ? "[integrity]" : "[none]")]));

  test("each of its files came whole, and is told", () => {
    const whole = eventsOf(ended).filter(({ state, bytes, totalBytes }) => state === "done" && bytes === totalBytes);
    expect(whole.map(({ file }) => file)).toEqual(expect.arrayContaining([...fetched]));
  });

  test("ends in peace", () => expect(ended).toMatchObject({ code: 0, signal: null }));
});
