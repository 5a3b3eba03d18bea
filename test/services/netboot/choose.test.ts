/** From a folder to what each kind of client gets. */
import { describe, expect, test } from "vitest";
import { chooseFiles } from "../../../src/services/netboot/choose.ts";
import { explainBeside, explainFiles, hasAnything } from "../../../src/services/netboot/explain.ts";
import { scanFolder } from "../../../src/services/netboot/scan.ts";
import {
  DISK_GRUB_EFI,
  EFI_ARM64,
  EFI_IA32,
  EFI_X64,
  GRUB_EFI,
  INITRD,
  IPXE_EFI,
  ISO,
  KERNEL,
  makeFolder,
} from "./boot-folder.ts";

type Files = Parameters<typeof makeFolder>[0];

async function look(files: Files) {
  using folder = makeFolder(files);
  const found = await scanFolder(folder.path);
  const chosen = chooseFiles(found);
  return { found, chosen, told: explainFiles(found, chosen), anything: hasAnything(chosen) };
}

const x = "anything";

/** Of shim-unsigned, shim-signed, shim-helpers-amd64-signed, grub-efi-amd64-signed. */
const DEBIAN: Files = {
  "BOOTX64.CSV": x,
  "fbx64.efi": EFI_X64,
  "fbx64.efi.signed": EFI_X64,
  "mmx64.efi.signed": EFI_X64,
  "shimx64.efi": EFI_X64,
  "shimx64.efi.signed": EFI_X64,
  "gcdx64.efi.signed": DISK_GRUB_EFI,
  "grubnetx64-installer.efi.signed": GRUB_EFI,
  "grubnetx64.efi.signed": GRUB_EFI,
  "grubx64.efi.signed": DISK_GRUB_EFI,
};

