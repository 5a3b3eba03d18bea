/** Tiny guests: a boot sector on a disk, enough to see QEMU live, reboot, end and talk. */
import { writeFileSync } from "node:fs";

/** mov dx, 0x3f8 · (mov al, CHARACTER · out dx, al) for each */
const say = (text: string): number[] => [
  0xba,
  0xf8,
  0x03,
  ...[...text].flatMap((character) => [0xb0, character.charCodeAt(0), 0xee]),
];

export const GUESTS = {
  /** Says "ready" on the serial port, then sends back what it hears, at most 18 characters a second. */
  echo: [
    ...say("ready\n"),
    ...[0xfb, 0xf4], //            again: sti · hlt (until the timer ticks)
    ...[0xba, 0xfd, 0x03, 0xec], //       mov dx, 0x3fd · in al, dx
    ...[0xa8, 0x01, 0x74, 0xf6], //       test al, 1 · jz again
    ...[0xba, 0xf8, 0x03, 0xec, 0xee], // mov dx, 0x3f8 · in al, dx · out dx, al
    ...[0xeb, 0xef], //                   jmp again
  ],
  /** Says "up", waits half a second and resets itself through port 0xcf9, for ever. */
  rebooting: [
    ...say("up\n"),
    ...[0xb9, 0x09, 0x00], //             mov cx, 9
    ...[0xfb, 0xf4, 0xe2, 0xfc], // again: sti · hlt · loop again
    ...[0xba, 0xf9, 0x0c, 0xb0, 0x06, 0xee], // mov dx, 0xcf9 · mov al, 6 · out dx, al
    ...[0xeb, 0xfe],
  ],
  /** Shuts itself down at once: ACPI S5 at the firmware's PM1a control block. */
  poweroff: [...say("bye\n"), 0xba, 0x04, 0x06, 0xb8, 0x00, 0x20, 0xef, 0xeb, 0xfe], // mov dx, 0x604 · mov ax, 0x2000 · out dx, ax
} as const;

export function writeBootDisk(path: string, guest: keyof typeof GUESTS): string {
  const disk = new Uint8Array(1024 * 1024);
  disk.set(GUESTS[guest]);
  disk.set([0x55, 0xaa], 510);
  writeFileSync(path, disk);
  return path;
}
