/**
 * The keeper's own process: one for each state folder, which its lock makes sure of. It ends by a request, with
 * all services, or by SIGTERM, and then guests run on and the next keeper takes them up.
 */
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import { takeLock } from "../../store/lock.ts";
import { VmFolder } from "../vm/folder.ts";
import { boundFile } from "./bounded-file.ts";
import { createService } from "./create-service.ts";
import { Keeper } from "./keeper.ts";
import { jsonLinesLogger } from "./log.ts";
import { keeperLog, keeperSocket } from "./protocol.ts";
import { openControlServer } from "./server.ts";
import { readServiceList } from "./service-list.ts";

const HOUSEKEEPING_MILLISECONDS = 2000;
const MAXIMUM_LOG_BYTES = 8 * 1024 * 1024;

/**
 * Serve until told to end.
 * @param version shown in the status
 * @throws NetloomError locked when the folder has a keeper already, corrupt-store
 */
export async function runKeeper(stateFolder: string, version: string): Promise<void> {
  process.umask(0o077);
  using _lock = takeLock(join(stateFolder, "keeper.lock"), "keeper");
  const log = jsonLinesLogger(keeperLog(stateFolder));
  const startedAt = Date.now();
  const keeper = new Keeper(stateFolder, (object) => createService(object, stateFolder, log), log);

  const end = Promise.withResolvers<"stopped" | "signal">();
  const onSignal = (): void => end.resolve("signal");
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);

  const resumed = keeper.resume(readServiceList(stateFolder));
  const server = await openControlServer(
    keeperSocket(stateFolder),
    {
      status: () => ({ pid: process.pid, version, startedAt, services: keeper.status() }),
      converge: ({ unit, services, start }) => keeper.converge(unit, services, start),
      stopVm: ({ name, powerdownSeconds }) => keeper.stopVm(name, powerdownSeconds),
      stop: async () => {
        await keeper.stopAll();
        end.resolve("stopped");
      },
    },
    log,
  );
  // What one service throws where nobody waits for it must not end the others, nor the guests' DHCP.
  process.on("uncaughtException", (error) => {
    log.error("unexpected error", { reason: messageOf(error), stack: error.stack });
  });
  log.info("keeper started", { pid: process.pid, version });
  await resumed;

  const housekeeping = setInterval(() => {
    boundFile(keeperLog(stateFolder), MAXIMUM_LOG_BYTES);
    for (const name of keeper.vmNames())
      boundFile(new VmFolder(stateFolder, name).file("consoleLog"), MAXIMUM_LOG_BYTES);
    keeper.tend().catch((error: unknown) => log.error("housekeeping failed", { reason: messageOf(error) }));
  }, HOUSEKEEPING_MILLISECONDS);

  const how = await end.promise;
  clearInterval(housekeeping);
  await keeper.release();
  await server.close();
  log.info("keeper ended", { how });
}
