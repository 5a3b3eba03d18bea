/** plan, apply, destroy: the commands about a network file. */
import { join } from "node:path";
import { requirePrivilege } from "../../../kernel/features.ts";
import { applyFile, destroyFile, planFile } from "../../../engine/file.ts";
import { createStateFolder, stateFolderPath, tidyStateFolder } from "../../../store/state-folder.ts";
import { takeLock } from "../../../store/lock.ts";
import type { Command } from "../command.ts";
import { countSteps, formatPlan, print, printJson, progressLine } from "../output.ts";

/** One change of a state folder at a time; where it leaves nothing applied, nothing stays in the folder. */
function lockFolder(state: string, purpose: string): Disposable {
  requirePrivilege();
  createStateFolder(state);
  const lock = takeLock(join(state, "lock"), purpose);
  return {
    [Symbol.dispose]() {
      tidyStateFolder(state);
      lock.release();
    },
  };
}

export const planCommand: Command = {
  name: "plan",
  operands: ["FILE"],
  summary: "Show what `apply FILE` would do, as sentences and as commands. Changes nothing.",
  options: {},
  async run(invocation) {
    const { plan, unitName, notes } = await planFile(
      invocation.positionals[0]!,
      stateFolderPath(invocation.option("state")),
    );
    if (invocation.flag("json")) printJson({ name: unitName, steps: plan.steps, conflicts: plan.conflicts, notes });
    else {
      if (plan.steps.length > 0) print(formatPlan(plan.steps, notes));
      else if (plan.conflicts.length === 0)
        print(["Nothing to do.", ...notes.map((note) => `note: ${note}`)].join("\n"));
      for (const conflict of plan.conflicts) print(`conflict: ${conflict.message} (${conflict.remedy})`);
    }
    return plan.conflicts.length === 0 ? 0 : 1;
  },
};

export const applyCommand: Command = {
  name: "apply",
  operands: ["FILE"],
  summary: "Make the host's network what FILE says, verify it, and undo everything when that fails.",
  options: {},
  async run(invocation) {
    const file = invocation.positionals[0]!;
    const state = stateFolderPath(invocation.option("state"));
    using _lock = lockFolder(state, `apply ${file}`);
    const line = progressLine();
    const started = performance.now();
    const { outcome, unitName, notes } = await applyFile(file, state, { progress: line.show }).finally(line.clear);
    const milliseconds = Math.round(performance.now() - started);
    if (invocation.flag("json")) printJson({ name: unitName, steps: outcome.steps, notes, milliseconds });
    else {
      for (const note of notes) print(`note: ${note}`);
      print(
        outcome.steps.length === 0
          ? `${unitName}: nothing to do, all verified`
          : `${unitName}: ${countSteps(outcome.steps)} done and verified in ${milliseconds} ms`,
      );
    }
    return 0;
  },
};

export const destroyCommand: Command = {
  name: "destroy",
  operands: ["FILE"],
  summary: "Undo everything that `apply FILE` did, and restore what it replaced.",
  options: {},
  async run(invocation) {
    const file = invocation.positionals[0]!;
    const state = stateFolderPath(invocation.option("state"));
    using _lock = lockFolder(state, `destroy ${file}`);
    const line = progressLine();
    const { outcome, unitName, notes } = await destroyFile(file, state, { progress: line.show }).finally(line.clear);
    if (invocation.flag("json")) printJson({ name: unitName, steps: outcome.steps, notes });
    else {
      for (const note of notes) print(`note: ${note}`);
      print(
        outcome.steps.length === 0
          ? `${unitName}: nothing was there`
          : `${unitName}: ${countSteps(outcome.steps)} undone, nothing is left`,
      );
    }
    return 0;
  },
};
