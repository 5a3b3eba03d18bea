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
  /** What runs, or is to run: where a service can change in place, the latest. */
  readonly object: ServiceObject;
  /** Make it run; one that runs already is left alone. @throws NetloomError when it does not come up */
  start(): Promise<void>;
  /**
   * Become another object without being ended: give up at once what that has not; `start` gets what it has more.
   * Absent: every change needs a stop. @returns false when this one does. @throws NetloomError when it fails
   */
  change?(goal: ServiceObject): Promise<boolean>;
  /** Called every other second while the keeper runs; must not wait. */
  tend?(): void;
  /** After a restart of the keeper: take up what still runs. What has ended meanwhile is reported, not thrown. */
  resume(): Promise<void>;
  /** End it and remove what it left. */
  stop(): Promise<void>;
  /** Let go without ending what can run by itself; the keeper ends. */
  release(): Promise<void>;
  report(): ServiceReport;
}
