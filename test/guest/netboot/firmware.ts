/** A machine that has nothing but its firmware and a network card: QEMU with SeaBIOS and iPXE's ROM, or with OVMF. */
import { copyFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import { toldBy } from "../../support/guest-image.ts";
import { type Folder, Running, until } from "../../support/network.ts";

/** Of Debian's package ovmf. */
const OVMF = "/usr/share/OVMF";
/** Alone a boot takes 10 to 20 s, with Secure Boot 35 s; other tests of a busy machine may have most of it. */
const PATIENCE_SECONDS = 240;

/** "secure-boot": by PXE, and starts only what Microsoft's keys vouch for. */
export type Firmware = "bios" | "uefi-pxe" | "uefi-http" | "secure-boot";

const NO_PXE = ["IPv4PXESupport", "IPv6PXESupport"].flatMap((name) => [
  "-fw_cfg",
  `name=opt/org.tianocore/${name},string=n`,
]);

export class NetbootMachine implements AsyncDisposable {
  readonly #qemu: Running;

  /** @param namespace of the tap; "" is our own @param folder for the firmware's settings */
  constructor(firmware: Firmware, namespace: string, tap: string, mac: string, folder: Folder) {
    this.#qemu = new Running([
      ...(namespace === "" ? [] : ["nsenter", `--net=/run/netns/${namespace}`]),
      "qemu-system-x86_64",
      ..."-cpu max,-la57 -nodefaults -display none -serial stdio -no-reboot".split(" "),
      ...(firmware === "bios" ? BIOS : uefi(firmware, folder.join(`${tap}.vars`))),
      "-netdev",
      `tap,id=n0,ifname=${tap},script=no,downscript=no`,
      "-device",
      // With a ROM the card would bring iPXE into UEFI, too.
      `virtio-net-pci,netdev=n0,mac=${mac},bootindex=1${firmware === "bios" ? "" : ",romfile="}`,
    ]);
  }

  get console(): string {
    return this.#qemu.stdout;
  }

  /** What the booted system told by that word until now. */
  told(word: string): string[] {
    const whole = this.console.slice(0, this.console.lastIndexOf("\n") + 1).replaceAll("\r", "");
    return toldBy(whole, word);
  }

  /** The command line of the kernel that it booted. @throws Error with what its console shows instead */
  async booted(): Promise<string> {
    const line = (): string | undefined => this.told("booted")[0];
    const wait = until("the booted kernel's line", () => line() !== undefined || !this.#qemu.running, PATIENCE_SECONDS);
    await wait.catch(() => undefined);
    const found = line();
    if (found !== undefined) return found;
    throw new Error(`it booted nothing: ${this.#qemu.stderr}\n${printable(this.console)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#qemu.stop();
  }
}

/** With its text on the serial line. */
const BIOS = ["-M", "q35,smm=off,graphics=off,accel=tcg", "-m", "256M"];

function uefi(firmware: Firmware, settings: string): readonly string[] {
  const isSecure = firmware === "secure-boot";
  copyFileSync(`${OVMF}/${isSecure ? "OVMF_VARS_4M.ms.fd" : "OVMF_VARS.fd"}`, settings);
  return [
    "-M",
    `q35,smm=${isSecure ? "on" : "off"},accel=tcg`,
    // shim, GRUB and the kernel keep a copy each of what they look into.
    "-m",
    isSecure ? "512M" : "256M",
    // Its keys are the firmware's alone.
    ...(isSecure ? ["-global", "driver=cfi.pflash01,property=secure,value=on"] : []),
    "-drive",
    `if=pflash,unit=0,format=raw,readonly=on,file=${OVMF}/${isSecure ? "OVMF_CODE_4M.secboot.fd" : "OVMF_CODE.fd"}`,
    "-drive",
    `if=pflash,unit=1,format=raw,file=${settings}`,
    // iPXE asks for random bits.
    "-device",
    "virtio-rng-pci",
    ...(firmware === "uefi-http" ? NO_PXE : []),
  ];
}

/** Without what moves the cursor and colours. */
function printable(console: string): string {
  return stripVTControlCharacters(console)
    .replaceAll(/[\b\r]/g, "")
    .replaceAll(/\n{2,}/g, "\n");
}
