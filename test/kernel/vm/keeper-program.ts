/** The keeper as a program of its own: `node keeper-program.ts keeper --state DIR`. */
import { UplinkClients } from "../../../src/engine/uplink-clients.ts";
import { runKeeper } from "../../../src/services/keeper/run.ts";

const [, , command, option, stateFolder] = process.argv;
if (command !== "keeper" || option !== "--state" || stateFolder === undefined)
  throw new Error("usage: keeper --state DIR");
using clients = new UplinkClients(stateFolder);
await runKeeper(stateFolder, { version: "1.2.3", createDhcpClient: clients.create });
