/** The words behind bind and unbind: which interfaces, and how. */
import { BINDING_KINDS } from "../../../compile/binding/binding.ts";
import { type BindSettings, canonicalNamespace } from "../../../engine/bind.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { type Invocation, usageError } from "../command.ts";

export const TARGET_OPTIONS = {
  netns: { value: "NAME|PATH", help: "the pod's network namespace: a name under /run/netns or a path" },
  interface: { value: "IF", repeatable: true, help: "the pod's interface (default eth0); each with a tap of its own" },
} as const;

/** An interface of a pod. */
export interface Target {
  readonly namespace: string;
  readonly interfaceName: string;
  readonly stateFolder: string;
}

/** @throws NetloomError usage */
export function readTargets(invocation: Invocation, command: string): Target[] {
  const given = invocation.option("netns");
  if (given === undefined)
    throw usageError(`${command}: --netns is missing`, "Say which pod: --netns NAME or --netns /proc/PID/ns/net");
  const namespace = canonicalNamespace(given);
  const stateFolder = stateFolderPath(invocation.option("state"));
  const names = invocation.optionList("interface");
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw usageError(`${command}: --interface ${twice} is given twice`);
  return (names.length === 0 ? ["eth0"] : names).map((interfaceName) => ({ namespace, interfaceName, stateFolder }));
}

export type OutputForm = "qemu" | "libvirt" | "json";

export function readOutput(invocation: Invocation): OutputForm {
  if (invocation.flag("json")) return "json";
  return oneOf(invocation, "output", ["qemu", "libvirt"]) ?? "qemu";
}

/** @throws NetloomError usage */
function oneOf<const Value extends string>(
  invocation: Invocation,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const given = invocation.option(name);
  if (given === undefined) return undefined;
  const found = values.find((value) => value === given);
  if (found === undefined) throw usageError(`bind: --${name} ${given}: not ${values.join(" or ")}`);
  return found;
}

/** Of the interface at that position: the taps are numbered on from the first. @throws NetloomError usage */
export function readSettings(invocation: Invocation, position: number): BindSettings {
  const binding = oneOf(invocation, "binding", BINDING_KINDS);
  const dhcp = oneOf(invocation, "dhcp", ["single", "none"]);
  const tapName = numberedOn(invocation.option("tap") ?? "tap0", position);
  const fault = interfaceNameFault(tapName);
  if (fault !== undefined) throw usageError(`bind: --tap ${tapName}: it ${fault}`);
  const resolvConf = invocation.option("resolv-conf");
  const lease = invocation.option("lease");
  const ports = invocation.option("ports");
  if (ports !== undefined && binding !== "masquerade")
    throw usageError("bind: --ports is for --binding masquerade only");
  const queues = invocation.option("queues");
  if (queues !== undefined && !/^(?:[1-9]|1[0-6])$/.test(queues))
    throw usageError(`bind: --queues ${queues}: not a number from 1 to 16`);
  return {
    profile: oneOf(invocation, "profile", ["legacy", "modern"]) ?? "modern",
    tapName,
    ...(position === 0 ? {} : { nicIndex: position }),
    ...(binding === undefined ? {} : { binding }),
    ...(dhcp === undefined ? {} : { dhcp }),
    ...(lease === undefined ? {} : { leaseSeconds: readSeconds(lease) }),
    ...(ports === undefined ? {} : { ports: ports.split(",").map(readPort) }),
    ...(queues === undefined ? {} : { queues: Number(queues) }),
    ...(resolvConf === undefined ? {} : { resolvConf }),
  };
}

/** tap0, tap1, …; vnet, vnet1, … */
function numberedOn(name: string, position: number): string {
  if (position === 0) return name;
  const [, stem = name, number = "0"] = /^(.*?)(\d+)$/.exec(name) ?? [];
  return `${stem}${Number(number) + position}`;
}

const SECONDS_OF_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 } as const;
const LONGEST_LEASE_SECONDS = 0xffff_fffe;

function readSeconds(text: string): number {
  const parsed = /^([1-9]\d{0,9})([smhd])$/.exec(text);
  const seconds = parsed === null ? 0 : Number(parsed[1]) * SECONDS_OF_UNIT[parsed[2] as keyof typeof SECONDS_OF_UNIT];
  if (seconds === 0 || seconds > LONGEST_LEASE_SECONDS)
    throw usageError(`bind: --lease ${text}: not a time with its unit s, m, h or d, as 20s or 12h`);
  return seconds;
}

function readPort(text: string): { protocol: "tcp" | "udp"; port: number } {
  const [, number, protocol] = /^([1-9]\d{0,4})\/(tcp|udp)$/.exec(text) ?? [];
  if (number === undefined || Number(number) > 65_535)
    throw usageError(`bind: --ports ${text}: not a port with its protocol, as 80/tcp`);
  return { protocol: protocol === "tcp" ? "tcp" : "udp", port: Number(number) };
}
