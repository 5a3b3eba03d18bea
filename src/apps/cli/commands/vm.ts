/** vm list, vm console, vm run, vm stop: the guests that netloom runs. */
import { readTextIfExists } from "../../../store/atomic-file.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { NetloomError } from "../../../base/errors.ts";
import { KeeperClient } from "../../../services/keeper/client.ts";
import { openConsole } from "../../../services/vm/console.ts";
import { startKeeper } from "../../../services/keeper/start.ts";
import { VmFolder } from "../../../services/vm/folder.ts";
import { printable } from "../../../services/vm/printable.ts";
import { listUnwatchedVms, stopUnwatchedVm, type UnwatchedVm } from "../../../services/vm/unwatched.ts";
import { attachTerminal } from "../attach.ts";
import { type Command, usageError } from "../command.ts";
import { complain, formatTable, print, printJson } from "../output.ts";

export const vmListCommand: Command = {
  name: "vm list",
  operands: [],
  summary: "Show the guests: whether they run, since when, and why one does not.",
  options: {},
  async run(invocation) {
    const guests = await listGuests(stateFolderPath(invocation.option("state")));
    if (invocation.flag("json")) printJson(guests);
    else if (guests.length === 0) print("No guests.");
    else print(formatTable([["NAME", "STATE", "PID", "ACCELERATOR", "REBOOTS", "REMARK"], ...guests.map(row)]));
    return 0;
  },
};

export const vmConsoleCommand: Command = {
  name: "vm console",
  example: "netloom vm console vm1 --attach",
  operands: ["NAME"],
  summary: "Show what a guest wrote on its serial console, without control characters, or connect the terminal to it.",
  options: { attach: { help: "connect the terminal; Ctrl-] leaves" } },
  async run(invocation) {
    const name = invocation.positionals[0]!;
    const folder = knownFolder("console", stateFolderPath(invocation.option("state")), name);
    if (invocation.flag("attach")) {
      if (invocation.flag("json")) throw usageError("vm console: --attach and --json exclude each other");
      using console = await openConsole(folder);
      await attachTerminal(console.socket, `Connected to VM ${name}. Ctrl-] leaves.`, complain);
      return 0;
    }
    const log = readTextIfExists(folder.file("consoleLog")) ?? "";
    if (invocation.flag("json")) printJson({ name, log });
    else process.stdout.write(printable(log));
    return 0;
  },
};

export const vmRunCommand: Command = {
  name: "vm run",
  operands: ["NAME"],
  summary: "Start a guest of an applied file again that has ended or was stopped.",
  options: {},
  async run(invocation) {
    const name = invocation.positionals[0]!;
    const stateFolder = stateFolderPath(invocation.option("state"));
    // Whoever asks for a guest that no applied file has gets no keeper for it.
    knownFolder("run", stateFolder, name);
    const client = await startKeeper(stateFolder);
    await client.runVm(name);
    if (invocation.flag("json")) printJson({ name, state: "running" });
    else print(`VM ${name} runs.`);
    return 0;
  },
};

export const vmStopCommand: Command = {
  name: "vm stop",
  operands: ["NAME"],
  summary: "End a guest; `apply` starts it again.",
  options: {
    powerdown: {
      value: "SECONDS",
      help: "ask the guest to shut down and wait that long before ending it (default 0: end it at once)",
    },
  },
  async run(invocation) {
    const name = invocation.positionals[0]!;
    const given = invocation.option("powerdown") ?? "0";
    if (!/^\d{1,4}$/.test(given))
      throw usageError(`vm stop: --powerdown ${given}: not a number of seconds from 0 to 9999`);
    const stateFolder = stateFolderPath(invocation.option("state"));
    const client = new KeeperClient(stateFolder);
    if ((await client.statusIfRunning()) === undefined) await stopUnwatchedVm(stateFolder, name, Number(given));
    else await client.stopVm(name, Number(given));
    if (invocation.flag("json")) printJson({ name, state: "stopped" });
    else print(`VM ${name} is stopped.`);
    return 0;
  },
};

async function listGuests(stateFolder: string): Promise<UnwatchedVm[]> {
  const status = await new KeeperClient(stateFolder).statusIfRunning();
  if (status === undefined) return listUnwatchedVms(stateFolder);
  return status.services
    .filter((service) => service.kind === "vm")
    .map(({ name, state, reason, details }) => ({
      name: name.replace(/^VM /, ""),
      state,
      ...(reason === undefined ? {} : { reason }),
      details,
    }));
}

function row({ name, state, reason, details }: UnwatchedVm): string[] {
  const cell = (value: unknown): string =>
    typeof value === "string" || typeof value === "number" ? String(value) : "-";
  const { pid, accelerator, acceleratorReason, reboots } = details;
  return [
    name,
    state,
    state === "running" ? cell(pid) : "-",
    cell(accelerator),
    cell(reboots),
    reason ?? cell(acceleratorReason),
  ];
}

function knownFolder(operation: string, stateFolder: string, name: string): VmFolder {
  const known = VmFolder.list(stateFolder);
  if (known.includes(name)) return new VmFolder(stateFolder, name);
  throw new NetloomError("no-such-vm", `${operation} of VM ${name}: ${stateFolder} knows no machine of that name`, {
    hint: known.length === 0 ? "It knows none at all." : `It knows ${known.join(", ")}.`,
  });
}
