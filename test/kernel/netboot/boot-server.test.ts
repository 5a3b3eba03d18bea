/** A boot server that goes on from the first look at its folder. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { parseIpv4 } from "../../../src/base/address.ts";
import { SILENT } from "../../../src/base/logger.ts";
import { BootServer } from "../../../src/services/netboot/boot-server.ts";
import type { FolderChange } from "../../../src/services/netboot/folder-change.ts";
import { firstLook } from "../../../src/services/netboot/scan.ts";
import { EFI_X64 } from "../../services/netboot/boot-folder.ts";
import { Folder, until } from "../../support/network.ts";

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
});
afterEach(() => folder[Symbol.dispose]());

test("what is being copied into it between that look and the service is not taken for whole", async () => {
  folder.write("pxelinux.0", "x");
  const root = await firstLook(folder.path);
  folder.write("bootx64.efi", EFI_X64.toString("latin1"));
  const changes: FolderChange[] = [];
  const options = {
    address: parseIpv4("127.0.0.1"),
    lookSeconds: 0.02,
    onFolder: (change: FolderChange) => void changes.push(change),
  };
  await using server = await BootServer.open({ ...options, root, logger: SILENT });
  await until("word of what comes", () => changes.length > 0);
  expect(changes[0]).toMatchObject({ added: [], arriving: ["bootx64.efi"] });
  expect(server.files).toMatchObject({ bios: { loader: "pxelinux.0" }, "efi-x64": {} });
});

test("a second one on the same address fails for TFTP's port, and says nothing of another one for HTTP before", async () => {
  folder.write("pxelinux.0", "x");
  const options = { address: parseIpv4("127.0.0.1"), root: folder.path, lookSeconds: 5 };
  await using _first = await BootServer.open({ ...options, logger: SILENT });
  const warnings: string[] = [];
  const logger = { ...SILENT, warn: (text: string) => void warnings.push(text) };
  await expect(BootServer.open({ ...options, logger })).rejects.toMatchObject({ code: "address-in-use" });
  expect(warnings).toEqual([]);
});
