/** The keeper as a program of its own: `node keeper-program.ts keeper --state DIR`. */
import { runKeeper } from "../../../src/services/keeper/run.ts";

const [, , command, option, stateFolder] = process.argv;
if (command !== "keeper" || option !== "--state" || stateFolder === undefined)
  throw new Error("usage: keeper --state DIR");
await runKeeper(stateFolder, "1.2.3");