describe("what firmware gets", () => {
  const table: readonly [string, Files, Partial<Record<"bios" | "efi-x64" | "efi-arm64" | "efi-ia32", string>>][] = [
    ["PXELINUX", { "pxelinux.0": x, "pxelinux.cfg/default": x }, { bios: "pxelinux.0" }],
    [
      "the one that speaks HTTP",
      { "pxelinux.0": x, "lpxelinux.0": x, "pxelinux.cfg/default": x },
      { bios: "lpxelinux.0" },
    ],
    [
      "PXELINUX with a configuration before iPXE",
      { "undionly.kpxe": x, "pxelinux.0": x, "pxelinux.cfg/default": x },
      { bios: "pxelinux.0" },
    ],
    ["iPXE before PXELINUX without one", { "undionly.kpxe": x, "pxelinux.0": x }, { bios: "undionly.kpxe" }],
    [
      "iPXE where it has a script",
      { "undionly.kpxe": x, "boot.ipxe": "#!ipxe", "pxelinux.0": x, "pxelinux.cfg/default": x },
      { bios: "undionly.kpxe" },
    ],
    ["iPXE by its ending", { "netboot.xyz.kpxe": x, "pxelinux.0": x }, { bios: "netboot.xyz.kpxe" }],
    ["iPXE by its other names", { "ipxe.pxe": x, "snponly.efi": x }, { bios: "ipxe.pxe", "efi-x64": "snponly.efi" }],
    [
      "iPXE of 64-bit ARM",
      { "ipxe-arm64.efi": x, "ipxe.efi": x },
      { "efi-x64": "ipxe.efi", "efi-arm64": "ipxe-arm64.efi" },
    ],
    [
      "a shim that finds GRUB",
      { "shimx64.efi": x, "grubx64.efi": x, "grub/grub.cfg": x },
      { "efi-x64": "shimx64.efi" },
    ],
    [
      "a shim that finds its GRUB, however many others there are",
      { "debian/shimx64.efi": x, "debian/grubx64.efi": x, "ubuntu/grubx64.efi": x, "grub/grub.cfg": x },
      { "efi-x64": "debian/shimx64.efi" },
    ],
    [
      "a shim that finds something else by that name",
      { "shimx64.efi": x, "grubx64.efi": x, "ipxe.efi": x },
      { "efi-x64": "shimx64.efi" },
    ],
    [
      "no shim whose GRUB finds no file of its own",
      { "shimx64.efi": x, "grubx64.efi": GRUB_EFI, "ipxe.efi": x },
      { "efi-x64": "ipxe.efi" },
    ],
    [
      "a shim whose GRUB gets a menu of kernels, before others that lack more",
      { "shimx64.efi": x, "grubx64.efi": GRUB_EFI, "wdsmgfw.efi": x, vmlinuz: KERNEL },
      { "efi-x64": "shimx64.efi" },
    ],
    [
      "GRUB with a menu of kernels before a shim that does not find it",
      { "shim/shimx64.efi": x, "grubnetx64.efi": GRUB_EFI, vmlinuz: KERNEL },
      { "efi-x64": "grubnetx64.efi" },
    ],
    [
      "a shim that finds GRUB under another name",
      { "shimx64.efi": x, "grubnetx64.efi": GRUB_EFI, vmlinuz: KERNEL },
      { "efi-x64": "shimx64.efi" },
    ],
    [
      "no shim whose GRUB knows disks only",
      { "shimx64.efi": x, "grubx64.efi": DISK_GRUB_EFI, "grub/grub.cfg": x, "ipxe.efi": x },
      { "efi-x64": "ipxe.efi" },
    ],
    [
      "no GRUB that knows disks only",
      { "grubx64.efi": DISK_GRUB_EFI, "grub/grub.cfg": x, "ipxe.efi": x },
      { "efi-x64": "ipxe.efi" },
    ],
    [
      "a GRUB too big to tell what it knows",
      {
        "grubx64.efi": Buffer.concat([DISK_GRUB_EFI, Buffer.alloc(4 * 1024 * 1024)]),
        "grub/grub.cfg": x,
        "ipxe.efi": x,
      },
      { "efi-x64": "grubx64.efi" },
    ],
    ["Debian's files as they are packaged", { ...DEBIAN, vmlinuz: KERNEL }, { "efi-x64": "shimx64.efi.signed" }],
    [
      "Ubuntu's files as they are packaged",
      {
        "shimx64.efi.dualsigned": x,
        "shimx64.efi.signed.latest": x,
        "shimx64.efi.signed.previous": x,
        "mmx64.efi": EFI_X64,
        "grubnetx64.efi.signed": GRUB_EFI,
        "grub/grub.cfg": x,
      },
      { "efi-x64": "shimx64.efi.dualsigned" },
    ],
    [
      "openSUSE's files as they are packaged",
      { "shim.efi": EFI_X64, "MokManager.efi": EFI_X64, "grub.efi": GRUB_EFI, "grub.cfg": x, "ipxe.efi": x },
      { "efi-x64": "shim.efi" },
    ],
    [
      "SYSLINUX for each processor, which is always called the same",
      {
        "efi32/syslinux.efi": EFI_IA32,
        "efi32/pxelinux.cfg/default": x,
        "efi64/syslinux.efi": EFI_X64,
        "efi64/pxelinux.cfg/default": x,
      },
      { "efi-ia32": "efi32/syslinux.efi", "efi-x64": "efi64/syslinux.efi" },
    ],
    ["no shim that finds none", { "shimx64.efi": x, "ipxe.efi": x }, { "efi-x64": "ipxe.efi" }],
    [
      "a disc's folders, in capitals",
      { "EFI/BOOT/BOOTX64.EFI": x, "EFI/BOOT/BOOTAA64.EFI": x },
      {
        "efi-x64": "EFI/BOOT/BOOTX64.EFI",
        "efi-arm64": "EFI/BOOT/BOOTAA64.EFI",
      },
    ],
    ["32-bit UEFI", { "bootia32.efi": x }, { "efi-ia32": "bootia32.efi" }],
    ["GRUB4DOS", { "pxegrldr.0": x, "menu.lst": x }, { bios: "pxegrldr.0" }],
    [
      "Windows",
      { "boot/x64/wdsnbp.com": x, "boot/x64/bootmgr.exe": x, "boot/BCD": x },
      { bios: "boot/x64/wdsnbp.com" },
    ],
    ["Windows by UEFI", { "bootmgfw.efi": x, "Boot/BCD": x }, { "efi-x64": "bootmgfw.efi" }],
    [
      "any UEFI program, by what is in it",
      { "memory test.efi": EFI_X64, "other.efi": EFI_ARM64 },
      {
        "efi-x64": "memory test.efi",
        "efi-arm64": "other.efi",
      },
    ],
    [
      "a Debian installer's tree",
      {
        "pxelinux.0": { link: "debian-installer/amd64/pxelinux.0" },
        "pxelinux.cfg": { link: "debian-installer/amd64/pxelinux.cfg" },
        "debian-installer/amd64/pxelinux.0": x,
        "debian-installer/amd64/pxelinux.cfg/default": x,
        "debian-installer/amd64/bootnetx64.efi": x,
        "debian-installer/amd64/grubx64.efi": x,
        "debian-installer/amd64/grub/grub.cfg": x,
        "debian-installer/amd64/linux": KERNEL,
        "debian-installer/amd64/initrd.gz": INITRD,
      },
      { bios: "pxelinux.0", "efi-x64": "debian-installer/amd64/bootnetx64.efi" },
    ],
  ];
  test.each(table)("%s", async (_, files, expected) => {
    const { chosen } = await look(files);
    const loaders = Object.entries(chosen).flatMap(([platform, { loader }]) =>
      loader === undefined ? [] : [[platform, loader]],
    );
    expect(Object.fromEntries(loaders)).toEqual(expected);
  });

  test("by HTTP also a disc", async () => {
    expect((await look({ "system.iso": ISO })).chosen["efi-x64"]).toEqual({
      httpFile: "system.iso",
      ipxe: "boot.ipxe",
    });
  });
});

