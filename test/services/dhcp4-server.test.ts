import { mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SILENT } from "../../src/base/logger.ts";
import { Dhcp4Service } from "../../src/services/dhcp4-server.ts";
import { CONFIG } from "../protocol/dhcp4/server/world.ts";

/** What the descriptors of this process stand for. */
function openFiles(): string[] {
  return readdirSync("/proc/self/fd").flatMap((number) => {
    try {
      return [readlinkSync(`/proc/self/fd/${number}`)];
    } catch {
      // The folder's own, which is closed again.
      return [];
    }
  });
}

test("a server that cannot listen leaves no file open", () => {
  const folder = mkdtempSync(join(tmpdir(), "netloom-dhcp-"));
  const options = { config: CONFIG, leaseFile: join(folder, "leases"), logger: SILENT };
  // Whoever may open packet sockets has no such link.
  expect(() => new Dhcp4Service({ ...options, interfaceIndex: 0x7fff_fff0 })).toThrow("open packet socket");
  expect(openFiles().filter((path) => path.startsWith(folder))).toEqual([]);
  rmSync(folder, { recursive: true });
});
