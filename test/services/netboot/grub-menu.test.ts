import { describe, expect, test } from "vitest";
import { makeGrubMenu } from "../../../src/services/netboot/grub-menu.ts";
import { scanFolder } from "../../../src/services/netboot/scan.ts";
import { EFI_ARM64, INITRD, KERNEL, makeFolder } from "./boot-folder.ts";

const WORDS = `quiet name='a b' dyndbg="file a +p" $x; y="z"`;

async function menuOf(files: Parameters<typeof makeFolder>[0]): Promise<string | undefined> {
  using folder = makeFolder(files);
  return makeGrubMenu(await scanFolder(folder.path));
}

/** A kernel by what is at its beginning. */
const ARM64_KERNEL = ((): Buffer => {
  const head = Buffer.from(EFI_ARM64);
  head.write("ARM\u0064", 0x38);
  return head;
})();

describe("the menu for GRUB", () => {
  test("has each kernel with its disk and its words", async () => {
    const one = await menuOf({ "live/vmlinuz": KERNEL, "live/initrd.img": INITRD, "live/cmdline": WORDS });
    expect(one?.split("\n")).toEqual([
      "# Made by netloom of what its folder holds.",
      "set timeout=2",
      "menuentry 'Linux: live/vmlinuz with live/initrd.img' {",
      String.raw`  linux '/live/vmlinuz' 'quiet' 'name='\''a' 'b'\''' 'dyndbg=file a +p' '$x;' 'y=z'`,
      "  initrd '/live/initrd.img'",
      "}",
      "",
    ]);
    expect(await menuOf({ "a/vmlinuz": KERNEL, "b/vmlinuz": KERNEL })).toContain("set timeout=8\n");
  });

  test("takes names of files letter by letter", async () => {
    const menu = await menuOf({ "it's $x; {a}\\ é%41": KERNEL });
    expect(menu).toContain(String.raw`  linux '/it'\''s $x; {a}\ é%41'`);
  });

  test("shows each machine what runs on it", async () => {
    const menu = (await menuOf({ vmlinuz: KERNEL, "arm/Image": ARM64_KERNEL })) ?? "";
    const parts = Array.from(menu.matchAll(/^if \[ "\$grub_cpu-\$grub_platform" = "(.*)" \]; then\n([^]*?)^fi$/gm));
    expect(parts.map(([, machine, entries]) => [machine, entries?.match(/^menuentry .*(?= \{$)/gm)])).toEqual([
      ["i386-pc", ["menuentry 'Linux: vmlinuz'"]],
      ["x86_64-efi", ["menuentry 'Linux: vmlinuz'"]],
      ["arm64-efi", ["menuentry 'Linux: arm/Image'"]],
    ]);
  });

  test("is not there without a kernel, nor beside a file of the folder's own", async () => {
    expect(await menuOf({ "grubx64.efi": "anything" })).toBeUndefined();
    expect(await menuOf({ vmlinuz: KERNEL, "boot/grub/GRUB.CFG": "anything" })).toBeUndefined();
  });
});
