/** status: what is applied and what runs. */
import { readStatus, type Status } from "../../../engine/status.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { formatTable, print, printJson } from "../output.ts";

export const statusCommand: Command = {
  name: "status",
  operands: [],
  summary: "Show what is applied, whether the kernel still shows it, and which services run.",
  options: {},
  async run(invocation) {
    const status = await readStatus(stateFolderPath(invocation.option("state")));
    if (invocation.flag("json")) printJson(status);
    else print(formatStatus(status));
    return status.units.some((unit) => unit.state === "unknown") ? 1 : 0;
  },
};

function formatStatus(status: Status): string {
  if (status.units.length === 0 && status.keeper === undefined) return `Nothing is applied (${status.stateFolder}).`;
  const lines: string[] = [];
  for (const unit of status.units) {
    lines.push(`${unit.name}: ${unit.state}, ${unit.objects.length} objects, from ${unit.source}`);
    for (const line of unit.drift) lines.push(`  to do: ${line}`);
  }
  const { keeper } = status;
  if (keeper === undefined) lines.push("keeper: does not run");
  else {
    lines.push(`keeper: process ${keeper.pid}, version ${keeper.version}, log ${status.keeperLog}`);
    const rows = keeper.services.map((service) => [
      service.name,
      service.state,
      service.reason ?? "",
      Object.entries(service.details)
        .filter(([, value]) => typeof value === "string" || typeof value === "number")
        .map(([name, value]) => `${name}=${String(value)}`)
        .join(" "),
    ]);
    if (rows.length > 0) lines.push(formatTable([["SERVICE", "STATE", "REMARK", "DETAILS"], ...rows]));
  }
  return lines.join("\n");
}
