/** bind, unbind: KubeVirt's job by hand, for a pod that somebody else made. */
import { join, resolve } from "node:path";
import { NetloomError } from "../../../base/errors.ts";
import { BINDING_KINDS } from "../../../compile/binding/binding.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import {
  type Binding,
  bind,
  type BindSettings,
  bindUnitName,
  canonicalNamespace,
  unbind,
} from "../../../engine/bind.ts";
import { Healer } from "../../../engine/heal.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import type { Outcome } from "../../../engine/reconcile.ts";
import { serveLocally } from "../../../engine/local-services.ts";
import type { ServiceHost } from "../../../engine/service-host.ts";
import { readServiceList } from "../../../services/keeper/service-list.ts";
import { takeLock } from "../../../store/lock.ts";
import { createStateFolder, stateFolderPath, tidyStateFolder } from "../../../store/state-folder.ts";
import { type Command, type Invocation, usageError } from "../command.ts";
import { complain, print, printJson, STDERR_LOGGER } from "../output.ts";

const TARGET_OPTIONS = {
  netns: { value: "NAME|PATH", help: "the pod's network namespace: a name under /run/netns or a path" },
  interface: { value: "IF", help: "the pod's interface (default eth0)" },
} as const;

function target(
  invocation: Invocation,
  command: string,
): { namespace: string; interfaceName: string; stateFolder: string } {
  const given = invocation.option("netns");
  if (given === undefined || given === "")
    throw usageError(`${command}: --netns is missing`, "Say which pod: --netns NAME or --netns /proc/PID/ns/net");
  return {
    namespace: canonicalNamespace(given),
    interfaceName: invocation.option("interface") ?? "eth0",
    stateFolder: stateFolderPath(invocation.option("state")),
  };
}

/** One bind of an interface at a time; different interfaces do not wait for each other. */
function lockTarget(where: ReturnType<typeof target>, purpose: string): Disposable {
  requirePrivilege();
  createStateFolder(where.stateFolder);
  const lock = takeLock(join(where.stateFolder, "locks", bindUnitName(where.namespace, where.interfaceName)), purpose);
  return {
    [Symbol.dispose]() {
      lock.release();
      tidyStateFolder(where.stateFolder);
    },
  };
}

/** `told` resolves with SIGTERM or SIGINT; until disposed of, the process lives, also where it serves nothing. */
function stopSignal(): Disposable & { readonly told: Promise<void> } {
  const heartbeat = setInterval(() => undefined, 60_000);
  const told = new Promise<void>((resolve) => {
    process.once("SIGTERM", resolve);
    process.once("SIGINT", resolve);
  });
  return { told, [Symbol.dispose]: () => clearInterval(heartbeat) };
}

type OutputForm = "qemu" | "libvirt" | "json";

