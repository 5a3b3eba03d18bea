/** attach: connect a namespace, a tap or an interface of somebody else to a network of an applied file. */
import {
  type IpAddress,
  type Ipv4Address,
  type Ipv6Address,
  type MacAddress,
  parseIp,
  parseIpv4,
  parseIpv6,
  parseMac,
} from "../../../base/address.ts";
import { messageOf } from "../../../base/errors.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { attach } from "../../../engine/attach.ts";
import type { AttachRequest, AttachTarget } from "../../../engine/attach-request.ts";
import { canonicalNamespace } from "../../../engine/bind.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import { interfaceNameFault, nameFault } from "../../../model/names.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { lockFolder } from "../lock-folder.ts";
import { complain, print, printJson } from "../output.ts";

/** What is attached, and its name. */
export const TARGET_OPTIONS = {
  netns: { value: "NAME|PATH", help: "a network namespace: a name under /run/netns or a path" },
  tap: { value: "NAME", help: "a tap of this name" },
  interface: {
    value: "IF",
    help: "an interface that others made, where the network is; with --netns the new interface's name (default eth0)",
  },
  name: { value: "NAME", help: "the attachment's own name (default NETNS-IF, the tap's or the interface's)" },
} as const;

/** Undefined: none was named. @throws NetloomError usage */
export function readTarget(invocation: Invocation, command: string): AttachTarget | undefined {
  const namespace = invocation.option("netns");
  const tapName = invocation.option("tap");
  const interfaceName = invocation.option("interface");
  if (tapName !== undefined && (namespace !== undefined || interfaceName !== undefined))
    throw usageError(`${command}: --tap excludes --netns and --interface`);
  for (const [option, name] of [
    ["tap", tapName],
    ["interface", interfaceName],
  ] as const) {
    const fault = name === undefined ? undefined : interfaceNameFault(name);
    if (fault !== undefined) throw usageError(`${command}: --${option} ${name}: it ${fault}`);
  }
  if (namespace !== undefined)
    return { kind: "namespace", namespace: canonicalNamespace(namespace), interfaceName: interfaceName ?? "eth0" };
  if (tapName !== undefined) return { kind: "tap", tapName };
  return interfaceName === undefined ? undefined : { kind: "interface", interfaceName };
}

/** @throws NetloomError usage */
export function readName(invocation: Invocation, command: string): string | undefined {
  const name = invocation.option("name");
  const fault = name === undefined ? undefined : nameFault(name);
  if (fault !== undefined) throw usageError(`${command}: --name ${name}: it ${fault}`);
  return name;
}

function readRequest(invocation: Invocation): AttachRequest {
  const target = readTarget(invocation, "attach");
  if (target === undefined)
    throw usageError("attach: say what to attach", "--netns NAME, --tap NAME or --interface IF");
  const forTap = ["owner", "queues", "dhcp", "output"].find((option) => invocation.option(option) !== undefined);
  if (forTap !== undefined && target.kind !== "tap") throw usageError(`attach: --${forTap} is for --tap only`);
  const forOwn = ["address", "address6", "mac", "dns"].find((option) => invocation.option(option) !== undefined);
  if (forOwn !== undefined && target.kind === "interface")
    throw usageError(`attach: --${forOwn} is not for --interface, which keeps what it has`);
  if (target.kind === "namespace" && target.namespace.startsWith("/") && invocation.option("dns") !== undefined)
    throw usageError("attach: --dns is for named namespaces only", "Others have no resolv.conf of their own.");
  const name = readName(invocation, "attach");
  const address = parsed<Ipv4Address>(invocation, "address", parseIpv4);
  const address6 = parsed<Ipv6Address>(invocation, "address6", parseIpv6);
  const macAddress = parsed<MacAddress>(invocation, "mac", parseMac);
  const dns = parsed<IpAddress[]>(invocation, "dns", (text) => text.split(",").map(parseIp));
  return {
    network: invocation.positionals[0]!,
    target: target.kind === "tap" ? { ...target, ...tapSettings(invocation) } : target,
    ...(name === undefined ? {} : { name }),
    ...(address === undefined ? {} : { address }),
    ...(address6 === undefined ? {} : { address6 }),
    ...(macAddress === undefined ? {} : { macAddress }),
    ...(dns === undefined ? {} : { dns }),
  };
}

