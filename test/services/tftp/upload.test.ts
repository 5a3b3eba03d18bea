/** How much clients may leave in a folder. */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { UploadFolder } from "../../../src/services/tftp/upload.ts";

test("files without a byte are counted, those that are under way too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "netloom-upload-"));
  try {
    const uploads = new UploadFolder({ folder, quotaBytes: 1000, files: 2 });
    await (await uploads.begin(["first"], 0)).finish();
    const second = await uploads.begin(["second"], 0);
    await expect(uploads.begin(["third"], 0)).rejects.toMatchObject({
      code: 3,
      message: expect.stringMatching(/files/),
    });
    await second.discard();
    await (await uploads.begin(["third"], 0)).finish();
    await expect(uploads.begin(["fourth"], 0)).rejects.toMatchObject({ code: 3 });
    expect(readdirSync(folder)).toEqual(["first", "third"]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
