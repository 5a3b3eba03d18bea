/**
 * What the keeper and its clients say to each other: HTTP with JSON bodies over the Unix socket
 * STATE/keeper.sock.
 *
 *   GET  /status     → KeeperStatus
 *   PUT  /services   ServicesRequest: make exactly these run for one unit
 *   POST /vm/run     VmRunRequest
 *   POST /vm/stop    VmStopRequest
 *   POST /dns/cache  DnsCacheRequest → RememberedAnswer[]
 *   POST /dns/flush  DnsFlushRequest → { networks }
 *   POST /stop       end all services, and the keeper unless it is part of a daemon
 *   POST /release    end the keeper and let its guests run on: a daemon takes its place
 *
 * An error is {"error": {"code", "message", "hint"?}} with a status of 400 or more.
 */
import { join } from "node:path";
import type { ServiceObject } from "../../state/object.ts";
import type { ServiceReport } from "../service.ts";

/** One service as `netloom status` shows it. */
export interface ServiceStatus extends ServiceReport {
  /** Name of the applied file that it belongs to. */
  readonly unit: string;
  readonly key: string;
  readonly origin: string;
  readonly kind: ServiceObject["kind"];
  /** "VM web", "DHCP on tap0 in web". */
  readonly name: string;
}

export interface KeeperStatus {
  readonly pid: number;
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** It is part of a daemon, which also does what commands ask for, and stays when there is nothing to keep. */
  readonly daemon?: boolean;
  readonly services: readonly ServiceStatus[];
}

export interface ServicesRequest {
  readonly unit: string;
  readonly services: readonly ServiceObject[];
  /** False: end what is not listed or has changed, and start nothing. Default true. */
  readonly start?: boolean;
}

export interface VmRunRequest {
  readonly name: string;
}

export interface VmStopRequest {
  readonly name: string;
  /** Ask the guest to shut down and wait that long before ending it; 0: end it. */
  readonly powerdownSeconds: number;
}

export interface DnsCacheRequest {
  /** NETWORK or FILE/NETWORK; absent: all. */
  readonly network?: string;
  /** Answers of each network. */
  readonly most: number;
}

export interface DnsFlushRequest {
  readonly network?: string;
  /** Absent: all names. */
  readonly name?: string;
}

/** What forgot it. */
export interface DnsFlushed {
  readonly networks: readonly string[];
}

export interface ErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

export const keeperSocket = (stateFolder: string): string => join(stateFolder, "keeper.sock");
export const keeperLog = (stateFolder: string): string => join(stateFolder, "keeper.log");