/** A guest is given its addresses for the MAC that it has. */
function tapSettings(invocation: Invocation): Pick<AttachTarget & { kind: "tap" }, "ownerUid" | "queues" | "dhcp"> {
  const owner = invocation.option("owner");
  const queues = invocation.option("queues");
  const dhcp = invocation.option("dhcp");
  if (owner !== undefined && !/^\d{1,10}$/.test(owner))
    throw usageError(`attach: --owner ${owner}: not a user's number`);
  if (queues !== undefined && !/^(?:[1-9]|1[0-6])$/.test(queues))
    throw usageError(`attach: --queues ${queues}: not a number from 1 to 16`);
  const mode = (["none", "single", "network"] as const).find((value) => value === dhcp);
  if (dhcp !== undefined && mode === undefined) throw usageError(`attach: --dhcp ${dhcp}: not none, single or network`);
  return {
    ...(owner === undefined ? {} : { ownerUid: Number(owner) }),
    ...(queues === undefined ? {} : { queues: Number(queues) }),
    ...(mode === undefined ? {} : { dhcp: mode }),
  };
}

function parsed<Value>(invocation: Invocation, option: string, parse: (text: string) => Value): Value | undefined {
  const text = invocation.option(option);
  if (text === undefined) return undefined;
  try {
    return parse(text);
  } catch (error) {
    throw usageError(`attach: --${option}: ${messageOf(error)}`);
  }
}

export const attachCommand: Command = {
  name: "attach",
  operands: ["NETWORK"],
  summary:
    "Connect a namespace, a tap or an interface of somebody else to an applied file's network (NETWORK or FILE/NETWORK).",
  options: {
    ...TARGET_OPTIONS,
    address: { value: "ADDRESS", help: "IPv4 address (default: a free one of the network)" },
    address6: { value: "ADDRESS", help: "IPv6 address (default: a free one, where the network has IPv6)" },
    mac: { value: "MAC", help: "of the interface in the namespace, or of the guest on the tap" },
    dns: { value: "ADDRESS,…", help: "name servers: for the namespace's resolv.conf, or told to the guest on the tap" },
    owner: { value: "UID", help: "user who may open the tap" },
    queues: { value: "N", help: "pairs of queues of the tap, 1 to 16 (default 1)" },
    dhcp: {
      value: "none|single|network",
      help: "who tells the guest on the tap its addresses: nobody, a server on the tap, one on the bridge (default none)",
    },
    output: {
      value: "qemu|libvirt",
      help: "of a tap: QEMU's arguments, or an interface for a libvirt domain (default qemu)",
    },
  },
  async run(invocation) {
    const request = readRequest(invocation);
    const form = invocation.option("output") ?? "qemu";
    if (form !== "qemu" && form !== "libvirt") throw usageError(`attach: --output ${form}: not qemu or libvirt`);
    const state = stateFolderPath(invocation.option("state"));
    const { attachment, notes } = await attached(state, request);
    if (invocation.flag("json")) {
      printJson({ ...attachment, notes });
      return 0;
    }
    for (const note of notes) (form === "libvirt" ? complain : print)(`note: ${note}`);
    print(form === "libvirt" ? libvirtInterface(attachment) : describe(attachment));
    return 0;
  },
};

async function attached(state: string, request: AttachRequest): Promise<ResponseOf<"attach">> {
  const daemon = await DaemonClient.find(state);
  if (daemon !== undefined) return daemon.call("attach", request);
  using _lock = lockFolder(state, `attach to ${request.network}`);
  return attach(state, request, keeperServices(state));
}

type Attachment = ResponseOf<"attach">["attachment"];

function describe({ name, bridge, device, addresses, qemuArguments }: Attachment): string {
  const has = addresses.length === 0 ? "" : ` with ${addresses.join(", ")}`;
  return [
    `${name} is attached to ${bridge} through ${device}${has}`,
    ...(qemuArguments === undefined ? [] : ["start the guest with", `  ${qemuArguments.join(" ")}`]),
  ].join("\n");
}

function libvirtInterface({ device, mac, mtuBytes, queues = 1 }: Attachment): string {
  return [
    "<interface type='ethernet'>",
    `  <target dev='${device}' managed='no'/>`,
    ...(mac === undefined ? [] : [`  <mac address='${mac}'/>`]),
    ...(mtuBytes === undefined ? [] : [`  <mtu size='${mtuBytes}'/>`]),
    "  <model type='virtio'/>",
    ...(queues > 1 ? [`  <driver queues='${queues}'/>`] : []),
    "  <rom enabled='no'/>",
    "</interface>",
  ].join("\n");
}
