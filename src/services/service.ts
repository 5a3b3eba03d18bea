/** What the keeper needs of anything that it runs. */
import type { ServiceObject } from "../state/object.ts";

/** What a service shows of itself, plain JSON. */
export interface ServiceReport {
  /** running: as it should be. Anything else is explained by `reason`. */
  readonly state: "starting" | "running" | "stopping" | "stopped" | "exited" | "killed" | "failed";
  readonly reason?: string;
  /** Counters and particulars of the kind. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Service {
  readonly object: ServiceObject;
  /** Make it run; one that runs already is left alone. @throws NetloomError when it does not come up */
  start(): Promise<void>;
  /** After a restart of the keeper: take up what still runs. What has ended meanwhile is reported, not thrown. */
  resume(): Promise<void>;
  /** End it and remove what it left. */
  stop(): Promise<void>;
  /** Let go without ending what can run by itself; the keeper ends. */
  release(): Promise<void>;
  report(): ServiceReport;
}
