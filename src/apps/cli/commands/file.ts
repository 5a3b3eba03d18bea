/** plan, apply, destroy: the commands about a network file. A daemon does them if one runs, with the same outcome. */
import { resolve } from "node:path";
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { applyFile, destroyFile, planFile, readNetworkFile } from "../../../engine/file.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { lockFolder } from "../lock-folder.ts";
import { countSteps, formatPlan, print, printJson, progressLine } from "../output.ts";
import { parseConfirmSeconds, startConfirmationWait } from "./confirm.ts";

export const planCommand: Command = {
  name: "plan",
  example: "netloom plan examples/libvirt-default.yaml",
  operands: ["FILE"],
  summary: "Show what `apply FILE` would do, as sentences and as commands. Changes nothing.",
  options: {},
  async run(invocation) {
    const { name, steps, conflicts, notes } = await planned(
      invocation.positionals[0]!,
      stateFolderPath(invocation.option("state")),
    );
    if (invocation.flag("json")) printJson({ name, steps, conflicts, notes });
    else {
      if (steps.length > 0) print(formatPlan(steps, notes));
      else if (conflicts.length === 0) print(["Nothing to do.", ...notes.map((note) => `note: ${note}`)].join("\n"));
      for (const conflict of conflicts) print(`conflict: ${conflict.message} (${conflict.remedy})`);
    }
    return conflicts.length === 0 ? 0 : 1;
  },
};

async function planned(file: string, state: string): Promise<ResponseOf<"plan">> {
  const daemon = await DaemonClient.find(state);
  if (daemon !== undefined) return daemon.call("plan", { source: resolve(file), text: readNetworkFile(file) });
  const { plan, unitName, notes } = await planFile(file, state);
  return { name: unitName, steps: plan.steps, conflicts: plan.conflicts, notes };
}

export const applyCommand: Command = {
  name: "apply",
  example: "netloom apply --confirm 60s network.yaml",
  operands: ["FILE"],
  summary: "Make the host's network what FILE says, verify it, and undo everything when that fails.",
  options: {
    confirm: {
      value: "TIME",
      help: "undo the change unless `netloom confirm` is given within TIME (60s, 5m): for hosts that one may cut oneself off from",
    },
  },
  async run(invocation) {
    const file = invocation.positionals[0]!;
    const state = stateFolderPath(invocation.option("state"));
    const confirmSeconds = parseConfirmSeconds(invocation.option("confirm"));
    const { name, steps, notes, milliseconds } = await applied(file, state, confirmSeconds);
    if (invocation.flag("json")) printJson({ name, steps, notes, milliseconds });
    else {
      for (const note of notes) print(`note: ${note}`);
      print(
        steps.length === 0
          ? `${name}: nothing to do, all verified`
          : `${name}: ${countSteps(steps)} done and verified in ${milliseconds} ms`,
      );
      if (confirmSeconds !== undefined)
        print(`${name}: undone in ${confirmSeconds} s unless you say: netloom confirm ${file}`);
    }
    return 0;
  },
};

async function applied(file: string, state: string, confirmSeconds: number | undefined): Promise<ResponseOf<"apply">> {
  const confirm = confirmSeconds === undefined ? {} : { confirmSeconds };
  const daemon = await DaemonClient.find(state);
  if (daemon !== undefined) {
    return daemon.call("apply", { source: resolve(file), text: readNetworkFile(file), ...confirm });
  }
  using _lock = lockFolder(state, `apply ${file}`);
  const line = progressLine();
  const started = performance.now();
  const { outcome, unitName, notes } = await applyFile(file, state, { progress: line.show, ...confirm }).finally(
    line.clear,
  );
  const milliseconds = Math.round(performance.now() - started);
  if (confirmSeconds !== undefined) await startConfirmationWait(state, unitName);
  return { name: unitName, steps: outcome.steps, notes, milliseconds };
}

export const destroyCommand: Command = {
  name: "destroy",
  example: "netloom destroy network.yaml",
  operands: ["FILE"],
  summary: "Undo everything that `apply FILE` did, and restore what it replaced.",
  options: {},
  async run(invocation) {
    const { name, steps, notes } = await destroyed(
      invocation.positionals[0]!,
      stateFolderPath(invocation.option("state")),
    );
    if (invocation.flag("json")) printJson({ name, steps, notes });
    else {
      for (const note of notes) print(`note: ${note}`);
      print(
        steps.length === 0 ? `${name}: nothing was there` : `${name}: ${countSteps(steps)} undone, nothing is left`,
      );
    }
    return 0;
  },
};

async function destroyed(file: string, state: string): Promise<Omit<ResponseOf<"destroy">, "milliseconds">> {
  const daemon = await DaemonClient.find(state);
  if (daemon !== undefined) return daemon.call("destroy", { source: resolve(file) });
  using _lock = lockFolder(state, `destroy ${file}`);
  const line = progressLine();
  const { outcome, unitName, notes } = await destroyFile(file, state, { progress: line.show }).finally(line.clear);
  return { name: unitName, steps: outcome.steps, notes };
}
