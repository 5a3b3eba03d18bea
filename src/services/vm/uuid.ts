/** The UUID of a guest: the same whenever it starts, so that its system stays the same machine to itself. */
import { createHash } from "node:crypto";
import { readTextIfExists } from "../../store/atomic-file.ts";

/** Of this host and the machine's folder, which no other machine has: RFC 9562 §5.8, version 8. */
export function vmUuid(folderPath: string): string {
  const host = readTextIfExists("/etc/machine-id")?.trim() ?? "";
  const hash = createHash("sha256").update(`${host} ${folderPath}`).digest();
  hash[6] = (hash[6]! & 0x0f) | 0x80;
  hash[8] = (hash[8]! & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
