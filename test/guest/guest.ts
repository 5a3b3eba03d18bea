/** A guest that a test starts itself, as whoever calls `netloom bind` would: QEMU in the pod's namespace. */
import { GUEST_INITRD, GUEST_KERNEL, GUEST_KERNEL_ARGUMENTS, toldBy } from "../support/guest-image.ts";
import { type Result, Running, until } from "../support/network.ts";

/** A guest that boots in 2.5 s alone takes much longer on a busy machine, and forty times as long inside another guest. */
const PATIENCE_SECONDS = 300;

export class Guest implements AsyncDisposable {
  readonly #qemu: Running;

  /**
   * @param qemuArguments what `bind` printed
   * @param words for the guest's first program, "nl.ping=192.0.2.1"
   * @param descriptors that QEMU gets as 3, 4, …
   */
  constructor(
    namespace: string,
    qemuArguments: readonly string[],
    words: readonly string[],
    descriptors: readonly number[] = [],
  ) {
    // Without a source of randomness dhclient waits for the kernel to have gathered enough.
    const machine =
      "-M q35,smm=off,accel=tcg -cpu max,-la57 -m 128M -nodefaults -display none -serial stdio -device virtio-rng-pci";
    const command = [
      "nsenter",
      `--net=/run/netns/${namespace}`,
      "qemu-system-x86_64",
      ...machine.split(" "),
      "-kernel",
      GUEST_KERNEL,
      "-initrd",
      GUEST_INITRD,
      "-append",
      [GUEST_KERNEL_ARGUMENTS, ...words].join(" "),
      ...qemuArguments,
    ];
    this.#qemu = new Running(command, {}, descriptors);
  }

  get console(): string {
    return this.#qemu.stdout;
  }

  /** Values of the lines "GUEST word value" so far. */
  told(word: string): string[] {
    return toldBy(this.console, word);
  }

  /** Wait until the console shows it `times` times. @throws Error with what QEMU or the guest said instead */
  async shows(text: string, times = 1): Promise<void> {
    const seen = (): boolean => this.console.split(text).length > times;
    const wait = until(text, () => seen() || !this.#qemu.running, PATIENCE_SECONDS);
    await wait.catch((cause: unknown) => {
      throw new Error(`the guest does not say "${text}"; it said:\n${this.console}`, { cause });
    });
    if (!seen()) throw new Error(`the guest ended without "${text}": ${this.#qemu.stderr}\n${this.console}`);
  }

  ended(): Promise<Result> {
    return this.#qemu.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#qemu.stop();
  }
}
