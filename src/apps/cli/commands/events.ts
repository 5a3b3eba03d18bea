/** events: what the daemon tells, as it happens. */
import { NetloomError } from "../../../base/errors.ts";
import { DaemonClient } from "../../../daemon/client.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import { type Command, usageError } from "../command.ts";
import { print } from "../output.ts";
import { untilInterrupted } from "../interrupt.ts";

export const eventsCommand: Command = {
  name: "events",
  example: "netloom events --json",
  operands: [],
  summary: "Show what the daemon does and notices, as it happens: changes, healing, fights. Ends with Ctrl-C.",
  options: { since: { value: "ID", help: "begin with what came after this event, as far as it is kept (0: all)" } },
  async run(invocation) {
    const state = stateFolderPath(invocation.option("state"));
    const since = invocation.option("since");
    if (since !== undefined && !/^\d{1,15}$/.test(since)) throw usageError(`events: --since ${since}: not a number`);
    const daemon = await DaemonClient.find(state);
    if (daemon === undefined) throw daemonMissing(state);
    const json = invocation.flag("json");
    using interrupt = untilInterrupted();
    const { signal } = interrupt;
    for await (const text of daemon.events({ signal, ...(since === undefined ? {} : { lastId: Number(since) }) })) {
      print(json ? text : formatEvent(text));
    }
    return signal.aborted ? 0 : 1;
  },
};

function daemonMissing(state: string): NetloomError {
  return new NetloomError("daemon-not-running", `no daemon runs for ${state}`, {
    hint: "Start it: netloom daemon (or systemctl start netloom)",
  });
}

/** "12:34:56 healed a: give lan address …". */
function formatEvent(text: string): string {
  const { id: _id, time, kind, unit, ...rest } = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const clock = new Date(String(time)).toTimeString().slice(0, 8);
  const details = Object.entries(rest).map(([name, value]) => describe(name, value));
  const head = [clock, kind, ...(unit === undefined ? [] : [unit])].join(" ");
  return details.length === 0 ? head : `${head}: ${details.join(", ")}`;
}

function describe(name: string, value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "nothing to do" : value.join("; ");
  if (name === "milliseconds") return `${String(value)} ms`;
  return name === "message" || name === "hint" || name === "about" ? String(value) : `${name} ${String(value)}`;
}