test("names by which loaders ask for what is there by another one", async () => {
  const { found } = await look({ ...DEBIAN, "deep/grubaa64.efi.signed": x, "deep/MMAA64.EFI": x });
  expect(Object.fromEntries(found.standIns)).toEqual({
    "gcdx64.efi": "gcdx64.efi.signed",
    "grubnetx64-installer.efi": "grubnetx64-installer.efi.signed",
    "grubnetx64.efi": "grubnetx64.efi.signed",
    "grubx64.efi": "grubnetx64.efi.signed",
    "mmx64.efi": "mmx64.efi.signed",
    "deep/grubaa64.efi": "deep/grubaa64.efi.signed",
  });
});

describe("what iPXE gets", () => {
  const table: readonly [string, Files, string | undefined][] = [
    ["a menu of a kernel and its disk", { vmlinuz: KERNEL, "initrd.img": INITRD }, "boot.ipxe"],
    ["a menu, where it was itself loaded from the folder", { "ipxe.efi": x }, "boot.ipxe"],
    ["the folder's own script", { "menu.ipxe": "#!ipxe", "ipxe.efi": x, vmlinuz: KERNEL }, "menu.ipxe"],
    ["a loader directly, if nothing else is there to choose", { "BOOTX64.EFI": x }, "BOOTX64.EFI"],
    ["not itself under another name", { "BOOTX64.EFI": IPXE_EFI }, "boot.ipxe"],
    ["nothing", { "pxelinux.0": x }, undefined],
  ];
  test.each(table)("%s", async (_, files, expected) => {
    expect((await look(files)).chosen["efi-x64"]?.ipxe).toBe(expected);
  });
});

describe("kernels and their disks", () => {
  const pairs = async (files: Files) => (await look(files)).found.kernels.map(({ kernel, initrd }) => [kernel, initrd]);

  test("that end with the same version", async () => {
    const files = {
      "vmlinuz-6.1.0-18-amd64": KERNEL,
      "vmlinuz-6.12.9": KERNEL,
      "initrd.img-6.12.9": INITRD,
      "initrd.img-6.1.0-18-amd64": INITRD,
    };
    expect(await pairs(files)).toEqual([
      ["vmlinuz-6.1.0-18-amd64", "initrd.img-6.1.0-18-amd64"],
      ["vmlinuz-6.12.9", "initrd.img-6.12.9"],
    ]);
  });

  test("that are alone in their folder, whatever their names", async () => {
    expect(await pairs({ "live/k": KERNEL, "live/disk.gz": INITRD, "other/disk.gz": INITRD })).toEqual([
      ["live/k", "live/disk.gz"],
    ]);
  });

  test("a kernel among disks of which none is its own is alone", async () => {
    expect(await pairs({ vmlinuz: KERNEL, "initrd-1.gz": INITRD, "initrd-2.gz": INITRD })).toEqual([
      ["vmlinuz", undefined],
    ]);
  });

  test("the words beside it", async () => {
    using folder = makeFolder({ vmlinuz: KERNEL, "vmlinuz.cmdline": "console=ttyS0\n quiet\n" });
    expect((await scanFolder(folder.path)).kernels[0]?.commandLine).toBe("console=ttyS0 quiet");
  });

  test("no helper of a loader is taken for one", async () => {
    expect(await pairs({ memdisk: KERNEL, wimboot: KERNEL, "ipxe.lkrn": KERNEL })).toEqual([]);
  });
});

