/** examples/netboot.yaml, as a person runs it: a machine with a BIOS boots from its folder, and destroy leaves nothing. */
import { copyFileSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FirmwareLink } from "../../kernel/netboot/client.ts";
import { bootFrame } from "../../support/boot-client.ts";
import { CHECKOUT } from "../../support/guest-image.ts";
import { hostSnapshot } from "../../support/host-snapshot.ts";
import { done, Folder, shell, until } from "../../support/network.ts";
import { BootFolders } from "./boot-folder.ts";
import { NetbootMachine } from "./firmware.ts";

const STATE = "/run/netloom";
const SERVER = "192.168.70.1";

let folder: Folder;
let before: readonly string[];
let after: readonly string[];
let booted: string;
let services: readonly Record<string, unknown>[];
const fetched: Record<string, string> = {};
/** What firmware is told that has a file of its own, before it goes and after. */
const fileFor32Bit: string[] = [];

/** From the machine "desk" of the file. @returns what was printed: the status, or curl's exit status, behind the content */
function curl(words: string): string {
  return shell(`nsenter --net=/run/netns/desk curl -s --max-time 20 ${words} || echo "curl $?"`).trim();
}

async function askFor32Bit(): Promise<string> {
  using link = await FirmwareLink.open("desk");
  const [{ message }] = await link.ask(bootFrame({ architecture: 6 }), [SERVER]);
  return message.bootFile;
}

beforeAll(async () => {
  folder = new Folder();
  rmSync(STATE, { recursive: true, force: true });
  const file = folder.join("netboot.yaml");
  copyFileSync(join(CHECKOUT, "examples", "netboot.yaml"), file);
  new BootFolders(folder.path).loose("boot", "nl.boot=network-file");
  folder.write("boot/bootia32.efi", "x");
  before = hostSnapshot();
  await done(["apply", file]);
  shell("ip tuntap add tap0 mode tap; ip link set tap0 master room up");
  fileFor32Bit.push(await askFor32Bit());
  rmSync(folder.join("boot/bootia32.efi"));
  {
    await using machine = new NetbootMachine("bios", "", "tap0", "52:54:00:00:70:20", folder);
    booted = await machine.booted();
  }
  await until("the folder's change", async () => (await askFor32Bit()) !== fileFor32Bit[0]);
  fileFor32Bit.push(await askFor32Bit());
  shell("ip link delete tap0");
  fetched["http"] = curl(`http://${SERVER}/cmdline.txt`);
  fetched["range"] = curl(`-r 0-6 http://${SERVER}/cmdline.txt`);
  fetched["tftp"] = curl(`tftp://${SERVER}/cmdline.txt`);
  fetched["kernel"] = curl(`tftp://${SERVER}/vmlinuz --tftp-blksize 1468 -o ${folder.join("copy")}`);
  fetched["outside"] = curl(`--path-as-is -o /dev/null -w "%{http_code}" http://${SERVER}/../netboot.yaml`);
  fetched["outside by TFTP"] = curl(`--path-as-is tftp://${SERVER}/../netboot.yaml`);
  services = (JSON.parse(await done(["status", "--json"])) as { keeper: { services: Record<string, unknown>[] } })
    .keeper.services;
  await done(["destroy", file]);
  after = hostSnapshot();
}, 300_000);

afterAll(() => {
  folder[Symbol.dispose]();
});

test("a machine with a BIOS gets the menu and boots the kernel of the folder", () => {
  expect(booted).toContain("nl.boot=network-file");
});

test("what goes from the folder meanwhile is not told any more", () => {
  expect(fileFor32Bit).toEqual(["bootia32.efi", ""]);
});

test("files come whole by HTTP and TFTP, and nothing outside the folder", () => {
  const text = readFileSync(folder.join("boot/cmdline.txt"), "utf8").trim();
  expect(fetched).toEqual({
    http: text,
    range: text.slice(0, 7),
    tftp: text,
    kernel: "",
    outside: "404",
    "outside by TFTP": expect.stringMatching(/^curl (68|69|71|78)$/),
  });
  expect(readFileSync(folder.join("copy")).equals(readFileSync(folder.join("boot/vmlinuz")))).toBe(true);
});

test("status tells what was fetched", () => {
  expect(services.find(({ kind }) => kind === "boot-server")).toMatchObject({
    name: "boot files on room",
    state: "running",
    details: {
      network: "netboot/room",
      address: SERVER,
      transfers: expect.arrayContaining([
        expect.objectContaining({
          protocol: "http",
          file: "vmlinuz",
          state: "done",
          client: expect.stringMatching(/\.10\d$/),
        }),
        expect.objectContaining({ protocol: "tftp", file: "vmlinuz", state: "done", client: "192.168.70.2" }),
      ]),
    },
  });
});

test("destroy leaves nothing", () => expect(after).toEqual(before));
