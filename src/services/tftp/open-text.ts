/** Texts that are sent as files. */
import { openNamelessHandle } from "../../kernel/nameless-file.ts";
import type { OpenedFile } from "./open-file.ts";

/** In a file without a name, which goes with its handle, however the process ends. */
export async function openText(text: string): Promise<OpenedFile> {
  const handle = await openNamelessHandle();
  try {
    await handle.writeFile(text);
  } catch (error) {
    await handle.close();
    throw error;
  }
  return { handle, sizeBytes: Buffer.byteLength(text), identity: `text ${text}` };
}
