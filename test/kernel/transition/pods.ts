/** Pods as others make them, with `ip`, on a bridge br-pods of the sandbox that is the pod network. */
import { bindPod } from "../../../src/compile/binding/binding.ts";
import type { BoundPod, PodBinding } from "../../../src/compile/binding/pod-binding.ts";
import { discoverPodInterface } from "../../../src/compile/binding/pod-interface.ts";
import { observe } from "../../../src/kernel/observe.ts";
import { shell } from "../../support/network.ts";

export function makePodNetwork(): void {
  shell(`ip link add br-pods type bridge forward_delay 0
    ip address add 192.0.2.1/24 dev br-pods
    ip address add 2001:db8::1/64 dev br-pods nodad
    ip link set br-pods up`);
}

/** A namespace of that name with an eth0 on the pod network; `lines` are commands after `ip -n NAME`. */
export function makePod(name: string, lines: readonly string[], { detectDuplicates = false } = {}): void {
  shell(`ip netns add ${name}
    ${detectDuplicates ? "" : `nsenter --net=/run/netns/${name} sh -c 'for c in all default; do echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done'`}
    ip link add host-${name} type veth peer name eth0 address 0a:58:c0:00:02:05 mtu 1440 netns ${name}
    ip link set host-${name} mtu 1440 master br-pods up
    ip -n ${name} link set lo up
    ip -n ${name} link set eth0 up`);
  for (const line of lines) shell(`ip -n ${name} ${line}`);
  shell(`for i in $(seq 100); do [ -n "$(ip -n ${name} -6 address show tentative)" ] || break; sleep 0.05; done`);
}

export function removePod(name: string): void {
  // A namespace ends some time after its name: its end of the pair must not keep this name busy.
  shell(`ip link delete host-${name}; ip netns delete ${name}`);
}

export async function bindingOf(
  name: string,
  options: Pick<PodBinding, "profile"> & Partial<PodBinding>,
): Promise<BoundPod> {
  const snapshot = await observe({ namespaces: [{ name }], files: [] });
  const observed = snapshot.namespaces[name];
  if (observed === null || observed === undefined) throw new Error(`no namespace ${name}`);
  const context = { namespace: name, interfaceName: "eth0", dns: { servers: [], search: [] }, hostName: name };
  const pod = discoverPodInterface(observed, context);
  return bindPod("bridge", { pod, features: { dummy: false }, nicIndex: 0, tapName: "tap0", ...options });
}
