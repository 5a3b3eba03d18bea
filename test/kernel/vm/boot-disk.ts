/** Tiny guests: a boot sector on a disk, enough to see QEMU live, reboot, end and talk. */
import { writeFileSync } from "node:fs";
import { fromHex, toHex, utf8Encode } from "../../../src/base/bytes.ts";

/** mov dx, 0x3f8 · for each character: mov al, CHARACTER · out dx, al */
function say(text: string): string {
  return `baf803${toHex(utf8Encode(text)).replace(/../g, "b0$&ee")}`;
}

export const GUESTS = {
  /**
   * Says "ready" on the serial port, then sends back what it hears, at most 18 characters a second.
   *     again: sti · hlt (until the timer ticks) · mov dx, 0x3fd · in al, dx · test al, 1 · jz again
   *            mov dx, 0x3f8 · in al, dx · out dx, al · jmp again
   */
  echo: `${say("ready\n")} fb f4 bafd03 ec a801 74f6 baf803 ec ee ebef`,
  /**
   * Says "up", waits half a second and resets itself through port 0xcf9, for ever.
   *     mov cx, 9 · again: sti · hlt · loop again · mov dx, 0xcf9 · mov al, 6 · out dx, al · jmp $
   */
  rebooting: `${say("up\n")} b90900 fb f4 e2fc baf90c b006 ee ebfe`,
  /**
   * Says "bye" and shuts itself down: ACPI S5 at the firmware's PM1a control block.
   *     mov dx, 0x604 · mov ax, 0x2000 · out dx, ax · jmp $
   */
  poweroff: `${say("bye\n")} ba0406 b80020 ef ebfe`,
} as const;

export function writeBootDisk(path: string, guest: keyof typeof GUESTS): string {
  const disk = new Uint8Array(1024 * 1024);
  disk.set(fromHex(GUESTS[guest]));
  disk.set([0x55, 0xaa], 510);
  writeFileSync(path, disk);
  return path;
}
