/** Keys that the network file will have and that nothing reads yet: they are refused, never ignored. */
import type { Path } from "./mistakes.ts";

/** By path, `*` standing for any name or index; the value says what works today. */
const LATER: Readonly<Record<string, string>> = {
  rules: "remove it; the forward rules of a router are fixed for now",
  limits: "remove it; bandwidth is not limited for now",
  cluster: "remove it; a file describes one host for now",
  "networks.*.subnet6": "remove it; networks are IPv4 only for now",
  "networks.*.gateway6": "remove it; networks are IPv4 only for now",
  "networks.*.dhcp": "remove it; a VM gets its pod's address by DHCP through its binding",
  "networks.*.boot": "remove it; give the VM an image, or a kernel and an initrd",
  "networks.*.physical": "remove it; networks are bridges on this host for now",
  "networks.*.id": "remove it; networks are bridges on this host for now",
  "networks.*.dns.domain": "use dns: { search: [lan.example] }",
  "networks.*.dns.forward": "use dns: { servers: [192.0.2.53] }",
  "networks.*.dns.mode": "use dns: { servers: [192.0.2.53] }",
  "networks.*.dns.allow": "use dns: { servers: [192.0.2.53] }",
  "routers.*.forward": "remove it; new connections from outside are dropped",
  "routers.*.floating": "remove it; new connections from outside are dropped",
  "routers.*.ttl": "remove it",
  "machines.*.nics.*.address6": "remove it; networks are IPv4 only for now",
  "machines.*.nics.*.queues": "remove it",
};

/** A VM's NIC that names a network: the file format has it, nothing builds it yet. */
const VM_NIC_KEYS: Readonly<Record<string, string>> = {
  network: "run the VM in a pod (in: pod1) and bind the pod's NIC: nics: [{ binding: bridge }]",
  address: "give the address to the pod's NIC; the guest takes it over",
  mac: "give the MAC to the pod's NIC; the guest takes it over",
};

/** What to do instead of a key that is not supported yet; undefined: no such key is planned. */
export function unsupportedRemedy(path: Path, inVm: boolean): string | undefined {
  const last = path.at(-1);
  if (inVm && path.length === 5 && path[2] === "nics" && typeof last === "string" && Object.hasOwn(VM_NIC_KEYS, last))
    return VM_NIC_KEYS[last];
  const pattern = path.map((part, index) => (index === 1 || typeof part === "number" ? "*" : part)).join(".");
  return Object.hasOwn(LATER, pattern) ? LATER[pattern] : undefined;
}
