/**
 * Model and facts to desired state. Pure: the same file on the same host always asks for the same objects.
 *
 * Keys are stable and readable ("link/lan", "link/pod1/0", "address/pod1/0/192.0.2.2", "vm/vm1"), so that a changed
 * file changes only what differs. The pod's end of a veth pair keeps its key when a VM takes it over.
 */
import type { Model, NamespaceMachine, VmMachine } from "../model/model.ts";
import type { Desired } from "../state/desired.ts";
import type { StateObject } from "../state/object.ts";
import { checkAgainstHost, portNotes } from "./checks.ts";
import { declaredBy } from "./declared.ts";
import type { Facts } from "./facts.ts";
import { inputNotes } from "./input-notes.ts";
import { layOut } from "./layout.ts";
import { compileGuards, guardNotes } from "./guard.ts";
import { bootNotes, compileBootServers } from "./network-boot.ts";
import { compileNetworkDhcp } from "./network-dhcp.ts";
import { compileNetworkDns, dnsNotes } from "./network-dns.ts";
import { compileNetworkIp6 } from "./network-ip6.ts";
import { compileNamespaces, compileNetwork, namespaceNotes } from "./networks.ts";
import { compilePod } from "./pods.ts";
import { resolverNotes } from "./resolver.ts";
import { compileRouters, routerNotes } from "./routers.ts";
import { compileTaps } from "./taps.ts";
import { compileUplinkParameters, compileUplinks, uplinkNotes } from "./uplinks.ts";
import { compileVm, compileVmInPod } from "./vms.ts";

export interface Compiled {
  readonly desired: Desired;
  /** What a person should know about the outcome, one sentence each. */
  readonly notes: readonly string[];
}

/** @throws PlanningError (code cannot-plan) with everything on this host that stands against the file */
export function compile(model: Model, facts: Facts): Compiled {
  const layout = layOut(model, facts);
  checkAgainstHost(model, layout, facts);
  const notes = [
    ...layout.notes,
    ...namespaceNotes(layout, facts),
    ...portNotes(layout, facts),
    ...resolverNotes(layout, facts),
    ...dnsNotes(layout, facts),
    ...inputNotes(layout, facts),
    ...routerNotes(model, layout, facts),
    ...uplinkNotes(model, facts),
    ...guardNotes(layout, facts),
    ...bootNotes(layout),
  ];
  const objects: StateObject[] = [
    ...compileNamespaces(layout, facts),
    ...[...layout.networks.values()].flatMap((place) => compileNetwork(place, facts)),
  ];
  objects.push(...compileUplinkParameters(model));
  objects.push(...compileRouters(model, layout, facts), ...compileUplinks(model, facts));
  const vms = model.machines.filter((machine): machine is VmMachine => machine.kind === "vm");
  const pods = model.machines.filter((machine): machine is NamespaceMachine => machine.kind === "namespace");
  const guests: StateObject[] = [];
  for (const pod of pods) {
    const vm = vms.find((candidate) => candidate.pod === pod.name);
    const compiled = compilePod(pod, vm, layout, facts);
    objects.push(...compiled.objects);
    notes.push(...compiled.notes);
    if (vm !== undefined) guests.push(compileVmInPod(vm, pod, compiled.bound, layout));
  }
  objects.push(...compileNetworkDhcp(model.machines, layout, facts, model.name));
  objects.push(...compileNetworkIp6(model.machines, layout, facts, model.name));
  objects.push(...compileBootServers(layout, model.name));
  objects.push(...compileNetworkDns(model.machines, layout, facts, model.name));
  for (const vm of vms) {
    if (vm.pod !== undefined) continue;
    objects.push(...compileTaps(vm, layout, facts));
    guests.push(compileVm(vm, layout));
  }
  objects.push(...compileGuards(objects, layout, facts, ({ network }) => network.device));
  const desired: Desired = { objects: [...objects, ...guests], absent: [], ...declaredBy(model, layout, facts) };
  return { desired, notes: [...new Set(notes)] };
}
