/** confirm, and the process that waits for it where no daemon does. */
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NetloomError } from "../../../base/errors.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import { confirmUnits, undoUnconfirmed } from "../../../engine/confirm.ts";
import { unitToConfirm } from "../../../engine/file.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import { startDetached } from "../../../kernel/process.ts";
import { keeperLog } from "../../../services/keeper/protocol.ts";
import { thisProgram } from "../../../services/keeper/start.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { UnitStore } from "../../../store/unit.ts";
import { type Command, usageError } from "../command.ts";
import { lockFolder } from "../lock-folder.ts";
import { print, printJson } from "../output.ts";

const MOST_SECONDS = 24 * 3600;
const RETRY_MILLISECONDS = 250;
/** Clocks jump: none is slept through for longer. */
const LONGEST_SLEEP_MILLISECONDS = 10_000;

/** "60s", "5m" or a number of seconds. @throws NetloomError usage */
export function parseConfirmSeconds(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const found = /^(\d{1,5})(s|m|)$/.exec(text);
  const seconds = Number(found?.[1] ?? 0) * (found?.[2] === "m" ? 60 : 1);
  if (seconds >= 1 && seconds <= MOST_SECONDS) return seconds;
  throw usageError(
    `apply: --confirm ${text}: not a time from 1s to 24 hours`,
    'Say it in seconds or minutes: "60s", "5m".',
  );
}

export const confirmCommand: Command = {
  name: "confirm",
  example: "netloom confirm network.yaml",
  operands: ["[FILE]"],
  summary: "Let a change made by `apply --confirm` last; without FILE all that wait.",
  options: {},
  async run(invocation) {
    const state = stateFolderPath(invocation.option("state"));
    const file = invocation.positionals[0];
    const source = file === undefined ? undefined : resolve(file);
    const daemon = await DaemonClient.find(state);
    const confirmed =
      daemon === undefined
        ? confirmAlone(state, source)
        : (await daemon.call("confirm", source === undefined ? {} : { source })).confirmed;
    if (invocation.flag("json")) printJson({ confirmed });
    else print(confirmed.length === 0 ? "Nothing waits to be confirmed." : `Confirmed: ${confirmed.join(", ")}.`);
    return 0;
  },
};

function confirmAlone(state: string, source: string | undefined): readonly string[] {
  using _lock = lockFolder(state, "confirm");
  return confirmUnits(state, source === undefined ? undefined : unitToConfirm(source, state));
}

/** Start a process that undoes the unit's change when its time is up. */
export async function startConfirmationWait(state: string, unit: string): Promise<void> {
  const [program = "", ...words] = thisProgram();
  await startDetached({
    program,
    arguments: [...words, waitCommand.name, unit, "--state", state],
    workingFolder: "/",
    logFile: keeperLog(state),
  });
}

export const waitCommand: Command = {
  name: "wait-confirmation",
  operands: ["NAME"],
  summary: "Undo an unconfirmed change when its time is up.",
  options: {},
  hidden: true,
  async run(invocation) {
    const state = stateFolderPath(invocation.option("state"));
    const unit = UnitStore.open(state, invocation.positionals[0]!);
    for (;;) {
      const pending = unit.readConfirmation();
      if (pending === undefined) return 0;
      const wait = pending.deadline - Date.now();
      if (wait > 0) await sleep(Math.min(wait, LONGEST_SLEEP_MILLISECONDS));
      // One that was started meanwhile sees to it.
      else if ((await DaemonClient.find(state)) !== undefined) return 0;
      else if (await undoAlone(state, unit)) return 0;
      else await sleep(RETRY_MILLISECONDS);
    }
  },
};

/** @returns false: somebody else changes the folder just now */
async function undoAlone(state: string, unit: UnitStore): Promise<boolean> {
  try {
    using _lock = lockFolder(state, `undo ${unit.name}`);
    await undoUnconfirmed(unit, keeperServices(state));
    return true;
  } catch (error) {
    if (error instanceof NetloomError && error.code === "locked") return false;
    throw error;
  }
}