describe("what is told", () => {
  test("of each class of clients, and what is missing", async () => {
    const { told } = await look({ "pxelinux.0": x, "pxelinux.cfg/default": x });
    expect(told).toEqual([
      "BIOS               pxelinux.0 (PXELINUX)",
      "BIOS, iPXE         pxelinux.0",
      expect.stringMatching(/^UEFI x64 {11}nothing: put ipxe\.efi, or shimx64\.efi with grubx64\.efi into \//),
    ]);
  });

  test("what a loader lacks, also one that another is taken for", async () => {
    const shim = { "shimx64.efi": x, "grubx64.efi": GRUB_EFI };
    expect((await look(shim)).told[1]).toBe(
      "UEFI x64           shimx64.efi (shim), which lacks a grub.cfg for grubx64.efi",
    );
    expect((await look({ ...shim, vmlinuz: KERNEL, "initrd.img": INITRD })).told[2]).toBe(
      "UEFI x64           shimx64.efi (shim) with a menu of Linux: vmlinuz with initrd.img",
    );
    expect((await look({ ...shim, "grub/grub.cfg": x })).told[1]).toBe("UEFI x64           shimx64.efi (shim)");
    expect((await look({ "efi/SHIMX64.EFI": x, "grubx64.efi": GRUB_EFI, "ipxe.efi": x })).told.slice(1, 3)).toEqual([
      "UEFI x64           ipxe.efi (iPXE)",
      "                   not efi/SHIMX64.EFI (shim), which lacks grubx64.efi beside it",
    ]);
    expect((await look({ "pxelinux.0": x })).told[0]).toBe(
      "BIOS               pxelinux.0 (PXELINUX), which lacks pxelinux.cfg beside it",
    );
  });

  test("of a shim's GRUB that has another name, or cannot load its file", async () => {
    const shim = { "shimx64.efi.signed": x, vmlinuz: KERNEL };
    const told = async (files: Files) => (await look({ ...shim, ...files })).told[2];
    const firmware = "UEFI x64           shimx64.efi.signed (shim;";
    expect(await told({ "grubnetx64.efi.signed": GRUB_EFI })).toBe(
      `${firmware} it gets grubnetx64.efi.signed as grubx64.efi) with a menu of Linux: vmlinuz`,
    );
    expect(await told({ "grubx64.efi.signed": DISK_GRUB_EFI })).toBe(
      `${firmware} it gets grubx64.efi.signed as grubx64.efi), ` +
        "which lacks a GRUB that loads over the network (grubnetx64.efi), not grubx64.efi.signed",
    );
  });

  test("of GRUB beside another DHCP server, where it looks for its file", async () => {
    const beside = async (files: Files, server?: string): Promise<string[]> => {
      const { found, chosen } = await look(files);
      return explainBeside(found, chosen, server);
    };
    const grub = { "grubx64.efi": GRUB_EFI, "grub/grub.cfg": x };
    const wrong = "GRUB will ask 192.0.2.2 for its grub.cfg, not this one";
    expect(await beside(grub, "192.0.2.2")).toEqual([`grubx64.efi: ${wrong}`]);
    expect(await beside({ ...grub, "shimx64.efi": x }, "192.0.2.2")).toEqual([`shimx64.efi: ${wrong}`]);
    expect((await beside(grub)).join()).toContain("the machine of the network's DHCP server");
    expect(await beside({ ...grub, "boot.ipxe": x, "ipxe.efi": IPXE_EFI }, "192.0.2.2")).toEqual([]);
  });

  test("that nothing can be booted", async () => {
    expect((await look({ "notes.txt": x, "pictures/a.png": x })).anything).toBe(false);
    await expect(scanFolder("/nonexistent")).rejects.toThrow(
      "boot from /nonexistent: it cannot be read (there is no such file or folder)",
    );
  });

  test("links that lead out, which are not served", async () => {
    const { found } = await look({ "pxelinux.0": x, "shadow.efi": { link: "/etc/hostname" } });
    expect(found.notes).toEqual(["shadow.efi leads out of the folder and is not served"]);
  });

  test("and those that lead nowhere that the system could name", async () => {
    const { found, chosen } = await look({ "ipxe.efi": x, "odd.efi": { link: "a".repeat(300) } });
    expect(found.notes).toEqual([expect.stringMatching(/^odd\.efi cannot be read \(/)]);
    expect(chosen["efi-x64"]?.loader).toBe("ipxe.efi");
  });

  test("many of them in a few words", async () => {
    const links = Array.from({ length: 50 }, (_, i) => [`${i}.efi`, { link: "/etc/hostname" }] as const);
    const { found } = await look({ "pxelinux.0": x, ...Object.fromEntries(links) });
    expect([found.notes.length, found.notes.at(-1)]).toEqual([21, "so it is with 30 more"]);
  });
});
