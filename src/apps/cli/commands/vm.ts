/** vm list, vm console, vm run, vm stop: the guests that netloom runs. */
import { readTextIfExists } from "../../../store/atomic-file.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { messageOf, NetloomError } from "../../../base/errors.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { guestsOf } from "../../../daemon/guests.ts";
import type { GuestRunRequest } from "../../../engine/attach-request.ts";
import { endGuest, isGuestRun, runGuest } from "../../../engine/guest-run.ts";
import { keeperServices } from "../../../engine/keeper-services.ts";
import { KeeperClient } from "../../../services/keeper/client.ts";
import { openConsole } from "../../../services/vm/console.ts";
import { startKeeper } from "../../../services/keeper/start.ts";
import { VmFolder } from "../../../services/vm/folder.ts";
import { printable } from "../../../services/vm/printable.ts";
import { listUnwatchedVms, stopUnwatchedVm, type UnwatchedVm } from "../../../services/vm/unwatched.ts";
import { attachTerminal } from "../attach.ts";
import { type Command, usageError } from "../command.ts";
import { lockFolder } from "../lock-folder.ts";
import { complain, formatTable, print, printJson } from "../output.ts";
import { GUEST_OPTIONS, readGuest } from "./vm-options.ts";

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
  example: "netloom vm run test1 --network lan --image disk.qcow2 --memory 1G",
  operands: ["NAME"],
  summary: "Run a guest on networks of applied files; without options start one again that has ended or was stopped.",
  details:
    "With --network a new guest comes into being, which no file declares: it has a tap on each of the networks, and is " +
    "told its addresses as a file's guests are. Until `vm stop` takes it back it is looked after as they are, and a file " +
    "whose network it uses is not destroyed. --network and --image or --kernel are necessary then.",
  options: GUEST_OPTIONS,
  async run(invocation) {
    const name = invocation.positionals[0]!;
    const stateFolder = stateFolderPath(invocation.option("state"));
    const request = readGuest(invocation);
    if (request !== undefined) {
      const { guest, notes } = await started(stateFolder, request);
      if (invocation.flag("json")) printJson({ ...guest, state: "running", notes });
      else print([...notes.map((note) => `note: ${note}`), describe(guest)].join("\n"));
      return 0;
    }
    await startAgain(stateFolder, name);
    if (invocation.flag("json")) printJson({ name, state: "running" });
    else print(`VM ${name} runs.`);
    return 0;
  },
};

async function startAgain(stateFolder: string, name: string): Promise<void> {
  const daemon = await DaemonClient.find(stateFolder);
  if (daemon !== undefined) {
    await daemon.call("vmRun", { name });
    return;
  }
  // Whoever asks for a guest that nobody knows gets no keeper for it.
  knownFolder("run", stateFolder, name);
  await (await startKeeper(stateFolder)).runVm(name);
}

async function started(stateFolder: string, request: GuestRunRequest): Promise<ResponseOf<"vmNew">> {
  const daemon = await DaemonClient.find(stateFolder);
  if (daemon !== undefined) return daemon.call("vmNew", request);
  using _lock = lockFolder(stateFolder, `run VM ${request.name}`);
  return runGuest(stateFolder, request, keeperServices(stateFolder));
}

function describe({ name, nics, addresses }: ResponseOf<"vmNew">["guest"]): string {
  const has = addresses.length === 0 ? "" : `, with ${addresses.join(", ")}`;
  const on = nics.map(({ network, tap, mac }) => `${network} by ${tap} (${mac})`).join(" and ");
  return `VM ${name} runs on ${on}${has}.\nIts console: netloom vm console ${name} --attach`;
}

export const vmStopCommand: Command = {
  name: "vm stop",
  operands: ["[NAME]"],
  summary: "End a guest. A file's is started again by `vm run` or `apply`, any other is taken back with its taps.",
  options: {
    all: { help: "every guest that runs, at the same time; `vm run NAME` starts each again" },
    powerdown: {
      value: "SECONDS",
      help: "ask the guest to shut down and wait that long before ending it (default 0: end it at once)",
    },
  },
  async run(invocation) {
    const [name] = invocation.positionals;
    const given = invocation.option("powerdown") ?? "0";
    if (!/^\d{1,4}$/.test(given))
      throw usageError(`vm stop: --powerdown ${given}: not a number of seconds from 0 to 9999`);
    if (invocation.flag("all") === (name !== undefined))
      throw usageError(name === undefined ? "vm stop: NAME is missing" : "vm stop: NAME and --all exclude each other");
    const stateFolder = stateFolderPath(invocation.option("state"));
    if (name === undefined) return stopAll(stateFolder, Number(given), invocation.flag("json"));
    const isGone = await stopped(stateFolder, name, Number(given));
    if (invocation.flag("json")) printJson({ name, state: "stopped", ...(isGone ? { removed: true } : {}) });
    else print(isGone ? `VM ${name} has ended, nothing of it is left.` : `VM ${name} is stopped.`);
    return 0;
  },
};

/** One that cannot be stopped keeps none of the others. */
async function stopAll(stateFolder: string, powerdownSeconds: number, asJson: boolean): Promise<number> {
  const running = (await listGuests(stateFolder)).filter(({ state }) => state === "running" || state === "starting");
  const ends = await Promise.all(
    running.map(async ({ name }) => {
      try {
        await stopGuest(stateFolder, name, powerdownSeconds);
        return { name, state: "stopped" };
      } catch (error) {
        return { name, state: "failed", reason: messageOf(error) };
      }
    }),
  );
  if (asJson) printJson(ends);
  else if (ends.length === 0) print("No guest runs.");
  else
    for (const { name, reason } of ends)
      print(`VM ${name} ${reason === undefined ? "is stopped." : `runs: ${reason}`}`);
  return ends.some(({ state }) => state === "failed") ? 1 : 0;
}

async function stopGuest(stateFolder: string, name: string, powerdownSeconds: number): Promise<void> {
  const client = new KeeperClient(stateFolder);
  if ((await client.statusIfRunning()) === undefined) await stopUnwatchedVm(stateFolder, name, powerdownSeconds);
  else await client.stopVm(name, powerdownSeconds);
}

/** @returns whether nothing of it is left, as no file has it */
async function stopped(stateFolder: string, name: string, powerdownSeconds: number): Promise<boolean> {
  const daemon = await DaemonClient.find(stateFolder);
  if (daemon !== undefined) {
    const left = await daemon.call("vmStop", { name, powerdownSeconds });
    return !left.some((guest) => guest.name === name);
  }
  if (!isGuestRun(stateFolder, name)) {
    await stopGuest(stateFolder, name, powerdownSeconds);
    return false;
  }
  using _lock = lockFolder(stateFolder, `stop VM ${name}`);
  if (powerdownSeconds > 0) await stopGuest(stateFolder, name, powerdownSeconds);
  await endGuest(stateFolder, name, keeperServices(stateFolder));
  return true;
}

async function listGuests(stateFolder: string): Promise<UnwatchedVm[]> {
  const status = await new KeeperClient(stateFolder).statusIfRunning();
  if (status === undefined) return listUnwatchedVms(stateFolder);
  return guestsOf(status.services);
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
