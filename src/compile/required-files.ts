/** Files of the host that the machines of a model need. */
import type { Model, VmMachine } from "../model/model.ts";

const FILE_KEYS = ["image", "kernel", "initrd"] as const;

/** A file that a VM needs, with the key of the network file that names it. */
interface RequiredFile {
  readonly machine: string;
  readonly key: (typeof FILE_KEYS)[number];
  readonly path: string;
}

/** Disk images, kernels and initial RAM disks of all VMs. */
export function requiredFiles(model: Model): readonly RequiredFile[] {
  const vms = model.machines.filter((machine): machine is VmMachine => machine.kind === "vm");
  return vms.flatMap((vm) =>
    FILE_KEYS.flatMap((key) => {
      const path = vm[key];
      return path === undefined ? [] : [{ machine: vm.name, key, path }];
    }),
  );
}
