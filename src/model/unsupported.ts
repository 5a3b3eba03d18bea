/** Keys that the network file will have and that nothing reads yet: they are refused, never ignored. */
import type { Path } from "./mistakes.ts";

/** By path, `*` standing for any name or index; the value says what works today. */
const LATER: Readonly<Record<string, string>> = {
  rules: "remove it; the forward rules of a router are fixed for now",
  limits: "remove it; bandwidth is not limited for now",
  cluster: "remove it; a file describes one host for now",
  "networks.*.physical": "remove it; networks are bridges on this host for now",
  "networks.*.id": "remove it; networks are bridges on this host for now",
  "routers.*.forward": "remove it; new connections from outside are dropped",
  "routers.*.floating": "remove it; new connections from outside are dropped",
  "routers.*.ttl": "remove it",
};

/** Keys of a VM's NIC that stand elsewhere when the VM is in a pod. */
const NOT_IN_A_POD: Readonly<Record<string, string>> = {
  network: "bind the pod's NIC: nics: [{ binding: bridge }]; or remove in: and give the VM a NIC of its own",
  address: "give the address to the pod's NIC; the guest takes it over",
  address6: "give the address to the pod's NIC; the guest takes it over",
  mac: "give the MAC to the pod's NIC; the guest takes it over",
};

/** Keys of a VM's NIC that only a VM in a pod has. */
const ONLY_IN_A_POD: Readonly<Record<string, string>> = {
  binding: "name the network instead: nics: [{ network: lan }]; or the pod that it runs in: in: pod1",
  profile: "remove it; it names what a binding makes inside a pod",
  ports: "remove it; a guest on a network is reached on all its ports",
};

/** What to do instead of a key that belongs to VMs of the other kind; undefined: it does not. */
export function misplacedRemedy(path: Path, inPod: boolean): string | undefined {
  const last = path.at(-1);
  if (path.length === 3 && last === "dns" && inPod) return "give it to the pod; the guest is told what the pod knows";
  if (path.length !== 5 || path[2] !== "nics" || typeof last !== "string") return undefined;
  const keys = inPod ? NOT_IN_A_POD : ONLY_IN_A_POD;
  return Object.hasOwn(keys, last) ? keys[last] : undefined;
}

/** What to do instead of a key that is not supported yet; undefined: no such key is planned. */
export function unsupportedRemedy(path: Path): string | undefined {
  const pattern = path.map((part, index) => (index === 1 || typeof part === "number" ? "*" : part)).join(".");
  return Object.hasOwn(LATER, pattern) ? LATER[pattern] : undefined;
}
