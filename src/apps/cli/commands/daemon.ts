/** daemon: holds everything that is applied, and answers the other commands. */
import { messageOf } from "../../../base/errors.ts";
import { requirePrivilege } from "../../../kernel/features.ts";
import { notifyReady } from "../../../kernel/service-manager.ts";
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
    const log = jsonStderrLogger();
    await runDaemon({
      stateFolder,
      version: VERSION,
      log,
      ...(group === undefined ? {} : { group }),
      ...(metrics === undefined ? {} : { metrics }),
      onReady: () => {
        if (invocation.flag("json")) printJson({ stateFolder, pid: process.pid });
        else print(`The daemon of ${stateFolder} is ready.`);
        try {
          notifyReady();
        } catch (error) {
          // Who waits for it will say so; guests are served all the same.
          log.warn("cannot tell systemd that the daemon is ready", { reason: messageOf(error) });
        }
      },
    });
    return 0;
  },
};
