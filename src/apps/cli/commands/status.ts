/** status: what is applied and what runs. */
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { DaemonClient } from "../../../daemon/client.ts";
import type { ResponseOf } from "../../../daemon/contract.ts";
import { formatSource } from "../../../engine/source.ts";
import { readStatus } from "../../../engine/status.ts";
import { faultsOf } from "../../../engine/status-faults.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatTable, print, printJson } from "../output.ts";

type Status = ResponseOf<"status">;

const WATCH_MILLISECONDS = 1000;
/** A daemon tells when something happened; services change without an event. */
const WATCH_DAEMON_MILLISECONDS = 5000;
/** One thing that happens often raises several events. */
const GATHER_MILLISECONDS = 50;

export const statusCommand: Command = {
  name: "status",
  example: "netloom status --watch",
  operands: [],
  summary: "Show what is applied, whether the kernel still shows it, and which services run.",
  details:
    "Ends with 0 when all is as it was applied, and with 1 when something is drifted (somebody changed it), unfinished " +
    "(a change was cut off: repeat the command), unknown (it could not be read), fought over or cannot be healed, has " +
    "files that were set aside as they could not be read, or when a service has failed, was killed or does not run. " +
    "A guest that ended by itself or was stopped is no fault.",
  options: { watch: { help: "show it again whenever it changes, until Ctrl-C" } },
  async run(invocation) {
    const state = stateFolderPath(invocation.option("state"));
    const show = invocation.flag("json") ? printJson : (status: Status): void => print(formatStatus(status));
    if (invocation.flag("watch")) return watch(state, show);
    const status = await currentStatus(state);
    show(status);
    return faultsOf(status).length === 0 ? 0 : 1;
  },
};

async function currentStatus(state: string): Promise<Status> {
  const daemon = await DaemonClient.find(state);
  return daemon === undefined ? readStatus(state) : daemon.call("status", undefined);
}

async function watch(state: string, show: (status: Status) => void): Promise<number> {
  using interrupt = untilInterrupted();
  const { signal } = interrupt;
  let shown = "";
  while (!signal.aborted) {
    const status = await currentStatus(state);
    const text = JSON.stringify(status);
    if (text !== shown) {
      shown = text;
      if (process.stdout.isTTY) process.stdout.write("\u001b[H\u001b[J");
      show(status);
    }
    await nextChange(state, signal);
  }
  return 0;
}

/** Resolves when something may have changed, or at the signal. */
async function nextChange(state: string, signal: AbortSignal): Promise<void> {
  const daemon = await DaemonClient.find(state);
  using end = abortWith(signal);
  const aborted = end.signal.aborted ? Promise.resolve() : once(end.signal, "abort");
  const pause = daemon === undefined ? WATCH_MILLISECONDS : WATCH_DAEMON_MILLISECONDS;
  const event = async (): Promise<void> => {
    if (daemon === undefined) return new Promise(() => undefined);
    const { done } = await daemon.events({ signal: end.signal }).next();
    if (done !== true) await sleep(GATHER_MILLISECONDS);
  };
  await Promise.race([event(), aborted, timer(pause, end.signal)]);
}

async function timer(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(milliseconds, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Aborted when the outer one is, or when its scope ends. */
function abortWith(outer: AbortSignal): Disposable & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  if (outer.aborted) abort();
  outer.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    [Symbol.dispose]() {
      outer.removeEventListener("abort", abort);
      abort();
    },
  };
}

function formatStatus(status: Status): string {
  if (status.units.length === 0 && status.keeper === undefined && status.setAside === undefined)
    return `Nothing is applied (${status.stateFolder}).`;
  const lines: string[] = [];
  for (const unit of status.units) {
    const from = unit.source.startsWith("/") ? "from " : "";
    lines.push(`${unit.name}: ${unit.state}, ${unit.objects.length} objects, ${from}${formatSource(unit.source)}`);
    if (unit.confirmBy !== undefined) lines.push(`  ${formatDeadline(unit.confirmBy)}`);
    if (unit.fight !== undefined) {
      const { about, sinceSeconds, pauseSeconds } = unit.fight;
      lines.push(`  fight: somebody undoes ${about} since ${sinceSeconds} s; it is put back every ${pauseSeconds} s`);
    }
    if (unit.failure !== undefined) lines.push(`  cannot be healed: ${unit.failure}`);
    for (const name of unit.setAside ?? []) lines.push(`  set aside, as it could not be read: ${name}`);
    for (const name of unit.unserved ?? []) lines.push(`  does not run: ${name}`);
    for (const line of unit.drift) lines.push(`  to do: ${line}`);
  }
  for (const name of status.setAside ?? []) lines.push(`set aside, as it could not be read: ${name}`);
  const { keeper } = status;
  if (keeper === undefined) lines.push("keeper: does not run");
  else {
    lines.push(
      keeper.daemon === true
        ? `daemon: process ${keeper.pid}, version ${keeper.version}`
        : `keeper: process ${keeper.pid}, version ${keeper.version}, log ${status.keeperLog}`,
    );
    const rows = keeper.services.map((service) => [
      service.name,
      service.state,
      service.reason ?? "",
      [
        ...Object.entries(service.details)
          .filter(([, value]) => typeof value === "string" || typeof value === "number")
          .map(([name, value]) => `${name}=${String(value)}`),
        ...(service.kind === "dhcp-network" || service.kind === "ip6-network" ? formatMessages(service.details) : []),
        ...(service.kind === "dns-network" ? formatCounts(service.details["queries"]) : []),
      ].join(" "),
    ]);
    if (rows.length > 0) lines.push(formatTable([["SERVICE", "STATE", "REMARK", "DETAILS"], ...rows]));
  }
  const faults = faultsOf(status);
  if (faults.length > 0) lines.push(`Not as it should be: ${faults.join("; ")}.`);
  return lines.join("\n");
}

/** "DISCOVER=2 OFFER=2": what a network's DHCP server received and sent. */
function formatMessages({ received, sent }: Readonly<Record<string, unknown>>): readonly string[] {
  return [received, sent].flatMap(formatCounts);
}

function formatCounts(counts: unknown): readonly string[] {
  return Object.entries(counts ?? {}).map(([what, count]) => `${what}=${String(count)}`);
}

function formatDeadline(confirmBy: number): string {
  const seconds = Math.ceil((confirmBy - Date.now()) / 1000);
  return seconds > 0
    ? `unconfirmed: undone in ${seconds} s unless \`netloom confirm\` is given`
    : "unconfirmed, and its time is up: the next command or the daemon undoes it";
}
