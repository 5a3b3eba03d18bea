/**
 * A guest's place among systemd's units. What a service starts is ended with it, unless it has a scope of its own: then
 * a restart or an upgrade of the daemon leaves guests alone.
 */
import { existsSync } from "node:fs";
import { findTool } from "./features.ts";

interface UnitFacts {
  readonly pid: number;
  /** SYSTEMD_EXEC_PID: the process that systemd started for the unit (systemd.exec(5)); children inherit the variable. */
  readonly execPid: string | undefined;
  /** The program's path. */
  readonly systemdRun: string | undefined;
  /** sd_booted(3): systemd is the init. */
  readonly booted: boolean;
}

function gatherFacts(): UnitFacts {
  return {
    pid: process.pid,
    execPid: process.env["SYSTEMD_EXEC_PID"],
    systemdRun: findTool("systemd-run"),
    booted: existsSync("/run/systemd/system"),
  };
}

/**
 * Words to put before a command line, which then runs in a scope of the guests' slice and keeps its process id; none
 * where no unit is ours. They fail, and nothing runs, where systemd does not answer or refuses.
 * @param description what `systemctl list-units` shows
 */
export function guestScopeWords(description: string, facts: UnitFacts = gatherFacts()): readonly string[] {
  const { pid, execPid, systemdRun, booted } = facts;
  if (!booted || systemdRun === undefined || execPid !== String(pid)) return [];
  const options = ["--scope", "--quiet", "--collect", "--slice=netloom-guests.slice", `--description=${description}`];
  // Stopped after it: until then the guest shuts down by itself.
  return [systemdRun, ...options, "--property=Before=netloom-guests.service", "--"];
}
