/** QEMU's command line for a machine: pure, so that a table can test it. */
import type { VmObject } from "../../state/object/vm.ts";
import { VM_FILES } from "./folder.ts";
import {
  assignPorts,
  countPorts,
  deviceProperties,
  formatProperties,
  netdevProperties,
  portProperties,
} from "./nic.ts";

/** What the command line needs beyond the declared machine. */
interface QemuSetting {
  readonly accelerator: "kvm" | "tcg";
  /** Absolute path; QEMU locks this file, so a second QEMU of the same machine refuses to start. */
  readonly pidFile: string;
  /** What tells this guest from any other, also over QMP: RFC 9562. */
  readonly uuid: string;
  /** Descriptors of the open taps: for each NIC in order those of its queues. */
  readonly tapDescriptors: readonly (readonly number[])[];
}

/**
 * One thread for all processors: until QEMU 8.1 an emulated processor that writes to a device, while another one
 * changes what is mapped where, ends QEMU by SIGSEGV. A NIC that is unplugged changes it.
 */
const EMULATION = "tcg,thread=single";

/**
 * The arguments of qemu-system-x86_64, which is to run in the machine's own folder: sockets and logs are named
 * relative to it, so that the folder's name may be of any length.
 *
 * QMP and the console are Unix sockets of QEMU: it keeps running when nobody is connected. A reboot of the guest
 * restarts it in the same process.
 */
export function qemuArguments(machine: VmObject, setting: QemuSetting): string[] {
  const log = `logfile=${VM_FILES.consoleLog},logappend=on`;
  const words = [
    ["-name", escapeValue(machine.name)],
    ["-uuid", setting.uuid],
    ["-M", "q35,smm=off"],
    ["-accel", setting.accelerator === "kvm" ? "kvm" : EMULATION],
    ["-cpu", "max,-la57"],
    ["-smp", String(machine.cpus)],
    ["-m", `${machine.memoryMebibytes}M`],
    ["-nodefaults", "-no-user-config", "-display", "none"],
    ["-pidfile", setting.pidFile],
    ["-qmp", `unix:${VM_FILES.qmpSocket},server=on,wait=off`],
    ["-chardev", `socket,id=console,path=${VM_FILES.consoleSocket},server=on,wait=off,${log}`],
    ["-serial", "chardev:console"],
    ["-device", "virtio-rng-pci"],
  ].flat();
  if (machine.kernel !== undefined) words.push("-kernel", machine.kernel);
  if (machine.initrd !== undefined) words.push("-initrd", machine.initrd);
  if (machine.append !== undefined) words.push("-append", machine.append);
  if (machine.image !== undefined) {
    words.push("-drive", `if=none,id=disk0,format=${imageFormat(machine.image)},file=${escapeValue(machine.image)}`);
    words.push("-device", "virtio-blk-pci,drive=disk0");
  }
  const ports = assignPorts(machine.nics);
  for (let port = 0; port < countPorts(machine.nics.length); port++) {
    words.push("-device", formatProperties(portProperties(port)));
  }
  machine.nics.forEach((nic, i) => {
    words.push("-netdev", formatProperties(netdevProperties(nic, setting.tapDescriptors[i] ?? [])));
    words.push("-device", formatProperties(deviceProperties(nic, ports.get(nic.id) ?? i)));
  });
  return words;
}

/**
 * By the file's name alone. Its first bytes are the guest's to write: one that had a raw disk could make it look
 * like a qcow2 image over any file of the host.
 */
function imageFormat(path: string): "raw" | "qcow2" {
  return path.toLowerCase().endsWith(".qcow2") ? "qcow2" : "raw";
}

/** In a value of QEMU's option syntax a comma is doubled. */
function escapeValue(value: string): string {
  return value.replaceAll(",", ",,");
}