function readOutput(invocation: Invocation): OutputForm {
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

/** @throws NetloomError usage */
function readSettings(invocation: Invocation): BindSettings {
  const binding = oneOf(invocation, "binding", BINDING_KINDS);
  const dhcp = oneOf(invocation, "dhcp", ["single", "none"]);
  const tapName = invocation.option("tap") ?? "tap0";
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
    ...(binding === undefined ? {} : { binding }),
    ...(dhcp === undefined ? {} : { dhcp }),
    ...(lease === undefined ? {} : { leaseSeconds: readSeconds(lease) }),
    ...(ports === undefined ? {} : { ports: ports.split(",").map(readPort) }),
    ...(queues === undefined ? {} : { queues: Number(queues) }),
    ...(resolvConf === undefined ? {} : { resolvConf }),
  };
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

export const bindCommand: Command = {
  name: "bind",
  operands: [],
  summary:
    "Take over a pod's interface for a VM: bridge, tap and a DHCP server for exactly that guest. Ends with SIGTERM or Ctrl-C and restores the pod.",
  options: {
    ...TARGET_OPTIONS,
    binding: {
      value: BINDING_KINDS.join("|"),
      help: "bridge: the guest takes the pod's place; masquerade: the pod keeps its addresses and hides the guest (default bridge)",
    },
    profile: { value: "legacy|modern", help: "names and addresses of KubeVirt 0.4.1 or of today (default modern)" },
    tap: { value: "NAME", help: "name of the tap that the guest is plugged into (default tap0)" },
    "resolv-conf": {
      value: "FILE",
      help: "the pod's name servers (default /etc/netns/NAME/resolv.conf, else the host's)",
    },
    dhcp: { value: "single|none", help: "whether the guest is told its addresses (default single)" },
    lease: { value: "TIME", help: "for how long an address is given: 20s, 12h, 7d (default 999d)" },
    ports: { value: "PORT/PROTOCOL,…", help: "masquerade: only these reach the guest, as 80/tcp,53/udp (default all)" },
    queues: { value: "N", help: "pairs of queues of the tap, 1 to 16 (default 1)" },
    output: { value: "qemu|libvirt", help: "QEMU's arguments, or an interface for a libvirt domain (default qemu)" },
    foreground: { help: "serve DHCP in this process until it is told to stop" },
  },
  async run(invocation) {
    const where = target(invocation, "bind");
    const settings = readSettings(invocation);
    const form = readOutput(invocation);
    if (!invocation.flag("foreground")) {
      const { stateFolder, ...place } = where;
      const daemon = await DaemonClient.find(stateFolder);
      if (daemon === undefined)
        throw usageError(
          `bind: no daemon runs for ${stateFolder}, and --foreground is missing`,
          "Somebody must serve the guest: start `netloom daemon`, or let this process do it with --foreground.",
        );
      const answer = await daemon.call("bind", {
        ...place,
        ...settings,
        ...(settings.resolvConf === undefined ? {} : { resolvConf: resolve(settings.resolvConf) }),
      });
      tellBinding(where, answer.binding, answer.notes, form);
      return 0;
    }

    using stop = stopSignal();
    if (isListed(where)) {
      throw new NetloomError(
        "bound-otherwise",
        `bind ${where.interfaceName} in ${where.namespace}: it is bound already, and a daemon serves it`,
        { hint: `Give it back first: netloom unbind --netns ${where.namespace} --interface ${where.interfaceName}` },
      );
    }
    using _lock = lockTarget(where, `bind ${where.interfaceName} in ${where.namespace}`);
    await using services = serveLocally(STDERR_LOGGER);
    const result = await bind({ ...where, ...settings }, services);
    tellBinding(where, result.binding, [...result.notes, ...result.outcome.notes], form);
    {
      await using _healer = healAlone(where, services);
      await stop.told;
    }
    await unbind(where, services);
    return 0;
  },
};

function tellBinding(
  where: ReturnType<typeof target>,
  binding: Binding,
  notes: readonly string[],
  form: OutputForm,
): void {
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
  print(`  ${binding.qemuArguments.join(" ")}`);
}

/** Keeps the bind as it is as long as this process serves it; nobody else changes it, as we hold its lock. */
function healAlone(where: ReturnType<typeof target>, services: ServiceHost): Healer {
  const unit = bindUnitName(where.namespace, where.interfaceName);
  const healer = new Healer({
    stateFolder: where.stateFolder,
    services,
    exclusively: async (_, work) => {
      await work();
      return true;
    },
    report: ({ kind, ...fields }) => STDERR_LOGGER.info(kind, fields),
    log: STDERR_LOGGER,
  });
  healer.add(unit);
  return healer;
}

export const unbindCommand: Command = {
  name: "unbind",
  operands: [],
  summary: "Give a pod's interface back after a bind that was killed.",
  options: TARGET_OPTIONS,
  async run(invocation) {
    const where = target(invocation, "unbind");
    const { stateFolder, ...place } = where;
    const daemon = await DaemonClient.find(stateFolder);
    if (daemon !== undefined) {
      const { steps } = await daemon.call("unbind", place);
      tellUnbound(where, steps, invocation.flag("json"));
      return 0;
    }
    using _lock = lockTarget(where, `unbind ${where.interfaceName} in ${where.namespace}`);
    const outcome = await unbindAlone(where);
    tellUnbound(where, outcome.steps, invocation.flag("json"));
    return 0;
  },
};

async function unbindAlone(where: ReturnType<typeof target>): Promise<Outcome> {
  // A daemon bound it: what it serves is listed for the next keeper.
  if (isListed(where)) return unbind(where, keeperServices(where.stateFolder));
  await using services = serveLocally(STDERR_LOGGER);
  return unbind(where, services);
}

/** Whether a daemon, or the keeper after it, serves the guest. */
function isListed({ stateFolder, namespace, interfaceName }: ReturnType<typeof target>): boolean {
  return readServiceList(stateFolder)[bindUnitName(namespace, interfaceName)] !== undefined;
}

function tellUnbound(where: ReturnType<typeof target>, steps: readonly unknown[], json: boolean): void {
  if (json) printJson({ steps });
  else print(steps.length === 0 ? "nothing was bound" : `${where.interfaceName} in ${where.namespace} is as it was`);
}
