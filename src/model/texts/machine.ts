/** The keys of namespaces, guests and their NICs. */
import type { KeyText } from "../json-schema.ts";

const MACHINE_DNS = { title: "Name servers and search domains", otherwise: "the network's" } as const;
const MAC = {
  title: "MAC address",
  description: "unicast MAC address, in quotes",
  otherwise: "derived from the file's name, the machine and the NIC",
} as const;

export const NAMESPACE_TEXTS = {
  kind: { title: "Kind", description: "A named network namespace, as a pod or container has it" },
  nics: { title: "NICs", description: "list of at most 16; they are called eth0, eth1, … inside" },
  dns: MACHINE_DNS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const NAMESPACE_NIC_TEXTS = {
  network: { title: "Network", description: "name of a network" },
  address: {
    title: "IPv4 address",
    description: "IPv4 address in the network's subnet",
    otherwise: "the lowest free one",
  },
  address6: {
    title: "IPv6 address",
    description: "IPv6 address in the network's subnet6",
    otherwise: "the lowest free one",
  },
  mac: MAC,
} as const satisfies Readonly<Record<string, KeyText>>;

const GUEST_TEXTS = {
  kind: { title: "Kind", description: "A QEMU guest, straight on networks or inside a namespace machine." },
  image: { title: "Disk image", description: "disk image" },
  kernel: { title: "Kernel", description: "kernel to boot directly" },
  initrd: { title: "Initial RAM disk", description: "initial RAM disk, only with kernel", otherwise: "none" },
  append: { title: "Kernel command line", description: "kernel command line, only with kernel", otherwise: "none" },
  memory: { title: "Memory", description: "size with its unit, 32M to 4096G", default: "256M" },
  cpus: { title: "CPUs", description: "1 to 255", default: 1 },
  accelerator: {
    title: "Accelerator",
    description: "kvm, tcg, or auto: KVM where a guest really boots under it",
    default: "auto",
  },
} as const satisfies Readonly<Record<string, KeyText>>;
const QUEUES = { title: "Queues", description: "1 to 8 pairs of queues", default: 1 } as const;
const OPTIONS = {
  title: "DHCP options",
  description: "further DHCP options: 42, 66, 67 and 224 to 254",
  otherwise: "none",
} as const;

export const POD_VM_TEXTS = {
  ...GUEST_TEXTS,
  in: { title: "Pod", description: "name of a namespace machine; each VM has one of its own" },
  nics: {
    title: "NICs",
    description: "list, not longer than the pod's",
    default: [{ binding: "bridge" }],
  },
} as const satisfies Readonly<Record<string, KeyText>>;

export const BINDING_NIC_TEXTS = {
  binding: {
    title: "Binding",
    description:
      "bridge: the guest has the pod's MAC and addresses, IPv6 included. masquerade: the pod keeps them, the guest is 10.0.2.2 and fd10:0:2::2 behind it; first NIC only. macvtap: as bridge, by a macvtap on the pod's interface instead of a bridge.",
  },
  profile: {
    title: "Profile",
    description: "modern: KubeVirt's names of today; legacy: those of KubeVirt 0.4.1, bridge only",
    default: "modern",
  },
  dhcp: {
    title: "DHCP",
    description: "single: the guest is told its addresses; none: it is not",
    default: "single",
  },
  queues: QUEUES,
  ports: {
    title: "Ports",
    description: "list such as [8080/tcp, 53/udp]: what of the pod leads to the guest; masquerade only",
    otherwise: "everything",
  },
  options: OPTIONS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const NETWORK_VM_TEXTS = {
  ...GUEST_TEXTS,
  nics: { title: "NICs", description: "list of at most 16" },
  dns: MACHINE_DNS,
} as const satisfies Readonly<Record<string, KeyText>>;

export const TAP_NIC_TEXTS = {
  network: { title: "Network", description: "name of a network" },
  address: {
    title: "IPv4 address",
    description: "the guest's addresses",
    otherwise: "allocated as for namespaces; with dhcp: none none",
  },
  address6: {
    title: "IPv6 address",
    description: "the guest's addresses",
    otherwise: "allocated as for namespaces; with dhcp: none none",
  },
  mac: MAC,
  dhcp: {
    title: "DHCP",
    description:
      "single: a server on the tap, for this guest alone. network: the network's server on the bridge. none: nothing is served; an address is kept free for the guest.",
    otherwise: "single; network where the network has dhcp, for IPv6 where it has ipv6",
  },
  queues: QUEUES,
  options: OPTIONS,
} as const satisfies Readonly<Record<string, KeyText>>;
