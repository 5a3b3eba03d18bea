/** bind, unbind: KubeVirt's job by hand, for a pod that somebody else made. */
import { join } from "node:path";
import { requirePrivilege } from "../../../kernel/features.ts";
import { bind, bindUnitName, canonicalNamespace, unbind } from "../../../engine/bind.ts";
import { interfaceNameFault } from "../../../model/names.ts";
import { serveLocally } from "../../../engine/local-services.ts";
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
    if (!invocation.flag("foreground"))
      throw usageError(
        "bind: --foreground is missing",
        "bind serves DHCP as long as it runs; say that you mean it with --foreground.",
      );
    const resolvConf = invocation.option("resolv-conf");

    using stop = stopSignal();
    using _lock = lockTarget(where, `bind ${where.interfaceName} in ${where.namespace}`);
    await using services = serveLocally(STDERR_LOGGER);
    const result = await bind(
      { ...where, profile, tapName, ...(resolvConf === undefined ? {} : { resolvConf }) },
      services,
    );
    if (invocation.flag("json")) printJson(result.binding);
    else {
      for (const note of [...result.notes, ...result.outcome.notes]) print(`note: ${note}`);
      print(`${where.interfaceName} in ${where.namespace} is bound: start the guest inside the namespace with`);
      print(`  ${result.binding.qemuArguments.join(" ")}`);
    }
    await stop.told;
    await unbind(where, services);
    return 0;
  },
};

export const unbindCommand: Command = {
  name: "unbind",
  operands: [],
  summary: "Give a pod's interface back after a bind that was killed.",
  options: TARGET_OPTIONS,
  async run(invocation) {
    const where = target(invocation, "unbind");
    using _lock = lockTarget(where, `unbind ${where.interfaceName} in ${where.namespace}`);
    await using services = serveLocally(STDERR_LOGGER);
    const outcome = await unbind(where, services);
    if (invocation.flag("json")) printJson({ steps: outcome.steps });
    else
      print(
        outcome.steps.length === 0 ? "nothing was bound" : `${where.interfaceName} in ${where.namespace} is as it was`,
      );
    return 0;
  },
};
