/**
 * The daemon's own process: the keeper of its state folder, the engine and the API in one. It ends by SIGTERM, and
 * then guests run on; after any other end, too, the next daemon, keeper or command takes up what is there.
 */
import { chmodSync, chownSync, readFileSync } from "node:fs";
import { NetloomError } from "../base/errors.ts";
import type { Logger } from "../base/logger.ts";
import { UplinkClients } from "../engine/uplink-clients.ts";
import { logUnexpected, openKeeper } from "../services/keeper/run.ts";
import { createStateFolder, tidyStateFolder } from "../store/state-folder.ts";
import { UnitStore } from "../store/unit.ts";
import { daemonSocket } from "./contract.ts";
import { Daemon } from "./daemon.ts";
import { openMetricsServer } from "./metrics-server.ts";
import { openApi } from "./server.ts";
import { takeOver } from "./take-over.ts";

interface RunOptions {
  readonly stateFolder: string;
  readonly version: string;
  readonly log: Logger;
  /** Name or number of the group that may ask as well. */
  readonly group?: string;
  /** ADDRESS:PORT where metrics are served over TCP. */
  readonly metrics?: string;
  /** The API answers. */
  readonly onReady: () => void;
}

/** Serve until told to end. @throws NetloomError daemon-runs, bad-group, bad-address, unknown-version */
export async function runDaemon(options: RunOptions): Promise<void> {
  const { stateFolder, version, log } = options;
  // What is for us alone has its mode given; /run/netns and /etc/netns are for everybody to read.
  process.umask(0o022);
  const groupId = options.group === undefined ? undefined : groupIdOf(options.group);
  createStateFolder(stateFolder);
  using _lock = await takeOver(stateFolder);
  const end = Promise.withResolvers<void>();
  process.once("SIGTERM", end.resolve);
  process.once("SIGINT", end.resolve);
  logUnexpected(log);
  if (groupId !== undefined) openFolder(stateFolder, groupId);
  {
    using clients = new UplinkClients(stateFolder);
    await using keeper = await openKeeper({
      stateFolder,
      version,
      log,
      daemon: true,
      createDhcpClient: clients.create,
      onStopped: () => log.info("all services have ended"),
      onRelease: () => {
        throw new NetloomError("daemon-runs", `release the keeper of ${stateFolder}: it is part of a daemon`);
      },
    });
    await using daemon = new Daemon({ stateFolder, version, keeper, log });
    await using _api = await openApi({
      socket: daemonSocket(stateFolder),
      ...(groupId === undefined ? {} : { groupId }),
      version,
      handlers: daemon.handlers,
      events: daemon.events,
      metrics: () => daemon.metricsText(),
      onAnswered: (endpoint, status) => daemon.metrics.countRequest(endpoint, status),
      log,
    });
    await using _metrics =
      options.metrics === undefined ? undefined : await openMetricsServer(options.metrics, () => daemon.metricsText());
    daemon.start();
    clients.open(daemon.uplinkHost);
    options.onReady();
    await end.promise;
    log.info("daemon ends");
  }
  if (UnitStore.list(stateFolder).length === 0) tidyStateFolder(stateFolder);
}

/** The group may pass through the folder to the socket, and see or open nothing else in it. */
function openFolder(stateFolder: string, groupId: number): void {
  chownSync(stateFolder, process.geteuid?.() ?? 0, groupId);
  chmodSync(stateFolder, 0o710);
}

function groupIdOf(group: string): number {
  if (/^\d{1,9}$/.test(group)) return Number(group);
  for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined) return Number(id);
  }
  throw new NetloomError("bad-group", `group ${group}: /etc/group has none of that name`, {
    hint: "Make it (groupadd --system netloom), or give its number.",
  });
}
