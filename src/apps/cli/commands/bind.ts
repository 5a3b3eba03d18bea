/** bind, unbind: KubeVirt's job by hand, for a pod that somebody else made. */
import { join, resolve } from "node:path";
import { NetloomError } from "../../../base/errors.ts";
import { BINDING_KINDS } from "../../../compile/binding/binding.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import { bind, type BindSettings, bindUnitName, unbind } from "../../../engine/bind.ts";
import { Healer } from "../../../engine/heal.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import { serveLocally } from "../../../engine/local-services.ts";
import type { Outcome } from "../../../engine/reconcile.ts";
import type { ServiceHost } from "../../../engine/service-host.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { findServiceList } from "../../../services/keeper/service-list.ts";
import { takeLock } from "../../../store/lock.ts";
import { createStateFolder, tidyStateFolder } from "../../../store/state-folder.ts";
import { type Command, usageError } from "../command.ts";
import { print, printJson, reportError, STDERR_LOGGER } from "../output.ts";
import { type OutputForm, readOutput, readSettings, readTargets, type Target, TARGET_OPTIONS } from "./bind-options.ts";
import { tellBinding } from "./bind-output.ts";

/** One bind of an interface at a time; different interfaces do not wait for each other. */
function lockTarget(where: Target, purpose: string): Disposable {
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
  example: "netloom bind --netns pod1 --interface eth0 --foreground",
  operands: [],
  summary:
    "Take over a pod's interface for a VM: bridge, tap and a DHCP server for exactly that guest. Ends with SIGTERM or Ctrl-C and restores the pod.",
  options: {
    ...TARGET_OPTIONS,
    binding: {
      value: BINDING_KINDS.join("|"),
      help: "bridge: the guest takes the pod's place; masquerade: the pod keeps its addresses and hides the guest; macvtap: as bridge, by a macvtap on the interface itself (default bridge)",
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
    const binds = readTargets(invocation, "bind");
    const settings = binds.map((_, i) => readSettings(invocation, i));
    const form = readOutput(invocation);
    return invocation.flag("foreground") ? bindHere(binds, settings, form) : bindByDaemon(binds, settings, form);
  },
};

/** @returns the exit code; of several binds, each stands or fails alone */
async function bindByDaemon(
  binds: readonly Target[],
  settings: readonly BindSettings[],
  form: OutputForm,
): Promise<number> {
  const { stateFolder } = binds[0]!;
  const daemon = await DaemonClient.find(stateFolder);
  if (daemon === undefined)
    throw usageError(
      `bind: no daemon runs for ${stateFolder}, and --foreground is missing`,
      "Somebody must serve the guest: start `netloom daemon`, or let this process do it with --foreground.",
    );
  let code = 0;
  for (const [i, where] of binds.entries()) {
    const { stateFolder: _stateFolder, ...place } = where;
    const { resolvConf, ...further } = settings[i]!;
    const request = { ...place, ...further, ...(resolvConf === undefined ? {} : { resolvConf: resolve(resolvConf) }) };
    code = Math.max(
      code,
      await alone(binds, form, async () => {
        const { binding, notes } = await daemon.call("bind", request);
        tellBinding(where, binding, notes, form);
      }),
    );
  }
  return code;
}

async function bindHere(
  binds: readonly Target[],
  settings: readonly BindSettings[],
  form: OutputForm,
): Promise<number> {
  using stop = stopSignal();
  const bound: Target[] = [];
  const locks: Disposable[] = [];
  let code = 0;
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    code = Math.max(code, await alone(binds, form, work));
  };
  try {
    await using services = serveLocally(STDERR_LOGGER);
    for (const [i, where] of binds.entries()) {
      await attempt(async () => {
        refuseListed(where);
        locks.push(lockTarget(where, `bind ${where.interfaceName} in ${where.namespace}`));
        const result = await bind({ ...where, ...settings[i]! }, services);
        bound.push(where);
        tellBinding(where, result.binding, [...result.notes, ...result.outcome.notes], form);
      });
    }
    if (bound.length === 0) return code;
    {
      await using _healer = healAlone(bound, services);
      await stop.told;
    }
    for (const where of bound) await attempt(async () => void (await unbind(where, services)));
    return code;
  } finally {
    for (const lock of locks) lock[Symbol.dispose]();
  }
}

/** The only one's failure is the command's; of several, each is told and the others go on. @returns the exit code */
async function alone(binds: readonly Target[], form: OutputForm, work: () => Promise<void>): Promise<number> {
  if (binds.length === 1) {
    await work();
    return 0;
  }
  try {
    await work();
    return 0;
  } catch (error) {
    return reportError(error, form === "json");
  }
}

/** Keeps the binds as they are as long as this process serves them; nobody else changes them, as we hold their locks. */
function healAlone(binds: readonly Target[], services: ServiceHost): Healer {
  const healer = new Healer({
    stateFolder: binds[0]!.stateFolder,
    services,
    exclusively: async (_, work) => {
      await work();
      return true;
    },
    report: ({ kind, ...fields }) => STDERR_LOGGER.info(kind, fields),
    log: STDERR_LOGGER,
  });
  for (const { namespace, interfaceName } of binds) healer.add(bindUnitName(namespace, interfaceName));
  return healer;
}

/** @throws NetloomError bound-otherwise */
function refuseListed(where: Target): void {
  if (!isListed(where)) return;
  throw new NetloomError(
    "bound-otherwise",
    `bind ${where.interfaceName} in ${where.namespace}: it is bound already, and a daemon serves it`,
    { hint: `Give it back first: netloom unbind --netns ${where.namespace} --interface ${where.interfaceName}` },
  );
}

export const unbindCommand: Command = {
  name: "unbind",
  operands: [],
  summary: "Give a pod's interface back after a bind that was killed.",
  options: TARGET_OPTIONS,
  async run(invocation) {
    const binds = readTargets(invocation, "unbind");
    const form = invocation.flag("json") ? "json" : "qemu";
    let code = 0;
    for (const where of binds) code = Math.max(code, await alone(binds, form, () => unbindOne(where, form === "json")));
    return code;
  },
};

async function unbindOne(where: Target, json: boolean): Promise<void> {
  const { stateFolder, ...place } = where;
  const daemon = await DaemonClient.find(stateFolder);
  if (daemon !== undefined) {
    tellUnbound(where, await daemon.call("unbind", place), json);
    return;
  }
  using _lock = lockTarget(where, `unbind ${where.interfaceName} in ${where.namespace}`);
  tellUnbound(where, await unbindAlone(where), json);
}

async function unbindAlone(where: Target): Promise<Outcome> {
  // A daemon bound it: what it serves is listed for the next keeper.
  if (isListed(where)) return unbind(where, keeperServices(where.stateFolder));
  await using services = serveLocally(STDERR_LOGGER);
  return unbind(where, services);
}

/** Whether a daemon, or the keeper after it, serves the guest. */
function isListed({ stateFolder, namespace, interfaceName }: Target): boolean {
  return findServiceList(stateFolder).units[bindUnitName(namespace, interfaceName)] !== undefined;
}

function tellUnbound(
  { interfaceName, namespace }: Target,
  { steps, notes }: { readonly steps: readonly unknown[]; readonly notes: readonly string[] },
  json: boolean,
): void {
  if (json) {
    printJson({ steps, notes });
    return;
  }
  for (const note of notes) print(`note: ${note}`);
  if (steps.length === 0) print("nothing was bound");
  else print(`${interfaceName} in ${namespace} is as it was${notes.length === 0 ? "" : ", as far as that is known"}`);
}
