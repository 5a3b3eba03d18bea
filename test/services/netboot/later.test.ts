/** What comes into a folder while it is served: offered once it is whole, and told. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { chooseFiles } from "../../../src/services/netboot/choose.ts";
import { folderChange } from "../../../src/services/netboot/folder-change.ts";
import { scanFolder } from "../../../src/services/netboot/scan.ts";
import { SeenFiles, SETTLE_SECONDS } from "../../../src/services/netboot/seen-files.ts";
import { EFI_X64, GRUB_EFI, INITRD, isoOf, ISO, KERNEL, makeFolder } from "./boot-folder.ts";

/** A folder that is looked at again and again. */
async function follow(files: Parameters<typeof makeFolder>[0]) {
  using resources = new DisposableStack();
  const folder = resources.use(makeFolder(files));
  const seen = new SeenFiles();
  let now = 100;
  let found = await scanFolder(folder.path, seen, now);
  const kept = resources.move();
  return {
    write(name: string, content: Buffer | string): void {
      const path = join(folder.path, name);
      mkdirSync(join(path, ".."), { recursive: true });
      writeFileSync(path, content);
    },
    remove: (name: string): void => rmSync(join(folder.path, name)),
    /** What is another one than at the look before. */
    async look(seconds = 1) {
      now += seconds;
      const before = { folder: found, files: chooseFiles(found) };
      found = await scanFolder(folder.path, seen, now);
      const { added, removed, arriving } = folderChange(before, { folder: found, files: chooseFiles(found) }) ?? {
        added: [],
        removed: [],
        arriving: [],
      };
      return { added, removed, arriving, isRestless: found.isRestless };
    },
    get found() {
      return found;
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

const quiet = { added: [], removed: [], arriving: [], isRestless: false };

test("a file is offered when it has not changed for a while, and withdrawn when it is written to", async () => {
  using folder = await follow({ "undionly.kpxe": "x" });
  expect(await folder.look()).toEqual(quiet);
  folder.write("disc.iso", ISO);
  expect(await folder.look()).toEqual({ ...quiet, arriving: ["disc.iso"], isRestless: true });
  folder.write("disc.iso", Buffer.concat([ISO, ISO]));
  expect(await folder.look(SETTLE_SECONDS)).toEqual({ ...quiet, isRestless: true });
  expect(await folder.look(SETTLE_SECONDS - 1)).toEqual({ ...quiet, isRestless: true });
  expect(await folder.look()).toEqual({ ...quiet, added: ["Disc: disc.iso"] });
  folder.write("disc.iso", ISO);
  expect(await folder.look()).toEqual({
    added: [],
    removed: ["Disc: disc.iso"],
    arriving: ["disc.iso"],
    isRestless: true,
  });
  expect(await folder.look(SETTLE_SECONDS)).toEqual({ ...quiet, added: ["Disc: disc.iso"] });
  folder.remove("disc.iso");
  expect(await folder.look()).toEqual({ ...quiet, removed: ["Disc: disc.iso"] });
});

test("a kernel waits for its disk, and for what may become it", async () => {
  using folder = await follow({});
  folder.write("linux/vmlinuz", KERNEL);
  await folder.look();
  folder.write("linux/initrd.img", "");
  await folder.look();
  folder.write("linux/initrd.img", Buffer.alloc(100));
  expect((await folder.look(SETTLE_SECONDS)).added).toEqual([]);
  folder.write("linux/initrd.img", INITRD);
  expect((await folder.look(SETTLE_SECONDS)).added).toEqual([]);
  expect((await folder.look(SETTLE_SECONDS)).added).toEqual(["Linux: linux/vmlinuz with linux/initrd.img"]);
  folder.write("other.iso", ISO);
  expect((await folder.look()).removed).toEqual([]);
});

test("Windows and loaders, too, are offered when all of them is there", async () => {
  using folder = await follow({ wimboot: KERNEL, "boot.wim": "x" });
  expect(folder.found.windows).toMatchObject({ image: "boot.wim" });
  folder.write("boot.wim", "more");
  folder.write("ipxe.efi", EFI_X64);
  expect(await folder.look()).toMatchObject({ removed: ["Windows PE: boot.wim"], arriving: ["ipxe.efi", "boot.wim"] });
  expect((await folder.look(SETTLE_SECONDS)).added).toEqual(["iPXE: ipxe.efi", "Windows PE: boot.wim"]);
});

test("a shim waits for the GRUB beside it, whatever that is called", async () => {
  using folder = await follow({ "grub/grub.cfg": "x" });
  folder.write("shimx64.efi.signed", EFI_X64);
  folder.write("grubnetx64.efi.signed", GRUB_EFI.subarray(0, 5000));
  await folder.look();
  folder.write("grubnetx64.efi.signed", GRUB_EFI);
  await folder.look(SETTLE_SECONDS);
  expect(chooseFiles(folder.found)["efi-x64"]).toEqual({});
  expect((await folder.look(SETTLE_SECONDS)).added).toContain("shim: shimx64.efi.signed");
  folder.write("grubnetx64.efi.signed", EFI_X64);
  expect((await folder.look()).removed).toContain("shim: shimx64.efi.signed");
});

test("what could not be read is tried again at the next look, what was read is not", async () => {
  const seen = new SeenFiles();
  seen.look([{ path: "vmlinuz", bytes: 100, identity: "1" }], 100);
  const nothing = { kind: undefined, content: undefined, isIpxe: false, grub: undefined, mayBecome: true };
  let times = 0;
  const read = async () => ({ ...nothing, isUnread: ++times < 2 });
  for (let look = 0; look < 4; look++) await seen.examine("vmlinuz", read);
  expect(times).toBe(2);
});

test("what is shorter than it says of itself is not offered, however long it has lain there", async () => {
  const kernel = Buffer.from(KERNEL);
  kernel.writeUInt32LE(1_000_000, 0x1f4);
  using folder = await follow({ "cut.iso": isoOf(1000, 600), "unpadded.iso": isoOf(1000, 850), vmlinuz: kernel });
  expect(folder.found).toMatchObject({ images: ["unpadded.iso"], kernels: [], arriving: ["cut.iso", "vmlinuz"] });
  folder.write("cut.iso", isoOf(1000, 1000));
  await folder.look();
  expect((await folder.look(SETTLE_SECONDS)).added).toEqual(["Disc: cut.iso"]);
});

test("what programs copy to before it is whole is nothing", async () => {
  using folder = await follow({ ".disc.iso.Xa81kC": ISO, "disc.iso.part": ISO, ".snapshot/old/disc.iso": ISO });
  expect(folder.found).toMatchObject({ images: [], arriving: [] });
});

test("what else clients get is told, also where the menu stays the same", async () => {
  using folder = makeFolder({ "pxelinux.0": "x", "undionly.kpxe": "x" });
  const before = await scanFolder(folder.path);
  mkdirSync(join(folder.path, "pxelinux.cfg"));
  const now = await scanFolder(folder.path);
  expect(
    folderChange({ folder: before, files: chooseFiles(before) }, { folder: now, files: chooseFiles(now) }),
  ).toMatchObject({ added: [], removed: [], changesFiles: true, files: { bios: { loader: "pxelinux.0" } } });
});
