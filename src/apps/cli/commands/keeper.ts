/** keeper: what `apply` starts as a process of its own. Not meant to be started by hand. */
import { NetloomError } from "../../../base/errors.ts";
import { keeperHost, UplinkClients } from "../../../engine/uplink-clients.ts";
import { runKeeper } from "../../../services/keeper/run.ts";
import { LOCKED_EXIT_CODE } from "../../../services/keeper/start.ts";
import { createStateFolder, stateFolderPath } from "../../../store/state-folder.ts";
import type { Command } from "../command.ts";
import { complain } from "../output.ts";
import { VERSION } from "../version.ts";

export const keeperCommand: Command = {
  name: "keeper",
  operands: [],
  summary: "Serve DHCP and watch the guests of a state folder.",
  options: {},
  hidden: true,
  async run(invocation) {
    const state = stateFolderPath(invocation.option("state"));
    createStateFolder(state);
    using clients = new UplinkClients(state);
    try {
      await runKeeper(state, {
        version: VERSION,
        createDhcpClient: clients.create,
        onOpen: (keeper) => clients.open(keeperHost(state, keeper)),
      });
      return 0;
    } catch (error) {
      if (!(error instanceof NetloomError && error.code === "locked")) throw error;
      complain(error.message);
      return LOCKED_EXIT_CODE;
    }
  },
};
