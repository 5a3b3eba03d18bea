/** Texts that are sent as files. */
import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenedFile } from "./open-file.ts";

/** In a file without a name, which goes with its handle, however the process ends. */
export async function openText(text: string): Promise<OpenedFile> {
  const handle = await openNameless();
  try {
    await handle.writeFile(text);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { handle, sizeBytes: Buffer.byteLength(text), identity: `text ${text}` };
}

async function openNameless(): Promise<FileHandle> {
  const folder = await mkdtemp(join(tmpdir(), "netloom-text-"));
  try {
    return await open(join(folder, "text"), "wx+", 0o600);
  } finally {
    await rm(folder, { recursive: true });
  }
}
