/**
 * The keeper's own process: one for each state folder, which its lock makes sure of. It ends by a request, with
 * all services, or by SIGTERM, and then guests run on and the next keeper takes them up. A daemon is a keeper as well.
 */
import { join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/logger.ts";
import { takeLock } from "../../store/lock.ts";
import type { NetworkDnsServers } from "../dns-network.ts";
import { flushAnswers, rememberedAnswers } from "../dns-operations.ts";
import type { Service } from "../service.ts";
import { boundFile } from "./bounded-file.ts";
import { type CreateDhcpClient, createService, serviceMakers } from "./create-service.ts";
import { Keeper } from "./keeper.ts";
import { LinkService } from "./link-service.ts";
import { jsonLinesLogger } from "./log.ts";
import { keeperLog, type KeeperStatus, keeperSocket } from "./protocol.ts";
import { openControlServer } from "./server.ts";
import { takeServiceList } from "./service-list.ts";

const HOUSEKEEPING_MILLISECONDS = 2000;
/** A daemon hears of most that makes a service start again. */
const DAEMON_HOUSEKEEPING_MILLISECONDS = 5000;
const MAXIMUM_LOG_BYTES = 8 * 1024 * 1024;

export const keeperLock = (stateFolder: string): string => join(stateFolder, "keeper.lock");

interface KeeperOptions {
  readonly stateFolder: string;
  /** Shown in the status. */
  readonly version: string;
  readonly log: Logger;
  /** It is part of a daemon. */
  readonly daemon?: boolean;
  readonly createDhcpClient: CreateDhcpClient;
  /** All services have ended, because somebody asked for it. */
  readonly onStopped: () => void;
  /** Somebody wants the keeper to end without its guests. @throws NetloomError when it does not */
  readonly onRelease: () => void;
}

export interface RunningKeeper extends AsyncDisposable {
  readonly keeper: Keeper;
  /** The DNS servers of networks. */
  readonly names: NetworkDnsServers;
  status(): KeeperStatus;
}

/**
 * Take up what an earlier keeper ran and answer at the control socket, until disposed of: then guests run on.
 * Whoever calls it holds the keeper's lock.
 * @throws NetloomError unknown-version
 */
export async function openKeeper(options: KeeperOptions): Promise<RunningKeeper> {
  const { stateFolder, version, log, daemon, createDhcpClient } = options;
  const startedAt = Date.now();
  const makers = serviceMakers(stateFolder, createDhcpClient, log);
  const keeper = new Keeper(stateFolder, (object) => createService(object, stateFolder, makers, log), log);
  const status = (): KeeperStatus => ({
    pid: process.pid,
    version,
    startedAt,
    ...(daemon === true ? { daemon } : {}),
    services: keeper.status(),
  });
  const resumed = keeper.resume(
    takeServiceList(stateFolder, (message) => log.warn("list of services lost", { reason: message })),
  );
  const server = await openControlServer(
    keeperSocket(stateFolder),
    {
      status,
      converge: ({ unit, services, start }) => keeper.converge(unit, services, start),
      runVm: ({ name }) => keeper.runVm(name),
      stopVm: ({ name, powerdownSeconds }) => keeper.stopVm(name, powerdownSeconds),
      dnsCache: ({ network, most }) => rememberedAnswers(makers.names, network, most),
      dnsFlush: ({ network, name }) => ({ networks: flushAnswers(makers.names, network, name) }),
      stop: async () => {
        await keeper.stopAll();
        options.onStopped();
      },
      release: options.onRelease,
    },
    log,
  );
  await resumed;
  const housekeeping = setInterval(
    () => {
      boundFile(keeperLog(stateFolder), MAXIMUM_LOG_BYTES);
      // A daemon hears of changes where a service that runs has its place.
      keeper
        .tend((service) => daemon !== true || !isRunning(service))
        .catch((error: unknown) => log.error("housekeeping failed", { reason: messageOf(error) }));
    },
    daemon === true ? DAEMON_HOUSEKEEPING_MILLISECONDS : HOUSEKEEPING_MILLISECONDS,
  );
  return {
    keeper,
    names: makers.names,
    status,
    async [Symbol.asyncDispose](): Promise<void> {
      clearInterval(housekeeping);
      await keeper.release();
      await server.close();
    },
  };
}

/** Counting a large pool's leases for a report takes a while. */
function isRunning(service: Service): boolean {
  return service instanceof LinkService ? service.isRunning : service.report().state === "running";
}

interface KeeperProcessOptions {
  /** Shown in the status. */
  readonly version: string;
  readonly createDhcpClient: CreateDhcpClient;
  /** It answers, and its services run. */
  readonly onOpen?: (keeper: Keeper) => void;
}

/**
 * Serve until told to end.
 * @throws NetloomError locked when the folder has a keeper already, unknown-version
 */
export async function runKeeper(
  stateFolder: string,
  { version, createDhcpClient, onOpen }: KeeperProcessOptions,
): Promise<void> {
  process.umask(0o077);
  using _lock = takeLock(keeperLock(stateFolder), "keeper");
  const log = jsonLinesLogger(keeperLog(stateFolder));
  const end = Promise.withResolvers<"stopped" | "signal" | "released">();
  const onSignal = (): void => end.resolve("signal");
  process.once("SIGTERM", onSignal);
  process.once("SIGINT", onSignal);
  const running = await openKeeper({
    stateFolder,
    version,
    log,
    createDhcpClient,
    onStopped: () => end.resolve("stopped"),
    onRelease: () => end.resolve("released"),
  });
  logUnexpected(log);
  log.info("keeper started", { pid: process.pid, version });
  onOpen?.(running.keeper);
  const how = await end.promise;
  await running[Symbol.asyncDispose]();
  log.info("keeper ended", { how });
}

/** What one service throws where nobody waits for it must not end the others, nor the guests' DHCP. */
export function logUnexpected(log: Logger): void {
  process.on("uncaughtException", (error) => {
    log.error("unexpected error", { reason: messageOf(error), stack: error.stack });
  });
}
