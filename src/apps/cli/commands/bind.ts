/** bind, unbind: KubeVirt's job by hand, for a pod that somebody else made. */
import { join, resolve } from "node:path";
import { NetloomError } from "../../../base/errors.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import { type Binding, bind, bindUnitName, canonicalNamespace, unbind } from "../../../engine/bind.ts";
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
import { print, printJson, STDERR_LOGGER } from "../output.ts";

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

export const bindCommand: Command = {
  name: "bind",
  operands: [],
  summary:
    "Take over a pod's interface for a VM: bridge, tap and a DHCP server for exactly that guest. Ends with SIGTERM or Ctrl-C and restores the pod.",
  options: {
    ...TARGET_OPTIONS,
    binding: { value: "bridge", help: "how the guest gets the pod's network (default bridge)" },
    profile: { value: "legacy|modern", help: "names and addresses of KubeVirt 0.4.1 or of today (default modern)" },
    tap: { value: "NAME", help: "name of the tap that the guest is plugged into (default tap0)" },
    "resolv-conf": {
      value: "FILE",
      help: "the pod's name servers (default /etc/netns/NAME/resolv.conf, else the host's)",
    },
    foreground: { help: "serve DHCP in this process until it is told to stop" },
  },
  async run(invocation) {
    const where = target(invocation, "bind");
    const binding = invocation.option("binding") ?? "bridge";
    if (binding !== "bridge") throw usageError(`bind: --binding ${binding}: only "bridge" is supported`);
    const profile = invocation.option("profile") ?? "modern";
    if (profile !== "legacy" && profile !== "modern")
      throw usageError(`bind: --profile ${profile}: not "legacy" or "modern"`);
    const tapName = invocation.option("tap") ?? "tap0";
    const fault = interfaceNameFault(tapName);
    if (fault !== undefined) throw usageError(`bind: --tap ${tapName}: it ${fault}`);
    const resolvConf = invocation.option("resolv-conf");
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
        profile,
        tapName,
        ...(resolvConf === undefined ? {} : { resolvConf: resolve(resolvConf) }),
      });
      tellBinding(where, answer.binding, answer.notes, invocation.flag("json"));
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
    const result = await bind(
      { ...where, profile, tapName, ...(resolvConf === undefined ? {} : { resolvConf }) },
      services,
    );
    tellBinding(where, result.binding, [...result.notes, ...result.outcome.notes], invocation.flag("json"));
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
  json: boolean,
): void {
  if (json) {
    printJson(binding);
    return;
  }
  for (const note of notes) print(`note: ${note}`);
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
