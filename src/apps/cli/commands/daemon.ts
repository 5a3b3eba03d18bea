/** daemon: holds everything that is applied, and answers the other commands. */
import { requirePrivilege } from "../../../kernel/features.ts";
import { runDaemon } from "../../../daemon/run.ts";
import { jsonStderrLogger } from "../../../services/keeper/log.ts";
import { stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { print, printJson } from "../output.ts";
import { VERSION } from "../version.ts";

export const daemonCommand: Command = {
  name: "daemon",
  example: "netloom daemon --group netloom --metrics 127.0.0.1:9754",
  operands: [],
  summary:
    "Keep what is applied as it was applied, serve DHCP, watch guests, and answer the other commands. Ends with SIGTERM; guests run on.",
  options: {
    group: { value: "GROUP", help: "who besides root may give it commands, and so rule this host's network" },
    metrics: { value: "ADDRESS:PORT", help: "serve figures for Prometheus there, at /metrics" },
  },
  async run(invocation) {
    requirePrivilege();
    const stateFolder = stateFolderPath(invocation.option("state"));
    const group = invocation.option("group");
    const metrics = invocation.option("metrics");
    await runDaemon({
      stateFolder,
      version: VERSION,
      log: jsonStderrLogger(),
      ...(group === undefined ? {} : { group }),
      ...(metrics === undefined ? {} : { metrics }),
      onReady: () => {
        if (invocation.flag("json")) printJson({ stateFolder, pid: process.pid });
        else print(`The daemon of ${stateFolder} is ready.`);
      },
    });
    return 0;
  },
};
