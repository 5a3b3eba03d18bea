/** A folder that is looked at again and again, and goes, and comes back. */
import { renameSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { SILENT } from "../../../src/base/logger.ts";
import { FolderFollower } from "../../../src/services/netboot/follow-folder.ts";
import { type FoundFolder, scanFolder } from "../../../src/services/netboot/scan.ts";
import { SeenFiles } from "../../../src/services/netboot/seen-files.ts";
import { ISO, makeFolder } from "./boot-folder.ts";

const LOOK_SECONDS = 0.01;

/** The next look that shows it; the test's own limit ends the wait. */
async function shown(looks: readonly FoundFolder[], isIt: (folder: FoundFolder) => boolean): Promise<FoundFolder> {
  for (;;) {
    const found = looks.at(-1);
    if (found !== undefined && isIt(found)) return found;
    await sleep(5);
  }
}

test("a folder that is gone is empty until it is back; nothing is told after the end", async () => {
  using folder = makeFolder({ "disc.iso": ISO });
  const seen = new SeenFiles();
  const { root } = await scanFolder(folder.path, seen);
  const looks: FoundFolder[] = [];
  const onLook = (found: FoundFolder): void => void looks.push(found);
  {
    using _follower = new FolderFollower({ root, seen, lookSeconds: LOOK_SECONDS, onLook, logger: SILENT });
    await shown(looks, ({ images }) => images.length === 1);
    renameSync(root, `${root}-away`);
    const gone = await shown(looks, ({ images }) => images.length === 0);
    expect(gone).toMatchObject({ loaders: [], notes: [expect.stringContaining(root)] });
    renameSync(`${root}-away`, root);
    await shown(looks, ({ arriving }) => arriving.includes("disc.iso"));
    rmSync(`${root}/disc.iso`);
    await shown(looks, ({ arriving, notes }) => arriving.length + notes.length === 0);
  }
  const told = looks.length;
  await sleep(300);
  expect(looks.length).toBe(told);
});
