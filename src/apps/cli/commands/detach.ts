/** detach: take back what `attach` connected. */
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { detach } from "../../../engine/attach.ts";
import type { AttachTarget } from "../../../engine/attach-request.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, usageError } from "../command.ts";
import { lockFolder } from "../lock-folder.ts";
import { print, printJson } from "../output.ts";
import { readName, readTarget, TARGET_OPTIONS } from "./attach.ts";

export const detachCommand: Command = {
  name: "detach",
  operands: [],
  summary: "Take an attachment back; an interface of somebody else is as it was. What is gone already counts as done.",
  options: TARGET_OPTIONS,
  async run(invocation) {
    const which = readName(invocation, "detach") ?? readTarget(invocation, "detach");
    if (which === undefined)
      throw usageError("detach: say what to detach", "--name NAME, --netns NAME, --tap NAME or --interface IF");
    const state = stateFolderPath(invocation.option("state"));
    const { steps, notes } = await detached(state, which);
    if (invocation.flag("json")) printJson({ steps, notes });
    else {
      for (const note of notes) print(`note: ${note}`);
      print(steps.length === 0 ? "nothing was attached" : "detached");
    }
    return 0;
  },
};

async function detached(state: string, which: string | AttachTarget): Promise<ResponseOf<"detach">> {
  const daemon = await DaemonClient.find(state);
  if (daemon !== undefined)
    return daemon.call("detach", typeof which === "string" ? { name: which } : { target: which });
  using _lock = lockFolder(state, "detach");
  return (await detach(state, which, keeperServices(state))).outcome;
}
