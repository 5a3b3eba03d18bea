/** VMs: inside a namespace machine, whose NICs they take over, or straight on networks. */
import type { Context } from "./context.ts";
import type { Addresses } from "./addresses.ts";
import type { BindingNic, NamespaceMachine, TapNic, VmMachine } from "./model.ts";
import { hostEndName, resolvePath, tapName } from "./names.ts";
import { dnsSettings } from "./network-dns.ts";
import type { FileShape } from "./schema.ts";

export type MachineShape = NonNullable<FileShape["machines"]>[string];
type VmShape = Extract<MachineShape, { kind: "vm" }>;
type PodVmShape = Extract<VmShape, { in: string }>;
type NetworkVmShape = Exclude<VmShape, PodVmShape>;

const DEFAULT_MEMORY_MEBIBYTES = 256;

interface VmSurroundings {
  readonly pods: ReadonlyMap<string, NamespaceMachine>;
  /** VM by pod. */
  readonly occupied: Map<string, string>;
  readonly folder: string;
  /** Of the NICs of each machine, in their order. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  readonly addresses: Addresses;
  readonly devices: Set<string>;
  /** Networks that have a DHCP server of their own. */
  readonly served: ReadonlySet<string>;
  /** The same of IPv6. */
  readonly served6: ReadonlySet<string>;
}

/** Whether a machine is a VM with NICs of its own. */
export function isOnNetworks(shape: MachineShape): shape is NetworkVmShape {
  return shape.kind === "vm" && !("in" in shape);
}

export function buildVm(name: string, shape: VmShape, around: VmSurroundings, context: Context): VmMachine {
  const path = ["machines", name];
  const boots = shape.image !== undefined || shape.kernel !== undefined;
  if (!boots) context.complainAtKey(path, "has nothing to boot from", "add image: or kernel:");
  for (const key of ["initrd", "append"] as const) {
    if (shape[key] !== undefined && shape.kernel === undefined && boots) {
      context.complainAtKey([...path, key], `${key} works only together with kernel`, `add kernel:, or remove ${key}`);
    }
  }
  const connected = isOnNetworks(shape)
    ? { nics: [], taps: buildTaps(name, shape, around, context), dns: dnsSettings(shape.dns) }
    : { pod: shape.in, nics: buildBindings(name, shape, around, context), taps: [], dns: {} };
  const files: { image?: string; kernel?: string; initrd?: string } = {};
  for (const key of ["image", "kernel", "initrd"] as const) {
    const given = shape[key];
    if (given === undefined) continue;
    files[key] = resolvePath(around.folder, given);
    context.record([...path, key], files[key], "declared");
  }
  return {
    kind: "vm",
    name,
    position: context.position(path, true),
    ...files,
    ...(shape.append === undefined ? {} : { append: shape.append }),
    memoryMebibytes: context.value([...path, "memory"], shape.memory, DEFAULT_MEMORY_MEBIBYTES),
    cpus: context.value([...path, "cpus"], shape.cpus, 1),
    accelerator: context.value([...path, "accelerator"], shape.accelerator, "auto"),
    ...connected,
  };
}

function buildTaps(
  name: string,
  shape: NetworkVmShape,
  { numbers, addresses, devices, served, served6 }: VmSurroundings,
  context: Context,
): readonly TapNic[] {
  return shape.nics.map((nic, index) => {
    const place = ["machines", name, "nics", index];
    const number = numbers.get(name)?.[index] ?? index;
    const hostDevice = hostEndName(name, tapName(number), devices);
    devices.add(hostDevice);
    const dhcp = context.value([...place, "dhcp"], nic.dhcp, served.has(nic.network) ? "network" : "single");
    if (dhcp === "none" && nic.options !== undefined)
      context.complain([...place, "options"], "are DHCP options, and dhcp is none", "remove them, or dhcp: none");
    return {
      number,
      position: context.position(place),
      network: nic.network,
      hostDevice,
      dhcp,
      // Whoever asks for a server of his own has it for both.
      dhcp6: dhcp === "none" || nic.dhcp === "single" || !served6.has(nic.network) ? ownServer(dhcp) : "network",
      queues: context.value([...place, "queues"], nic.queues, 1),
      ...addresses.of(name, number),
      macAddress: nic.mac ?? context.deriveMac([...place, "mac"], ["machines", name, "nics", number, "mac"]),
      options: nic.options ?? [],
    };
  });
}

function ownServer(dhcp: TapNic["dhcp"]): TapNic["dhcp6"] {
  return dhcp === "none" ? "none" : "single";
}

function buildBindings(
  name: string,
  shape: PodVmShape,
  { pods, occupied }: VmSurroundings,
  context: Context,
): readonly BindingNic[] {
  checkPod(name, shape.in, pods, occupied, context);
  const path = ["machines", name, "nics"];
  const declared: NonNullable<PodVmShape["nics"]> = shape.nics ?? [{ binding: "bridge" }];
  const inPod = pods.has(shape.in) ? context.machine(shape.in).nicCount : undefined;
  if (inPod !== undefined && declared.length > inPod) {
    context.complain(
      shape.nics === undefined ? path.slice(0, -1) : path,
      `binds ${declared.length} NICs, the pod ${shape.in} has ${inPod}`,
      `each NIC of the VM takes over the pod's NIC of the same place: add NICs to ${shape.in}`,
    );
  }
  return declared.map((nic, index) => {
    const place = [...path, index];
    const binding = context.value([...place, "binding"], nic.binding, "bridge");
    const dhcp = context.value([...place, "dhcp"], nic.dhcp, "single");
    if (nic.ports !== undefined && binding !== "masquerade")
      context.complainAtKey(
        [...place, "ports"],
        `the binding ${binding} gives the guest the pod's address with all its ports`,
        "remove ports, or write binding: masquerade",
      );
    if (binding === "masquerade" && index > 0)
      context.complain(
        [...place, "binding"],
        "only the first NIC of a guest can be masqueraded: its private network exists once in a pod",
        "write binding: bridge here",
      );
    if (nic.profile === "legacy" && binding !== "bridge")
      context.complain([...place, "profile"], "is only there for binding: bridge", "remove it");
    if (dhcp === "none" && nic.options !== undefined)
      context.complain([...place, "options"], "are DHCP options, and dhcp is none", "remove them, or dhcp: none");
    return {
      index,
      position: context.position(place),
      binding,
      profile: context.value([...place, "profile"], nic.profile, "modern"),
      dhcp,
      queues: context.value([...place, "queues"], nic.queues, 1),
      ...(nic.ports === undefined ? {} : { ports: nic.ports }),
      options: nic.options ?? [],
    };
  });
}

function checkPod(
  name: string,
  pod: string,
  pods: ReadonlyMap<string, NamespaceMachine>,
  occupied: Map<string, string>,
  context: Context,
): void {
  const path = ["machines", name, "in"];
  context.checkReference(path, pod, "machines", "machine");
  const other = occupied.get(pod);
  if (other !== undefined)
    context.complain(path, `the pod ${pod} holds the VM ${other} already`, "give each VM a pod of its own");
  occupied.set(pod, name);
  if (pod === name) context.complain(path, "names the VM itself", "name a machine of kind: namespace");
  else if (!pods.has(pod) && context.machine(pod).kind === "vm")
    context.complain(path, `${pod} is a VM`, "name a machine of kind: namespace");
}
