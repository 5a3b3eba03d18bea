/**
 * Whether a guest really boots under /dev/kvm. The device alone proves nothing: on nested hosts it may open,
 * run the first instructions and hang. So a tiny guest is booted once, through the same firmware and processor
 * model as real ones, and the answer is kept until the machine boots again.
 */
import { spawn } from "node:child_process";
import { accessSync, closeSync, constants, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode, messageOf, NetloomError } from "../../base/errors.ts";
import { openNameless } from "../../kernel/nameless-file.ts";
import { bootId } from "../../kernel/process.ts";
import { readTextIfExists, writeAtomic } from "../../store/atomic-file.ts";

const LIMIT_MILLISECONDS = 2000;
/** What the tiny guest writes to the exit port; QEMU then ends with (value << 1) | 1. */
const EXIT_VALUE = 0x2a;

export interface AcceleratorChoice {
  readonly accelerator: "kvm" | "tcg";
  /** For people: "TCG: a guest did not boot under /dev/kvm within 2 s". */
  readonly reason: string;
}

interface BootTrial {
  readonly works: boolean;
  /** Why not; "" when it works. */
  readonly reason: string;
}

/** Where the answer for this boot is kept: $NETLOOM_KVM_CACHE, else kvm.json in the state folder. */
export function kvmCacheFile(stateFolder: string): string {
  const given = process.env["NETLOOM_KVM_CACHE"];
  return given === undefined || given === "" ? join(stateFolder, "kvm.json") : given;
}

/**
 * The accelerator for a machine that asks for `wanted`. Takes at most 2 s, the first time in a boot.
 * @throws NetloomError no-kvm when the machine insists on KVM and no guest boots under it
 */
export async function chooseAccelerator(wanted: "auto" | "kvm" | "tcg", cacheFile: string): Promise<AcceleratorChoice> {
  if (wanted === "tcg") return { accelerator: "tcg", reason: "TCG: the machine asks for it" };
  const trial = await probeKvm(cacheFile);
  if (trial.works) return { accelerator: "kvm", reason: "KVM: a guest booted under /dev/kvm" };
  if (wanted === "auto") return { accelerator: "tcg", reason: `TCG: ${trial.reason}` };
  throw new NetloomError("no-kvm", `start a guest with KVM: ${trial.reason}`, {
    hint: 'Let the machine use the accelerator "auto" or "tcg".',
  });
}

/** Whether a guest boots under KVM, tried at most once per boot of this machine and cache file. */
export async function probeKvm(cacheFile: string): Promise<BootTrial> {
  try {
    accessSync("/dev/kvm", constants.R_OK | constants.W_OK);
  } catch (error) {
    const missing = hasCode(error, "ENOENT");
    return { works: false, reason: missing ? "there is no /dev/kvm" : "/dev/kvm may not be opened by this user" };
  }
  const boot = bootId();
  const known = readCache(cacheFile, boot);
  if (known !== undefined) return known;
  const trial = await bootTinyGuest("kvm", LIMIT_MILLISECONDS);
  writeAtomic(cacheFile, JSON.stringify({ bootId: boot, ...trial }));
  return trial;
}

/**
 * Boot a guest that ends itself at once, with QEMU's flags of real guests; killed at the time limit, and with us: one that
 * hangs would keep a CPU busy for ever.
 */
export async function bootTinyGuest(accelerator: "kvm" | "tcg", limitMilliseconds: number): Promise<BootTrial> {
  const image = openNameless();
  try {
    writeFileSync(image, tinyBootDisk());
    return await new Promise((resolve) => {
      let complaint = "";
      let late = false;
      const guest = ["qemu-system-x86_64", ...tinyGuestArguments(accelerator)];
      const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...guest], {
        stdio: ["ignore", "ignore", "pipe", image],
      });
      const timer = setTimeout(() => {
        late = true;
        child.kill("SIGKILL");
      }, limitMilliseconds);
      child.stderr?.on("data", (piece: Buffer) => {
        complaint = (complaint + piece.toString("latin1")).slice(0, 1000);
      });
      child.once("error", (error) => {
        clearTimeout(timer);
        resolve({ works: false, reason: `qemu-system-x86_64 did not start by setpriv: ${messageOf(error)}` });
      });
      child.once("close", (code) => {
        clearTimeout(timer);
        if (code === ((EXIT_VALUE << 1) | 1)) resolve({ works: true, reason: "" });
        else if (late)
          resolve({
            works: false,
            reason: `a guest did not boot under ${nameOf(accelerator)} within ${limitMilliseconds / 1000} s`,
          });
        else
          resolve({
            works: false,
            reason: `a guest did not boot under ${nameOf(accelerator)}${complaint === "" ? "" : ` (${firstLine(complaint)})`}`,
          });
      });
    });
  } finally {
    closeSync(image);
  }
}

/** The disk is descriptor 3. */
function tinyGuestArguments(accelerator: "kvm" | "tcg"): string[] {
  return [
    ["-M", `q35,smm=off,accel=${accelerator}`],
    ["-cpu", "max,-la57"],
    ["-m", "32M"],
    ["-nodefaults", "-no-user-config", "-display", "none"],
    ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"],
    ["-drive", "if=none,id=disk0,format=raw,file=/proc/self/fd/3"],
    ["-device", "virtio-blk-pci,drive=disk0"],
  ].flat();
}

/**
 * A disk whose boot sector, loaded by the firmware at 0000:7c00 in real mode, says that it got there:
 *
 *     b0 2a    mov al, 0x2a
 *     e6 f4    out 0xf4, al     ; isa-debug-exit
 *     f4       hlt
 *     eb fd    jmp $-1
 *
 * The firmware takes a disk of less than a cylinder (504 KiB) for none.
 */
function tinyBootDisk(): Uint8Array {
  const disk = new Uint8Array(1024 * 1024);
  disk.set([0xb0, EXIT_VALUE, 0xe6, 0xf4, 0xf4, 0xeb, 0xfd]);
  disk.set([0x55, 0xaa], 510);
  return disk;
}

function readCache(cacheFile: string, boot: string): BootTrial | undefined {
  const text = readTextIfExists(cacheFile);
  if (text === undefined) return undefined;
  let cached: unknown;
  try {
    cached = JSON.parse(text);
  } catch {
    // Only an answer that can be found again; a damaged file is as good as none.
    return undefined;
  }
  if (typeof cached !== "object" || cached === null || !("bootId" in cached) || cached.bootId !== boot)
    return undefined;
  if (
    !("works" in cached) ||
    typeof cached.works !== "boolean" ||
    !("reason" in cached) ||
    typeof cached.reason !== "string"
  )
    return undefined;
  return { works: cached.works, reason: cached.reason };
}

function nameOf(accelerator: "kvm" | "tcg"): string {
  return accelerator === "kvm" ? "/dev/kvm" : "TCG";
}

function firstLine(text: string): string {
  return (text.split("\n")[0] ?? "").slice(0, 200);
}
