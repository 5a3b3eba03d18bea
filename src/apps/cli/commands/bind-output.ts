/** What bind tells: how to start the guest. */
import type { Binding } from "../../../engine/bind.ts";
import { complain, print, printJson } from "../output.ts";
import type { OutputForm, Target } from "./bind-options.ts";

export function tellBinding(where: Target, binding: Binding, notes: readonly string[], form: OutputForm): void {
  if (form === "json") {
    printJson(binding);
    return;
  }
  // What is to be pasted stands alone on the standard output.
  for (const note of notes) (form === "libvirt" ? complain : print)(`note: ${note}`);
  if (form === "libvirt") {
    print(libvirtInterface(binding));
    return;
  }
  print(`${where.interfaceName} in ${where.namespace} is bound: start the guest inside the namespace with`);
  print(`  ${binding.qemuArguments.join(" ")}${deviceWords(binding)}`);
}

/** What opens the device of a macvtap for QEMU, in the shell's words; its node comes first where it has none. */
function deviceWords({ tap, tapType, device, queues }: Binding): string {
  if (tapType === "tap" || device === undefined) return "";
  const node = device.path ?? `/dev/netloom-${tap}`;
  const opened = Array.from({ length: queues }, (_, i) => ` ${3 + i}<>${node}`).join("");
  return device.path === undefined
    ? `${opened}\n  before that: mknod ${node} c ${device.major} ${device.minor}`
    : opened;
}

/** For a domain that libvirt starts in the pod's namespace: the tap is there and stays as it is. */
function libvirtInterface({ tap, mac, mtuBytes, queues }: Binding): string {
  return [
    "<interface type='ethernet'>",
    `  <target dev='${tap}' managed='no'/>`,
    `  <mac address='${mac}'/>`,
    `  <mtu size='${mtuBytes}'/>`,
    "  <model type='virtio'/>",
    ...(queues > 1 ? [`  <driver queues='${queues}'/>`] : []),
    "  <rom enabled='no'/>",
    "</interface>",
  ].join("\n");
}
