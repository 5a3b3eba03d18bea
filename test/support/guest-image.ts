/** The demonstration guest that scripts/guest-image.mjs makes, and what it tells on its console. */
import { dirname, join } from "node:path";

export const CHECKOUT = dirname(dirname(import.meta.dirname));
export const GUEST_KERNEL = join(CHECKOUT, ".cache", "guest", "vmlinuz");
export const GUEST_INITRD = join(CHECKOUT, ".cache", "guest", "initrd.gz");

/** Words of the kernel's command line that make an emulated guest quick and give it the serial console. */
export const GUEST_KERNEL_ARGUMENTS =
  "console=ttyS0 panic=-1 quiet mitigations=off nokaslr no_timer_check cryptomgr.notests audit=0";

/** One line "GUEST word value" of the console. */
interface GuestLine {
  /** "lease", "route", "ping" … */
  readonly word: string;
  /** The rest of the line. */
  readonly value: string;
}

/** What the guest told so far, in order; anything else on the console is left out. */
export function parseGuestLines(console: string): GuestLine[] {
  return Array.from(console.matchAll(/^GUEST (\S+) ?(.*?)\s*$/gm), ([, word = "", value = ""]) => ({ word, value }));
}

/** The values of all lines with that word. */
export function toldBy(console: string, word: string): string[] {
  return parseGuestLines(console)
    .filter((line) => line.word === word)
    .map((line) => line.value);
}
