/** Namespace machines and the VMs inside them. */
import { allocateAddresses, type Claim } from "./addresses.ts";
import type { Context } from "./context.ts";
import type { BindingNic, Machine, NamespaceMachine, Network, PodNic, VmMachine } from "./model.ts";
import { hostEndName, podInterfaceName, resolvePath } from "./names.ts";
import { dnsSettings } from "./networks.ts";
import type { FileShape } from "./schema.ts";

type MachineShape = NonNullable<FileShape["machines"]>[string];
type NamespaceShape = Extract<MachineShape, { kind: "namespace" }>;
type VmShape = Extract<MachineShape, { kind: "vm" }>;

const DEFAULT_MEMORY_MEBIBYTES = 256;

export interface MachineSurroundings {
  /** Relative paths of the file start here. */
  readonly folder: string;
  /** Addresses of an earlier run, by "pod1/0". */
  readonly previous: ReadonlyMap<string, string>;
  readonly networks: readonly Network[];
  /** Interface names on the host that are spoken for. */
  readonly devices: ReadonlySet<string>;
}

export function buildMachines(file: FileShape, around: MachineSurroundings, context: Context): readonly Machine[] {
  const shapes = Object.entries(file.machines ?? {});
  const pods = buildPods(
    shapes.flatMap(([name, shape]) => (shape.kind === "namespace" ? [[name, shape] as const] : [])),
    around,
    context,
  );
  const occupied = new Map<string, string>();
  return shapes.flatMap(([name, shape]): readonly Machine[] => {
    if (shape.kind === "namespace") return [pods.get(name)!];
    return [buildVm(name, shape, pods, occupied, around.folder, context)];
  });
}

/** Take all declared MAC addresses, before any is derived: a derived one gives way. */
export function claimDeclaredMacs(file: FileShape, context: Context): void {
  for (const [name, shape] of Object.entries(file.machines ?? {})) {
    if (shape.kind !== "namespace") continue;
    shape.nics.forEach((nic, index) => {
      const path = ["machines", name, "nics", index, "mac"];
      if (nic.mac === undefined) return;
      context.claimMac(path, nic.mac);
      context.record(path, nic.mac, "declared");
    });
  }
}

function buildPods(
  shapes: readonly (readonly [string, NamespaceShape])[],
  around: MachineSurroundings,
  context: Context,
): ReadonlyMap<string, NamespaceMachine> {
  const networks = new Map(around.networks.map((network) => [network.name, network]));
  const claims: Claim[] = [];
  for (const [name, shape] of shapes) {
    shape.nics.forEach((nic, index) => {
      const path = ["machines", name, "nics", index];
      context.checkReference([...path, "network"], nic.network, "networks", "network");
      const network = networks.get(nic.network);
      if (network !== undefined)
        claims.push({ path: [...path, "address"], key: `${name}/${index}`, network, declared: nic.address });
    });
  }
  const addresses = allocateAddresses(claims, around.networks, around.previous, context);
  const devices = new Set(around.devices);
  const pods = new Map<string, NamespaceMachine>();
  for (const [name, shape] of shapes) {
    const path = ["machines", name];
    const nics = shape.nics.flatMap((nic, index): readonly PodNic[] => {
      const place = [...path, "nics", index];
      const address = addresses.get(`${name}/${index}`);
      const hostDevice = hostEndName(name, index, devices);
      devices.add(hostDevice);
      // Without an address there is a mistake, and no model in the end.
      if (address === undefined) return [];
      const macAddress = nic.mac ?? context.deriveMac([...place, "mac"]);
      const interfaceName = podInterfaceName(index);
      return [
        {
          index,
          position: context.position(place),
          network: nic.network,
          interfaceName,
          hostDevice,
          address,
          macAddress,
        },
      ];
    });
    pods.set(name, {
      kind: "namespace",
      name,
      position: context.position(path, true),
      nics,
      dns: dnsSettings(shape.dns),
    });
  }
  return pods;
}

function buildVm(
  name: string,
  shape: VmShape,
  pods: ReadonlyMap<string, NamespaceMachine>,
  occupied: Map<string, string>,
  folder: string,
  context: Context,
): VmMachine {
  const path = ["machines", name];
  checkPod(name, shape.in, pods, occupied, context);
  const boots = shape.image !== undefined || shape.kernel !== undefined;
  if (!boots) context.complainAtKey(path, "has nothing to boot from", "add image: or kernel:");
  for (const key of ["initrd", "append"] as const) {
    if (shape[key] !== undefined && shape.kernel === undefined && boots) {
      context.complainAtKey([...path, key], `${key} works only together with kernel`, `add kernel:, or remove ${key}`);
    }
  }
  const nics = buildBindings(name, shape, pods.get(shape.in), context);
  const files: { image?: string; kernel?: string; initrd?: string } = {};
  for (const key of ["image", "kernel", "initrd"] as const) {
    const given = shape[key];
    if (given === undefined) continue;
    files[key] = resolvePath(folder, given);
    context.record([...path, key], files[key], "declared");
  }
  return {
    kind: "vm",
    name,
    position: context.position(path, true),
    pod: shape.in,
    ...files,
    ...(shape.append === undefined ? {} : { append: shape.append }),
    memoryMebibytes: context.value([...path, "memory"], shape.memory, DEFAULT_MEMORY_MEBIBYTES),
    cpus: context.value([...path, "cpus"], shape.cpus, 1),
    accelerator: context.value([...path, "accelerator"], shape.accelerator, "auto"),
    nics,
  };
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

function buildBindings(
  name: string,
  shape: VmShape,
  pod: NamespaceMachine | undefined,
  context: Context,
): readonly BindingNic[] {
  const path = ["machines", name, "nics"];
  const declared: NonNullable<VmShape["nics"]> = shape.nics ?? [{ binding: "bridge" }];
  const inPod = pod === undefined ? undefined : context.machine(shape.in).nicCount;
  if (inPod !== undefined && declared.length > inPod) {
    context.complain(
      shape.nics === undefined ? path.slice(0, -1) : path,
      `binds ${declared.length} NICs, the pod ${shape.in} has ${inPod}`,
      `each NIC of the VM takes over the pod's NIC of the same place: add NICs to ${shape.in}`,
    );
  }
  return declared.map((nic, index) => {
    const place = [...path, index];
    return {
      index,
      position: context.position(place),
      binding: context.value([...place, "binding"], nic.binding, "bridge"),
      profile: context.value([...place, "profile"], nic.profile, "modern"),
      options: nic.options ?? [],
    };
  });
}
