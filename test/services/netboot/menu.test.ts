/** The script for iPXE, as a person would read it. */
import { expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { makeMenu } from "../../../src/services/netboot/menu.ts";
import { scanFolder } from "../../../src/services/netboot/scan.ts";
import { EFI_ARM64, INITRD, ISO, KERNEL, makeFolder } from "./boot-folder.ts";

const place = { address: parseIpv4("192.0.2.1"), httpPort: 80 };

/** The lines of a label, up to the next one. */
function section(script: string, label: string): string[] {
  const lines = script.split("\n");
  const start = lines.indexOf(`:${label}`) + 1;
  const rest = lines.slice(start);
  const end = rest.findIndex((line) => line.startsWith(":"));
  return rest.slice(0, end);
}

test("each platform has its own menu: entries, how long it waits, what comes when nobody chooses", async () => {
  using folder = makeFolder({
    "pxelinux.0": "x",
    "pxelinux.cfg/default": "x",
    "linux/vmlinuz": KERNEL,
    "linux/initrd.img": INITRD,
    "linux/cmdline.txt": "console=ttyS0 x=${net0/ip}",
    "rescue disc.iso": ISO,
  });
  const script = makeMenu(await scanFolder(folder.path), place);
  expect(script.startsWith("#!ipxe\n")).toBe(true);
  expect(section(script, "bios")).toEqual([
    "menu Boot from 192.0.2.1 || goto entry1",
    "item entry1 PXELINUX: pxelinux.0",
    "item entry2 Linux: linux/vmlinuz with linux/initrd.img",
    "item entry3 Disc: rescue disc.iso",
    "item shell iPXE shell",
    "item exit Next boot device",
    "choose --timeout 8000 --default entry1 target || goto exit",
    "goto ${target}",
  ]);
  expect(section(script, "entry1")).toEqual(["set 210:string /", "chain tftp://192.0.2.1/pxelinux.0 || goto failed"]);
  expect(section(script, "entry2")).toEqual([
    "imgfree",
    "kernel http://192.0.2.1/linux/vmlinuz initrd=initrd.img console=ttyS0 x=$ {net0/ip} || goto failed",
    "initrd --name initrd.img http://192.0.2.1/linux/initrd.img || goto failed",
    "boot || goto failed",
  ]);
  expect(section(script, "entry3")).toEqual(["sanboot http://192.0.2.1/rescue%20disc.iso || goto failed"]);
  expect(section(script, "efi-x64")).toContain("choose --timeout 8000 --default entry4 target || goto exit");
  expect(section(script, "efi-arm64")).toEqual(["goto nothing"]);
});

test("every label that is gone to is there once", async () => {
  using folder = makeFolder({ wimboot: KERNEL, "sources/boot.wim": "x", BCD: "x", "boot.sdi": "x", vmlinuz: KERNEL });
  const script = makeMenu(await scanFolder(folder.path), place);
  const labels = Array.from(script.matchAll(/^:(\S+)$/gm), ([, label]) => label);
  const targets = Array.from(script.matchAll(/goto ([\w-]+)/g), ([, label]) => label);
  expect(new Set(labels).size).toBe(labels.length);
  expect(targets.filter((label) => !labels.includes(label))).toEqual([]);
  expect(section(script, "entry2")).toEqual([
    "imgfree",
    "kernel http://192.0.2.1/wimboot || goto failed",
    "initrd --name BCD http://192.0.2.1/BCD || goto failed",
    "initrd --name boot.sdi http://192.0.2.1/boot.sdi || goto failed",
    "initrd --name boot.wim http://192.0.2.1/sources/boot.wim || goto failed",
    "boot || goto failed",
  ]);
});

test("names of files are no commands, and addresses lead to the very file", async () => {
  using folder = makeFolder({
    "a && shell ; b || c.iso": ISO,
    "${net0/ip}\nshell.iso": ISO,
    "it's #1?/wimboot": KERNEL,
    "boot.wim": "x",
    "50%;/&&.efi": EFI_ARM64,
  });
  const script = makeMenu(await scanFolder(folder.path), place);
  expect(section(script, "bios").filter((line) => line.startsWith("item entry"))).toEqual([
    "item entry1 Windows PE: boot.wim",
    "item entry2 Disc: a ? shell ? b ? c.iso",
    "item entry3 Disc: $ {net0/ip}?shell.iso",
  ]);
  expect(section(script, "entry1")[1]).toBe("kernel http://192.0.2.1/it's%20%231%3F/wimboot || goto failed");
  expect(section(script, "entry3")).toEqual(["sanboot http://192.0.2.1/%24%7Bnet0/ip%7D%0Ashell.iso || goto failed"]);
  expect(script).toContain("chain tftp://192.0.2.1/50%25%3B/%26%26.efi || goto failed");
});
