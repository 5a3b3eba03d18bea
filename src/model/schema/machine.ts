/** The shape of namespaces and guests. */
import * as v from "valibot";
import { customOptions } from "../dhcp-options.ts";
import { described, type JsonSchema, jsonOf, when } from "../json-schema.ts";
import { commandLine, guestPort, integer, ipv4, ipv6, mac, memory, path, reference, word } from "../leaf.ts";
import { suggestion } from "../suggest.ts";
import {
  BINDING_NIC_TEXTS,
  NAMESPACE_NIC_TEXTS,
  NAMESPACE_TEXTS,
  NETWORK_VM_TEXTS,
  POD_VM_TEXTS,
  TAP_NIC_TEXTS,
} from "../texts/machine.ts";
import { isMap, list, map, NOT_A_MAP } from "./containers.ts";
import { dns } from "./name-servers.ts";

/** NICs of one machine; QEMU's machine type has room for little more. */
const MAXIMUM_NICS = 16;

/** QEMU gives each queue a thread of the kernel's vhost; more than a few serve nobody. */
const MAXIMUM_QUEUES = 8;

const namespaceMachine = map(
  {
    kind: word(["namespace"]),
    nics: list(
      map(
        {
          network: reference,
          address: v.exactOptional(ipv4),
          address6: v.exactOptional(ipv6),
          mac: v.exactOptional(mac),
        },
        NAMESPACE_NIC_TEXTS,
      ),
      MAXIMUM_NICS,
      "NICs",
    ),
    dns: v.exactOptional(dns),
  },
  NAMESPACE_TEXTS,
);

const bindingNic = map(
  {
    binding: word(["bridge", "masquerade", "macvtap"], ["user", "passt", "sriov"]),
    profile: v.exactOptional(word(["modern", "legacy"])),
    dhcp: v.exactOptional(word(["single", "none"], ["network"])),
    queues: v.exactOptional(integer(1, MAXIMUM_QUEUES, " queues")),
    ports: v.exactOptional(list(guestPort, 256, "ports")),
    options: v.exactOptional(customOptions),
  },
  BINDING_NIC_TEXTS,
);

const tapNic = map(
  {
    network: reference,
    address: v.exactOptional(ipv4),
    address6: v.exactOptional(ipv6),
    mac: v.exactOptional(mac),
    dhcp: v.exactOptional(word(["single", "network", "none"])),
    queues: v.exactOptional(integer(1, MAXIMUM_QUEUES, " queues")),
    options: v.exactOptional(customOptions),
  },
  TAP_NIC_TEXTS,
);

const guest = {
  kind: word(["vm"]),
  image: v.exactOptional(path),
  kernel: v.exactOptional(path),
  initrd: v.exactOptional(path),
  append: v.exactOptional(commandLine),
  memory: v.exactOptional(memory),
  cpus: v.exactOptional(integer(1, 255, " CPUs")),
  accelerator: v.exactOptional(word(["auto", "kvm", "tcg"])),
};

const vmInPod = map(
  { ...guest, in: reference, nics: v.exactOptional(list(bindingNic, MAXIMUM_NICS, "NICs")) },
  POD_VM_TEXTS,
);

const vmOnNetworks = map(
  {
    ...guest,
    nics: list(tapNic, MAXIMUM_NICS, "NICs"),
    dns: v.exactOptional(dns),
  },
  NETWORK_VM_TEXTS,
);

/** A machine whose kind is missing or not known: nothing else in it can be judged. */
const unknownKind = v.pipe(
  v.unknown(),
  v.rawTransform<unknown, never>(({ dataset, addIssue, NEVER }) => {
    const input = isMap(dataset.value) ? dataset.value : {};
    const kinds = ["namespace", "vm"];
    const message = input.kind === undefined ? 'the key "kind" is missing' : "is not a kind of machine";
    const expected = typeof input.kind === "string" ? suggestion(input.kind, kinds) : "add kind: namespace or kind: vm";
    addIssue({ message, expected, path: [{ type: "object", origin: "value", input, key: "kind", value: input.kind }] });
    return NEVER;
  }),
);

/** Whether the NICs are those of a VM in a pod, whose `in` was forgotten. */
function bindsNics(nics: unknown): boolean {
  return Array.isArray(nics) && nics.some((nic) => isMap(nic) && "binding" in nic);
}

/** The rule of `machine`, for JSON Schema. */
function machineJson(): JsonSchema {
  const isNamespace = { properties: { kind: { const: "namespace" } }, required: ["kind"] };
  const isVm = { properties: { kind: { const: "vm" } }, required: ["kind"] };
  const binds = { type: "object", required: ["binding"] };
  const inPod = {
    anyOf: [{ required: ["in"] }, { properties: { nics: { type: "array", contains: binds } }, required: ["nics"] }],
  };
  return {
    type: "object",
    required: ["kind"],
    properties: { kind: { title: "Kind", enum: ["namespace", "vm"] } },
    allOf: [
      when(isNamespace, jsonOf(namespaceMachine)),
      when({ allOf: [isVm, inPod] }, jsonOf(vmInPod)),
      when({ allOf: [isVm, { not: inPod }] }, jsonOf(vmOnNetworks)),
    ],
  };
}

export const machine = described(
  v.lazy<typeof namespaceMachine | typeof vmInPod | typeof vmOnNetworks | typeof unknownKind>((input) => {
    if (!isMap(input)) return NOT_A_MAP;
    if (input.kind === "namespace") return namespaceMachine;
    if (input.kind !== "vm") return unknownKind;
    return "in" in input || bindsNics(input.nics) ? vmInPod : vmOnNetworks;
  }),
  machineJson(),
);
